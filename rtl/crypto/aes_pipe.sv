// AES block by block, each with a key of its own: 15 steps in a pipeline, or one that goes round.
//
// The key schedule goes along with the block. In the pipeline all blocks take all steps (aes_step), so
// the order is kept. Pipeline: a block a cycle, latency 15 * ROUND_STAGES cycles. One step: a block in
// 11, 13 or 15 cycles.
`default_nettype none

module aes_pipe #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Steps in hardware: 15 or 1
    parameter int STAGES = 15,
    // Cycles of a step: 1, or with 15 steps 2, for clocks nearly twice as high
    parameter int ROUND_STAGES = 1,
    // Width of what goes along with a block
    parameter int TAG_W = 8
) (
    input  wire              clk,
    input  wire              rst,
    // Block in: key size 0 is 128 bits, 1 is 192, 2 is 256; the key left aligned, or, when decrypting,
    // what aes_key_end makes of it
    input  wire              in_valid,
    output wire              in_ready,
    input  wire  [TAG_W-1:0] in_tag,
    input  wire  [1:0]       in_key_size,
    input  wire  [255:0]     in_key,
    input  wire  [127:0]     in_block,
    // Block out
    output wire              out_valid,
    output wire  [TAG_W-1:0] out_tag,
    output wire  [127:0]     out_block
);
    if (STAGES != 1 && STAGES != 15) begin : check_stages
        $fatal(1, "aes_pipe: STAGES has to be 1 or 15");
    end
    if (ROUND_STAGES != 1 && STAGES == 1) begin : check_round_stages
        $fatal(1, "aes_pipe: one step that goes round takes a cycle");
    end

    // In front of each step, and behind the last one.
    wire [STAGES:0] valid;
    wire [STAGES:0] [3:0] step;
    wire [STAGES:0] [TAG_W-1:0] tag;
    wire [STAGES:0] [1:0] size;
    wire [STAGES:0] [255:0] keys;
    wire [STAGES:0] [127:0] block;
    wire again;

    for (genvar s = 0; s < STAGES; s++) begin : stage
        aes_step #(.DECRYPT(DECRYPT), .ROUND_STAGES(ROUND_STAGES), .TAG_W(TAG_W)) unit (
            .clk, .rst, .in_valid(valid[s]), .in_step(STAGES == 1 ? step[0] : 4'(s)),
            .in_tag(tag[s]), .in_size(size[s]), .in_keys(keys[s]), .in_block(block[s]),
            .out_valid(valid[s+1]), .out_step(step[s+1]), .out_tag(tag[s+1]),
            .out_size(size[s+1]), .out_keys(keys[s+1]), .out_block(block[s+1])
        );
    end

    if (STAGES == 1) begin : ring
        // Encryption ends after the last round, decryption begins with it.
        wire [3:0] rounds = aes::rounds(DECRYPT ? in_key_size : size[1]);
        wire over = step[1] == (DECRYPT ? 4'd15 : rounds + 4'd1);
        assign again = valid[1] && !over;
        assign step[0] = again ? step[1] : DECRYPT ? 4'd14 - rounds : 4'd0;
        assign tag[0] = again ? tag[1] : in_tag;
        assign size[0] = again ? size[1] : in_key_size;
        assign keys[0] = again ? keys[1] : in_key;
        assign block[0] = again ? block[1] : in_block;
    end else begin : ring
        assign again = 1'b0;
        assign step[0] = 4'd0;
        assign tag[0] = in_tag;
        assign size[0] = in_key_size;
        assign keys[0] = in_key;
        assign block[0] = in_block;
        wire unused = &{1'b0, step, keys[STAGES], size[STAGES]};
    end
    assign valid[0] = again || in_valid;
    assign in_ready = !again;
    assign out_valid = valid[STAGES] && !again;
    assign out_tag = tag[STAGES];
    assign out_block = block[STAGES];
endmodule

`default_nettype wire
