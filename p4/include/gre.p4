// GRE tunnels over IPv4 (RFC 2784, no options). A packet passes the pipeline once with each IP
// header: as what the tunnel carries, and as what carries it; between the two it is recirculated.
#ifndef _GRE_P4_
#define _GRE_P4_

#include "headers.p4"

const bit<8> GRE_TTL = 255;
const bit<16> GRE_OVERHEAD = 24;               // octets: IPv4 and GRE headers

// Several passes mean tunnels in tunnels, or one that is routed through itself.
const bit<3> LAST_PASS = 7;

// To the next pass; what it has to know is in the fields of list 1 (metadata_t).
control NextPass(inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {
        if (meta.passes == LAST_PASS) {
            meta.reason = REASON_ROUTE_DISCARD;
        } else {
            meta.again = 1;
            meta.passes = meta.passes + 1;
            standard_metadata.egress_spec = RECIRCULATION_PORT;
        }
    }
}

// The far end of a tunnel: off go the headers that carried. The packet has passed what IPsec asks
// of it; now it comes in by the tunnel interface.
control GreIn(inout headers_t hdr,
              inout metadata_t meta,
              inout standard_metadata_t standard_metadata) {

    NextPass() next_pass;

    // What came in by a tunnel, by if_id; octets are those of what carried, as it came in.
    @id(0x12000003)
    counter(INTERFACE_TABLE_SIZE, CounterType.packets_and_bytes) gre_received;

    @id(0x01000022)
    action gre_decapsulate(@id(1) if_id_t if_id) {
        meta.if_in = if_id;
    }

    @id(0x02000018)
    table gre_in {
        key = {
            hdr.ipv4.src : exact @id(1) @name("src");
            hdr.ipv4.dst : exact @id(2) @name("dst");
        }
        actions = {
            gre_decapsulate;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = INTERFACE_TABLE_SIZE;
    }

    apply {
        if (gre_in.apply().hit) {
            gre_received.count((bit<32>)meta.if_in);
            hdr.ethernet.ether_type = hdr.gre.protocol;
            hdr.vlan.setInvalid();
            hdr.ipv4.setInvalid();
            hdr.ipv4_options.setInvalid();
            hdr.gre.setInvalid();
            meta.origin = ORIGIN_WIRE;
            next_pass.apply(meta, standard_metadata);
        }
    }
}

// The near end of a tunnel: a packet that leaves by its interface gets the headers that carry it,
// and is a packet of the router's own from then on.
control GreOut(inout headers_t hdr,
               inout metadata_t meta,
               inout standard_metadata_t standard_metadata) {

    NextPass() next_pass;

    // Of the carrying headers, which may be fragmented.
    @id(0x16000004)
    register<bit<16>>(1) gre_identification;
    bit<16> identification = 0;

    @id(0x01000023)
    action gre_encapsulate(@id(1) bit<32> src, @id(2) bit<32> dst) {
        meta.carried = 1;
        hdr.carrier.setValid();
        hdr.carrier.version = 4;
        hdr.carrier.ihl = 5;
        hdr.carrier.reserved = 0;
        hdr.carrier.df = 0;
        hdr.carrier.mf = 0;
        hdr.carrier.fragment_offset = 0;
        hdr.carrier.ttl = GRE_TTL;
        hdr.carrier.protocol = PROTOCOL_GRE;
        hdr.carrier.checksum = 0;
        hdr.carrier.src = src;
        hdr.carrier.dst = dst;
    }

    @id(0x02000019)
    table gre_out {
        key = {
            meta.if_out : exact @id(1) @name("if_id");
        }
        actions = {
            gre_encapsulate;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = INTERFACE_TABLE_SIZE;
    }

    apply {
        if (gre_out.apply().hit) {
            gre_identification.read(identification, 0);
            identification = identification + 1;
            gre_identification.write(0, identification);
            hdr.carrier.identification = identification;
            hdr.carrier.total_length = meta.ip_length[15:0] + GRE_OVERHEAD;
            hdr.carrier_gre.setValid();
            hdr.carrier_gre.flags_and_version = 0;
            hdr.carrier_gre.protocol = meta.ether_type;
            if (hdr.ipv4.isValid()) {
                hdr.carrier.dscp = hdr.ipv4.dscp;
                hdr.carrier.ecn = hdr.ipv4.ecn;
            } else {
                hdr.carrier.dscp = hdr.ipv6.dscp;
                hdr.carrier.ecn = hdr.ipv6.ecn;
            }
            next_pass.apply(meta, standard_metadata);
        }
    }
}

#endif
