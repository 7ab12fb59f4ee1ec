// What comes in the clear although the interface's policy asks for IPsec (RFC 4301 section 5.2).
#ifndef _CLEARTEXT_P4_
#define _CLEARTEXT_P4_

#include "headers.p4"

control Cleartext(in headers_t hdr, inout metadata_t meta) {

    @id(0x0100000D)
    action permit() {}

    @id(0x0100000E)
    action require_ipsec() {
        meta.reason = REASON_NOT_IPSEC;
    }

    @id(0x0200000A)
    table cleartext_v4 {
        key = {
            meta.spd_in : exact @id(1) @name("spd_policy");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            permit;
            require_ipsec;
        }
        const default_action = permit();
        size = POLICY_TABLE_SIZE;
    }

    @id(0x0200000B)
    table cleartext_v6 {
        key = {
            meta.spd_in : exact @id(1) @name("spd_policy");
            hdr.ipv6.src : ternary @id(2) @name("src");
            hdr.ipv6.dst : ternary @id(3) @name("dst");
            meta.protocol : ternary @id(4) @name("protocol");
            meta.src_port : ternary @id(5) @name("src_port");
            meta.dst_port : ternary @id(6) @name("dst_port");
        }
        actions = {
            permit;
            require_ipsec;
        }
        const default_action = permit();
        size = POLICY_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            cleartext_v4.apply();
        } else {
            cleartext_v6.apply();
        }
    }
}

#endif
