// What the engines need of an SA: the half of its row that is secret.
//
// Octet strings (keys, hash states) have octet 0 on the left and are aligned there. The rest of
// the row, for the datapath, is `packet::outbound_t` and `packet::inbound_t`.
`default_nettype none

// No module uses all of these.
// verilator lint_off UNUSEDPARAM
package sa_keys;

    // H^1 ... H^POWERS for GHASH
    localparam int POWERS = 8;
    // Bits of the structure
    localparam int WIDTH = 2402 + 128 * POWERS;

    typedef struct packed {
        logic [1:0]              key_size;      // AES: 0 = 128, 1 = 192, 2 = 256 bits
        // The cipher's key. AES-CBC inbound: the decryption start state, its last two round keys
        logic [255:0]            key;
        logic [31:0]             salt;          // AES-GCM
        logic [63:0]             iv_seed;       // outbound
        logic [POWERS*128-1:0]   powers;        // AES-GCM: H^1 in [127:0], H^2 in [255:128] ...
        logic [511:0]            esp_inner;     // HMAC: hash state behind key xor ipad
        logic [511:0]            esp_outer;     // ... and opad
        logic [511:0]            ah_inner;
        logic [511:0]            ah_outer;
    } sa_keys_t;

endpackage
// verilator lint_on UNUSEDPARAM

`default_nettype wire
