// What travels between the pipeline and the crypto accelerator, after an Ethernet header of type
// 0x88B5 and before the IP packet. The layout is told in host/ipsecplane/targets/crypto_header.py.
#ifndef _CRYPTO_HEADER_P4_
#define _CRYPTO_HEADER_P4_

const bit<16> ETHERTYPE_CRYPTO = 0x88B5;
const bit<4> CRYPTO_VERSION = 1;

enum bit<4> Operation {
    NONE = 0,                                  // did not come from the accelerator
    ENCRYPT = 1,
    DECRYPT = 2,
    FRAGMENT = 3,
    ENCRYPTED = 9,                             // results: the request's code plus 8
    DECRYPTED = 10,
    FRAGMENTED = 11
}

enum bit<2> DfPolicy {                         // crypto ipsec df-bit (guide chapter 6)
    COPY = 0,
    CLEAR = 1,
    SET = 2
}

header crypto_header_t {
    bit<4>      version;
    Operation   operation;
    bit<8>      reason;
    bit<16>     sa_index;
    bit<8>      level;
    bit<8>      qos_group;
    bit<16>     mtu;
    bit<2>      df_policy;
    bit<1>      prefragment;
    bit<5>      reserved;
    bit<8>      l3_offset;
    bit<16>     ethertype;
    bit<16>     ingress_if;
    bit<16>     egress_if;
    bit<32>     epoch;
    bit<32>     spi;
    bit<64>     sequence;
}

#endif
