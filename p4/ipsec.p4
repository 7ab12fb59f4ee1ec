// The router's match-action pipeline.
//
//   front port        CPU port                     accelerator port
//       │                │ packet-out                     │ crypto header
//       ▼                ▼                                ▼
//  ┌─────────────────────────────── Origin ──────────────────────────────┐
//  │ WIRE           HOST   DIRECT ──▶ out     DECRYPTED  ENCRYPTED         │
//  │                                                     FRAGMENTED        │
//  └──┬───────────────┬───────────────────────────┬──────────┬─────────────┘
//  Admission          │                           │          │
//  (interface, MAC,   │                           │          │
//   ARP ▶ host)       │                           │          │
//  ┌──▼───────────────▼───────── IpCheck ─────────▼──────────▼────┐
//  └──┬───────────────┬───────────────────────────┬──────────┬────┘
//   Local             │                         Local        │
//     ├─ fragment ▶ host: REASSEMBLE           SaIn, Replay  │
//     ├─ ESP, AH ─▶ Sad, SaIn, Replay          (check, set)  │
//     │             (check) ─▶ DECRYPT    PeerPort, InnerPolicy
//   ClassifyIn        │                        ClassifyIn    │
//   Cleartext         │                           │          │
//   NatIn             │                         NatIn        │
//     ├─ local ▶ host │                           ├▶ host    │
//  ┌──▼───────────────▼──────── Routing ──────────▼──────────▼────┐
//  │                     route, interface_out                     │
//  └──┬───────────────┬───────────────────────────┬──────────┬────┘
//   NatOut ◀──────────┴───────────────────────────┘          │
//     ├─ new flow ▶ host                                     │
//   SpdOut                                                   │
//  ┌──▼──────────────────────── Classify ─────────────────────▼────┐
//  └──┬───────────────────────────────────────────────────────┬────┘
//     ├─ SaOut, ProtectedFragmentation ─▶ ENCRYPT            │
//  ┌──▼───────────────── ClearFragmentation ─────────────────▼────┐
//  │                ├─ too big, DF clear ─▶ FRAGMENT              │
//  │                     GreOut, Adjacency                        │
//  └───────────────────────────┬──────────────────────────────────┘
//                          Transmit ─▶ wire, or accelerator (DECRYPT, ENCRYPT, FRAGMENT)
//
//  A stage that ends a packet's way sets a reason; Punt counts it and tells the host, or drops.
//  At the ends of a GRE tunnel a packet starts again from the top with its other IP header (GreIn,
//  before the host would get it; GreOut).
//
// Contract: docs/contracts.md and build/ipsec.p4info.txtpb. v1model; no custom externs; no table is
// applied twice to a packet.

#include <core.p4>
#include <v1model.p4>

#include "include/sizes.p4"
#include "include/ports.p4"
#include "include/reasons.p4"
#include "include/crypto_header.p4"
#include "include/headers.p4"
#include "include/parser.p4"
#include "include/checksums.p4"
#include "include/origin.p4"
#include "include/admission.p4"
#include "include/ip_check.p4"
#include "include/local.p4"
#include "include/sad.p4"
#include "include/replay.p4"
#include "include/peer_port.p4"
#include "include/inner_policy.p4"
#include "include/cleartext.p4"
#include "include/routing.p4"
#include "include/classify_in.p4"
#include "include/tunnel_class.p4"
#include "include/classify.p4"
#include "include/nat.p4"
#include "include/spd.p4"
#include "include/fragmentation.p4"
#include "include/gre.p4"
#include "include/transmit.p4"
#include "include/punt.p4"
#include "include/deparser.p4"

// What came in: is it ours, does IPsec let it in?
control Arrival(inout headers_t hdr, inout metadata_t meta, in bit<1> is_fragment) {
    Local() local;
    NeighborDiscovery() neighbor_discovery;
    Sad() sad;
    SaIn() sa_in;
    Replay() replay;
    PeerPort() peer_port;
    InnerPolicy() inner_policy;

    bit<1> is_ipsec = 0;

    apply {
        local.apply(hdr, meta);
        if (meta.origin == ORIGIN_WIRE) {
            neighbor_discovery.apply(hdr, meta);
            if (meta.reason != REASON_NONE) {
                return;
            }
            if (meta.is_local == 1 && is_fragment == 1) {
                meta.reason = REASON_REASSEMBLE;
                return;
            }
            if (meta.is_local == 1 && (meta.service == SERVICE_ESP || meta.service == SERVICE_AH
                                       || meta.service == SERVICE_ESP_IN_UDP)) {
                is_ipsec = 1;
                sad.apply(hdr, meta);
                if (meta.reason != REASON_NONE) {
                    return;
                }
            }
        }
        if (is_ipsec == 1 || meta.origin == ORIGIN_DECRYPTED) {
            sa_in.apply(meta);
            if (meta.reason == REASON_NONE && meta.window != 0) {
                replay.apply(meta);
            }
            if (meta.reason != REASON_NONE) {
                return;
            }
            if (is_ipsec == 1) {
                meta.request = Operation.DECRYPT;
                return;
            }
            peer_port.apply(meta);
            inner_policy.apply(hdr, meta);
        }
    }
}

