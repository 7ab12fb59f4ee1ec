// LLQ for the crypto engine (guide chapter 8): the class of a packet by its own header, before
// encryption. What comes back from the accelerator with a class keeps it.
#ifndef _CLASSIFY_P4_
#define _CLASSIFY_P4_

#include "headers.p4"

control Classify(in headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {

    @id(0x01000017)
    action set_class(@id(1) bit<8> level, @id(2) bit<8> qos_group) {
        meta.level = level;
        meta.qos_group = qos_group;
    }

    @id(0x02000011)
    table classify_v4 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv4.dscp : ternary @id(7) @name("dscp");
        }
        actions = {
            set_class;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    @id(0x02000012)
    table classify_v6 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv6.dscp : ternary @id(7) @name("dscp");
        }
        actions = {
            set_class;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    apply {
        if (meta.bypass_spd == 0 || meta.level == 0 && meta.qos_group == 0) {
            if (hdr.ipv4.isValid()) {
                classify_v4.apply();
            } else {
                classify_v6.apply();
            }
        }
        // The switch's own queues, highest number first.
        if (meta.level == 1) {
            standard_metadata.priority = 2;
        } else if (meta.level == 2) {
            standard_metadata.priority = 1;
        }
    }
}

#endif
