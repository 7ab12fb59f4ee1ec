// The end of the way for a packet with a reason: counted, then to the host or dropped.
#ifndef _PUNT_P4_
#define _PUNT_P4_

#include "headers.p4"

control Punt(inout headers_t hdr,
             in metadata_t meta,
             inout standard_metadata_t standard_metadata) {

    @id(0x12000001)
    counter(REASON_COUNT, CounterType.packets_and_bytes) drops;
    @id(0x14000001)
    meter(REASON_COUNT, MeterType.packets) punt_meter;

    bit<2> color = 0;

    @hidden
    action drop() {
        mark_to_drop(standard_metadata);
    }

    @hidden
    action to_host() {
        hdr.packet_in.setValid();
        hdr.packet_in.ingress_port = (bit<16>)meta.ingress_port;
        hdr.packet_in.reason = meta.reason;
        hdr.packet_in.crypto_reason = meta.crypto_reason;
        hdr.packet_in.if_id = meta.if_in;
        hdr.packet_in.sa_index = meta.sa_index;
        hdr.packet_in.value = meta.value;
        hdr.packet_in.protocol = meta.protocol;
        hdr.packet_in.operation = (bit<8>)(bit<4>)meta.operation;
        standard_metadata.egress_spec = CPU_PORT;
    }

    @hidden
    action name_egress_interface() {
        hdr.packet_in.if_id = meta.if_out;
    }

    @hidden
    action name_sad_protocol() {
        hdr.packet_in.protocol = meta.sad_protocol;
    }

    apply {
        drops.count((bit<32>)meta.reason);
        if (meta.reason >= REASON_FIRST_DROP) {
            drop();
            return;
        }
        punt_meter.execute_meter((bit<32>)meta.reason, color);
        if (color == V1MODEL_METER_COLOR_RED) {
            drops.count((bit<32>)REASON_PUNT_RATE_EXCEEDED);
            drop();
            return;
        }
        to_host();
        if (meta.reason == REASON_ACQUIRE || meta.reason == REASON_GLEAN
            || meta.reason == REASON_FRAG_NEEDED || meta.reason == REASON_NO_ROUTE) {
            name_egress_interface();
        } else if (meta.reason == REASON_INVALID_SPI) {
            name_sad_protocol();
        }
    }
}

#endif
