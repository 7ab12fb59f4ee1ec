// After decryption: may this SA carry this packet (RFC 4301 section 5.2, step 4)?
#ifndef _INNER_POLICY_P4_
#define _INNER_POLICY_P4_

#include "headers.p4"

control InnerPolicy(in headers_t hdr, inout metadata_t meta) {

    // The per-SA count of packets that passed everything: replay, selectors.
    @id(0x13000003)
    direct_counter(CounterType.packets_and_bytes) inner_policy_v4_counter;
    @id(0x13000004)
    direct_counter(CounterType.packets_and_bytes) inner_policy_v6_counter;

    @id(0x0100000B)
    @name("accept")
    action accept_inner() {}

    @id(0x0100000C)
    action refuse() {
        meta.reason = REASON_INNER_POLICY;
        meta.value = meta.spi;
    }

    @id(0x02000008)
    table inner_policy_v4 {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            accept_inner;
            @defaultonly refuse;
        }
        const default_action = refuse();
        counters = inner_policy_v4_counter;
        size = POLICY_TABLE_SIZE;
    }

    @id(0x02000009)
    table inner_policy_v6 {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            accept_inner;
            @defaultonly refuse;
        }
        const default_action = refuse();
        counters = inner_policy_v6_counter;
        size = POLICY_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            inner_policy_v4.apply();
        } else {
            inner_policy_v6.apply();
        }
    }
}

#endif
