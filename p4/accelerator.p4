// The crypto accelerator, as far as a control plane can see it.
//
//   pipeline ──▶ Ethernet 0x88B5 │ crypto header (operation, SA) │ IP packet
//                     │
//        ┌────────────▼────────────┐  by level and qos_group: which class
//        │ llq_select ▶ llq_class  │  its priority, weight, limit, police rate; no rows: one queue
//        └────────────┬────────────┘
//               [ queues ]            priority first, the rest by weight
//                     │
//        ┌────────────▼────────────┐  FRAGMENT: no SA
//        │ sa_encrypt │ sa_decrypt │  looked up by sa_index; the epoch has to be the row's
//        └────────────┬────────────┘
//            [ the crypto engine ]      ESP, AH, fragmentation, sequence numbers, replay
//                     │
//   pipeline ◀── Ethernet 0x88B5 │ crypto header (operation + 8, reason) │ IP packet
//
// This program is the contract: its p4info is what a device (the software model, the RTL, a board)
// serves through P4Runtime. The engine between look-up and result is what v1model has no words
// for; on a v1model switch this program takes requests, finds their SA, and answers UNSUPPORTED.

#include <core.p4>
#include <v1model.p4>

#include "include/crypto_header.p4"

#define ACCELERATOR_SA_TABLE_SIZE 4096
#define SA_ERRORS_SIZE 4194304             // direction (1) ++ sa_index (16) ++ reason (5)
#define ERROR_COUNT 32                     // rows of `errors`, one a reason
#define LLQ_SELECT_TABLE_SIZE 256
#define LLQ_CLASS_TABLE_SIZE 16            // class 0 is class-default
#define LLQ_DROPS_SIZE 32                  // class (4) ++ cause (1)

const bit<8> ACCELERATOR_BAD_HEADER = 1;   // the reasons that this program itself can give
const bit<8> ACCELERATOR_UNKNOWN_SA = 2;
const bit<8> ACCELERATOR_WRONG_EPOCH = 3;
const bit<8> ACCELERATOR_UNSUPPORTED = 18;

const bit<1> LLQ_ABOVE_LIMIT = 1;          // the other cause in `llq_drops` is 0, above the rate

const bit<1> DIRECTION_ENCRYPT = 0;
const bit<1> DIRECTION_DECRYPT = 1;

header ethernet_t {
    bit<48> dst_mac;
    bit<48> src_mac;
    bit<16> ether_type;
}

struct headers_t {
    ethernet_t      ethernet;
    crypto_header_t crypto;
}

// What one row of an SA table tells the engine.
struct sa_t {
    bit<32>  epoch;
    bit<1>   transport;                    // else tunnel mode
    bit<32>  esp_spi;                      // 0 = no ESP
    bit<32>  ah_spi;                       // 0 = no AH; with ESP: AH outside
    bit<8>   cipher;                       // accelerator_id of the algorithms table
    bit<8>   cipher_key_size;              // octets
    bit<256> cipher_key;                   // in the low octets, as all keys
    bit<32>  salt;
    bit<8>   esp_integrity;
    bit<512> esp_integrity_key;
    bit<8>   ah_integrity;
    bit<512> ah_integrity_key;
    bit<1>   esn;
    // Outbound only
    bit<4>   outer_version;
    bit<128> src;                          // IPv4: in the low 32 bits
    bit<128> dst;
    bit<8>   ttl;
    bit<1>   dscp_copy;
    bit<6>   dscp;
    bit<1>   ecn_copy;
    bit<16>  udp_src;
    bit<16>  udp_dst;                      // 0 = no UDP encapsulation
    bit<64>  iv_seed;
    // Inbound only
    bit<1>   udp_encap;
    bit<16>  window;                       // 0 = the pipeline decides on replay
}

// What one row of llq_class tells the scheduler in front of the engine (guide chapter 8).
struct llq_t {
    bit<4>  class_id;
    bit<2>  level;                         // 1 and 2: strictly first, in this order; 0: by weight
    bit<10> weight;                        // of level 0: `bandwidth remaining percent`
    bit<16> limit;                         // packets; 0 drops all
    bit<32> police_rate;                   // octets a second; 0 = not policed
    bit<32> police_burst;                  // octets
    bit<1>  conditional;                   // policed only while packets wait
}

struct metadata_t {
    sa_t   sa;
    llq_t  llq;
    bit<8> reason;
    bit<1> direction;
    bit<1> has_sa;
}

parser RequestParser(packet_in packet,
                     out headers_t hdr,
                     inout metadata_t meta,
                     inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_CRYPTO: parse_crypto_header;
            default: accept;
        }
    }

    state parse_crypto_header {
        packet.extract(hdr.crypto);
        transition accept;
    }
}

control NoChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control Accelerator(inout headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {

    // Packets and bytes that succeeded.
    @id(0x13000001)
    direct_counter(CounterType.packets_and_bytes) sa_encrypt_counter;
    @id(0x13000002)
    direct_counter(CounterType.packets_and_bytes) sa_decrypt_counter;

    // What was refused: by direction, SA and reason; by reason where no SA was found.
    @id(0x12000001)
    counter(SA_ERRORS_SIZE, CounterType.packets) sa_errors;
    @id(0x12000002)
    counter(ERROR_COUNT, CounterType.packets) errors;

    // What a class has let through to the engine, and what it has dropped: by class and cause,
    // 0 above the police rate, 1 above the limit.
    @id(0x13000003)
    direct_counter(CounterType.packets_and_bytes) llq_class_counter;
    @id(0x12000003)
    counter(LLQ_DROPS_SIZE, CounterType.packets_and_bytes) llq_drops;

    @id(0x01000001)
    action encrypt(@id(1) bit<32> epoch,
                   @id(2) bit<1> transport,
                   @id(3) bit<4> outer_version,
                   @id(4) bit<128> src,
                   @id(5) bit<128> dst,
                   @id(6) bit<8> ttl,
                   @id(7) bit<1> dscp_copy,
                   @id(8) bit<6> dscp,
                   @id(9) bit<1> ecn_copy,
                   @id(10) bit<32> esp_spi,
                   @id(11) bit<32> ah_spi,
                   @id(12) bit<8> cipher,
                   @id(13) bit<8> cipher_key_size,
                   @id(14) bit<256> cipher_key,
                   @id(15) bit<32> salt,
                   @id(16) bit<8> esp_integrity,
                   @id(17) bit<512> esp_integrity_key,
                   @id(18) bit<8> ah_integrity,
                   @id(19) bit<512> ah_integrity_key,
                   @id(20) bit<1> esn,
                   @id(21) bit<16> udp_src,
                   @id(22) bit<16> udp_dst,
                   @id(23) bit<64> iv_seed) {
        meta.sa.epoch = epoch;
        meta.sa.transport = transport;
        meta.sa.outer_version = outer_version;
        meta.sa.src = src;
        meta.sa.dst = dst;
        meta.sa.ttl = ttl;
        meta.sa.dscp_copy = dscp_copy;
        meta.sa.dscp = dscp;
        meta.sa.ecn_copy = ecn_copy;
        meta.sa.esp_spi = esp_spi;
        meta.sa.ah_spi = ah_spi;
        meta.sa.cipher = cipher;
        meta.sa.cipher_key_size = cipher_key_size;
        meta.sa.cipher_key = cipher_key;
        meta.sa.salt = salt;
        meta.sa.esp_integrity = esp_integrity;
        meta.sa.esp_integrity_key = esp_integrity_key;
        meta.sa.ah_integrity = ah_integrity;
        meta.sa.ah_integrity_key = ah_integrity_key;
        meta.sa.esn = esn;
        meta.sa.udp_src = udp_src;
        meta.sa.udp_dst = udp_dst;
        meta.sa.iv_seed = iv_seed;
    }

    @id(0x01000002)
    action decrypt(@id(1) bit<32> epoch,
                   @id(2) bit<1> transport,
                   @id(3) bit<32> esp_spi,
                   @id(4) bit<32> ah_spi,
                   @id(5) bit<8> cipher,
                   @id(6) bit<8> cipher_key_size,
                   @id(7) bit<256> cipher_key,
                   @id(8) bit<32> salt,
                   @id(9) bit<8> esp_integrity,
                   @id(10) bit<512> esp_integrity_key,
                   @id(11) bit<8> ah_integrity,
                   @id(12) bit<512> ah_integrity_key,
                   @id(13) bit<1> esn,
                   @id(14) bit<1> udp_encap,
                   @id(15) bit<16> window) {
        meta.sa.epoch = epoch;
        meta.sa.transport = transport;
        meta.sa.esp_spi = esp_spi;
        meta.sa.ah_spi = ah_spi;
        meta.sa.cipher = cipher;
        meta.sa.cipher_key_size = cipher_key_size;
        meta.sa.cipher_key = cipher_key;
        meta.sa.salt = salt;
        meta.sa.esp_integrity = esp_integrity;
        meta.sa.esp_integrity_key = esp_integrity_key;
        meta.sa.ah_integrity = ah_integrity;
        meta.sa.ah_integrity_key = ah_integrity_key;
        meta.sa.esn = esn;
        meta.sa.udp_encap = udp_encap;
        meta.sa.window = window;
    }

    @id(0x01000003)
    action unknown_sa() {
        meta.reason = ACCELERATOR_UNKNOWN_SA;
    }

    @id(0x02000001)
    table sa_encrypt {
        key = {
            hdr.crypto.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            encrypt;
            @defaultonly unknown_sa;
        }
        const default_action = unknown_sa();
        counters = sa_encrypt_counter;
        size = ACCELERATOR_SA_TABLE_SIZE;
    }

    @id(0x02000002)
    table sa_decrypt {
        key = {
            hdr.crypto.sa_index : exact @id(1) @name("sa_index");
        }
        actions = {
            decrypt;
            @defaultonly unknown_sa;
        }
        const default_action = unknown_sa();
        counters = sa_decrypt_counter;
        size = ACCELERATOR_SA_TABLE_SIZE;
    }

    @id(0x01000004)
    action select_class(@id(1) bit<4> class_id) {
        meta.llq.class_id = class_id;
    }

    @id(0x01000005)
    action queue_class(@id(1) bit<2> level,
                       @id(2) bit<10> weight,
                       @id(3) bit<16> limit,
                       @id(4) bit<32> police_rate,
                       @id(5) bit<32> police_burst,
                       @id(6) bit<1> conditional) {
        meta.llq.level = level;
        meta.llq.weight = weight;
        meta.llq.limit = limit;
        meta.llq.police_rate = police_rate;
        meta.llq.police_burst = police_burst;
        meta.llq.conditional = conditional;
        llq_class_counter.count();
    }

    @id(0x01000006)
    action class_default() {
        meta.llq.class_id = 0;
    }

    @id(0x02000003)
    table llq_select {
        key = {
            hdr.crypto.level : ternary @id(1) @name("level");
            hdr.crypto.qos_group : ternary @id(2) @name("qos_group");
        }
        actions = {
            select_class;
            @defaultonly class_default;
        }
        const default_action = class_default();
        size = LLQ_SELECT_TABLE_SIZE;
    }

    @id(0x02000004)
    table llq_class {
        key = {
            meta.llq.class_id : exact @id(1) @name("class_id");
        }
        actions = {
            queue_class;
            @defaultonly class_default;
        }
        const default_action = class_default();
        counters = llq_class_counter;
        size = LLQ_CLASS_TABLE_SIZE;
    }

    apply {
        if (!hdr.crypto.isValid()) {
            mark_to_drop(standard_metadata);
            return;
        }
        llq_select.apply();
        if (llq_class.apply().hit && meta.llq.limit == 0) {
            llq_drops.count(27w0 ++ meta.llq.class_id ++ LLQ_ABOVE_LIMIT);
            mark_to_drop(standard_metadata);
            return;                                // no room ever; v1model knows no other queueing
        }
        if (hdr.crypto.version != CRYPTO_VERSION) {
            meta.reason = ACCELERATOR_BAD_HEADER;
        } else if (hdr.crypto.operation == Operation.ENCRYPT) {
            meta.direction = DIRECTION_ENCRYPT;
            if (sa_encrypt.apply().hit) {
                meta.has_sa = 1;
            }
        } else if (hdr.crypto.operation == Operation.DECRYPT) {
            meta.direction = DIRECTION_DECRYPT;
            if (sa_decrypt.apply().hit) {
                meta.has_sa = 1;
            }
        } else if (hdr.crypto.operation == Operation.FRAGMENT) {
            meta.reason = ACCELERATOR_UNSUPPORTED;
        } else {
            meta.reason = ACCELERATOR_BAD_HEADER;
        }

        if (meta.has_sa == 1) {
            if (meta.sa.epoch != hdr.crypto.epoch) {
                meta.reason = ACCELERATOR_WRONG_EPOCH;
            } else {
                meta.reason = ACCELERATOR_UNSUPPORTED;     // here the engine would start
            }
            sa_errors.count(10w0 ++ meta.direction ++ hdr.crypto.sa_index ++ meta.reason[4:0]);
        } else {
            errors.count((bit<32>)meta.reason);
        }
        hdr.crypto.operation = (Operation)((bit<4>)hdr.crypto.operation | 8);
        hdr.crypto.reason = meta.reason;
        standard_metadata.egress_spec = standard_metadata.ingress_port;
    }
}

control NoEgress(inout headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {
    apply {}
}

control ResultDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.crypto);
    }
}

V1Switch(RequestParser(),
         NoChecksum(),
         Accelerator(),
         NoEgress(),
         NoChecksum(),
         ResultDeparser()) main;
