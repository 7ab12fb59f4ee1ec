// Input policies (guide chapter 8): the class of what comes in by an interface, by the header it
// has there, and what the class writes into it. A qos-group lives as long as the packet is inside
// of the router, the crypto engine included.
//
// What was decrypted has come in by the tunnel interface of its SA. Where the SA is a crypto map's
// there is none, and the interface's policy has seen the packet already, encrypted.
#ifndef _CLASSIFY_IN_P4_
#define _CLASSIFY_IN_P4_

#include "headers.p4"

control ClassifyIn(inout headers_t hdr, inout metadata_t meta, in bit<1> seen_before) {

    if_id_t if_id = 0;                         // whose policy decides; 0 = none
    qos_class_t qos_class = 0;

    @id(0x01000065)
    action decrypted_by(@id(1) @name("if_id") if_id_t tunnel) {
        if_id = tunnel;
    }

    @id(0x02000066)
    table tunnel_in {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            decrypted_by;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SA_TABLE_SIZE;
    }

    // Packets of an interface's input policy: by interface, class and origin.
    @id(0x12000040)
    counter(CLASS_COUNTER_SIZE, CounterType.packets_and_bytes) class_in_packets;

    @id(0x01000060)
    action set_class_in(@id(1) @name("qos_class") qos_class_t number) {
        qos_class = number;
    }

    @id(0x02000060)
    table classify_in_v4 {
        key = {
            if_id : exact @id(1) @name("if_id");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv4.dscp : ternary @id(7) @name("dscp");
        }
        actions = {
            set_class_in;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    @id(0x02000061)
    table classify_in_v6 {
        key = {
            if_id : exact @id(1) @name("if_id");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv6.dscp : ternary @id(7) @name("dscp");
        }
        actions = {
            set_class_in;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    // Bits of `dscp_mask` become those of `dscp`.
    @id(0x01000061)
    action mark(@id(1) bit<8> qos_group, @id(2) bit<6> dscp, @id(3) bit<6> dscp_mask) {
        meta.qos_group = qos_group;
        meta.mark_dscp = dscp;
        meta.mark_mask = dscp_mask;
    }

    @id(0x02000062)
    table class_in {
        key = {
            qos_class : exact @id(1) @name("qos_class");
        }
        actions = {
            mark;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = CLASS_TABLE_SIZE;
    }

    apply {
        if (meta.origin == ORIGIN_DECRYPTED) {
            tunnel_in.apply();
        } else {
            if_id = meta.if_in;
        }
        if (hdr.ipv4.isValid()) {
            classify_in_v4.apply();
        } else {
            classify_in_v6.apply();
        }
        if (qos_class != 0) {
            if (seen_before == 0) {
                class_in_packets.count(15w0 ++ if_id[7:0] ++ qos_class ++ meta.counted_as);
            }
            class_in.apply();
        }
    }
}

// Writes into the DSCP field what a class of an input or output policy says.
control Marking(inout headers_t hdr, inout metadata_t meta) {

    @hidden
    action mark_v4() {
        hdr.ipv4.dscp = hdr.ipv4.dscp & ~meta.mark_mask | meta.mark_dscp;
        meta.header_changed = 1;
        meta.mark_mask = 0;
    }

    @hidden
    action mark_v6() {
        hdr.ipv6.dscp = hdr.ipv6.dscp & ~meta.mark_mask | meta.mark_dscp;
        meta.mark_mask = 0;
    }

    apply {
        if (meta.mark_mask != 0) {
            if (hdr.ipv4.isValid()) {
                mark_v4();
            } else {
                mark_v6();
            }
        }
    }
}

#endif
