// Packets for the router itself: to the SAD, to the host, or nowhere.
#ifndef _LOCAL_P4_
#define _LOCAL_P4_

#include "headers.p4"

// Which packets are the router's own.
control Local(in headers_t hdr, inout metadata_t meta) {

    @id(0x01000005)
    action local() {
        meta.is_local = 1;
    }

    @id(0x02000003)
    table local_v4 {
        key = {
            hdr.ipv4.dst : exact @id(1) @name("dst");
        }
        actions = {
            local;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = LOCAL_TABLE_SIZE;
    }

    @id(0x02000004)
    table local_v6 {
        key = {
            hdr.ipv6.dst : exact @id(1) @name("dst");
        }
        actions = {
            local;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = LOCAL_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            local_v4.apply();
        } else {
            local_v6.apply();
        }
    }
}

// Neighbour and router discovery: ICMPv6 types 133 to 137, which never cross a router and prove
// it by their hop limit (RFC 4861 sections 6.1 and 7.1). For the link's own multicast groups the
// host need not list every solicited-node address.
control NeighborDiscovery(in headers_t hdr, inout metadata_t meta) {
    apply {
        if (hdr.icmp.isValid() && hdr.ipv6.isValid() && meta.protocol == PROTOCOL_ICMPV6
            && hdr.icmp.type >= 133 && hdr.icmp.type <= 137
            && (meta.is_local == 1 || hdr.ipv6.dst[127:112] == 0xFF02)) {
            if (hdr.ipv6.hop_limit == 255) {
                meta.reason = REASON_ND;
            } else {
                meta.reason = REASON_BAD_IP_HEADER;
            }
        }
    }
}

#endif
