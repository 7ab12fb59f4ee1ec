// Checksum verification and update, with and without payload, and the hash functions.
#include "base.p4"

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<8>  tos;
    bit<16> total_length;
    bit<16> identification;
    bit<3>  flags;
    bit<13> fragment_offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> header_checksum;
    bit<32> src;
    bit<32> dst;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

header hashes_t {
    bit<16> crc16;
    bit<32> crc32;
    bit<16> csum16;
    bit<16> xor16;
    bit<32> identity;
    bit<16> bounded;
    bit<8>  wrong;
}

struct headers_t {
    run_t    run;
    hashes_t hashes;
    ipv4_t   ipv4;
    udp_t    udp;
}

struct metadata_t {
    bit<16> udp_length;
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) {
            17: udp;
            default: accept;
        }
    }
    state udp {
        packet.extract(hdr.udp);
        meta.udp_length = hdr.udp.length;
        transition accept;
    }
}

#define IPV4_FIELDS { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.tos, hdr.ipv4.total_length, \
    hdr.ipv4.identification, hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, \
    hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst }
#define UDP_FIELDS { hdr.ipv4.src, hdr.ipv4.dst, 8w0, hdr.ipv4.protocol, meta.udp_length, \
    hdr.udp.src_port, hdr.udp.dst_port, hdr.udp.length }

control V(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.run.test != 1, IPV4_FIELDS, hdr.ipv4.header_checksum,
                        HashAlgorithm.csum16);
        verify_checksum_with_payload(hdr.udp.isValid() && hdr.udp.checksum != 0, UDP_FIELDS,
                                     hdr.udp.checksum, HashAlgorithm.csum16);
    }
}

control I(inout headers_t hdr, METADATA) {
    apply {
        hdr.hashes.setValid();
        hash(hdr.hashes.crc16, HashAlgorithm.crc16, 16w0,
             { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol }, 32w65536);
        hash(hdr.hashes.crc32, HashAlgorithm.crc32, 32w0,
             { hdr.ipv4.src, hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.udp.src_port },
             64w0x100000000);
        hash(hdr.hashes.csum16, HashAlgorithm.csum16, 16w0,
             { hdr.ipv4.src, hdr.ipv4.version, hdr.ipv4.dst }, 32w65536);
        hash(hdr.hashes.xor16, HashAlgorithm.xor16, 16w0,
             { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.ttl }, 32w65536);
        hash(hdr.hashes.identity, HashAlgorithm.identity, 32w0,
             { hdr.ipv4.ttl, hdr.ipv4.protocol }, 64w0x100000000);
        hash(hdr.hashes.bounded, HashAlgorithm.crc32, 16w100,
             { hdr.ipv4.src, hdr.ipv4.dst }, 32w10);
        hdr.hashes.wrong = (bit<8>)standard_metadata.checksum_error;
        if (hdr.run.test == 2) {
            hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        }
        if (hdr.run.test == 3) {
            hdr.udp.dst_port = 4500;
        }
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
    }
}

control E(inout headers_t hdr, METADATA) { apply { } }

control C(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.run.test >= 2, IPV4_FIELDS, hdr.ipv4.header_checksum,
                        HashAlgorithm.csum16);
        update_checksum_with_payload(hdr.udp.isValid() && hdr.run.test == 3, UDP_FIELDS,
                                     hdr.udp.checksum, HashAlgorithm.csum16);
    }
}

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.hashes);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.udp);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
