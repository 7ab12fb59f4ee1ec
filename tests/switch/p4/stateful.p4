// What stays between packets: registers, counters, meters; and random numbers.
#include "base.p4"

header state_t {
    bit<32> index;
    bit<48> value;
    bit<8>  colour;
}

struct headers_t {
    run_t   run;
    state_t state;
}

struct metadata_t {
    bit<2> colour;
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        packet.extract(hdr.state);
        transition accept;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control I(inout headers_t hdr, METADATA) {
    register<bit<48>>(16) wide;
    register<int<8>>(16) signed_cells;
    counter(16, CounterType.packets_and_bytes) packets_and_bytes;
    meter(16, MeterType.packets) packet_meter;
    meter(16, MeterType.bytes) byte_meter;
    direct_meter<bit<2>>(MeterType.packets) limit;
    direct_counter(CounterType.packets) hits;

    action colour() {
        limit.read(meta.colour);
    }
    action counted() {
        hits.count();
    }
    table limited {
        key = { hdr.state.index : exact; }
        actions = { colour; NoAction; }
        meters = limit;
        default_action = NoAction();
    }
    table watched {
        key = { hdr.state.index : exact; }
        actions = { counted; NoAction; }
        counters = hits;
        default_action = NoAction();
    }

    apply {
        if (hdr.run.test == 1) {
            bit<48> before;
            wide.read(before, hdr.state.index);
            wide.write(hdr.state.index, hdr.state.value);
            hdr.state.value = before;
        } else if (hdr.run.test == 2) {
            int<8> old;
            signed_cells.read(old, hdr.state.index);
            signed_cells.write(hdr.state.index, old - 100);
            hdr.state.value = (bit<48>)(bit<8>)old;
            hdr.state.colour = (bit<8>)(bit<1>)(old < 0);
        } else if (hdr.run.test == 3) {
            packets_and_bytes.count(hdr.state.index);
        } else if (hdr.run.test == 4) {
            packet_meter.execute_meter(hdr.state.index, meta.colour);
            hdr.state.colour = (bit<8>)meta.colour;
        } else if (hdr.run.test == 5) {
            byte_meter.execute_meter(hdr.state.index, meta.colour);
            hdr.state.colour = (bit<8>)meta.colour;
        } else if (hdr.run.test == 6) {
            limited.apply();
            hdr.state.colour = (bit<8>)meta.colour;
        } else if (hdr.run.test == 7) {
            watched.apply();
        } else if (hdr.run.test == 8) {
            random(hdr.state.value, 48w100, 48w109);
        } else if (hdr.run.test == 9) {
            hdr.state.value = standard_metadata.ingress_global_timestamp;
        }
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
    }
}

control E(inout headers_t hdr, METADATA) {
    apply {
        if (hdr.run.test == 10) {
            // Nothing waits in a queue here.
            hdr.state.value = standard_metadata.egress_global_timestamp
                - (bit<48>)standard_metadata.enq_timestamp;
            hdr.state.index = standard_metadata.deq_timedelta
                + (bit<32>)standard_metadata.enq_qdepth + (bit<32>)standard_metadata.deq_qdepth;
        }
    }
}

control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.state);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
