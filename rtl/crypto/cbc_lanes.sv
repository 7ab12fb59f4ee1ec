// CBC (NIST SP 800-38A) over a pipelined block cipher, which packets in turn keep full.
//
// Of each packet one block is in the cipher at a time: when it comes out, the packet queues for its
// next one. So throughput is that of the cipher as long as there are as many packets here as the loop
// is long: the cipher's latency and 5 cycles. A packet is a token (slot, place, blocks left), and its
// keys and chaining value are found by its slot.
// Encryption makes the IV too: the nonce is enciphered in the IV's place, as a first block with
// a zero IV (NIST SP 800-38A appendix C). Decryption gives the IV back as it was.
`default_nettype none

module cbc_lanes #(
    // Octets of a block: 8 or 16
    parameter int BLOCK = 16,
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Width of key and whatever else the cipher is to know of it
    parameter int KEY_W = 258,
    // Packets: 2 to the power of this
    parameter int SLOT_W = 4,
    // Width of a place in the packet memory, in words of 8 octets
    parameter int WORD_W = 11,
    // Width of a count of blocks
    parameter int COUNT_W = 14,
    // The cipher takes a block in every cycle (else at most one in 3 is given)
    parameter logic ALWAYS_READY = 1'b1,
    // Width of what goes with a block: SLOT_W + WORD_W + COUNT_W + 1
    parameter int TOKEN_W = SLOT_W + WORD_W + COUNT_W + 1
) (
    input  wire                 clk,
    input  wire                 rst,
    // Key and nonce of a packet, before it begins; nonce left aligned
    input  wire                 open,
    input  wire  [SLOT_W-1:0]   open_slot,
    input  wire  [KEY_W-1:0]    open_key,
    input  wire  [BLOCK*8-1:0]  open_nonce,
    // A packet to be worked on: where its IV stands, and how many blocks it has, the IV too
    input  wire                 begin_valid,
    output wire                 begin_ready,
    input  wire  [SLOT_W-1:0]   begin_slot,
    input  wire  [WORD_W-1:0]   begin_at,
    input  wire  [COUNT_W-1:0]  begin_count,
    // Packet memory: the words are there a cycle after a request that is taken, left aligned
    output wire                 mem_valid,
    input  wire                 mem_ready,
    output wire  [WORD_W-1:0]   mem_at,
    input  wire  [BLOCK*8-1:0]  mem_data,
    // To the cipher
    output logic                cipher_in_valid,
    input  wire                 cipher_in_ready,
    output logic [TOKEN_W-1:0]  cipher_in_tag,
    output logic [KEY_W-1:0]    cipher_in_key,
    output logic [BLOCK*8-1:0]  cipher_in_block,
    // From the cipher; with `cipher_hold` it has to stand still
    input  wire                 cipher_out_valid,
    input  wire  [TOKEN_W-1:0]  cipher_out_tag,
    input  wire  [BLOCK*8-1:0]  cipher_out_block,
    output wire                 cipher_hold,
    // Results: the block that belongs at `out_at`, and whether it is the packet's last
    output logic                out_valid,
    input  wire                 out_ready,
    output wire  [SLOT_W-1:0]   out_slot,
    output wire  [WORD_W-1:0]   out_at,
    output wire  [BLOCK*8-1:0]  out_data,
    output wire                 out_last
);
    localparam int WORDS = BLOCK / 8;
    localparam int BITS = BLOCK * 8;
    localparam int SLOTS = 1 << SLOT_W;

    if (BLOCK != 8 && BLOCK != 16) begin : check_block
        $fatal(1, "cbc_lanes: BLOCK has to be 8 or 16");
    end
    if (TOKEN_W != SLOT_W + WORD_W + COUNT_W + 1) begin : check_token
        $fatal(1, "cbc_lanes: TOKEN_W is not to be set");
    end

    // -- who waits for a block ----------------------------------------------------------------------
    wire [TOKEN_W-1:0] token, again;
    wire any, issue, put_again;

    assign begin_ready = !put_again;
    hash_queue #(.DEPTH_W(SLOT_W), .WIDTH(TOKEN_W)) waiting (
        .clk, .rst, .put(put_again || begin_valid),
        .put_data(put_again ? again : {begin_slot, begin_at, begin_count, 1'b1}),
        .any, .take(issue), .data(token)
    );

    wire [SLOT_W-1:0] slot = token[TOKEN_W-1 -: SLOT_W];
    wire [WORD_W-1:0] at = token[TOKEN_W-SLOT_W-1 -: WORD_W];

    // -- data, key, nonce, chaining value --------------------------------------------------------------
    logic read_valid;
    logic [TOKEN_W-1:0] read_token;

    wire free = ALWAYS_READY || (!read_valid && !cipher_in_valid);
    assign mem_valid = any && free;
    assign mem_at = at;
    assign issue = mem_valid && mem_ready;

    (* no_rw_check *) logic [KEY_W-1:0] keys [SLOTS];
    (* no_rw_check *) logic [BITS-1:0] nonces [SLOTS];
    (* no_rw_check *) logic [BITS-1:0] chains [SLOTS];
    logic [KEY_W-1:0] key;
    logic [BITS-1:0] nonce, chain;
    always_ff @(posedge clk) begin
        if (open) keys[open_slot] <= open_key;
        if (open) nonces[open_slot] <= open_nonce;
        if (issue) key <= keys[slot];
        if (issue) nonce <= nonces[slot];
        if (issue) chain <= chains[slot];
        read_valid <= issue && !rst;
        if (issue) read_token <= token;
    end

    wire read_first = read_token[0];
    wire [SLOT_W-1:0] read_slot = read_token[TOKEN_W-1 -: SLOT_W];
    always_ff @(posedge clk) begin
        if (read_valid) begin
            cipher_in_valid <= 1'b1;
            cipher_in_tag <= read_token;
            cipher_in_key <= key;
            if (DECRYPT) cipher_in_block <= mem_data;
            else cipher_in_block <= read_first ? nonce : mem_data ^ chain;
        end else if (cipher_in_ready) begin
            cipher_in_valid <= 1'b0;
        end
        if (rst) cipher_in_valid <= 1'b0;
    end

    // -- what comes out ------------------------------------------------------------------------------
    logic [TOKEN_W-1:0] out_token;
    logic [BITS-1:0] out_block;
    wire [COUNT_W-1:0] out_left;
    wire out_first;
    assign {out_slot, out_at, out_left, out_first} = out_token;

    wire move = !out_valid || out_ready;
    wire out_taken = out_valid && out_ready;
    assign cipher_hold = cipher_out_valid && !move;
    assign out_last = out_left == COUNT_W'(1);
    assign again = {out_slot, out_at + WORD_W'(WORDS), out_left - 1'b1, 1'b0};
    assign put_again = out_taken && !out_last;

    always_ff @(posedge clk) begin
        if (move) begin
            out_valid <= cipher_out_valid;
            out_token <= cipher_out_tag;
            out_block <= cipher_out_block;
        end
        if (rst) out_valid <= 1'b0;
    end

    wire [BITS-1:0] next_chain;
    always_ff @(posedge clk) if (out_taken) chains[out_slot] <= next_chain;

    if (DECRYPT) begin : direction
        // The ciphertext of the block in the cipher, and the one before it.
        wire [SLOT_W-1:0] coming = cipher_out_tag[TOKEN_W-1 -: SLOT_W];
        (* no_rw_check *) logic [BITS-1:0] sealed [SLOTS];
        (* no_rw_check *) logic [BITS-1:0] previous [SLOTS];
        logic [BITS-1:0] this_one, last_one;
        always_ff @(posedge clk) begin
            if (read_valid) sealed[read_slot] <= mem_data;
            if (read_valid) previous[read_slot] <= chain;
            if (move) this_one <= sealed[coming];
            if (move) last_one <= previous[coming];
        end
        assign next_chain = this_one;
        assign out_data = out_first ? this_one : out_block ^ last_one;
        wire unused = &{1'b0, nonce};
    end else begin : direction
        assign next_chain = out_block;
        assign out_data = out_block;
        wire unused = &{1'b0, read_slot, out_first};
    end
endmodule

`default_nettype wire
