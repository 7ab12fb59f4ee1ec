// The packet's last change: Ethernet and VLAN for the wire, or a crypto header for the accelerator.
#ifndef _TRANSMIT_P4_
#define _TRANSMIT_P4_

#include "headers.p4"

// Both ends of the link to the accelerator, locally administered.
const bit<48> PIPELINE_MAC = 0x024950530001;
const bit<48> ACCELERATOR_MAC = 0x024950530002;

control Transmit(inout headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {

    // What left by an interface, by if_id; not what the host sends straight to a port. Octets are
    // those with which a packet came into the pipeline, as v1model counts.
    @id(0x12000002)
    counter(INTERFACE_TABLE_SIZE, CounterType.packets_and_bytes) interface_sent;

    // The same of a class of its output policy: by interface, class and origin. By a tunnel
    // interface a packet leaves when it goes to the crypto engine, or into the tunnel.
    @id(0x12000042)
    counter(CLASS_COUNTER_SIZE, CounterType.packets_and_bytes) class_sent;

    // What crosses the router loses one hop; the router's own packets do not.
    @hidden
    action decrement_ttl() {
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        meta.header_changed = 1;
    }

    @hidden
    action decrement_hop_limit() {
        hdr.ipv6.hop_limit = hdr.ipv6.hop_limit - 1;
    }

    @hidden
    action to_wire() {
        hdr.ethernet.dst_mac = meta.dst_mac;
        hdr.ethernet.src_mac = meta.src_mac;
        standard_metadata.egress_spec = meta.egress_port;
    }

    @hidden
    action untagged() {
        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = meta.ether_type;
    }

    @hidden
    action tagged() {
        hdr.vlan.setValid();
        hdr.vlan.priority = 0;
        hdr.vlan.drop_eligible = 0;
        hdr.vlan.vlan_id = meta.egress_vlan;
        hdr.vlan.ether_type = meta.ether_type;
        hdr.ethernet.ether_type = ETHERTYPE_VLAN;
    }

    // Once more through the pipeline, as a packet of the router's own.
    @hidden
    action into_tunnel() {
        hdr.vlan.setInvalid();
        hdr.ethernet.ether_type = ETHERTYPE_IPV4;
        meta.origin = ORIGIN_HOST;
        meta.ingress_port = CPU_PORT;
    }

    @hidden
    action to_accelerator() {
        hdr.vlan.setInvalid();
        hdr.ethernet.dst_mac = ACCELERATOR_MAC;
        hdr.ethernet.src_mac = PIPELINE_MAC;
        hdr.ethernet.ether_type = ETHERTYPE_CRYPTO;
        hdr.crypto.setValid();
        hdr.crypto.version = CRYPTO_VERSION;
        hdr.crypto.operation = meta.request;
        hdr.crypto.reason = 0;
        hdr.crypto.sa_index = meta.sa_index;
        hdr.crypto.level = 6w0 ++ meta.level;
        hdr.crypto.qos_group = meta.queue;
        hdr.crypto.mtu = 0;
        hdr.crypto.df_policy = 0;
        hdr.crypto.prefragment = 0;
        hdr.crypto.reserved = 0;
        hdr.crypto.l3_offset = 0;
        hdr.crypto.ethertype = meta.ether_type;
        hdr.crypto.ingress_if = meta.if_in;
        hdr.crypto.egress_if = meta.tag ++ meta.if_out[7:0];
        hdr.crypto.epoch = meta.epoch;
        hdr.crypto.spi = 0;
        hdr.crypto.sequence = 0;
        standard_metadata.egress_spec = ACCELERATOR_PORT;
    }

    @hidden
    action for_encryption() {
        hdr.crypto.mtu = meta.path_mtu;
        hdr.crypto.df_policy = meta.df_policy;
        hdr.crypto.prefragment = meta.prefragment;
    }

    @hidden
    action for_decryption() {
        hdr.crypto.spi = meta.spi;
        hdr.crypto.sequence = meta.sequence;
        hdr.crypto.egress_if = meta.src_port;          // nothing leaves yet: see peer_port.p4
    }

    @hidden
    action for_fragmentation() {
        hdr.crypto.mtu = meta.mtu;
        hdr.crypto.sa_index = 0;
        hdr.crypto.epoch = 0;
    }

    // Pieces of a tunnel's packet keep the class in its policy as well.
    @hidden
    action for_fragmentation_in_a_tunnel() {
        hdr.crypto.egress_if = meta.tag ++ 2w0 ++ meta.tunnel_class;
    }

    apply {
        if (meta.request != Operation.DECRYPT
            && (meta.origin == ORIGIN_WIRE || meta.origin == ORIGIN_DECRYPTED)) {
            if (hdr.ipv4.isValid()) {
                decrement_ttl();
            } else {
                decrement_hop_limit();
            }
        }
        if (meta.tunnel_class != 0 && meta.request != Operation.FRAGMENT) {
            class_sent.count(15w0 ++ meta.if_out[7:0] ++ meta.tunnel_class ++ meta.counted_as);
        }
        if (meta.request == Operation.NONE) {
            interface_sent.count((bit<32>)meta.if_out);
            if (meta.carried == 0 && meta.qos_class != 0) {
                class_sent.count(15w0 ++ meta.if_out[7:0] ++ meta.qos_class ++ meta.counted_as);
            }
            if (meta.carried == 1) {
                into_tunnel();
            } else {
                to_wire();
                if (meta.egress_vlan == 0) {
                    untagged();
                } else {
                    tagged();
                }
            }
        } else {
            if (meta.request == Operation.DECRYPT) {
                meta.queue = meta.qos_group;
            }
            to_accelerator();
            if (meta.request == Operation.ENCRYPT) {
                for_encryption();
            } else if (meta.request == Operation.DECRYPT) {
                for_decryption();
            } else {
                for_fragmentation();
                if (meta.egress_port == TUNNEL_PORT) {
                    for_fragmentation_in_a_tunnel();
                }
            }
        }
    }
}

#endif
