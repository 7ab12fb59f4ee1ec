// Security association database, inbound: (destination, protocol, SPI) names the SA.
#ifndef _SAD_P4_
#define _SAD_P4_

#include "headers.p4"

control Sad(in headers_t hdr, inout metadata_t meta) {

    @id(0x13000001)
    direct_counter(CounterType.packets_and_bytes) sad_v4_counter;
    @id(0x13000002)
    direct_counter(CounterType.packets_and_bytes) sad_v6_counter;

    @id(0x01000006)
    action sad_decrypt(@id(1) sa_index_t sa_index) {
        meta.sa_index = sa_index;
    }

    // The inner SA of an AH+ESP bundle: its packets come inside the outer one, never alone.
    @id(0x01000007)
    action sad_inner_only() {
        meta.reason = REASON_BUNDLE_INNER_ALONE;
    }

    @id(0x01000008)
    action sad_miss() {
        meta.reason = REASON_INVALID_SPI;
        meta.value = meta.spi;
    }

    @id(0x02000005)
    table sad_v4 {
        key = {
            hdr.ipv4.dst : exact @id(1) @name("dst");
            meta.sad_protocol : exact @id(2) @name("protocol");
            meta.spi : exact @id(3) @name("spi");
        }
        actions = {
            sad_decrypt;
            sad_inner_only;
            @defaultonly sad_miss;
        }
        const default_action = sad_miss();
        counters = sad_v4_counter;
        size = SAD_TABLE_SIZE;
    }

    @id(0x02000006)
    table sad_v6 {
        key = {
            hdr.ipv6.dst : exact @id(1) @name("dst");
            meta.sad_protocol : exact @id(2) @name("protocol");
            meta.spi : exact @id(3) @name("spi");
        }
        actions = {
            sad_decrypt;
            sad_inner_only;
            @defaultonly sad_miss;
        }
        const default_action = sad_miss();
        counters = sad_v6_counter;
        size = SAD_TABLE_SIZE;
    }

    apply {
        if (meta.service == SERVICE_AH) {
            meta.sad_protocol = PROTOCOL_AH;
            meta.spi = hdr.ah.spi;
            meta.sequence = (bit<64>)hdr.ah.sequence;
        } else {
            meta.sad_protocol = PROTOCOL_ESP;
            meta.spi = hdr.esp.spi;
            meta.sequence = (bit<64>)hdr.esp.sequence;
        }
        if (hdr.ipv4.isValid()) {
            sad_v4.apply();
        } else {
            sad_v6.apply();
        }
    }
}

// The SA's inbound data: asked before decryption and again after it, so no counter here.
control SaIn(inout metadata_t meta) {

    @id(0x01000009)
    action sa_in_data(@id(1) bit<32> epoch, @id(2) bit<16> window, @id(3) bit<1> udp_encap,
                      @id(4) bit<16> peer_port, @id(5) bit<1> esn) {
        meta.epoch = epoch;
        meta.window = window;
        meta.udp_encap = udp_encap;
        meta.peer_port = peer_port;
        meta.esn = esn;
    }

    @id(0x0100000A)
    action sa_in_missing() {
        meta.reason = REASON_SA_IN_MISSING;
    }

    @id(0x02000007)
    table sa_in {
        key = {
            meta.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            sa_in_data;
            @defaultonly sa_in_missing;
        }
        const default_action = sa_in_missing();
        size = SA_TABLE_SIZE;
    }

    apply {
        if (sa_in.apply().hit) {
            if (meta.origin == ORIGIN_DECRYPTED) {
                // Decrypted by an SA that has been replaced since: its successor's state is not
                // to be touched.
                if (meta.packet_epoch != meta.epoch) {
                    meta.reason = REASON_SA_IN_MISSING;
                }
            } else if ((meta.service == SERVICE_ESP_IN_UDP) != (meta.udp_encap == 1)) {
                meta.reason = REASON_WRONG_ENCAPSULATION;
            }
        }
    }
}

#endif
