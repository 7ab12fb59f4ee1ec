// Too big for the way out: split before encryption, after it, in the clear, or tell the sender.
// The accelerator does the splitting; here is only decided.
#ifndef _FRAGMENTATION_P4_
#define _FRAGMENTATION_P4_

#include "headers.p4"

// Packets that get an SA: the guide's chapter 2 table, and chapter 6 for the df-bit.
control ProtectedFragmentation(in headers_t hdr, inout metadata_t meta) {

    bit<1> prefragment = 0;
    bit<2> df_policy = DfPolicy.COPY;
    bit<1> df = 0;

    @id(0x0100001F)
    action fragment_before_encryption() {
        meta.prefragment = 1;
        meta.path_mtu = meta.cut_mtu;
    }

    @id(0x01000020)
    action fragment_after_encryption() {
        meta.prefragment = 0;
    }

    @id(0x01000021)
    action tell_sender() {
        meta.reason = REASON_FRAG_NEEDED;
        meta.value = (bit<32>)meta.max_inner;
    }

    @id(0x02000017)
    table fragmentation {
        key = {
            meta.tunnel : exact @id(1) @name("tunnel");
            prefragment : ternary @id(2) @name("prefragment");
            df_policy : ternary @id(3) @name("df_policy");
            df : ternary @id(4) @name("df");
        }
        actions = {
            fragment_before_encryption;
            fragment_after_encryption;
            tell_sender;
        }
        const entries = {
            // tunnel, pre-fragmentation, df-bit, DF of the packet
            (1, 1, DfPolicy.CLEAR, 0) : fragment_before_encryption();
            (1, 1, DfPolicy.CLEAR, 1) : fragment_before_encryption();
            (1, 0, DfPolicy.CLEAR, 0) : fragment_after_encryption();
            (1, 0, DfPolicy.CLEAR, 1) : fragment_after_encryption();
            (1, 1, DfPolicy.SET, 0) : fragment_before_encryption();
            (1, 1, DfPolicy.SET, 1) : tell_sender();
            (1, 0, DfPolicy.SET, 0) : fragment_after_encryption();
            (1, 0, DfPolicy.SET, 1) : tell_sender();
            (1, 1, DfPolicy.COPY, 0) : fragment_before_encryption();
            (1, 1, DfPolicy.COPY, 1) : tell_sender();
            (1, 0, DfPolicy.COPY, 0) : fragment_after_encryption();
            (1, 0, DfPolicy.COPY, 1) : tell_sender();    // the row that the guide leaves out
            // Transport mode knows neither (guide chapters 2 and 6, Restrictions).
            (0, _, _, 0) : fragment_after_encryption();
            (0, _, _, 1) : tell_sender();
        }
        const default_action = tell_sender();
    }

    apply {
        if (meta.tunnel == 0) {
            meta.prefragment = 0;
        }
        if (hdr.ipv6.isValid()) {
            // Routers do not fragment IPv6, so no df-bit policy applies; but every link takes
            // 1280 octets, tunnels included: up to there the outer packet is split
            // (RFC 2473 section 7.1).
            meta.prefragment = 0;
            if (meta.max_inner != 0 && meta.max_inner < 1280) {
                if (meta.ip_length > (bit<32>)meta.max_inner && meta.ip_length <= 1280) {
                    meta.df_policy = DfPolicy.CLEAR;
                }
                meta.max_inner = 1280;
            }
            // A tunnel interface's own IPv6 MTU (at least 1280).
            if (meta.egress_port == TUNNEL_PORT && meta.mtu != 0
                && (meta.max_inner == 0 || meta.mtu < meta.max_inner)) {
                meta.max_inner = meta.mtu;
            }
            df = 1;
        } else {
            prefragment = meta.prefragment;
            df_policy = meta.df_policy;
            df = meta.df;
        }
        if (meta.max_inner != 0 && meta.ip_length > (bit<32>)meta.max_inner) {
            fragmentation.apply();
        }
    }
}

// Packets that leave as they are: in the clear, or with their IPsec headers on.
control ClearFragmentation(in headers_t hdr, inout metadata_t meta) {
    apply {
        if (meta.mtu != 0 && meta.ip_length > (bit<32>)meta.mtu) {
            // A fragment that is still too big has met a route that changed: not again.
            if (hdr.ipv4.isValid() && meta.df == 0 && meta.origin != ORIGIN_FRAGMENTED) {
                meta.request = Operation.FRAGMENT;
            } else {
                meta.reason = REASON_FRAG_NEEDED;
                meta.value = (bit<32>)meta.mtu;
            }
        }
    }
}

#endif
