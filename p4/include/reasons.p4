// Why a packet is punted to the host, or dropped: host/ipsecplane/targets/reasons.py says more.
// Index of the drops counter and of the punt meter; `reason` of the packet-in header.
#ifndef _REASONS_P4_
#define _REASONS_P4_

typedef bit<8> reason_t;

const reason_t REASON_NONE = 0;

const reason_t REASON_LOCAL = 1;
const reason_t REASON_ARP = 2;
const reason_t REASON_ND = 3;
const reason_t REASON_REASSEMBLE = 4;
const reason_t REASON_INVALID_SPI = 5;
const reason_t REASON_ACQUIRE = 6;
const reason_t REASON_GLEAN = 7;
const reason_t REASON_TTL_EXPIRED = 8;
const reason_t REASON_FRAG_NEEDED = 9;
const reason_t REASON_NO_ROUTE = 10;
const reason_t REASON_SA_ERROR = 11;
const reason_t REASON_INNER_POLICY = 12;
const reason_t REASON_NOT_IPSEC = 13;
const reason_t REASON_REPLAYED = 14;
const reason_t REASON_TOO_OLD = 15;
const reason_t REASON_NAT_FLOW = 20;

const reason_t REASON_FIRST_DROP = 32;     // below: punts; from here on: counted only
const reason_t REASON_UNKNOWN_INTERFACE = 32;
const reason_t REASON_NOT_MY_MAC = 33;
const reason_t REASON_BAD_IP_HEADER = 34;
const reason_t REASON_BAD_CHECKSUM = 35;
const reason_t REASON_SPD_DISCARD = 36;
const reason_t REASON_ROUTE_DISCARD = 37;
const reason_t REASON_BUNDLE_INNER_ALONE = 38;
const reason_t REASON_NAT_KEEPALIVE = 39;
const reason_t REASON_SA_OUT_MISSING = 40;
const reason_t REASON_SA_IN_MISSING = 41;
const reason_t REASON_WRONG_ENCAPSULATION = 42;
const reason_t REASON_UNSUPPORTED_ETHERTYPE = 43;
const reason_t REASON_EGRESS_UNKNOWN = 44;
const reason_t REASON_PUNT_RATE_EXCEEDED = 45;
const reason_t REASON_PARSER_ERROR = 46;

#endif
