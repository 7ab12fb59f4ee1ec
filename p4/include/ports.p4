// Ports, and the types that name what lies behind them.
#ifndef _PORTS_P4_
#define _PORTS_P4_

typedef bit<9>  port_t;
typedef bit<12> vlan_id_t;             // 0 = untagged
typedef bit<16> if_id_t;               // an interface of the router; 0 = none
typedef bit<16> spd_policy_t;          // a security policy database; 0 = none
typedef bit<16> sa_index_t;            // a row of the SA tables; 0 = none

// Front panel ports are 1 ... 32.
const port_t ACCELERATOR_PORT = 500;
const port_t RECIRCULATION_PORT = 509; // of packets that pass once more: nothing leaves by it
const port_t CPU_PORT = 510;
const port_t TUNNEL_PORT = 511;        // a tunnel interface has none: v1model's drop port

// Modes of a packet-out.
const bit<8> MODE_DIRECT = 0;          // leaves on `port` as it is
const bit<8> MODE_ROUTE = 1;           // the router's own packet: routed, subject to the SPD
const bit<8> MODE_ROUTE_CLEAR = 2;     // the same, not subject to the SPD (IKE)
const bit<8> MODE_RECEIVE = 3;         // as if it had come in on `port` (reassembled packets)
const bit<8> MODE_RECEIVE_DECRYPTED = 4;   // the same, and it was protected on its way

#endif
