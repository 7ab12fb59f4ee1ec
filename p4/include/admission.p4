// Layer 2 of what comes in by a front port: which interface, for us or not, ARP to the host.
#ifndef _ADMISSION_P4_
#define _ADMISSION_P4_

#include "headers.p4"

control Admission(in headers_t hdr, inout metadata_t meta) {

    vlan_id_t vlan_id = 0;

    @id(0x13000008)
    direct_counter(CounterType.packets_and_bytes) interface_in_counter;

    @id(0x01000001)
    action set_interface(@id(1) if_id_t if_id, @id(2) spd_policy_t spd_policy) {
        meta.if_in = if_id;
        meta.spd_in = spd_policy;
    }

    @id(0x01000002)
    action interface_unknown() {
        meta.reason = REASON_UNKNOWN_INTERFACE;
    }

    @id(0x02000001)
    table interface_in {
        key = {
            meta.ingress_port : exact @id(1) @name("ingress_port");
            vlan_id : exact @id(2) @name("vlan_id");
        }
        actions = {
            set_interface;
            @defaultonly interface_unknown;
        }
        const default_action = interface_unknown();
        counters = interface_in_counter;
        size = INTERFACE_TABLE_SIZE;
    }

    @id(0x01000003)
    action admit() {}

    @id(0x01000004)
    action not_my_mac() {
        meta.reason = REASON_NOT_MY_MAC;
    }

    @id(0x02000002)
    table my_mac {
        key = {
            meta.if_in : exact @id(1) @name("if_id");
            hdr.ethernet.dst_mac : ternary @id(2) @name("dst_mac");
        }
        actions = {
            admit;
            @defaultonly not_my_mac;
        }
        const default_action = not_my_mac();
        size = MY_MAC_TABLE_SIZE;
    }

    apply {
        if (!hdr.ethernet.isValid()) {
            meta.reason = REASON_PARSER_ERROR;
            return;
        }
        if (hdr.vlan.isValid()) {
            vlan_id = hdr.vlan.vlan_id;
        }
        if (!interface_in.apply().hit) {
            return;
        }
        if (!my_mac.apply().hit) {
            return;
        }
        if (meta.ether_type == ETHERTYPE_ARP) {
            meta.reason = REASON_ARP;
        }
    }
}

#endif
