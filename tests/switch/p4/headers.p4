// Headers as values: validity, copies, stacks (push, pop, run-time index), unions, comparison.
#include "base.p4"

header item_t {
    bit<8>  kind;
    bit<16> value;
}

header short_t {
    bit<8> s;
}

header long_t {
    bit<32> l;
}

header_union choice_t {
    short_t short_one;
    long_t  long_one;
}

header answer_t {
    bit<16> value;
    bit<8>  flags;
}

struct headers_t {
    run_t     run;
    answer_t  answer;
    item_t[4] items;
    item_t    single;
    item_t    copied;
    choice_t  choice;
}

struct metadata_t {
    bit<8> index;
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        transition select(hdr.run.number[15:12]) {
            1: short_choice;
            2: long_choice;
            default: items;
        }
    }
    state short_choice {
        packet.extract(hdr.choice.short_one);
        transition items;
    }
    state long_choice {
        packet.extract(hdr.choice.long_one);
        transition items;
    }
    state items {
        packet.extract(hdr.items.next);
        transition select(hdr.items.last.kind) {
            0 &&& 0x80: items;
            default: single;
        }
    }
    state single {
        packet.extract(hdr.single);
        transition accept;
    }
}

control I(inout headers_t hdr, METADATA) {
    action push_two() {
        hdr.items.push_front(2);
        hdr.items[0].setValid();
        hdr.items[0].kind = 0xaa;
        hdr.items[0].value = 0xbbbb;
    }
    action pop_one() {
        hdr.items.pop_front(1);
    }
    action by_index() {
        meta.index = hdr.single.kind & 3;
        hdr.answer.value = hdr.items[meta.index].value;
        hdr.items[meta.index].value = hdr.single.value;
    }
    action copy() {
        hdr.copied = hdr.single;
        hdr.copied.value = hdr.copied.value + 1;
        hdr.single = hdr.items[1];
    }
    action revive() {
        hdr.single.setInvalid();
        hdr.single.setValid();
        hdr.single.kind = 1;
    }
    action choose_short() {
        hdr.choice.short_one.setValid();
        hdr.choice.short_one.s = 0x5a;
    }
    action choose_long() {
        hdr.choice.long_one.setValid();
        hdr.choice.long_one.l = 0xdeadbeef;
    }
    action drop_choice() {
        hdr.choice.short_one.setInvalid();
        hdr.choice.long_one.setInvalid();
    }

    apply {
        hdr.answer.setValid();
        hdr.answer.value = 0;
        if (hdr.run.test == 1) {
            push_two();
        } else if (hdr.run.test == 2) {
            pop_one();
        } else if (hdr.run.test == 3) {
            by_index();
        } else if (hdr.run.test == 4) {
            copy();
        } else if (hdr.run.test == 5) {
            revive();
        } else if (hdr.run.test == 6) {
            choose_short();
        } else if (hdr.run.test == 7) {
            choose_long();
        } else if (hdr.run.test == 8) {
            drop_choice();
        } else if (hdr.run.test == 9) {
            pop_one();
            push_two();
            pop_one();
        } else if (hdr.run.test == 10) {
            hdr.items[0].setInvalid();
        }
        bit<8> flags = 0;
        if (hdr.choice.isValid()) {
            flags = flags | 1;
        }
        if (hdr.choice.short_one.isValid()) {
            flags = flags | 2;
        }
        if (hdr.choice.long_one.isValid()) {
            flags = flags | 4;
        }
        if (hdr.single == hdr.items[0]) {
            flags = flags | 8;
        }
        if (hdr.copied.isValid()) {
            flags = flags | 16;
        }
        if (hdr.items[3].isValid()) {
            flags = flags | 32;
        }
        hdr.answer.flags = flags;
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }

control E(inout headers_t hdr, METADATA) {
    apply {
        // setValid and setInvalid change what egress takes for the length.
        if (hdr.run.number[0:0] == 1) {
            hdr.answer.value = (bit<16>)standard_metadata.packet_length;
        }
    }
}

control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.answer);
        packet.emit(hdr.choice);
        packet.emit(hdr.items);
        packet.emit(hdr.single);
        packet.emit(hdr.copied);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
