// Control flow: switch on the action, hit and miss, conditions in actions, exit, return, hidden
// tables, log messages, assertions.
#include "base.p4"

header data_t {
    bit<8>  a;
    bit<8>  b;
    bit<16> log;
}

struct headers_t {
    run_t  run;
    data_t data;
}

struct metadata_t {
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        packet.extract(hdr.data);
        transition accept;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control I(inout headers_t hdr, METADATA) {
    action red() {
        hdr.data.log = hdr.data.log | 1;
    }
    action green(bit<8> by) {
        hdr.data.log = hdr.data.log | 2;
        hdr.data.b = hdr.data.b + by;
    }
    action leave() {
        hdr.data.log = hdr.data.log | 4;
        exit;
    }
    action deep(bit<8> limit) {
        if (hdr.data.a > limit) {
            hdr.data.log = hdr.data.log | 0x10;
            if (hdr.data.b == 0) {
                hdr.data.log = hdr.data.log | 0x20;
            } else {
                hdr.data.b = hdr.data.b - 1;
            }
        } else {
            hdr.data.log = hdr.data.log | 0x40;
        }
        hdr.data.log = hdr.data.log | 0x80;
    }
    action count_up() {
        for (bit<8> i = 0; i <= hdr.data.a; i = i + 1) {
            hdr.data.b = hdr.data.b + 1;
        }
    }
    action count_and_leave() {
        for (bit<8> i = 0; i < hdr.data.a; i = i + 1) {
            if (i == 3) {
                exit;
            }
            hdr.data.b = hdr.data.b + 1;
        }
    }
    table colours {
        key = { hdr.data.a : exact; }
        actions = { red; green; leave; NoAction; }
        default_action = NoAction();
    }
    table depths {
        key = { hdr.data.a : ternary; }
        actions = { deep; NoAction; }
        default_action = deep(10);
    }
    table depths_again {
        key = { hdr.data.a : ternary; }
        actions = { deep; NoAction; }
        const default_action = deep(20);
    }
    @hidden
    table secret {
        key = { hdr.data.b : exact; }
        actions = { red; NoAction; }
        const entries = {
            42 : red();
        }
        const default_action = NoAction();
    }

    apply {
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
        if (hdr.run.test == 1) {
            switch (colours.apply().action_run) {
                red: {
                    hdr.data.log = hdr.data.log | 0x100;
                }
                green: {
                    hdr.data.log = hdr.data.log | 0x200;
                    depths_again.apply();
                }
                default: {
                    hdr.data.log = hdr.data.log | 0x400;
                }
            }
        } else if (hdr.run.test == 2) {
            if (!depths.apply().hit) {
                hdr.data.log = hdr.data.log | 0x800;
                if (hdr.data.b == 1) {
                    return;
                }
            }
        } else if (hdr.run.test == 3) {
            secret.apply();
        } else if (hdr.run.test == 4) {
            log_msg("a is {}, b is {}", { hdr.data.a, hdr.data.b });
        } else if (hdr.run.test == 5) {
            assert(hdr.data.a != 5);
        } else if (hdr.run.test == 6) {
            count_up();
        } else if (hdr.run.test == 7) {
            count_and_leave();
        }
        hdr.data.log = hdr.data.log | 0x8000;
    }
}

control E(inout headers_t hdr, METADATA) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.data);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
