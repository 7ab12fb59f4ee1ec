// What follows from an SA's keys, so that no packet waits for it.
//
// AES-CBC inbound: the decryption start state, in place of the key (15 cycles). AES-GCM: the powers of
// H, the encryption of zeros (240 cycles). Octet strings are aligned to the left, as engines take
// them. The hash states of HMAC come from the driver as they are.
`default_nettype none

module control_derive (
    input  wire                      clk,
    input  wire                      rst,
    // Begin; `sa` stays as it is until `done`
    input  wire                      go,
    // Set everything to 0
    input  wire                      wipe,
    input  wire                      inbound,
    // Only the secret half and the algorithms
    // verilator lint_off UNUSEDSIGNAL
    input  wire registers_pkg::sa_t  sa,
    // verilator lint_on UNUSEDSIGNAL
    // `keys` holds, until `wipe`
    output logic                     done,
    output sa_keys::sa_keys_t        keys
);
    wire [255:0] key = sa.cipher_key << {4'd8 - sa.key_words, 5'd0};
    wire [1:0] key_size = sa.key_words[2:1] - 2'd2;
    wire to_end = inbound && sa.cipher == packet::CIPHER_AES;
    wire to_powers = sa.cipher == packet::CIPHER_GCM;
    wire clear = rst || wipe;

    wire ended, h_valid, multiplied;
    wire [255:0] end_keys;
    wire [127:0] h;
    wire [128*sa_keys::POWERS-1:0] powers;
    aes_key_end schedule (
        .clk, .rst(clear), .go(go && to_end), .key_size, .key, .done(ended), .keys(end_keys)
    );
    // The cipher is wiped by a block under a key of zeros, of which nothing comes.
    logic asked, wiping;
    wire cipher_ready, wiped;
    aes_pipe #(.STAGES(1), .TAG_W(1)) cipher (
        .clk, .rst(clear), .in_valid(asked || wiping), .in_ready(cipher_ready), .in_tag(wiping),
        .in_key_size(wiping ? 2'd0 : key_size), .in_key(wiping ? 256'd0 : key),
        .in_block(128'd0), .out_valid(h_valid), .out_tag(wiped), .out_block(h)
    );
    always_ff @(posedge clk) begin
        if (cipher_ready) wiping <= 1'b0;
        if (cipher_ready && !wiping) asked <= 1'b0;
        if (go && to_powers) asked <= 1'b1;
        if (clear) begin
            asked <= 1'b0;
            wiping <= 1'b1;
        end
    end
    ghash_powers #(.POWERS(sa_keys::POWERS)) multiplier (
        .clk, .rst(clear), .go(h_valid && !wiped), .h, .done(multiplied), .powers
    );

    always_ff @(posedge clk) begin
        done <= go && !to_end && !to_powers;
        if (go) begin
            keys.key_size <= key_size;
            keys.key <= key;
            keys.salt <= sa.salt;
            keys.iv_seed <= sa.iv_seed;
            keys.powers <= '0;
            keys.esp_inner <= sa.esp_inner;
            keys.esp_outer <= sa.esp_outer;
            keys.ah_inner <= sa.ah_inner;
            keys.ah_outer <= sa.ah_outer;
        end
        if (ended) begin
            keys.key <= end_keys;
            done <= 1'b1;
        end
        if (multiplied) begin
            keys.powers <= powers;
            done <= 1'b1;
        end
        if (clear) keys <= '0;
        if (rst) done <= 1'b0;
    end
endmodule

`default_nettype wire
