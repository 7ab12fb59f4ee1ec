// Output policies (guide chapter 8): the class of a packet in the policy of the interface it
// leaves by, which chooses its queue in front of the crypto engine, and what the class writes.
//
//   to be encrypted   by its own header, for the engine's queues; and with pre-classify for all
//   encrypted         with pre-classify the class that it had before, else by the outer header
//   into a tunnel     in the tunnel's own policy by its own header; in that of the interface by which
//                     the tunnel leaves as above: with pre-classify by the header that it has here
//   in the clear      by its own header
//
// A packet counts once in each policy, in the class that it leaves with.
#ifndef _CLASSIFY_P4_
#define _CLASSIFY_P4_

#include "headers.p4"
#include "tunnel_class.p4"

control Classify(inout headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {

    TunnelClass() tunnel_class;

    if_id_t if_id = 0;                         // whose policy decides
    bit<1> original = 0;                       // a GRE tunnel that says `qos pre-classify`
    bit<1> saved = 0;                          // an SA whose packets keep the class they had before
    bit<1> known = 0;                          // the class has been chosen in an earlier pass
    bit<1> passing = 0;                        // into a GRE tunnel: what carries is looked at later
    bit<8> class_queue = 0;                    // 0 = class-default's
    bit<1> low_latency = 0;                    // by qos-group

    // Packets of an interface's output policy: by interface, class and origin.
    @id(0x12000041)
    counter(CLASS_COUNTER_SIZE, CounterType.packets_and_bytes) class_out_packets;

    @id(0x01000062)
    action pre_classify() {
        saved = 1;
    }

    @id(0x02000063)
    table pre_classified {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            pre_classify;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SA_TABLE_SIZE;
    }

    @id(0x01000017)
    action set_class(@id(1) qos_class_t qos_class) {
        meta.qos_class = qos_class;
    }

    @id(0x02000011)
    table classify_v4 {
        key = {
            if_id : exact @id(1) @name("if_id");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv4.dscp : ternary @id(7) @name("dscp");
            meta.qos_group : ternary @id(8) @name("qos_group");
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
            if_id : exact @id(1) @name("if_id");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv6.dscp : ternary @id(7) @name("dscp");
            meta.qos_group : ternary @id(8) @name("qos_group");
        }
        actions = {
            set_class;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    // Bits of `dscp_mask` become those of `dscp` when the packet leaves.
    @id(0x01000063)
    action treat(@id(1) level_t level, @id(2) bit<8> queue, @id(3) bit<6> dscp,
                 @id(4) bit<6> dscp_mask) {
        meta.level = level;
        class_queue = queue;
        meta.mark_dscp = dscp;
        meta.mark_mask = dscp_mask;
    }

    @id(0x02000064)
    table class_out {
        key = {
            meta.qos_class : exact @id(1) @name("qos_class");
        }
        actions = {
            treat;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = CLASS_TABLE_SIZE;
    }

    @id(0x01000064)
    action low_latency_queue() {
        low_latency = 1;
    }

    @id(0x02000065)
    table llq_group {
        key = {
            meta.qos_group : exact @id(1) @name("qos_group");
        }
        actions = {
            low_latency_queue;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = LLQ_GROUP_TABLE_SIZE;
    }

    apply {
        if_id = meta.if_out;
        if (meta.egress_port == TUNNEL_PORT) {
            tunnel_class.apply(hdr, meta, if_id, original);
            passing = ~meta.protect;
            if (meta.tunnel_class != 0 && meta.origin != ORIGIN_FRAGMENTED) {
                class_out_packets.count(
                    15w0 ++ meta.if_out[7:0] ++ meta.tunnel_class ++ meta.counted_as);
            }
        }
        if (meta.protect == 1 || meta.origin == ORIGIN_ENCRYPTED) {
            pre_classified.apply();
        }
        if (meta.origin == ORIGIN_FRAGMENTED || meta.origin == ORIGIN_ENCRYPTED && saved == 1) {
            meta.qos_class = meta.tag[5:0];
            known = 1;
        } else if (meta.classified == 0) {
            if (meta.origin == ORIGIN_ENCRYPTED) {
                meta.qos_group = meta.tag;
                meta.level = 0;
            }
            if (hdr.ipv4.isValid()) {
                classify_v4.apply();
            } else {
                classify_v6.apply();
            }
        }
        if (passing == 1) {
            if (original == 1) {
                meta.classified = 1;
            } else if (meta.classified == 0) {
                meta.qos_class = 0;
            }
        } else if (meta.qos_class != 0 && known == 0 && (meta.protect == 0 || saved == 1)) {
            class_out_packets.count(15w0 ++ if_id[7:0] ++ meta.qos_class ++ meta.counted_as);
        }
        if (meta.qos_class != 0) {
            class_out.apply();
        }
        if (meta.tunnel_queue != 0) {
            meta.level = meta.tunnel_level;
            class_queue = meta.tunnel_queue;
        }
        // A packet of a priority class has its own queue, any other that of its qos-group if that
        // is one of low latency.
        meta.queue = class_queue;
        if (meta.level == 0) {
            llq_group.apply();
        }
        if (low_latency == 1 || class_queue == 0) {
            meta.queue = meta.qos_group;
        }
        meta.tag = 2w0 ++ meta.qos_class;
        if (meta.protect == 1 || passing == 1) {
            meta.mark_mask = 0;                // what leaves is marked, not what is inside
        }
        if (meta.protect == 1 && saved == 0) {
            meta.tag = meta.qos_group;
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
