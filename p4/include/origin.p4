// Who sent the packet: a front port, the host, or the accelerator.
#ifndef _ORIGIN_P4_
#define _ORIGIN_P4_

#include "headers.p4"

control Origin(inout headers_t hdr,
               inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {

    // The deparser knows no packet_out header: it ends here by itself.
    @hidden
    action from_host() {
        meta.ingress_port = standard_metadata.ingress_port;
        meta.origin = ORIGIN_HOST;
    }

    @hidden
    action from_host_direct() {
        meta.origin = ORIGIN_DIRECT;
        standard_metadata.egress_spec = hdr.packet_out.port[8:0];
    }

    @hidden
    action from_host_received() {
        meta.ingress_port = hdr.packet_out.port[8:0];
        meta.origin = ORIGIN_WIRE;
    }

    // The crypto header goes, what it said stays; the frame is what a punt will show the host.
    @hidden
    action from_accelerator(origin_t origin) {
        meta.ingress_port = standard_metadata.ingress_port;
        meta.origin = origin;
        meta.operation = hdr.crypto.operation;
        meta.crypto_reason = hdr.crypto.reason;
        meta.sa_index = hdr.crypto.sa_index;
        meta.packet_epoch = hdr.crypto.epoch;
        meta.spi = hdr.crypto.spi;
        meta.value = hdr.crypto.spi;
        meta.sequence = hdr.crypto.sequence;
        meta.if_in = hdr.crypto.ingress_if;
        meta.seen_port = hdr.crypto.egress_if;
        meta.level = hdr.crypto.level[1:0];
        meta.qos_group = hdr.crypto.qos_group;
        meta.tag = hdr.crypto.egress_if[15:8];
        hdr.ethernet.ether_type = hdr.crypto.ethertype;
        hdr.crypto.setInvalid();
    }

    apply {
        bit<1> once_more = meta.again;
        if (meta.again == 1) {
            meta.again = 0;                    // all else was kept
        } else if (standard_metadata.ingress_port == CPU_PORT) {
            if (!hdr.packet_out.isValid()) {
                meta.reason = REASON_PARSER_ERROR;
            } else if (hdr.packet_out.mode == MODE_DIRECT) {
                from_host_direct();
            } else if (hdr.packet_out.mode == MODE_ROUTE) {
                from_host();
            } else if (hdr.packet_out.mode == MODE_ROUTE_CLEAR) {
                meta.bypass_spd = 1;
                from_host();
            } else if (hdr.packet_out.mode == MODE_RECEIVE) {
                from_host_received();
            } else if (hdr.packet_out.mode == MODE_RECEIVE_DECRYPTED) {
                meta.was_decrypted = 1;
                from_host_received();
            } else {
                meta.reason = REASON_PARSER_ERROR;
            }
        } else if (standard_metadata.ingress_port == ACCELERATOR_PORT) {
            if (!hdr.crypto.isValid() || hdr.crypto.version != CRYPTO_VERSION
                || hdr.crypto.l3_offset != 0) {
                meta.reason = REASON_PARSER_ERROR;
            } else if (hdr.crypto.operation == Operation.ENCRYPTED) {
                from_accelerator(ORIGIN_ENCRYPTED);
            } else if (hdr.crypto.operation == Operation.DECRYPTED) {
                from_accelerator(ORIGIN_DECRYPTED);
            } else if (hdr.crypto.operation == Operation.FRAGMENTED) {
                from_accelerator(ORIGIN_FRAGMENTED);
            } else {
                meta.reason = REASON_PARSER_ERROR;
            }
            if (meta.crypto_reason != 0) {
                meta.reason = REASON_SA_ERROR;
            }
        } else {
            meta.ingress_port = standard_metadata.ingress_port;
            meta.origin = ORIGIN_WIRE;
        }
        if (meta.origin == ORIGIN_ENCRYPTED || meta.origin == ORIGIN_FRAGMENTED) {
            meta.bypass_spd = 1;
        }
        if (meta.origin == ORIGIN_DECRYPTED) {
            meta.level = 0;
        }
        meta.counted_as = meta.origin;
        if (once_more == 1) {
            meta.counted_as = ORIGIN_AGAIN;
        }
    }
}

#endif
