// ESP's older algorithms and AH: CBC or NULL cipher with HMAC, many packets at a time, in order.
//
// A command and a packet in; a result and the packet out. Packets are octets from ESP's SPI to the
// end of the ciphertext (SPI, number, IV, payload and trailer). Encryption makes the IV from the
// nonce and overwrites what stands in its place; the ICV covers the whole packet, and with ESN the
// number's high half behind it. With `cmd_hash` (AH) the octets are hashed only, and none come back.
//
//   packet ─▶ source memory ─▶ cbc_lanes + aes_pipe ─┬─▶ result memory ─▶ packet, released when
//                   │          cbc_lanes + des_pipe ─┤       its hash is there (and right)
//                   └───────── NULL, AH ─────────────┴─▶ hash memory ─▶ hash_pool ─▶ result
//   Encrypting, the hash memory holds what the cipher gives; decrypting, what came in.
//
// A packet takes a slot and whole rows of 64 octets of each memory until it has left. Its first beat
// comes out when all of it has been enciphered and hashed. For a stream without gaps there have to be
// enough slots and rows for that time: 20 cycles for each AES block of a packet (decrypting,
// hashing goes on meanwhile), and 81 for each SHA-1 block: 24 engines, 1400 octets: 64 slots, 1024 rows.
// Decrypted octets leave only if the ICV was right. Else, and if the packet is not whole blocks (or
// has no room for the IV, or with ESN is no multiple of 4), `result_ok` is 0 and one beat without
// octets comes. Packets longer than the memory less a row never end; nor do empty ones begin (a beat
// with tkeep 0 is a packet of no octets).
`default_nettype none

module cbc_hmac #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Hash engines: MD5, SHA-1, SHA-256, SHA-384 and SHA-512
    parameter int MD5 = 1,
    parameter int SHA1 = 1,
    parameter int SHA256 = 1,
    parameter int SHA512 = 1,
    // Packets in flight: 2 to the power of this
    parameter int SLOT_W = 4,
    // Rows of 64 octets in each memory: 2 to the power of this
    parameter int ROW_W = 8,
    // Steps of AES in hardware: 15 or 1
    parameter int AES_STAGES = 15,
    // Rounds of DES in hardware: 1, 16 or 48
    parameter int DES_STAGES = 1,
    // Width of what goes along with a packet
    parameter int META_W = 16
) (
    input  wire               clk,
    input  wire               rst,
    // Command: cipher 1 NULL, 2 DES, 3 3DES, 4 AES; integrity 0 none, 1 MD5, 2 SHA-1, 3 SHA-256,
    // 4 SHA-384, 5 SHA-512. Keys, nonce (encryption: 8 or 16 octets) and states (after the ipad and
    // the opad block) are left aligned; for AES decryption the key is aes_key_end's. The ICV received
    // (decryption) has octet 0 in [255:248]. All has to stay until cmd_ready, which takes 2
    // cycles, or to come again, before any other command.
    input  wire               cmd_valid,
    output wire               cmd_ready,
    input  wire               cmd_hash,
    input  wire  [2:0]        cmd_cipher,
    input  wire  [2:0]        cmd_integrity,
    input  wire  [1:0]        cmd_key_size,
    input  wire  [255:0]      cmd_key,
    input  wire  [127:0]      cmd_nonce,
    input  wire               cmd_esn,
    input  wire  [31:0]       cmd_number_high,
    input  wire  [511:0]      cmd_inner,
    input  wire  [511:0]      cmd_outer,
    input  wire  [255:0]      cmd_icv,
    input  wire  [META_W-1:0] cmd_meta,
    // Packet in, after its command
    input  wire               s_axis_tvalid,
    output wire               s_axis_tready,
    input  wire  [127:0]      s_axis_tdata,
    input  wire  [15:0]       s_axis_tkeep,
    input  wire               s_axis_tlast,
    // Result, not later than the packet's first beat: the ICV computed, and whether all is well
    output logic              result_valid,
    input  wire               result_ready,
    output logic              result_ok,
    output logic [255:0]      result_icv,
    output logic [META_W-1:0] result_meta,
    // Packet out
    output wire               m_axis_tvalid,
    input  wire               m_axis_tready,
    output wire  [127:0]      m_axis_tdata,
    output wire  [15:0]       m_axis_tkeep,
    output wire               m_axis_tlast
);
    localparam int WORD_W = ROW_W + 3;
    localparam int SLOTS = 1 << SLOT_W;
    localparam int COUNT_W = 14;
    localparam int TOKEN_W = SLOT_W + WORD_W + COUNT_W + 1;
    localparam logic [2:0] NULL_CIPHER = 3'd1, DES = 3'd2, TRIPLE_DES = 3'd3, AES = 3'd4;

    if (SLOT_W < 1 || ROW_W < 3 || ROW_W > 12) begin : check_sizes
        $fatal(1, "cbc_hmac: SLOT_W has to be at least 1, ROW_W 3 to 12");
    end

    // -- slots and rows: both in order ----------------------------------------------------------------
    logic [SLOT_W:0] opened, released;  // one bit more than a slot's number: full is not empty
    logic [ROW_W:0] written, freed;     // rows
    wire [SLOT_W-1:0] new_slot = opened[SLOT_W-1:0];
    wire slots_full = opened - released == (SLOT_W + 1)'(SLOTS);
    wire rows_full = written - freed == (ROW_W + 1)'(1 << ROW_W);

    // -- command: the inner state goes in while the packet before is still coming ---------------------
    logic taking;                       // a packet is coming, its command is here
    logic inner_written;
    logic [SLOT_W-1:0] slot;
    logic hash_only, esn;
    logic [2:0] cipher, integrity;
    logic [31:0] number_high;

    wire taken, last_taken;
    wire open_inner = cmd_valid && !inner_written && !slots_full;
    assign cmd_ready = inner_written && (!taking || last_taken);
    wire open = cmd_valid && cmd_ready;

    // -- packet in --------------------------------------------------------------------------------------
    logic [1:0] beat_of_row;
    logic first_beat;
    logic [16:0] octets_before;
    logic [ROW_W-1:0] first_row;
    logic [63:0] head_kept;

    function automatic logic [127:0] reversed(input logic [127:0] octets);
        for (int i = 0; i < 16; i++) reversed[i*8 +: 8] = octets[(15-i)*8 +: 8];
    endfunction

    wire [127:0] beat = reversed(s_axis_tdata);
    logic [4:0] beat_octets;
    always_comb begin
        beat_octets = 5'd0;
        for (int i = 0; i < 16; i++) if (s_axis_tkeep[i]) beat_octets = 5'(i + 1);
    end

    wire ciphered = !hash_only && (cipher == AES || cipher == DES || cipher == TRIPLE_DES);
    wire [16:0] octets = octets_before + {12'd0, beat_octets};
    wire [ROW_W-1:0] row = written[ROW_W-1:0];
    wire [ROW_W-1:0] base = first_beat ? row : first_row;
    wire [WORD_W-1:0] beat_at = {row, beat_of_row, 1'b0};
    wire [63:0] head = first_beat ? beat[127:64] : head_kept;

    wire whole = hash_only || ((!esn || octets[1:0] == 2'd0) && (
        cipher == AES ? octets[3:0] == 4'd8 && octets >= 17'd24
            : ciphered ? octets[2:0] == 3'd0 && octets >= 17'd16
            : cipher == NULL_CIPHER && octets >= 17'd8
    ));

    // What needs no cipher goes by it, when the ciphers leave the way free.
    wire bypass = DECRYPT ? !hash_only && !ciphered : !ciphered;
    wire port_free, begin_free;
    assign s_axis_tready = taking && !rows_full && (begin_free || !s_axis_tlast)
        && (!bypass || port_free);
    assign taken = s_axis_tvalid && s_axis_tready;
    assign last_taken = taken && s_axis_tlast;

    always_ff @(posedge clk) begin
        if (open_inner) inner_written <= 1'b1;
        if (open) begin
            inner_written <= 1'b0;
            opened <= opened + 1'b1;
            slot <= new_slot;
            hash_only <= cmd_hash;
            cipher <= cmd_cipher;
            integrity <= cmd_integrity;
            esn <= cmd_esn && !cmd_hash && cmd_integrity != 3'd0;
            number_high <= cmd_number_high;
        end
        if (last_taken) taking <= 1'b0;
        if (open) begin
            taking <= 1'b1;
            first_beat <= 1'b1;
            octets_before <= '0;
        end
        if (taken) begin
            first_beat <= s_axis_tlast;
            octets_before <= s_axis_tlast ? '0 : octets;
            first_row <= base;
            head_kept <= head;
            beat_of_row <= s_axis_tlast ? 2'd0 : beat_of_row + 2'd1;
            if (s_axis_tlast || beat_of_row == 2'd3) written <= written + 1'b1;
        end
        if (rst) begin
            inner_written <= 1'b0;
            taking <= 1'b0;
            opened <= '0;
            written <= '0;
            beat_of_row <= 2'd0;
        end
    end

    // -- ciphers ----------------------------------------------------------------------------------------
    // A packet that is there waits here for its lanes, one at a time: the next may come meanwhile, but
    // for its last beat.
    logic to_aes, to_des;
    logic [SLOT_W-1:0] begin_slot;
    logic [WORD_W-1:0] begin_at;
    logic [COUNT_W-1:0] begin_count;
    wire aes_ready, des_ready;
    assign begin_free = (!to_aes || aes_ready) && (!to_des || des_ready);

    always_ff @(posedge clk) begin
        if (aes_ready) to_aes <= 1'b0;
        if (des_ready) to_des <= 1'b0;
        if (last_taken && ciphered && whole) begin
            to_aes <= cipher == AES;
            to_des <= cipher != AES;
            begin_slot <= slot;
            begin_at <= {base, 3'd1};
            begin_count <= cipher == AES ? {1'b0, octets[16:4]} : octets[16:3] - 14'd1;
        end
        if (rst) begin
            to_aes <= 1'b0;
            to_des <= 1'b0;
        end
    end

    wire aes_mem, des_mem;
    wire [WORD_W-1:0] aes_mem_at, des_mem_at;
    wire [127:0] source;
    cbc_memory #(.BANKS(2), .WORD_W(WORD_W)) source_memory (
        .clk, .wr_en({2{taken}}), .wr_at(beat_at), .wr_data(beat),
        .rd_en(aes_mem || des_mem), .rd_at(aes_mem ? aes_mem_at : des_mem_at), .rd_data(source)
    );

    wire aes_in, aes_in_ready, aes_back, aes_out, aes_last;
    wire [TOKEN_W-1:0] aes_in_tag, aes_back_tag;
    wire [257:0] aes_in_key;
    wire [127:0] aes_in_block, aes_back_block, aes_data;
    wire [SLOT_W-1:0] aes_slot;
    wire [WORD_W-1:0] aes_at;
    wire aes_hold;
    cbc_lanes #(
        .BLOCK(16), .DECRYPT(DECRYPT), .KEY_W(258), .SLOT_W(SLOT_W), .WORD_W(WORD_W),
        .COUNT_W(COUNT_W), .ALWAYS_READY(AES_STAGES != 1)
    ) aes_lanes (
        .clk, .rst,
        .open, .open_slot(new_slot), .open_key({cmd_key_size, cmd_key}), .open_nonce(cmd_nonce),
        .begin_valid(to_aes), .begin_ready(aes_ready), .begin_slot, .begin_at, .begin_count,
        .mem_valid(aes_mem), .mem_ready(1'b1), .mem_at(aes_mem_at), .mem_data(source),
        .cipher_in_valid(aes_in), .cipher_in_ready(aes_in_ready), .cipher_in_tag(aes_in_tag),
        .cipher_in_key(aes_in_key), .cipher_in_block(aes_in_block),
        .cipher_out_valid(aes_back), .cipher_out_tag(aes_back_tag),
        .cipher_out_block(aes_back_block), .cipher_hold(aes_hold),
        .out_valid(aes_out), .out_ready(1'b1), .out_slot(aes_slot), .out_at(aes_at),
        .out_data(aes_data), .out_last(aes_last)
    );
    aes_pipe #(.DECRYPT(DECRYPT), .STAGES(AES_STAGES), .TAG_W(TOKEN_W)) aes_rounds (
        .clk, .rst,
        .in_valid(aes_in), .in_ready(aes_in_ready), .in_tag(aes_in_tag),
        .in_key_size(aes_in_key[257:256]), .in_key(aes_in_key[255:0]), .in_block(aes_in_block),
        .out_valid(aes_back), .out_tag(aes_back_tag), .out_block(aes_back_block)
    );

    wire des_in, des_in_ready, des_back, des_hold, des_out, des_last;
    wire [TOKEN_W-1:0] des_in_tag, des_back_tag;
    wire [192:0] des_in_key;
    wire [63:0] des_in_block, des_back_block, des_data;
    wire [SLOT_W-1:0] des_slot;
    wire [WORD_W-1:0] des_at;
    wire des_taken = des_in_ready && !des_hold;
    cbc_lanes #(
        .BLOCK(8), .DECRYPT(DECRYPT), .KEY_W(193), .SLOT_W(SLOT_W), .WORD_W(WORD_W),
        .COUNT_W(COUNT_W), .ALWAYS_READY(1'b0)
    ) des_lanes (
        .clk, .rst,
        .open, .open_slot(new_slot), .open_key({cmd_cipher == TRIPLE_DES, cmd_key[255:64]}),
        .open_nonce(cmd_nonce[127:64]),
        .begin_valid(to_des), .begin_ready(des_ready), .begin_slot, .begin_at, .begin_count,
        .mem_valid(des_mem), .mem_ready(!aes_mem), .mem_at(des_mem_at), .mem_data(source[127:64]),
        .cipher_in_valid(des_in), .cipher_in_ready(des_taken), .cipher_in_tag(des_in_tag),
        .cipher_in_key(des_in_key), .cipher_in_block(des_in_block),
        .cipher_out_valid(des_back), .cipher_out_tag(des_back_tag),
        .cipher_out_block(des_back_block), .cipher_hold(des_hold),
        .out_valid(des_out), .out_ready(!aes_out), .out_slot(des_slot), .out_at(des_at),
        .out_data(des_data), .out_last(des_last)
    );
    des_pipe #(.STAGES(DES_STAGES), .TAG_W(TOKEN_W)) des_rounds (
        .clk, .rst, .en(!des_hold),
        .in_valid(des_in), .in_ready(des_in_ready), .in_tag(des_in_tag), .in_decrypt(DECRYPT),
        .in_triple(des_in_key[192]), .in_key(des_in_key[191:0]), .in_block(des_in_block),
        .out_valid(des_back), .out_tag(des_back_tag), .out_block(des_back_block)
    );

    // -- one way for results: AES first, then DES, then what went by -------------------------------------
    assign port_free = !aes_out && !des_out;
    wire by = taken && bypass;
    wire [1:0] out_en = aes_out || by ? 2'b11 : des_out ? 2'b10 : 2'b00;
    wire [WORD_W-1:0] out_at = aes_out ? aes_at : des_out ? des_at : beat_at;
    wire [127:0] out_data = aes_out ? aes_data : des_out ? {des_data, 64'd0} : beat;
    wire out_ends = aes_out ? aes_last : des_out ? des_last : by && s_axis_tlast && whole;
    wire [SLOT_W-1:0] out_slot = aes_out ? aes_slot : des_out ? des_slot : slot;

    wire send, hash_mem;
    wire [WORD_W-1:0] send_at;
    wire [ROW_W-1:0] hash_row;
    wire [127:0] sent;
    wire [511:0] hashed;
    cbc_memory #(.BANKS(2), .WORD_W(WORD_W)) result_memory (
        .clk, .wr_en(out_en), .wr_at(out_at), .wr_data(out_data),
        .rd_en(send), .rd_at(send_at), .rd_data(sent)
    );
    cbc_memory #(.BANKS(8), .WORD_W(WORD_W)) hash_memory (
        .clk, .wr_en(DECRYPT ? {2{taken}} : out_en), .wr_at(DECRYPT ? beat_at : out_at),
        .wr_data(DECRYPT ? beat : out_data),
        .rd_en(hash_mem), .rd_at({hash_row, 3'd0}), .rd_data(hashed)
    );

    // -- hashes -------------------------------------------------------------------------------------------
    // Every slot: does it have an ICV, is the cipher done with it, is the hash?
    logic [SLOTS-1:0] has_icv, cipher_done, hash_done;

    // A packet may be hashed once it is there, or once it is enciphered; a cycle later, since what it
    // is has been written by then.
    logic go;
    logic [SLOT_W-1:0] go_slot;
    wire hash_now = DECRYPT ? last_taken && whole : out_ends;
    wire [SLOT_W-1:0] hash_slot = DECRYPT ? slot : out_slot;
    wire hash_wanted = !DECRYPT && (aes_out || des_out) ? has_icv[hash_slot] : integrity != 3'd0;
    always_ff @(posedge clk) begin
        go <= hash_now && hash_wanted && !rst;
        go_slot <= hash_slot;
    end

    wire digest_valid;
    wire [SLOT_W-1:0] digest_slot;
    wire [255:0] digest;
    hash_pool #(
        .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512), .SLOT_W(SLOT_W), .ROW_W(ROW_W)
    ) pool (
        .clk, .rst,
        .open(open_inner || open), .open_outer(open), .open_slot(new_slot),
        .open_state(open ? cmd_outer : cmd_inner),
        .fill(last_taken), .fill_slot(slot), .fill_integrity(integrity), .fill_row(base),
        .fill_octets(octets), .fill_esn(esn), .fill_esn_high(number_high), .fill_head(head),
        .go, .go_slot,
        .mem_en(hash_mem), .mem_row(hash_row), .mem_data(hashed),
        .digest_valid, .digest_slot, .digest
    );

    always_ff @(posedge clk) begin
        if (open) has_icv[new_slot] <= cmd_integrity != 3'd0;
        if (open) cipher_done[new_slot] <= 1'b0;
        if (open) hash_done[new_slot] <= cmd_integrity == 3'd0;
        if (last_taken && (!whole || (DECRYPT && hash_only))) cipher_done[slot] <= 1'b1;
        if (last_taken && !whole) hash_done[slot] <= 1'b1;
        if (out_ends) cipher_done[out_slot] <= 1'b1;
        if (digest_valid) hash_done[digest_slot] <= 1'b1;
    end

    // -- release, in order ----------------------------------------------------------------------------
    cbc_release #(
        .DECRYPT(DECRYPT), .SLOT_W(SLOT_W), .ROW_W(ROW_W), .META_W(META_W)
    ) release_unit (
        .clk, .rst,
        .open, .open_slot(new_slot), .open_hash(cmd_hash), .open_integrity(cmd_integrity),
        .open_icv(cmd_icv), .open_meta(cmd_meta),
        .fill(last_taken), .fill_slot(slot), .fill_whole(whole), .fill_row(base),
        .fill_octets(octets), .fill_head(head),
        .digest_valid, .digest_slot, .digest,
        .done(cipher_done & hash_done), .opened, .released, .freed,
        .mem_en(send), .mem_at(send_at), .mem_data(sent),
        .result_valid, .result_ready, .result_ok, .result_icv, .result_meta,
        .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast
    );

    wire unused = &{1'b0, aes_hold};
endmodule

`default_nettype wire
