// Every match kind; which entry wins is the answer.
#include "base.p4"

header key_t {
    bit<32> a;
    bit<16> b;
    bit<8>  c;
    bit<8>  d;
}

header answer_t {
    bit<32> value;
    bit<8>  hit;
}

struct headers_t {
    run_t    run;
    key_t    key;
    answer_t answer;
}

struct metadata_t {
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        transition select(hdr.run.test) {
            0xff: accept; // no key: its fields match as zero
            default: key;
        }
    }
    state key {
        packet.extract(hdr.key);
        transition accept;
    }
}

control I(inout headers_t hdr, METADATA) {
    direct_counter(CounterType.packets_and_bytes) hits;

    action answer(bit<32> value) {
        hdr.answer.value = value;
    }
    action shout() {
        hdr.answer.value = 0xffffffff;
    }
    action only_default(bit<32> value) {
        hdr.answer.value = value + 1;
    }

    table exact_one {
        key = { hdr.key.b : exact; }
        actions = { answer; shout; @defaultonly only_default; NoAction; }
        default_action = only_default(6);
        size = 8;
        counters = hits;
    }
    table exact_many {
        key = { hdr.key.b : exact; hdr.key.c : exact; hdr.key.isValid() : exact; }
        actions = { answer; @tableonly shout; NoAction; }
        const default_action = NoAction();
        size = 1024;
    }
    table longest {
        key = { hdr.key.c : exact; hdr.key.a : lpm; }
        actions = { answer; NoAction; }
        size = 1024;
    }
    table masked {
        key = { hdr.key.a : ternary; hdr.key.b : ternary; hdr.key.c : exact; }
        actions = { answer; NoAction; }
        size = 1024;
    }
    table mixed {
        key = { hdr.key.b : range; hdr.key.a : lpm; hdr.key.c : optional; hdr.key.d : range; }
        actions = { answer; NoAction; }
        size = 1024;
    }
    table declared {
        key = { hdr.key.b : ternary; hdr.key.c : range; hdr.key.d : optional; }
        actions = { answer; NoAction; }
        const entries = {
            (0x0100 &&& 0xff00, 1 .. 8, _) : answer(1);
            (0x0102, _, 7) : answer(2);
            (_, 5 .. 5, 9) : answer(3);
            (0x0000 &&& 0x0001, _, _) : answer(4);
        }
    }
    table prefixes {
        key = { hdr.key.a : lpm; }
        actions = { answer; NoAction; }
        const entries = {
            0x0a000000 &&& 0xff000000 : answer(8);
            0x0a010000 &&& 0xffff0000 : answer(16);
            0x0a010203 : answer(32);
        }
        const default_action = answer(0);
    }

    apply {
        hdr.answer.setValid();
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
        bool hit = false;
        if (hdr.run.test == 1 || hdr.run.test == 0xff) {
            hit = exact_one.apply().hit;
        } else if (hdr.run.test == 2) {
            hit = exact_many.apply().hit;
        } else if (hdr.run.test == 3) {
            hit = longest.apply().hit;
        } else if (hdr.run.test == 4) {
            hit = masked.apply().hit;
        } else if (hdr.run.test == 5) {
            hit = mixed.apply().hit;
        } else if (hdr.run.test == 6) {
            hit = declared.apply().hit;
        } else if (hdr.run.test == 7) {
            hit = prefixes.apply().hit;
        }
        hdr.answer.hit = hit ? 8w1 : 8w0;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }
control E(inout headers_t hdr, METADATA) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.answer);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
