// What RFC 1812 section 5.2.2 and RFC 8200 ask of an IP header before anything else looks at it.
#ifndef _IP_CHECK_P4_
#define _IP_CHECK_P4_

#include "headers.p4"

control IpCheck(in headers_t hdr,
                inout metadata_t meta,
                in standard_metadata_t standard_metadata) {

    apply {
        if (meta.ether_type != ETHERTYPE_IPV4 && meta.ether_type != ETHERTYPE_IPV6) {
            meta.reason = REASON_UNSUPPORTED_ETHERTYPE;
        } else if (hdr.ipv4.isValid() && (hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5)
                   || hdr.ipv6.isValid() && hdr.ipv6.version != 6
                   || meta.l4_length[31:31] == 1
                   || meta.l2_length + meta.ip_length > standard_metadata.packet_length) {
            meta.reason = REASON_BAD_IP_HEADER;
        } else if (standard_metadata.parser_error != error.NoError) {
            meta.reason = REASON_PARSER_ERROR;
        } else if (standard_metadata.checksum_error == 1) {
            meta.reason = REASON_BAD_CHECKSUM;
        } else if (meta.origin == ORIGIN_WIRE || meta.origin == ORIGIN_DECRYPTED) {
            // Never sources: multicast and class E, 127/8; ff00::/8, ::1.
            if (hdr.ipv4.isValid()
                && (hdr.ipv4.src[31:29] == 7 || hdr.ipv4.src[31:24] == 127)
                || hdr.ipv6.isValid()
                && (hdr.ipv6.src[127:120] == 0xFF || hdr.ipv6.src == 1)) {
                meta.reason = REASON_BAD_IP_HEADER;
            }
        }
    }
}

#endif
