// What AES-GCM makes with AES: the mask of each packet's ICV and its key stream (NIST SP 800-38D
// section 7.1, IVs of 96 bits), ahead of the octets.
//
// The mask is the first block, counter 1, the key stream follows with counters 2, 3 ...: so a hash that is
// known early does not wait for it. Packets behind each other, each with a key of its own.
`default_nettype none

module gcm_stream #(
    // Steps of AES in hardware: 15 or 1
    parameter int AES_STAGES = 15,
    // Cycles of such a step: 1, or of 15 steps 2
    parameter int AES_ROUND_STAGES = 1,
    // Blocks of key stream made ahead: a power of two, more than the latency of AES
    parameter int AHEAD = 32 * AES_ROUND_STAGES,
    // Packets whose mask was not taken: a power of two
    parameter int PACKETS = 8
) (
    input  wire          clk,
    input  wire          rst,
    // Packets: key size 0 is 128 bits, 1 is 192, 2 is 256; the key left aligned; salt and IV; octets
    // that need key stream
    input  wire          cmd_valid,
    output wire          cmd_ready,
    input  wire  [1:0]   cmd_key_size,
    input  wire  [255:0] cmd_key,
    input  wire  [95:0]  cmd_nonce,
    input  wire  [16:0]  cmd_octets,
    // Key stream
    output wire          stream_valid,
    output wire  [127:0] stream,
    input  wire          stream_get,
    // Masks
    output wire          mask_valid,
    output wire  [127:0] mask,
    input  wire          mask_get
);
    localparam int COUNT_W = 14;
    localparam int AHEAD_W = $clog2(AHEAD) + 1;

    logic busy;
    logic [1:0] key_size;
    logic [255:0] key;
    logic [95:0] nonce;
    logic [31:0] counter;
    logic for_mask;
    logic [COUNT_W-1:0] to_make;        // blocks of key stream
    logic none_to_make;                 // a register of its own: a command may come with the last one
    logic [AHEAD_W-1:0] ahead;          // of them in AES and in the queue: up to AHEAD
    logic got;                          // one was taken out a cycle ago

    wire aes_ready;
    wire make = busy && (for_mask || !ahead[AHEAD_W-1]);
    wire made = make && aes_ready;
    wire last_made = made && none_to_make;
    wire [COUNT_W-1:0] cmd_blocks = COUNT_W'((18'd15 + {1'b0, cmd_octets}) >> 4);
    assign cmd_ready = !busy || last_made;

    always_ff @(posedge clk) begin
        if (made) begin
            counter <= counter + 32'd1;
            to_make <= to_make - COUNT_W'(1);
            none_to_make <= to_make == COUNT_W'(1);
            for_mask <= 1'b0;
        end
        // Whether there is one or not, so that not so much hangs on it: without one nobody looks at them.
        if (cmd_ready) begin
            busy <= cmd_valid;
            key_size <= cmd_key_size;
            key <= cmd_key;
            nonce <= cmd_nonce;
            counter <= 32'd1;
            for_mask <= 1'b1;
            to_make <= cmd_blocks;
            none_to_make <= cmd_octets == 17'd0;
        end
        got <= stream_get;
        ahead <= ahead + AHEAD_W'(made && !for_mask) - AHEAD_W'(got);
        if (rst) begin
            busy <= 1'b0;
            key <= '0;
            ahead <= '0;
            got <= 1'b0;
        end
    end

    wire aes_valid, aes_mask;
    wire [127:0] aes_block;
    aes_pipe #(.STAGES(AES_STAGES), .ROUND_STAGES(AES_ROUND_STAGES), .TAG_W(1)) aes_rounds (
        .clk, .rst, .in_valid(make), .in_ready(aes_ready), .in_tag(for_mask),
        .in_key_size(key_size), .in_key(key), .in_block({nonce, counter}),
        .out_valid(aes_valid), .out_tag(aes_mask), .out_block(aes_block)
    );
    // The oldest block is in a register: what is keyed with it does not wait for the memory.
    job_queue #(.WIDTH(128), .DEPTH(AHEAD), .FRONT(1)) key_stream (
        .clk, .rst, .put(aes_valid && !aes_mask), .put_data(aes_block), .valid(stream_valid),
        .data(stream), .get(stream_get)
    );
    job_queue #(.WIDTH(128), .DEPTH(PACKETS)) masks (
        .clk, .rst, .put(aes_valid && aes_mask), .put_data(aes_block), .valid(mask_valid),
        .data(mask), .get(mask_get)
    );
endmodule

`default_nettype wire
