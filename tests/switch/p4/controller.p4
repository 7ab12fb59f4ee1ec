// What a P4Runtime client meets: packet-in and packet-out, digests, idle timeouts, action profiles
// and selectors, direct resources, value sets, multicast groups and clone sessions.
#include "base.p4"

#define CPU_PORT 510

@controller_header("packet_in")
header packet_in_t {
    bit<9>  ingress_port;
    bit<7>  reason;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9>  egress_port;
    bit<7>  pad;
}

header data_t {
    bit<48> address;
    bit<16> flow;
    bit<16> answer;
}

struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    run_t        run;
    data_t       data;
}

struct learned_t {
    bit<48> address;
    bit<9>  port;
}

struct metadata_t {
    bit<9> port;
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    value_set<bit<16>>(4) special_flows;

    state start {
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: from_controller;
            default: frame;
        }
    }
    state from_controller {
        packet.extract(hdr.packet_out);
        transition accept;
    }
    state frame {
        packet.extract(hdr.run);
        packet.extract(hdr.data);
        transition select(hdr.data.flow) {
            special_flows: special;
            default: accept;
        }
    }
    state special {
        hdr.data.answer = 0x5555;
        transition accept;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control I(inout headers_t hdr, METADATA) {
    action_profile(16) answers;
    @name("spread")
    action_selector(HashAlgorithm.crc16, 64, 14) spread;
    direct_counter(CounterType.packets_and_bytes) flow_counter;
    direct_meter<bit<2>>(MeterType.bytes) flow_meter;
    counter(8, CounterType.packets) totals;
    meter(8, MeterType.packets) rates;

    action answer(bit<16> value) {
        hdr.data.answer = value;
    }
    action discard() {
        mark_to_drop(standard_metadata);
    }
    table indirect {
        key = { hdr.data.flow : exact; }
        actions = { answer; discard; NoAction; }
        implementation = answers;
        size = 32;
    }
    table selected {
        key = {
            hdr.data.flow : exact;
            hdr.data.address : selector;
        }
        actions = { answer; NoAction; }
        implementation = spread;
        size = 32;
    }
    table learned {
        key = { hdr.data.address : exact; }
        actions = { NoAction; }
        support_timeout = true;
        size = 32;
    }
    bit<2> colour = 0;
    action metered(bit<16> value) {
        hdr.data.answer = value;
        flow_counter.count();
        flow_meter.read(colour);
    }
    table flows {
        key = { hdr.data.flow : ternary @name("flow"); }
        actions = { metered; NoAction; }
        counters = flow_counter;
        meters = flow_meter;
        size = 32;
    }

    apply {
        if (hdr.packet_out.isValid()) {
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
            exit;
        }
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
        if (hdr.run.test == 1) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = standard_metadata.ingress_port;
            hdr.packet_in.reason = 5;
            standard_metadata.egress_spec = CPU_PORT;
        } else if (hdr.run.test == 2) {
            if (!learned.apply().hit) {
                digest<learned_t>(1, { hdr.data.address, standard_metadata.ingress_port });
            }
        } else if (hdr.run.test == 3) {
            indirect.apply();
        } else if (hdr.run.test == 4) {
            selected.apply();
        } else if (hdr.run.test == 5) {
            totals.count(1);
            flows.apply();
        } else if (hdr.run.test == 6) {
            standard_metadata.mcast_grp = (bit<16>)hdr.run.port;
        } else if (hdr.run.test == 7) {
            clone(CloneType.I2E, (bit<32>)hdr.run.port);
        } else if (hdr.run.test == 8) {
            rates.execute_meter(1, colour);
            hdr.data.answer = (bit<16>)colour;
        }
    }
}

control E(inout headers_t hdr, METADATA) {
    apply {
        if (standard_metadata.instance_type == 5 || standard_metadata.instance_type == 1) {
            hdr.data.answer = standard_metadata.egress_rid;
        }
    }
}

control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.run);
        packet.emit(hdr.data);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
