// Packet headers, and what the stages tell each other about a packet.
#ifndef _HEADERS_P4_
#define _HEADERS_P4_

#include "sizes.p4"
#include "ports.p4"
#include "reasons.p4"
#include "crypto_header.p4"

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP = 0x0806;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86DD;

const bit<8> PROTOCOL_HOP_BY_HOP = 0;
const bit<8> PROTOCOL_ICMP = 1;
const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;
const bit<8> PROTOCOL_IPV6_ROUTING = 43;
const bit<8> PROTOCOL_IPV6_FRAGMENT = 44;
const bit<8> PROTOCOL_GRE = 47;
const bit<8> PROTOCOL_ESP = 50;
const bit<8> PROTOCOL_AH = 51;
const bit<8> PROTOCOL_ICMPV6 = 58;
const bit<8> PROTOCOL_IPV6_DESTINATION = 60;
const bit<8> PROTOCOL_SCTP = 132;

const bit<16> PORT_IKE = 500;
const bit<16> PORT_IKE_NATT = 4500;            // IKE and ESP in UDP (RFC 3948)

@id(1)
@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<16> ingress_port;
    @id(2) bit<8>  reason;
    @id(3) bit<8>  crypto_reason;
    @id(4) bit<16> if_id;
    @id(5) bit<16> sa_index;
    @id(6) bit<32> value;
    @id(7) bit<8>  protocol;
    @id(8) bit<8>  operation;                  // of the accelerator's result; 0 = not from there
}

@id(2)
@controller_header("packet_out")
header packet_out_t {
    @id(1) bit<16> port;
    @id(2) bit<8>  mode;
    @id(3) bit<8>  pad;
}

header ethernet_t {
    bit<48> dst_mac;
    bit<48> src_mac;
    bit<16> ether_type;
}

