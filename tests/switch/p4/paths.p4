// Where a packet goes: unicast, drop, multicast, clones, resubmit, recirculate, truncate.
#include "base.p4"

header trace_t {
    bit<8>  ingress_port;
    bit<8>  egress_port;
    bit<8>  instance_type;
    bit<16> egress_rid;
    bit<16> packet_length;
    bit<16> kept;
    bit<16> lost;
    bit<8>  passes;
}

struct headers_t {
    run_t   run;
    trace_t trace;
}

struct metadata_t {
    @field_list(1)
    bit<16> kept;
    @field_list(1, 2)
    bit<8>  passes;
    bit<16> lost;
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        transition select(hdr.run.test) {
            0x80 &&& 0x80: traced;
            default: accept;
        }
    }
    state traced {
        packet.extract(hdr.trace);
        transition accept;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control I(inout headers_t hdr, METADATA) {
    apply {
        bit<8> test = hdr.run.test & 0x7f;
        meta.kept = hdr.run.number + 1;
        meta.lost = hdr.run.number + 2;
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
        if (test == 1) {
            mark_to_drop(standard_metadata);
        } else if (test == 2) {
            standard_metadata.mcast_grp = (bit<16>)hdr.run.port;
        } else if (test == 3) {
            clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.run.port, 1);
            hdr.run.number = 0xaaaa;
        } else if (test == 4) {
            clone(CloneType.I2E, (bit<32>)hdr.run.port);
            mark_to_drop(standard_metadata);
        } else if (test == 5 && meta.passes < 3) {
            meta.passes = meta.passes + 1;
            resubmit_preserving_field_list(2);
        } else if (test == 6) {
            truncate(6);
        } else if (test == 7) {
            // The drop wins over the multicast group, and a later group over the drop.
            standard_metadata.mcast_grp = (bit<16>)hdr.run.port;
            mark_to_drop(standard_metadata);
            if (hdr.run.number == 7) {
                standard_metadata.mcast_grp = (bit<16>)hdr.run.port;
            }
        } else if (test == 8) {
            exit;
        }
        if (test == 8) {
            hdr.run.number = 0xeeee;
        }
    }
}

control E(inout headers_t hdr, METADATA) {
    action leave() {
        exit;
    }
    apply {
        bit<8> test = hdr.run.test & 0x7f;
        bool original = standard_metadata.instance_type == 0;
        if (test == 9 && original) {
            clone_preserving_field_list(CloneType.E2E, (bit<32>)hdr.run.port, 1);
            hdr.run.number = hdr.run.number + 0x100;
        }
        if (test == 10 && meta.passes < 2) {
            meta.passes = meta.passes + 1;
            recirculate_preserving_field_list(2);
        }
        if (test == 11) {
            truncate(20);
        }
        if (test == 12 && standard_metadata.egress_port == 3) {
            mark_to_drop(standard_metadata);
        }
        hdr.trace.setValid();
        hdr.run.test = hdr.run.test | 0x80;
        hdr.trace.ingress_port = (bit<8>)standard_metadata.ingress_port;
        hdr.trace.egress_port = (bit<8>)standard_metadata.egress_port;
        hdr.trace.instance_type = (bit<8>)standard_metadata.instance_type;
        hdr.trace.egress_rid = standard_metadata.egress_rid;
        hdr.trace.packet_length = (bit<16>)standard_metadata.packet_length;
        hdr.trace.kept = meta.kept;
        hdr.trace.passes = meta.passes;
        if (test == 13) {
            leave();
        }
        hdr.trace.lost = meta.lost;
    }
}

control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.trace);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
