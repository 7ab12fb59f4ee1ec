// Guaranteed sizes: what every target that runs this program has to hold, in one place.
#ifndef _SIZES_P4_
#define _SIZES_P4_

#define INTERFACE_TABLE_SIZE 256       // interfaces: ports, VLAN subinterfaces, tunnels
#define MY_MAC_TABLE_SIZE 1024         // own, broadcast and multicast MAC addresses an interface takes
#define LOCAL_TABLE_SIZE 1024          // addresses of the router itself, v4 and v6 each
#define ROUTE_TABLE_SIZE 65536
#define ADJACENCY_TABLE_SIZE 16384
#define POLICY_TABLE_SIZE 16384        // selectors: SPD, cleartext check, inner policy, classes
#define CLASS_TABLE_SIZE 64            // classes of input policies, and of output policies
#define CLASS_COUNTER_SIZE 131072      // interface (8) ++ class (6) ++ origin (3)
#define LLQ_GROUP_TABLE_SIZE 128       // qos-groups that have the engine's low-latency queue
#define SAD_TABLE_SIZE 8192            // (destination, protocol, SPI): two rows for an AH+ESP bundle
#define SA_TABLE_SIZE 4096             // rows of the SA tables, 1 ... 4095; row 0 stands for "no SA"
#define NAT_RULE_TABLE_SIZE 256         // what an Easy VPN remote translates
#define NAT_FLOW_TABLE_SIZE 16384      // flows that are translated, each way
#define REASON_COUNT 64                // rows of the drops counter and the punt meter

#define IPV6_EXTENSION_HEADERS 8       // headers of one chain that the parser follows
#define REPLAY_BITS 1024               // largest replay window (guide chapter 1)

#endif
