// What follows from an SA's keys, so that no packet waits for it.
//
// Octet strings are aligned to the left, as engines take them. The hash states of HMAC come from
// the driver as they are.
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

    always_ff @(posedge clk) begin
        done <= go;
        if (go) begin
            keys.key_size <= sa.key_words[2:1] - 2'd2;
            keys.key <= key;
            keys.salt <= sa.salt;
            keys.iv_seed <= sa.iv_seed;
            keys.powers <= '0;
            keys.esp_inner <= sa.esp_inner;
            keys.esp_outer <= sa.esp_outer;
            keys.ah_inner <= sa.ah_inner;
            keys.ah_outer <= sa.ah_outer;
        end
        if (rst || wipe) keys <= '0;
        if (rst) done <= 1'b0;
    end
    wire unused = &{1'b0, inbound};
endmodule

`default_nettype wire
