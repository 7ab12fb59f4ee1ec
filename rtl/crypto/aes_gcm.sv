// AES-GCM (NIST SP 800-38D) with IVs of 96 bits: packets behind each other, each with a key of its own.
//
//   commands ─▶ gcm_stream ─┬─ masks ──────────────────────┐
//                           └─ key stream ─┐               ▼
//   packet ─ ▪ ─▶ octets wait (decrypt) ─▶ ⊕ ─ ▪ ─▶ packet ⊕ ─▶ ICV
//            └──────────────────────────────── or ─▶ gcm_hash ┘
//
// The ciphertext is hashed: what comes out of the encryption, or what goes into the decryption, which does
// not wait for the key stream. The key stream of the next packets is made while a packet passes. A packet
// takes a cycle for each of its beats and one more: for the block of lengths that GHASH has in the end.
// The ICV is there 9 cycles after the last beat was hashed, but not before its mask. When decrypting,
// octets come out later than that, or earlier: they are not to be used before their ICV was compared.
// GMAC is a packet of nothing but additional data. Shorter ICVs are the left octets of the one given.
`default_nettype none

module aes_gcm #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Steps of AES in hardware: 15 or 1
    parameter int AES_STAGES = 15,
    // Cycles of such a step: 1, or of 15 steps 2
    parameter int AES_ROUND_STAGES = 1,
    // Blocks of key stream made ahead, and when decrypting beats that wait for it: a power of two, more
    // than the latency of AES
    parameter int AHEAD = 32 * AES_ROUND_STAGES
) (
    input  wire          clk,
    input  wire          rst,
    // Command: key size 0 is 128 bits, 1 is 192, 2 is 256; the key left aligned; H^1 in [127:0], H^2
    // in [255:128] ...; the IV behind the salt; octets of additional data and of the rest
    input  wire          cmd_valid,
    output wire          cmd_ready,
    input  wire  [1:0]   cmd_key_size,
    input  wire  [255:0] cmd_key,
    input  wire  [31:0]  cmd_salt,
    input  wire  [63:0]  cmd_iv,
    input  wire  [1023:0] cmd_powers,
    input  wire  [16:0]  cmd_aad_octets,
    input  wire  [16:0]  cmd_octets,
    // Packet in, after its command: the beats with `s_axis_aad` are additional data, pass as they are
    // and are hashed as `s_axis_hashed` (octet 0 in [127:120], padded with zeros); both are whole beats
    // but for their last one. A beat without octets is hashed not at all.
    input  wire          s_axis_tvalid,
    output wire          s_axis_tready,
    input  wire  [127:0] s_axis_tdata,
    input  wire  [15:0]  s_axis_tkeep,
    input  wire          s_axis_tlast,
    input  wire          s_axis_aad,
    input  wire  [127:0] s_axis_hashed,
    // ICV, octet 0 in [127:120]
    output wire          icv_valid,
    input  wire          icv_ready,
    output wire  [127:0] icv,
    // Packet out
    output logic         m_axis_tvalid,
    input  wire          m_axis_tready,
    output logic [127:0] m_axis_tdata,
    output logic [15:0]  m_axis_tkeep,
    output logic         m_axis_tlast
);
    localparam int PACKETS = 8;         // between command and ICV

    function automatic logic [127:0] reversed(input logic [127:0] octets);
        for (int i = 0; i < 16; i++) reversed[i*8 +: 8] = octets[(15-i)*8 +: 8];
    endfunction

    // -- commands -------------------------------------------------------------------------------------
    logic [3:0] packets;
    wire room = !packets[3];
    wire taken = cmd_valid && cmd_ready;
    wire icv_taken = icv_valid && icv_ready;
    always_ff @(posedge clk) begin
        packets <= packets + 4'(taken) - 4'(icv_taken);
        if (rst) packets <= '0;
    end

    wire stream_ready, stream_valid, stream_taken, mask_valid;
    wire [127:0] stream, mask;
    assign cmd_ready = stream_ready && room;
    gcm_stream #(
        .AES_STAGES(AES_STAGES), .AES_ROUND_STAGES(AES_ROUND_STAGES), .AHEAD(AHEAD),
        .PACKETS(PACKETS)
    ) cipher (
        .clk, .rst, .cmd_valid(cmd_valid && room), .cmd_ready(stream_ready), .cmd_key_size,
        .cmd_key, .cmd_nonce({cmd_salt, cmd_iv}), .cmd_octets, .stream_valid, .stream,
        .stream_get(stream_taken), .mask_valid, .mask, .mask_get(icv_taken)
    );

    // -- beats that get their key stream: those that come, or that have waited --------------------------
    wire hash_ready, x_valid, x_ready, x_last, x_aad;
    wire [127:0] x_data;
    wire [15:0] x_keep;
    if (DECRYPT) begin : wait_for_stream
        wire ready;
        wire [$clog2(AHEAD):0] level;
        fifo_stream #(.DEPTH(AHEAD)) beats (
            .clk, .rst, .s_tvalid(s_axis_tvalid && hash_ready), .s_tready(ready),
            .s_tdata(s_axis_tdata), .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast),
            .s_tuser(s_axis_aad), .m_tvalid(x_valid), .m_tready(x_ready), .m_tdata(x_data),
            .m_tkeep(x_keep), .m_tlast(x_last), .m_tuser(x_aad), .level
        );
        assign s_axis_tready = ready && hash_ready;
        wire unused = &{1'b0, level};
    end else begin : wait_for_stream
        assign x_valid = s_axis_tvalid && hash_ready;
        assign s_axis_tready = x_ready && hash_ready;
        assign {x_data, x_keep, x_last, x_aad} =
            {s_axis_tdata, s_axis_tkeep, s_axis_tlast, s_axis_aad};
    end

    function automatic logic [127:0] masked(input logic [127:0] octets, input logic [15:0] keep);
        for (int i = 0; i < 16; i++) masked[(15-i)*8 +: 8] = octets[(15-i)*8 +: 8] & {8{keep[i]}};
    endfunction

    wire keyed = !x_aad && x_keep[0];
    wire [127:0] given = reversed(x_data);
    wire [127:0] result = masked(keyed ? given ^ stream : given, x_keep);
    wire beat = x_valid && x_ready;
    assign x_ready = (!keyed || stream_valid) && (!m_axis_tvalid || m_axis_tready);
    assign stream_taken = beat && keyed;

    always_ff @(posedge clk) begin
        if (!m_axis_tvalid || m_axis_tready) begin
            m_axis_tvalid <= beat;
            m_axis_tdata <= reversed(result);
            m_axis_tkeep <= x_keep;
            m_axis_tlast <= x_last;
        end
        if (rst) m_axis_tvalid <= 1'b0;
    end

    // -- ICVs -----------------------------------------------------------------------------------------
    wire [127:0] sealed = DECRYPT ? masked(reversed(s_axis_tdata), s_axis_tkeep) : result;
    wire hash_valid;
    wire [127:0] hash;
    gcm_hash #(.PACKETS(PACKETS)) hashes (
        .clk, .rst, .put(taken), .aad_octets(cmd_aad_octets), .octets(cmd_octets),
        .powers(cmd_powers), .ready(hash_ready), .beat(s_axis_tvalid && s_axis_tready),
        .beat_block(s_axis_aad ? s_axis_hashed : sealed), .beat_empty(!s_axis_tkeep[0]),
        .beat_last(s_axis_tlast), .hash_valid, .hash, .get(icv_taken)
    );
    assign icv_valid = hash_valid && mask_valid;
    assign icv = hash ^ mask;
endmodule

`default_nettype wire
