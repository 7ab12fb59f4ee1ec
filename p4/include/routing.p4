// Where a packet goes: route, then the interface it leaves by. TTL and hop limit are looked at
// here and changed only when the packet really leaves, so that a punt shows the frame as it came.
#ifndef _ROUTING_P4_
#define _ROUTING_P4_

#include "headers.p4"

control Routing(in headers_t hdr, inout metadata_t meta) {

    bit<1> connected = 0;                      // the next hop is the destination itself
    bit<16> mtu_of_ipv6 = 0;

    @id(0x0100000F)
    action route_discard() {
        meta.reason = REASON_ROUTE_DISCARD;
    }

    @id(0x01000010)
    action no_route() {
        meta.reason = REASON_NO_ROUTE;
    }

    // An IPv4 next hop sits in the low 32 bits.
    @id(0x01000011)
    action route_via(@id(1) if_id_t if_id, @id(2) bit<128> next_hop) {
        meta.if_out = if_id;
        meta.next_hop_v4 = next_hop[31:0];
        meta.next_hop_v6 = next_hop;
    }

    @id(0x01000012)
    action route_connected(@id(1) if_id_t if_id) {
        meta.if_out = if_id;
        connected = 1;
    }

    @id(0x0200000C)
    table route_v4 {
        key = {
            hdr.ipv4.dst : lpm @id(1) @name("dst");
        }
        actions = {
            route_via;
            route_connected;
            route_discard;
            @defaultonly no_route;
        }
        const default_action = no_route();
        size = ROUTE_TABLE_SIZE;
    }

    @id(0x0200000D)
    table route_v6 {
        key = {
            hdr.ipv6.dst : lpm @id(1) @name("dst");
        }
        actions = {
            route_via;
            route_connected;
            route_discard;
            @defaultonly no_route;
        }
        const default_action = no_route();
        size = ROUTE_TABLE_SIZE;
    }

    @id(0x01000013)
    action set_egress(@id(1) port_t port, @id(2) vlan_id_t vlan_id, @id(3) bit<48> src_mac,
                      @id(4) bit<16> mtu, @id(5) spd_policy_t spd_policy,
                      @id(6) bit<16> mtu_v6) {
        meta.egress_port = port;
        meta.egress_vlan = vlan_id;
        meta.src_mac = src_mac;
        meta.mtu = mtu;
        meta.spd_out = spd_policy;
        mtu_of_ipv6 = mtu_v6;
    }

    @id(0x01000014)
    action egress_unknown() {
        meta.reason = REASON_EGRESS_UNKNOWN;
    }

    @id(0x0200000E)
    table interface_out {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
        }
        actions = {
            set_egress;
            @defaultonly egress_unknown;
        }
        const default_action = egress_unknown();
        size = INTERFACE_TABLE_SIZE;
    }

    apply {
        if (meta.origin == ORIGIN_WIRE || meta.origin == ORIGIN_DECRYPTED) {
            // Never forwarded: multicast, broadcast and loopback; link-local addresses.
            if (hdr.ipv4.isValid()
                && (hdr.ipv4.dst[31:29] == 7 || hdr.ipv4.dst[31:24] == 127
                    || hdr.ipv4.dst[31:16] == 0xA9FE || hdr.ipv4.src[31:16] == 0xA9FE)
                || hdr.ipv6.isValid()
                && (hdr.ipv6.dst[127:120] == 0xFF || hdr.ipv6.dst == 1
                    || hdr.ipv6.dst[127:118] == 0x3FA || hdr.ipv6.src[127:118] == 0x3FA)) {
                route_discard();
                return;
            }
            if (hdr.ipv4.isValid() && hdr.ipv4.ttl <= 1
                || hdr.ipv6.isValid() && hdr.ipv6.hop_limit <= 1) {
                meta.reason = REASON_TTL_EXPIRED;
                return;
            }
        }
        if (hdr.ipv4.isValid()) {
            route_v4.apply();
            if (connected == 1) {
                meta.next_hop_v4 = hdr.ipv4.dst;
            }
        } else {
            route_v6.apply();
            if (connected == 1) {
                meta.next_hop_v6 = hdr.ipv6.dst;
            }
        }
        if (meta.reason == REASON_NONE) {
            interface_out.apply();
            if (hdr.ipv6.isValid()) {
                meta.mtu = mtu_of_ipv6;
            }
        }
    }
}

// Neighbours: the MAC address of the next hop.
control Adjacency(in headers_t hdr, inout metadata_t meta) {

    @id(0x13000009)
    direct_counter(CounterType.packets_and_bytes) adjacency_v4_counter;
    @id(0x1300000A)
    direct_counter(CounterType.packets_and_bytes) adjacency_v6_counter;

    @id(0x01000015)
    action set_dst_mac(@id(1) bit<48> mac) {
        meta.dst_mac = mac;
    }

    @id(0x01000016)
    action glean() {
        meta.reason = REASON_GLEAN;
    }

    @id(0x0200000F)
    table adjacency_v4 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            meta.next_hop_v4 : exact @id(2) @name("next_hop");
        }
        actions = {
            set_dst_mac;
            @defaultonly glean;
        }
        const default_action = glean();
        counters = adjacency_v4_counter;
        size = ADJACENCY_TABLE_SIZE;
    }

    @id(0x02000010)
    table adjacency_v6 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            meta.next_hop_v6 : exact @id(2) @name("next_hop");
        }
        actions = {
            set_dst_mac;
            @defaultonly glean;
        }
        const default_action = glean();
        counters = adjacency_v6_counter;
        size = ADJACENCY_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            if (!adjacency_v4.apply().hit) {
                meta.value = meta.next_hop_v4;
            }
        } else {
            adjacency_v6.apply();
        }
    }
}

#endif
