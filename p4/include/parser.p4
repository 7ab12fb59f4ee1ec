// From octets to headers and selectors.
//
// Layer 4 is read only as far as the IP length says there is one: padding of short frames never
// passes for ports. What a router need not understand stays payload and is forwarded as it is.
#ifndef _PARSER_P4_
#define _PARSER_P4_

#include "headers.p4"

parser PacketParser(packet_in packet,
                    out headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {

    state start {
        transition select(meta.again, standard_metadata.ingress_port) {
            (1, _): parse_ethernet;
            (0, CPU_PORT): parse_packet_out;
            (0, ACCELERATOR_PORT): parse_accelerator;
            default: parse_ethernet;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        meta.l2_length = 4;
        transition select(hdr.packet_out.mode) {
            MODE_DIRECT: accept;
            default: parse_ethernet;
        }
    }

    state parse_ethernet {
        packet.extract(hdr.ethernet);
        meta.l2_length = meta.l2_length + 14;
        meta.ether_type = hdr.ethernet.ether_type;
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_VLAN: parse_vlan;
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        meta.l2_length = meta.l2_length + 4;
        meta.ether_type = hdr.vlan.ether_type;
        transition select(hdr.vlan.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_accelerator {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_CRYPTO: parse_crypto_header;
            default: accept;
        }
    }

    state parse_crypto_header {
        packet.extract(hdr.crypto);
        meta.l2_length = 46;
        meta.ether_type = hdr.crypto.ethertype;
        transition select(hdr.crypto.l3_offset, hdr.crypto.ethertype) {
            (0, ETHERTYPE_IPV4): parse_ipv4;
            (0, ETHERTYPE_IPV6): parse_ipv6;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        meta.ip_length = (bit<32>)hdr.ipv4.total_length;
        meta.l4_length = (bit<32>)hdr.ipv4.total_length - ((bit<32>)hdr.ipv4.ihl << 2);
        meta.fragment_offset = hdr.ipv4.fragment_offset;
        meta.more_fragments = hdr.ipv4.mf;
        meta.df = hdr.ipv4.df;
        meta.protocol = hdr.ipv4.protocol;
        transition select(hdr.ipv4.ihl, hdr.ipv4.fragment_offset) {
            (0 .. 4, _): accept;
            (5, 0): parse_l4;
            (5, _): accept;
            default: parse_ipv4_options;
        }
    }

    state parse_ipv4_options {
        packet.extract(hdr.ipv4_options, (bit<32>)(hdr.ipv4.ihl - 5) << 5);
        transition select(hdr.ipv4.fragment_offset) {
            0: parse_l4;
            default: accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        meta.ip_length = (bit<32>)hdr.ipv6.payload_length + 40;
        meta.l4_length = (bit<32>)hdr.ipv6.payload_length;
        meta.protocol = hdr.ipv6.next_header;
        transition parse_ipv6_chain;
    }

    state parse_ipv6_chain {
        transition select(meta.protocol) {
            PROTOCOL_HOP_BY_HOP: parse_ipv6_options;
            PROTOCOL_IPV6_DESTINATION: parse_ipv6_options;
            PROTOCOL_IPV6_ROUTING: parse_ipv6_routing;
            PROTOCOL_IPV6_FRAGMENT: parse_ipv6_fragment;
            default: parse_l4;
        }
    }

    state parse_ipv6_options {
        bit<16> first = packet.lookahead<bit<16>>();
        bit<32> length = (bit<32>)first[7:0];
        packet.extract(hdr.ipv6_extensions.next, (length << 6) + 48);
        meta.protocol = first[15:8];
        meta.l4_length = meta.l4_length - (length << 3) - 8;
        transition parse_ipv6_chain;
    }

    // With segments left, the destination address is not the final one: layer 4 is not for us.
    state parse_ipv6_routing {
        bit<32> first = packet.lookahead<bit<32>>();
        transition select(first[7:0]) {
            0: parse_ipv6_options;
            default: accept;
        }
    }

    state parse_ipv6_fragment {
        bit<32> first = packet.lookahead<bit<32>>();
        packet.extract(hdr.ipv6_extensions.next, 48);
        meta.protocol = first[31:24];
        meta.fragment_offset = first[15:3];
        meta.more_fragments = first[0:0];
        meta.l4_length = meta.l4_length - 8;
        transition select(first[15:3]) {
            0: parse_ipv6_chain;
            default: accept;
        }
    }

    state parse_l4 {
        transition select(meta.l4_length[31:2], meta.protocol) {
            (0, _): accept;                                    // fewer than 4 octets
            (1, PROTOCOL_ESP): accept;                         // fewer than 8
            (1 .. 2, PROTOCOL_AH): accept;                     // fewer than 12
            (1, PROTOCOL_UDP): parse_ports;
            (_, PROTOCOL_UDP): parse_udp;
            (1 .. 4, PROTOCOL_TCP): parse_ports;               // fewer than 20
            (_, PROTOCOL_TCP): parse_tcp;
            (_, PROTOCOL_SCTP): parse_ports;
            (_, PROTOCOL_ICMP): parse_icmp;
            (_, PROTOCOL_ICMPV6): parse_icmp;
            (_, PROTOCOL_ESP): parse_esp;
            (_, PROTOCOL_AH): parse_ah;
            (_, PROTOCOL_GRE): parse_gre;
            default: accept;
        }
    }

    state parse_gre {
        transition select(packet.lookahead<bit<32>>()) {
            (bit<32>)ETHERTYPE_IPV4: extract_gre;
            (bit<32>)ETHERTYPE_IPV6: extract_gre;
            default: accept;                                   // options, or none that we carry
        }
    }

    state extract_gre {
        packet.extract(hdr.gre);
        transition accept;
    }

    state parse_ports {
        packet.extract(hdr.ports);
        meta.src_port = hdr.ports.src_port;
        meta.dst_port = hdr.ports.dst_port;
        transition accept;
    }

    state parse_tcp {
        packet.extract(hdr.ports);
        packet.extract(hdr.tcp_rest);
        meta.src_port = hdr.ports.src_port;
        meta.dst_port = hdr.ports.dst_port;
        transition accept;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        meta.dst_port = hdr.icmp.type ++ hdr.icmp.code;
        transition select(meta.protocol, hdr.icmp.type, meta.l4_length[31:2]) {
            (_, _, 1): accept;                                 // fewer than 8 octets
            (PROTOCOL_ICMP, 0, _): parse_icmp_echo;
            (PROTOCOL_ICMP, 8, _): parse_icmp_echo;
            default: accept;
        }
    }

    state parse_icmp_echo {
        packet.extract(hdr.icmp_echo);
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.ports);
        packet.extract(hdr.udp_rest);
        meta.src_port = hdr.ports.src_port;
        meta.dst_port = hdr.ports.dst_port;
        transition select(hdr.ports.dst_port, meta.l4_length) {
            (PORT_IKE, _): parse_ike;
            (PORT_IKE_NATT, 9): parse_keepalive;
            (PORT_IKE_NATT, 0 .. 15): accept;                  // neither IKE nor ESP fits
            (PORT_IKE_NATT, _): parse_natt;
            default: accept;
        }
    }

    state parse_ike {
        meta.service = SERVICE_IKE;
        transition accept;
    }

    // RFC 3948 sections 2.2 to 2.4: four zero octets, one octet 0xFF, or an SPI.
    state parse_natt {
        transition select(packet.lookahead<bit<32>>()) {
            0: parse_ike;
            default: parse_esp_in_udp;
        }
    }

    state parse_keepalive {
        transition select(packet.lookahead<bit<8>>()) {
            0xFF: mark_keepalive;
            default: accept;
        }
    }

    state mark_keepalive {
        meta.service = SERVICE_NAT_KEEPALIVE;
        transition accept;
    }

    state parse_esp_in_udp {
        meta.service = SERVICE_ESP_IN_UDP;
        transition extract_esp;
    }

    state parse_esp {
        meta.service = SERVICE_ESP;
        transition extract_esp;
    }

    state extract_esp {
        packet.extract(hdr.esp);
        transition accept;
    }

    state parse_ah {
        packet.extract(hdr.ah);
        meta.service = SERVICE_AH;
        transition accept;
    }
}

#endif