header vlan_t {
    bit<3>    priority;
    bit<1>    drop_eligible;
    vlan_id_t vlan_id;
    bit<16>   ether_type;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<6>  dscp;
    bit<2>  ecn;
    bit<16> total_length;
    bit<16> identification;
    bit<1>  reserved;
    bit<1>  df;
    bit<1>  mf;
    bit<13> fragment_offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header ipv4_options_t {
    varbit<320> octets;
}

header ipv6_t {
    bit<4>   version;
    bit<6>   dscp;
    bit<2>   ecn;
    bit<20>  flow_label;
    bit<16>  payload_length;
    bit<8>   next_header;
    bit<8>   hop_limit;
    bit<128> src;
    bit<128> dst;
}

// Hop-by-hop options, destination options, routing and fragment headers share this form
// (RFC 8200 section 4); the fragment header's length octet is reserved, its length 8.
header ipv6_extension_t {
    bit<8>        next_header;
    bit<8>        length;                      // in units of 8 octets, without the first 8
    varbit<16368> rest;
}

header ports_t {                               // the start of TCP, UDP and SCTP headers
    bit<16> src_port;
    bit<16> dst_port;
}

header udp_rest_t {                            // a UDP header after its ports
    bit<16> length;
    bit<16> checksum;
}

header icmp_t {                                // ICMP and ICMPv6
    bit<8>  type;
    bit<8>  code;
    bit<16> checksum;
}

header tcp_rest_t {                            // a TCP header after its ports, without options
    bit<32> sequence;
    bit<32> acknowledgment;
    bit<16> flags;                             // data offset, reserved bits, flags
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent;
}

header icmp_echo_t {                           // echo request and reply, after the ICMP header
    bit<16> identifier;
    bit<16> sequence;
}

header ah_t {                                  // without its ICV (RFC 4302)
    bit<8>  next_header;
    bit<8>  length;
    bit<16> reserved;
    bit<32> spi;
    bit<32> sequence;
}

header esp_t {                                 // RFC 4303
    bit<32> spi;
    bit<32> sequence;
}

header gre_t {                                 // RFC 2784, without checksum; no key (RFC 2890)
    bit<16> flags_and_version;
    bit<16> protocol;                          // EtherType of what is carried
}

struct headers_t {
    packet_in_t      packet_in;
    packet_out_t     packet_out;
    ethernet_t       ethernet;
    vlan_t           vlan;
    crypto_header_t  crypto;
    ipv4_t           carrier;                  // what a tunnel puts in front
    gre_t            carrier_gre;
    ipv4_t           ipv4;
    ipv4_options_t   ipv4_options;
    ipv6_t           ipv6;
    ipv6_extension_t[IPV6_EXTENSION_HEADERS] ipv6_extensions;
    gre_t            gre;
    ports_t          ports;
    udp_rest_t       udp_rest;
    tcp_rest_t       tcp_rest;
    icmp_t           icmp;
    icmp_echo_t      icmp_echo;
    ah_t             ah;
    esp_t            esp;
}

// Classes of policy maps are known by number, one for all interfaces, in each direction.
typedef bit<6> qos_class_t;
typedef bit<2> level_t;

// Where a packet came from, which decides what it has to pass.
typedef bit<3> origin_t;
const origin_t ORIGIN_WIRE = 0;                // a front port (or a packet-out RECEIVE)
const origin_t ORIGIN_HOST = 1;                // the router's own
const origin_t ORIGIN_ENCRYPTED = 2;           // from the accelerator, each after that operation
const origin_t ORIGIN_DECRYPTED = 3;
const origin_t ORIGIN_FRAGMENTED = 4;
const origin_t ORIGIN_DIRECT = 5;              // the host said everything: not ours to look at
const origin_t ORIGIN_AGAIN = 6;               // in counters only: in an earlier pass, see counted_as

// What a packet addressed to the router would be, as far as IPsec is concerned.
typedef bit<3> service_t;
const service_t SERVICE_OTHER = 0;
const service_t SERVICE_ESP = 1;
const service_t SERVICE_AH = 2;
const service_t SERVICE_ESP_IN_UDP = 3;
const service_t SERVICE_IKE = 4;
const service_t SERVICE_NAT_KEEPALIVE = 5;

struct metadata_t {
    // The verdict. A stage that sets a reason ends the packet's way; later stages stand back.
    reason_t     reason;
    bit<8>       crypto_reason;
    bit<32>      value;                        // of the packet-in

    // Passes: a tunnel's packet takes one with each of its IP headers. List 1 is kept between them.
    @field_list(1)
    bit<1>       again;                        // the packet goes, or has come, for another pass
    @field_list(1)
    bit<3>       passes;                       // before this one
    bit<1>       carried;                      // a tunnel's headers are in front

    // Origin
    @field_list(1)
    origin_t     origin;
    origin_t     counted_as;                   // by what its octets have more than the frame's
    Operation    operation;
    @field_list(1)
    bit<9>       ingress_port;
    @field_list(1)
    if_id_t      if_in;
    bit<1>       was_decrypted;                // and put together by the host since
    spd_policy_t spd_in;
    bit<1>       bypass_spd;
    bit<32>      l2_length;                    // octets of the frame before the IP packet

    // Layer 3 and the selectors
    bit<16>      ether_type;
    bit<32>      ip_length;
    bit<32>      l4_length;                    // what IP lengths leave for layer 4; bit 31 = negative
    bit<13>      fragment_offset;
    bit<1>       more_fragments;
    bit<8>       protocol;
    bit<16>      src_port;                     // 0 where there is none: non-first fragments
    bit<16>      dst_port;                     // ICMP: type in the high, code in the low octet
    service_t    service;
    bit<1>       is_local;

    // IPsec
    sa_index_t   sa_index;
    bit<8>       sad_protocol;
    bit<32>      spi;
    bit<32>      epoch;                        // of the SA, as its row says
    bit<32>      packet_epoch;                 // of the SA that the accelerator used
    bit<16>      window;
    bit<1>       esn;                          // numbers of 64 bits: packets have their low half
    bit<1>       udp_encap;
    bit<16>      peer_port;                    // UDP port of the peer, as its row says; 0 = any
    bit<16>      seen_port;                    // and as the packet came, told by the crypto header
    bit<64>      sequence;
    bit<1>       protect;
    bit<16>      max_inner;
    bit<2>       df_policy;
    bit<1>       prefragment;
    bit<1>       tunnel;
    bit<1>       df;
    bit<16>      path_mtu;
    bit<16>      cut_mtu;

    // The way out
    if_id_t      if_out;
    bit<32>      next_hop_v4;
    bit<128>     next_hop_v6;
    port_t       egress_port;
    vlan_id_t    egress_vlan;
    bit<48>      src_mac;
    bit<48>      dst_mac;
    bit<16>      mtu;
    spd_policy_t spd_out;
    level_t      level;                        // priority level; 0 = none
    @field_list(1)
    qos_class_t  qos_class;                    // of the output policy; 0 = none
    @field_list(1)
    bit<1>       classified;                   // by a header that is inside of a tunnel by now
    qos_class_t  tunnel_class;                 // of a tunnel interface's own output policy
    @field_list(1)
    level_t      tunnel_level;                 // and what it says of the crypto engine's queue
    @field_list(1)
    bit<8>       tunnel_queue;
    @field_list(1)
    bit<8>       qos_group;
    bit<8>       queue;                        // of the crypto engine: a qos-group, or 100 and more
    bit<8>       tag;                          // class or qos-group, through the accelerator
    bit<6>       mark_dscp;                    // what a class writes into the DSCP field,
    bit<6>       mark_mask;                    // and into which bits of it
    Operation    request;                      // to the accelerator with it; NONE = to the wire
    bit<1>       header_changed;               // IPv4 checksum to be made anew
}

#endif
