// Address and port translation of an Easy VPN remote in client mode: many inside hosts share the
// address that the server assigned. The host decides on each flow once; then the pipeline goes on.
#ifndef _NAT_P4_
#define _NAT_P4_

#include "headers.p4"

// RFC 1624: a checksum after an address and a port have been replaced.
#define ADJUST_CHECKSUM(checksum, old_address, new_address, old_port, new_port) \
    sum = (bit<32>)(~(checksum)) + (bit<32>)(~(old_address)[31:16]) \
        + (bit<32>)(~(old_address)[15:0]) + (bit<32>)(~(old_port)) \
        + (bit<32>)(new_address)[31:16] + (bit<32>)(new_address)[15:0] + (bit<32>)(new_port); \
    sum = (sum & 0xFFFF) + (sum >> 16); \
    sum = (sum & 0xFFFF) + (sum >> 16); \
    (checksum) = ~sum[15:0]

// The way out: which packets are translated, and to what.
control NatOut(inout headers_t hdr, inout metadata_t meta) {

    @id(0x13000020)
    direct_counter(CounterType.packets_and_bytes) nat_out_v4_counter;

    bit<16> rule = 0;
    bit<16> port = 0;
    bit<1> translated = 0;
    bit<32> new_address = 0;
    bit<16> new_port = 0;
    bit<32> sum = 0;

    @id(0x01000040)
    action nat_translate(@id(1) bit<16> nat_rule) {
        rule = nat_rule;
    }

    // By source and destination, as policy is: an access list of what is to be translated.
    @id(0x02000030)
    table nat_rule_v4 {
        key = {
            meta.spd_out : exact @id(1) @name("spd_policy");
            hdr.ipv4.src : ternary @id(2) @name("src");
            hdr.ipv4.dst : ternary @id(3) @name("dst");
        }
        actions = {
            nat_translate;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = NAT_RULE_TABLE_SIZE;
    }

    @id(0x01000041)
    action nat_source(@id(1) bit<32> address, @id(2) bit<16> new_source_port) {
        translated = 1;
        new_address = address;
        new_port = new_source_port;
    }

    @id(0x01000042)
    action nat_unknown() {
        meta.reason = REASON_NAT_FLOW;
        meta.value = (bit<32>)rule;
    }

    @id(0x02000031)
    table nat_out_v4 {
        key = {
            rule : exact @id(1) @name("nat_rule");
            hdr.ipv4.src : exact @id(2) @name("src");
            meta.protocol : exact @id(3) @name("protocol");
            port : exact @id(4) @name("port");
        }
        actions = {
            nat_source;
            @defaultonly nat_unknown;
        }
        const default_action = nat_unknown();
        counters = nat_out_v4_counter;
        size = NAT_FLOW_TABLE_SIZE;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            if (nat_rule_v4.apply().hit) {
                if (meta.fragment_offset != 0 || meta.more_fragments == 1) {
                    meta.reason = REASON_REASSEMBLE;
                } else {
                    port = meta.src_port;
                    if (hdr.icmp_echo.isValid()) {
                        port = hdr.icmp_echo.identifier;
                    }
                    nat_out_v4.apply();
                }
            }
        }
        if (hdr.ipv4.isValid() && translated == 1) {
            if (hdr.tcp_rest.isValid()) {
                ADJUST_CHECKSUM(hdr.tcp_rest.checksum, hdr.ipv4.src, new_address, port, new_port);
            } else if (hdr.udp_rest.isValid() && hdr.udp_rest.checksum != 0) {
                ADJUST_CHECKSUM(hdr.udp_rest.checksum, hdr.ipv4.src, new_address, port, new_port);
                if (hdr.udp_rest.checksum == 0) {
                    hdr.udp_rest.checksum = 0xFFFF;
                }
            }
            if (hdr.icmp.isValid() && hdr.icmp_echo.isValid()) {
                ADJUST_CHECKSUM(hdr.icmp.checksum, (bit<32>)0, (bit<32>)0, port, new_port);
                hdr.icmp_echo.identifier = new_port;
            } else if (hdr.ports.isValid()) {
                hdr.ports.src_port = new_port;
                meta.src_port = new_port;
            }
            hdr.ipv4.src = new_address;
            meta.header_changed = 1;
        }
    }
}

// The way back: what comes to an address that is translated to goes on to its inside host.
control NatIn(inout headers_t hdr, inout metadata_t meta) {

    @id(0x13000021)
    direct_counter(CounterType.packets_and_bytes) nat_in_v4_counter;

    bit<16> port = 0;
    bit<1> translated = 0;
    bit<32> new_address = 0;
    bit<16> new_port = 0;
    bit<32> sum = 0;

    @id(0x01000043)
    action nat_destination(@id(1) bit<32> address, @id(2) bit<16> new_destination_port) {
        translated = 1;
        new_address = address;
        new_port = new_destination_port;
    }

    @id(0x02000032)
    table nat_in_v4 {
        key = {
            hdr.ipv4.dst : exact @id(1) @name("dst");
            meta.protocol : exact @id(2) @name("protocol");
            port : exact @id(3) @name("port");
        }
        actions = {
            nat_destination;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        counters = nat_in_v4_counter;
        size = NAT_FLOW_TABLE_SIZE;
    }

    apply {
        if (hdr.icmp_echo.isValid()) {
            port = hdr.icmp_echo.identifier;
        } else {
            port = meta.dst_port;
        }
        if (hdr.ipv4.isValid()
            && (hdr.icmp_echo.isValid() || hdr.tcp_rest.isValid() || hdr.udp_rest.isValid())) {
            nat_in_v4.apply();
        }
        if (hdr.ipv4.isValid() && translated == 1) {
            if (hdr.tcp_rest.isValid()) {
                ADJUST_CHECKSUM(hdr.tcp_rest.checksum, hdr.ipv4.dst, new_address, port, new_port);
            } else if (hdr.udp_rest.isValid() && hdr.udp_rest.checksum != 0) {
                ADJUST_CHECKSUM(hdr.udp_rest.checksum, hdr.ipv4.dst, new_address, port, new_port);
                if (hdr.udp_rest.checksum == 0) {
                    hdr.udp_rest.checksum = 0xFFFF;
                }
            }
            if (hdr.icmp.isValid() && hdr.icmp_echo.isValid()) {
                ADJUST_CHECKSUM(hdr.icmp.checksum, (bit<32>)0, (bit<32>)0, port, new_port);
                hdr.icmp_echo.identifier = new_port;
            } else if (hdr.ports.isValid()) {
                hdr.ports.dst_port = new_port;
                meta.dst_port = new_port;
            }
            hdr.ipv4.dst = new_address;
            meta.is_local = 0;
            meta.header_changed = 1;
        }
    }
}

#endif