// What is not to be decrypted first, up to the point where it is either the host's or to be sent on.
control Receive(inout headers_t hdr,
                inout metadata_t meta,
                inout standard_metadata_t standard_metadata,
                in bit<1> is_fragment) {
    Cleartext() cleartext;
    GreIn() gre_in;
    NatIn() nat_in;

    apply {
        if (meta.origin == ORIGIN_WIRE) {
            if (meta.is_local == 1 && meta.service == SERVICE_NAT_KEEPALIVE) {
                meta.reason = REASON_NAT_KEEPALIVE;
            } else if (meta.is_local == 1 && meta.service == SERVICE_OTHER
                       && (meta.protocol == PROTOCOL_ESP || meta.protocol == PROTOCOL_AH)) {
                meta.reason = REASON_PARSER_ERROR;     // no room for an SPI
            } else if (meta.spd_in != 0 && meta.was_decrypted == 0
                       && !(meta.is_local == 1 && meta.service == SERVICE_IKE)) {
                cleartext.apply(hdr, meta);
            }
        }
        if (meta.reason == REASON_NONE && meta.is_local == 1 && is_fragment == 0
            && meta.service == SERVICE_OTHER) {
            nat_in.apply(hdr, meta);
        }
        if (meta.reason == REASON_NONE && meta.is_local == 1) {
            if (is_fragment == 1) {
                meta.reason = REASON_REASSEMBLE;
                return;
            }
            if (hdr.gre.isValid() && hdr.ipv4.isValid()) {
                gre_in.apply(hdr, meta, standard_metadata);
            }
            if (meta.reason == REASON_NONE && meta.again == 0) {
                meta.reason = REASON_LOCAL;
            }
        }
    }
}

// What is to be sent on, up to the point where it is clear how it leaves.
control Forward(inout headers_t hdr,
                inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    Routing() routing;
    Classify() classify;
    NatOut() nat_out;
    Marking() marking;
    SpdOut() spd_out;
    SaOut() sa_out;
    ProtectedFragmentation() protected_fragmentation;
    ClearFragmentation() clear_fragmentation;
    GreOut() gre_out;
    Adjacency() adjacency;

    apply {
        routing.apply(hdr, meta);
        if (meta.reason != REASON_NONE) {
            return;
        }
        if (meta.spd_out != 0 && meta.bypass_spd == 0) {
            nat_out.apply(hdr, meta);
            if (meta.reason != REASON_NONE) {
                return;
            }
            spd_out.apply(hdr, meta);
        }
        if (meta.reason != REASON_NONE) {
            return;
        }
        classify.apply(hdr, meta, standard_metadata);
        marking.apply(hdr, meta);
        if (meta.protect == 1) {
            meta.request = Operation.ENCRYPT;
            sa_out.apply(meta);
            if (meta.reason == REASON_NONE) {
                protected_fragmentation.apply(hdr, meta);
            }
        } else {
            clear_fragmentation.apply(hdr, meta);
            if (meta.reason == REASON_NONE && meta.request == Operation.NONE) {
                gre_out.apply(hdr, meta, standard_metadata);
                if (meta.carried == 0) {
                    adjacency.apply(hdr, meta);
                }
            }
        }
    }
}

control IngressPipeline(inout headers_t hdr,
                        inout metadata_t meta,
                        inout standard_metadata_t standard_metadata) {
    Origin() origin;
    Admission() admission;
    IpCheck() ip_check;
    Arrival() arrival;
    ClassifyIn() classify_in;
    Marking() marking;
    Receive() receive;
    Forward() forward;
    Transmit() transmit;
    Punt() punt;

    bit<1> reassembled = 0;                    // the host has put it together: counted already
    bit<1> is_fragment = 0;

    apply {
        origin.apply(hdr, meta, standard_metadata);
        if (meta.origin != ORIGIN_DIRECT) {
            if (meta.reason == REASON_NONE && meta.origin == ORIGIN_WIRE && meta.passes == 0) {
                admission.apply(hdr, meta);
            }
            if (meta.reason == REASON_NONE) {
                ip_check.apply(hdr, meta, standard_metadata);
            }
            if (meta.reason == REASON_NONE
                && (meta.origin == ORIGIN_WIRE || meta.origin == ORIGIN_DECRYPTED)) {
                if (meta.fragment_offset != 0 || meta.more_fragments == 1) {
                    is_fragment = 1;
                }
                arrival.apply(hdr, meta, is_fragment);
                if (meta.origin == ORIGIN_WIRE || meta.reason == REASON_NONE) {
                    if (standard_metadata.ingress_port == CPU_PORT) {
                        reassembled = 1;
                    }
                    classify_in.apply(hdr, meta, reassembled);
                    marking.apply(hdr, meta);
                }
                if (meta.reason == REASON_NONE && meta.request == Operation.NONE) {
                    receive.apply(hdr, meta, standard_metadata, is_fragment);
                }
            }
            if (meta.reason == REASON_NONE && meta.request == Operation.NONE && meta.again == 0) {
                forward.apply(hdr, meta, standard_metadata);
            }
            if (meta.reason != REASON_NONE) {
                punt.apply(hdr, meta, standard_metadata);
            } else if (meta.again == 0 || meta.carried == 1) {
                transmit.apply(hdr, meta, standard_metadata);
            }
        }
    }
}

control EgressPipeline(inout headers_t hdr,
                       inout metadata_t meta,
                       inout standard_metadata_t standard_metadata) {
    apply {
        if (meta.again == 1) {
            recirculate_preserving_field_list(1);
        }
    }
}

V1Switch(PacketParser(),
         CheckChecksums(),
         IngressPipeline(),
         EgressPipeline(),
         UpdateChecksums(),
         PacketDeparser()) main;
