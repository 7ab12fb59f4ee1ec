// IPv4 header checksums, with options. Upper layers' checksums are end to end: not a router's.
#ifndef _CHECKSUMS_P4_
#define _CHECKSUMS_P4_

#include "headers.p4"

// An options header that is not there adds nothing to the sum.
#define IPV4_HEADER_FIELDS { \
    hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.total_length, \
    hdr.ipv4.identification, hdr.ipv4.reserved, hdr.ipv4.df, hdr.ipv4.mf, \
    hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst, \
    hdr.ipv4_options.octets }

#define CARRIER_HEADER_FIELDS { \
    hdr.carrier.version, hdr.carrier.ihl, hdr.carrier.dscp, hdr.carrier.ecn, \
    hdr.carrier.total_length, hdr.carrier.identification, hdr.carrier.reserved, hdr.carrier.df, \
    hdr.carrier.mf, hdr.carrier.fragment_offset, hdr.carrier.ttl, hdr.carrier.protocol, \
    hdr.carrier.src, hdr.carrier.dst }

control CheckChecksums(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid(), IPV4_HEADER_FIELDS, hdr.ipv4.checksum,
                        HashAlgorithm.csum16);
    }
}

control UpdateChecksums(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(meta.header_changed == 1, IPV4_HEADER_FIELDS, hdr.ipv4.checksum,
                        HashAlgorithm.csum16);
        update_checksum(meta.carried == 1, CARRIER_HEADER_FIELDS, hdr.carrier.checksum,
                        HashAlgorithm.csum16);
    }
}

#endif
