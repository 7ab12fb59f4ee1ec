// Output policies of tunnel interfaces (guide chapter 8): the class of a packet by the header that
// it has before it goes into the tunnel. What such a class writes it writes into that header; what
// it says of the crypto engine's queue comes before what the class of the way out says.
#ifndef _TUNNEL_CLASS_P4_
#define _TUNNEL_CLASS_P4_

#include "headers.p4"
#include "classify_in.p4"

control TunnelClass(inout headers_t hdr,
                    inout metadata_t meta,
                    out if_id_t way_out,               // the interface by which the tunnel leaves
                    out bit<1> original) {             // its policy goes by this header (GRE)

    Marking() marking;

    @id(0x01000066)
    action leaves_by(@id(1) if_id_t if_id, @id(2) bit<1> pre_classify) {
        way_out = if_id;
        original = pre_classify;
    }

    @id(0x02000067)
    table tunnel_out {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
        }
        actions = {
            leaves_by;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = INTERFACE_TABLE_SIZE;
    }

    @id(0x01000067)
    action set_tunnel_class(@id(1) qos_class_t qos_class) {
        meta.tunnel_class = qos_class;
    }

    @id(0x02000068)
    table classify_tunnel_v4 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv4.dscp : ternary @id(7) @name("dscp");
            meta.qos_group : ternary @id(8) @name("qos_group");
        }
        actions = {
            set_tunnel_class;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    @id(0x02000069)
    table classify_tunnel_v6 {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
            hdr.ipv6.dscp : ternary @id(7) @name("dscp");
            meta.qos_group : ternary @id(8) @name("qos_group");
        }
        actions = {
            set_tunnel_class;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = POLICY_TABLE_SIZE;
    }

    @id(0x01000068)
    action treat_tunnel(@id(1) level_t level, @id(2) bit<8> queue, @id(3) bit<6> dscp,
                        @id(4) bit<6> dscp_mask) {
        meta.tunnel_level = level;
        meta.tunnel_queue = queue;
        meta.mark_dscp = dscp;
        meta.mark_mask = dscp_mask;
    }

    @id(0x0200006A)
    table class_tunnel {
        key = {
            meta.tunnel_class : exact @id(1) @name("qos_class");
        }
        actions = {
            treat_tunnel;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = CLASS_TABLE_SIZE;
    }

    apply {
        way_out = 0;
        original = 0;
        tunnel_out.apply();
        if (meta.origin == ORIGIN_FRAGMENTED) {
            meta.tunnel_class = meta.seen_port[5:0];   // as transmit.p4 has put it there
        } else if (hdr.ipv4.isValid()) {
            classify_tunnel_v4.apply();
        } else {
            classify_tunnel_v6.apply();
        }
        if (meta.tunnel_class != 0) {
            class_tunnel.apply();
            marking.apply(hdr, meta);
        }
    }
}

#endif
