// AES-GCM (NIST SP 800-38D) with IVs of 96 bits: packets behind each other, each with a key of its own.
//
//   commands ─▶ counters ─▶ aes_pipe ─┬─▶ key stream ─▶ ⊕ ─▶ packet
//                                     │                 ├─▶ ghash ─▶ hashes ─▶ ⊕ ─▶ ICV
//   packet ───────────────────────────┼─────────────────┘                     │
//                                     └─▶ masks ──────────────────────────────┘
//
// The key stream of the next packets is made while a packet passes. A packet takes a cycle for each of
// its beats and one more: for the block of lengths that GHASH has in the end. Encryption gives the ICV
// 10 cycles after the last beat was taken, decryption too, and the octets do not wait for it: what has
// come out of the decryption is not to be used before its ICV was compared.
// GMAC is a packet of nothing but additional data. Shorter ICVs are the left octets of the one given.
`default_nettype none

module aes_gcm #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Steps of AES in hardware: 15 or 1
    parameter int AES_STAGES = 15
) (
    input  wire          clk,
    input  wire          rst,
    // Command: key size 0 is 128 bits, 1 is 192, 2 is 256; the key left aligned; H^1 in [127:0], H^2
    // in [255:128] ...; octets of additional data and of the rest
    input  wire          cmd_valid,
    output wire          cmd_ready,
    input  wire  [1:0]   cmd_key_size,
    input  wire  [255:0] cmd_key,
    input  wire  [31:0]  cmd_salt,
    input  wire  [1023:0] cmd_powers,
    input  wire  [16:0]  cmd_aad_octets,
    input  wire  [16:0]  cmd_octets,
    // The IV behind the salt: in the cycle in which its command is taken, or later, before the next one
    input  wire          iv_valid,
    input  wire  [63:0]  iv,
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
    // Packets between command and ICV; blocks of key stream made ahead
    localparam int PACKETS = 8;
    localparam int AHEAD = 32;
    localparam int COUNT_W = 14;

    // -- counters to encrypt --------------------------------------------------------------------------
    logic busy, iv_here;
    logic [1:0] key_size;
    logic [255:0] key;
    logic [95:0] nonce;
    logic [31:0] counter;
    logic [COUNT_W-1:0] to_make;        // blocks of key stream
    logic [5:0] ahead;                  // of them in aes_pipe and in the queue
    logic [3:0] packets;

    wire aes_ready, stream_taken, icv_taken;
    wire for_mask = to_make == '0;      // the last block's key stream is for the ICV
    wire make = busy && iv_here && (for_mask || ahead != 6'(AHEAD));
    wire made = make && aes_ready;
    wire last_made = made && for_mask;
    wire taken = cmd_valid && cmd_ready;
    assign cmd_ready = (!busy || last_made) && packets != 4'(PACKETS);
    assign icv_taken = icv_valid && icv_ready;

    function automatic logic [COUNT_W-1:0] blocks(input logic [16:0] octets);
        blocks = COUNT_W'((18'd15 + {1'b0, octets}) >> 4);
    endfunction

    always_ff @(posedge clk) begin
        if (made) begin
            counter <= counter + 32'd1;
            to_make <= to_make - COUNT_W'(1);
        end
        if (last_made) busy <= 1'b0;
        if (taken) begin
            busy <= 1'b1;
            iv_here <= 1'b0;
            key_size <= cmd_key_size;
            key <= cmd_key;
            nonce[95:64] <= cmd_salt;
            counter <= 32'd2;
            to_make <= blocks(cmd_octets);
        end
        if (iv_valid) begin
            iv_here <= 1'b1;
            nonce[63:0] <= iv;
        end
        ahead <= ahead + 6'(made && !for_mask) - 6'(stream_taken);
        packets <= packets + 4'(taken) - 4'(icv_taken);
        if (rst) begin
            busy <= 1'b0;
            key <= '0;
            ahead <= '0;
            packets <= '0;
        end
    end

    wire aes_valid, aes_mask;
    wire [127:0] aes_block;
    aes_pipe #(.STAGES(AES_STAGES), .TAG_W(1)) aes_rounds (
        .clk, .rst, .in_valid(make), .in_ready(aes_ready), .in_tag(for_mask),
        .in_key_size(key_size), .in_key(key), .in_block({nonce, for_mask ? 32'd1 : counter}),
        .out_valid(aes_valid), .out_tag(aes_mask), .out_block(aes_block)
    );

    wire stream_valid;
    wire [127:0] stream;
    job_queue #(.WIDTH(128), .DEPTH(AHEAD)) key_stream (
        .clk, .rst, .put(aes_valid && !aes_mask), .put_data(aes_block), .valid(stream_valid),
        .data(stream), .get(stream_taken)
    );

    // -- packets --------------------------------------------------------------------------------------
    wire now_valid, now_over;
    wire [COUNT_W:0] now_blocks;        // of additional data and of the rest
    wire [16:0] now_aad_octets, now_octets;
    wire [1023:0] now_powers;
    job_queue #(.WIDTH(1024 + 34 + COUNT_W + 1), .DEPTH(PACKETS)) jobs (
        .clk, .rst, .put(taken),
        .put_data({{1'b0, blocks(cmd_aad_octets)} + {1'b0, blocks(cmd_octets)}, cmd_aad_octets,
            cmd_octets, cmd_powers}),
        .valid(now_valid), .data({now_blocks, now_aad_octets, now_octets, now_powers}),
        .get(now_over)
    );

    logic first;                        // the next beat is its packet's first
    logic closing;                      // the block of lengths is due
    logic [COUNT_W:0] left;             // blocks before that

    function automatic logic [127:0] reversed(input logic [127:0] octets);
        for (int i = 0; i < 16; i++) reversed[i*8 +: 8] = octets[(15-i)*8 +: 8];
    endfunction

    logic [127:0] kept;                 // which bits of the beat there are, octet 0 on the left
    always_comb for (int i = 0; i < 16; i++) kept[(15-i)*8 +: 8] = {8{s_axis_tkeep[i]}};

    wire empty = !s_axis_tkeep[0];
    wire keyed = !s_axis_aad && !empty;
    wire [127:0] given = reversed(s_axis_tdata);
    wire [127:0] result = (keyed ? given ^ stream : given) & kept;
    wire [127:0] sealed = DECRYPT ? given & kept : result;

    wire beat = s_axis_tvalid && s_axis_tready;
    assign s_axis_tready = now_valid && !closing && (!keyed || stream_valid)
        && (!m_axis_tvalid || m_axis_tready);
    assign stream_taken = beat && keyed;
    assign now_over = closing;

    // How many blocks come behind this one, and so which power it needs.
    wire [COUNT_W:0] behind = closing ? '0 : first ? now_blocks : left;
    wire more = behind[COUNT_W:3] != '0;
    wire [2:0] exponent = more ? 3'd7 : behind[2:0];        // less one

    logic hash_valid, hash_more, hash_last;
    logic [127:0] hash_block, hash_power;
    always_ff @(posedge clk) begin
        hash_valid <= (closing || (beat && !empty)) && !rst;
        hash_more <= more;
        hash_last <= closing;
        if (closing || beat) begin
            hash_block <= closing
                ? {44'd0, now_aad_octets, 3'd0, 44'd0, now_octets, 3'd0}
                : s_axis_aad ? s_axis_hashed : sealed;
            hash_power <= now_powers[{exponent, 7'd0} +: 128];
        end

        if (beat) begin
            first <= 1'b0;
            left <= behind - {{COUNT_W{1'b0}}, !empty};
            closing <= s_axis_tlast;
        end
        if (closing) begin
            closing <= 1'b0;
            first <= 1'b1;
        end

        if (!m_axis_tvalid || m_axis_tready) m_axis_tvalid <= beat;
        if (beat) begin
            m_axis_tdata <= reversed(result);
            m_axis_tkeep <= s_axis_tkeep;
            m_axis_tlast <= s_axis_tlast;
        end
        if (rst) begin
            first <= 1'b1;
            closing <= 1'b0;
            m_axis_tvalid <= 1'b0;
        end
    end

    // -- ICVs -------------------------------------------------------------------------------------------
    wire hashed, mask_here, hash_here;
    wire [127:0] hashed_value, mask, hash;
    ghash sums (
        .clk, .rst, .in_valid(hash_valid), .in_block(hash_block), .in_power(hash_power),
        .in_more(hash_more), .in_last(hash_last), .out_valid(hashed), .out_hash(hashed_value)
    );
    job_queue #(.WIDTH(128), .DEPTH(PACKETS)) hashes (
        .clk, .rst, .put(hashed), .put_data(hashed_value), .valid(hash_here), .data(hash),
        .get(icv_taken)
    );
    job_queue #(.WIDTH(128), .DEPTH(PACKETS)) masks (
        .clk, .rst, .put(aes_valid && aes_mask), .put_data(aes_block), .valid(mask_here),
        .data(mask), .get(icv_taken)
    );
    assign icv_valid = hash_here && mask_here;
    assign icv = hash ^ mask;
endmodule

`default_nettype wire
