// Every operator, on values from the packet: unsigned, signed, odd widths, saturating, wide.
#include "base.p4"

header operands_t {
    bit<32>  a;
    bit<32>  b;
    int<16>  c;
    int<16>  d;
    bit<8>   amount;
    bit<3>   x;
    bit<5>   y;
    bit<128> w;
    bit<8>   u;
    bit<8>   v;
}

header results_t {
    bit<32>  sum;
    bit<32>  difference;
    bit<32>  product;
    bit<32>  conjunction;
    bit<32>  disjunction;
    bit<32>  exclusive;
    bit<32>  complement;
    bit<32>  left;
    bit<32>  right;
    int<16>  signed_sum;
    int<16>  signed_product;
    int<16>  signed_negative;
    int<16>  signed_right;
    bit<8>   saturated_sum;
    bit<8>   saturated_difference;
    int<16>  signed_saturated_sum;
    int<16>  signed_saturated_difference;
    bit<8>   joined;      // x ++ y
    bit<8>   sliced;      // a[19:12]
    bit<32>  stored;      // a with a[11:4] = u
    bit<128> wide_sum;
    bit<128> wide_left;
    bit<32>  extended;    // (bit<32>)(int<32>)c
    bit<8>   truncated;   // (bit<8>)a
    bit<1>   less;
    bit<1>   less_equal;
    bit<1>   greater;
    bit<1>   greater_equal;
    bit<1>   equal;
    bit<1>   unequal;
    bit<1>   signed_less;
    bit<1>   both;
    bit<1>   either;
    bit<1>   neither;
    bit<6>   pad;
    bit<32>  chosen;
}

struct headers_t {
    run_t      run;
    operands_t operands;
    results_t  results;
}

struct metadata_t {
}

parser P(packet_in packet, out headers_t hdr, METADATA) {
    state start {
        packet.extract(hdr.run);
        packet.extract(hdr.operands);
        transition accept;
    }
}

control I(inout headers_t hdr, METADATA) {
    action bits() {
        hdr.results.sum = hdr.operands.a + hdr.operands.b;
        hdr.results.difference = hdr.operands.a - hdr.operands.b;
        hdr.results.product = hdr.operands.a * hdr.operands.b;
        hdr.results.conjunction = hdr.operands.a & hdr.operands.b;
        hdr.results.disjunction = hdr.operands.a | hdr.operands.b;
        hdr.results.exclusive = hdr.operands.a ^ hdr.operands.b;
        hdr.results.complement = ~hdr.operands.a;
        hdr.results.left = hdr.operands.a << hdr.operands.amount;
        hdr.results.right = hdr.operands.a >> hdr.operands.amount;
        hdr.results.joined = hdr.operands.x ++ hdr.operands.y;
        hdr.results.sliced = hdr.operands.a[19:12];
        hdr.results.stored = hdr.operands.a;
        hdr.results.stored[11:4] = hdr.operands.u;
        hdr.results.wide_sum = hdr.operands.w + (bit<128>)hdr.operands.a;
        hdr.results.wide_left = hdr.operands.w << hdr.operands.amount;
        hdr.results.truncated = (bit<8>)hdr.operands.a;
    }
    action integers() {
        hdr.results.signed_sum = hdr.operands.c + hdr.operands.d;
        hdr.results.signed_product = hdr.operands.c * hdr.operands.d;
        hdr.results.signed_negative = -hdr.operands.c;
        hdr.results.signed_right = hdr.operands.c >> hdr.operands.amount;
        hdr.results.saturated_sum = hdr.operands.u |+| hdr.operands.v;
        hdr.results.saturated_difference = hdr.operands.u |-| hdr.operands.v;
        hdr.results.signed_saturated_sum = hdr.operands.c |+| hdr.operands.d;
        hdr.results.signed_saturated_difference = hdr.operands.c |-| hdr.operands.d;
        hdr.results.extended = (bit<32>)(int<32>)hdr.operands.c;
    }
    action truths() {
        hdr.results.less = (bit<1>)(hdr.operands.a < hdr.operands.b);
        hdr.results.less_equal = (bit<1>)(hdr.operands.a <= hdr.operands.b);
        hdr.results.greater = (bit<1>)(hdr.operands.a > hdr.operands.b);
        hdr.results.greater_equal = (bit<1>)(hdr.operands.a >= hdr.operands.b);
        hdr.results.equal = (bit<1>)(hdr.operands.a == hdr.operands.b);
        hdr.results.unequal = (bit<1>)(hdr.operands.a != hdr.operands.b);
        hdr.results.signed_less = (bit<1>)(hdr.operands.c < hdr.operands.d);
        hdr.results.both = (bit<1>)(hdr.operands.x == 1 && hdr.operands.y == 1);
        hdr.results.either = (bit<1>)(hdr.operands.x == 1 || hdr.operands.y == 1);
        hdr.results.neither = (bit<1>)(!(hdr.operands.x == 1) && hdr.operands.y != 1);
        hdr.results.chosen = hdr.operands.u > hdr.operands.v ? hdr.operands.a : hdr.operands.b;
    }
    apply {
        hdr.results.setValid();
        bits();
        integers();
        truths();
        standard_metadata.egress_spec = (bit<9>)hdr.run.port;
    }
}

control V(inout headers_t hdr, inout metadata_t meta) { apply { } }
control E(inout headers_t hdr, METADATA) { apply { } }
control C(inout headers_t hdr, inout metadata_t meta) { apply { } }

control D(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.run);
        packet.emit(hdr.results);
    }
}

V1Switch(P(), V(), I(), E(), C(), D()) main;
