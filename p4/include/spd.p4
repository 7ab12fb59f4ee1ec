// Security policy database, outbound: what leaves by an interface with a policy is protected by
// an SA, waits for one, passes in the clear, or does not pass.
#ifndef _SPD_P4_
#define _SPD_P4_

#include "headers.p4"

control SpdOut(in headers_t hdr, inout metadata_t meta) {

    @id(0x13000005)
    direct_counter(CounterType.packets_and_bytes) spd_out_v4_counter;
    @id(0x13000006)
    direct_counter(CounterType.packets_and_bytes) spd_out_v6_counter;

    @id(0x01000018)
    action spd_bypass() {}

    @id(0x01000019)
    action spd_discard() {
        meta.reason = REASON_SPD_DISCARD;
    }

    @id(0x0100001A)
    action spd_protect(@id(1) sa_index_t sa_index) {
        meta.protect = 1;
        meta.sa_index = sa_index;
    }

    @id(0x0100001B)
    action spd_acquire(@id(1) bit<32> policy_entry) {
        meta.reason = REASON_ACQUIRE;
        meta.value = policy_entry;
    }

    @id(0x02000013)
    table spd_out_v4 {
        key = {
            meta.spd_out : exact @id(1) @name("spd_policy");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            spd_bypass;
            spd_discard;
            spd_protect;
            spd_acquire;
        }
        const default_action = spd_bypass();
        counters = spd_out_v4_counter;
        size = POLICY_TABLE_SIZE;
    }

    @id(0x02000014)
    table spd_out_v6 {
        key = {
            meta.spd_out : exact @id(1) @name("spd_policy");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            spd_bypass;
            spd_discard;
            spd_protect;
            spd_acquire;
        }
        const default_action = spd_bypass();
        counters = spd_out_v6_counter;
        size = POLICY_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            spd_out_v4.apply();
        } else {
            spd_out_v6.apply();
        }
    }
}

// The outbound data of the SA that the SPD chose.
control SaOut(inout metadata_t meta) {

    @id(0x13000007)
    direct_counter(CounterType.packets_and_bytes) sa_out_counter;

    @id(0x0100001C)
    action sa_out_data(@id(1) bit<32> epoch, @id(2) bit<16> max_inner, @id(3) bit<2> df_policy,
                       @id(4) bit<1> prefragment, @id(5) bit<1> tunnel) {
        meta.epoch = epoch;
        meta.max_inner = max_inner;
        meta.df_policy = df_policy;
        meta.prefragment = prefragment;
        meta.tunnel = tunnel;
    }

    @id(0x0100001D)
    action sa_out_missing() {
        meta.reason = REASON_SA_OUT_MISSING;
    }

    @id(0x02000015)
    table sa_out {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            sa_out_data;
            @defaultonly sa_out_missing;
        }
        const default_action = sa_out_missing();
        counters = sa_out_counter;
        size = SA_TABLE_SIZE;
    }

    // The largest packet that the SA's path takes, where that is not the MTU of the interface
    // that the SPD looked at: a path MTU learnt from ICMP, or a tunnel interface. What is cut
    // before encryption is cut for cut_mtu, which is less where a tunnel has an MTU of its own.
    @id(0x0100001E)
    action set_path_mtu(@id(1) bit<16> mtu, @id(2) bit<16> cut_mtu) {
        meta.path_mtu = mtu;
        meta.cut_mtu = cut_mtu;
    }

    @id(0x02000016)
    table path_mtu {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            set_path_mtu;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SA_TABLE_SIZE;
    }

    apply {
        meta.path_mtu = meta.mtu;
        meta.cut_mtu = meta.mtu;
        if (sa_out.apply().hit) {
            path_mtu.apply();
        }
    }
}

#endif
