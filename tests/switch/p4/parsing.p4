// Parser constructs: stacks and loops, varbit, lookahead, advance, verify, value sets, masks.
#include "base.p4"

header report_t {
    bit<8> error_code;
    bit<8> path;
    bit<8> tags;
    bit<8> first;
}

header tag_t {
    bit<3>  kind;
    bit<12> id;
    bit<1>  last;
}

header options_t {
    bit<4>      words;
    bit<4>      flags;
    varbit<256> body;
    bit<16>     trailer;
}

header plain_t {
    bit<16> a;
    bit<16> b;
}

struct headers_t {
    report_t  report;
    run_t     run;
    tag_t[3]  tags;
    options_t options;
    plain_t   plain;
}

struct metadata_t {
    bit<8> path;
    bit<8> peeked;
}

error {
    TooManyWords,
    ReservedKind
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    value_set<bit<16>>(4) marks;

    state start {
        packet.extract(hdr.run);
        transition select(hdr.run.test, hdr.run.number) {
            (1, _): tags;
            (2, _): options;
            (3, _): peek;
            (4, _): skip;
            (5, _): marked;
            (6, 0x8000 &&& 0xc000): plain;
            (6, 0x0007): plain_seven;
            (0x70 &&& 0xf0, _): checked;
            default: accept;
        }
    }
    state tags {
        packet.extract(hdr.tags.next);
        verify(hdr.tags.last.kind != 7, error.ReservedKind);
        transition select(hdr.tags.last.last) {
            0: tags;
            1: plain;
        }
    }
    state options {
        bit<4> words = packet.lookahead<bit<4>>();
        verify(words <= 8, error.TooManyWords);
        packet.extract(hdr.options, (bit<32>)words * 32);
        transition plain;
    }
    state peek {
        bit<24> three = packet.lookahead<bit<24>>();
        meta.peeked = three[7:0];
        transition select(three[23:16]) {
            0x45: plain;
            0x60 .. 0x6f: skip;
            default: accept;
        }
    }
    state skip {
        bit<8> count = packet.lookahead<bit<8>>();
        packet.advance((bit<32>)count);
        meta.path = 4;
        transition plain;
    }
    state marked {
        plain_t ahead = packet.lookahead<plain_t>();
        transition select(ahead.a) {
            marks: plain;
            default: accept;
        }
    }
    state plain {
        meta.path = meta.path + 1;
        packet.extract(hdr.plain);
        transition accept;
    }
    state plain_seven {
        meta.path = 7;
        transition plain;
    }
    state checked {
        packet.extract(hdr.plain);
        verify(hdr.plain.a < hdr.plain.b, error.NoMatch);
        meta.path = 70;
        transition accept;
    }
}

control I(inout headers_t hdr, METADATA) {
    apply {
        hdr.report.setValid();
        if (standard_metadata.parser_error == error.NoError) {
            hdr.report.error_code = 0;
        } else if (standard_metadata.parser_error == error.PacketTooShort) {
            hdr.report.error_code = 1;
        } else if (standard_metadata.parser_error == error.NoMatch) {
            hdr.report.error_code = 2;
        } else if (standard_metadata.parser_error == error.StackOutOfBounds) {
            hdr.report.error_code = 3;
        } else if (standard_metadata.parser_error == error.TooManyWords) {
            hdr.report.error_code = 4;
        } else if (standard_metadata.parser_error == error.ReservedKind) {
            hdr.report.error_code = 5;
        } else if (standard_metadata.parser_error == error.ParserInvalidArgument) {
            hdr.report.error_code = 6;
        } else {
            hdr.report.error_code = 99;
        }
        hdr.report.path = meta.path;
        hdr.report.tags = (bit<8>)(bit<1>)hdr.tags[0].isValid()
            + (bit<8>)(bit<1>)hdr.tags[1].isValid() + (bit<8>)(bit<1>)hdr.tags[2].isValid();
        hdr.report.first = meta.peeked;
        if (hdr.plain.isValid()) {
            hdr.plain.b = hdr.plain.b + 1;
        }
        if (hdr.options.isValid()) {
            hdr.options.flags = 0xf;
        }
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }
control E(inout headers_t hdr, METADATA) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.report);
        packet.emit(hdr.run);
        packet.emit(hdr.tags);
        packet.emit(hdr.options);
        packet.emit(hdr.plain);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
