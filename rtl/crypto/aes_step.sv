// One step of AES on a block and its key schedule: the first round key, or a round.
// Latency ROUND_STAGES cycles; with 2 a register stands in the middle of the S-boxes.
//
// Steps are 0 to 14, whatever the key size. Encrypting, step 0 adds the first round key, step n is
// round n, and what is left after the last round passes untouched. Decrypting, step 14 - n is what
// undoes round n, so that with smaller keys the first steps are the idle ones.
`default_nettype none

module aes_step #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Cycles of a step: 1 or 2
    parameter int ROUND_STAGES = 1,
    // Width of what goes along with a block
    parameter int TAG_W = 8
) (
    input  wire              clk,
    input  wire              rst,
    // In: the step to be done; keys are those of the round and of the one before, the key as it is
    // in step 0 of encryption
    input  wire              in_valid,
    input  wire  [3:0]       in_step,
    input  wire  [TAG_W-1:0] in_tag,
    input  wire  [1:0]       in_size,
    input  wire  [255:0]     in_keys,
    input  wire  [127:0]     in_block,
    // Out: the step to be done next
    output logic             out_valid,
    output logic [3:0]       out_step,
    output logic [TAG_W-1:0] out_tag,
    output logic [1:0]       out_size,
    output logic [255:0]     out_keys,
    output logic [127:0]     out_block
);
    if (ROUND_STAGES != 1 && ROUND_STAGES != 2) begin : check_round_stages
        $fatal(1, "aes_step: ROUND_STAGES has to be 1 or 2");
    end

    wire [3:0] last = aes::rounds(in_size);
    wire [3:0] round = DECRYPT ? 4'd14 - in_step : in_step;

    // What there is in the middle of a step.
    typedef struct packed {
        logic [3:0]       step;
        logic [TAG_W-1:0] tag;
        logic [1:0]       size;
        logic             idle;         // nothing is to be done
        logic             alone;        // no S-boxes: `held` is the block that comes of it
        logic             final_round;  // without MixColumns
        logic [127:0]     held;
        logic [1535:0]    block;        // in the S-boxes
        logic [127:0]     key;          // the round's
        logic [127:0]     other;        // decrypting, the one before it
        logic [127:0]     rest;         // the next key but for what comes
        logic [1535:0]    word;         // out of the S-boxes
    } middle_t;
    middle_t begun, middle;
    logic middle_valid;

    always_comb begin
        begun = 'x;
        if (in_valid) begin
            begun.step = in_step;
            begun.tag = in_tag;
            begun.size = in_size;
            begun.idle = round > last;
            if (DECRYPT) begin
                begun.alone = round >= last;
                begun.final_round = round == 4'd0;
                begun.held = in_block ^ (round == last ? in_keys[127:0] : 128'd0);
                begun.block = aes::unsubstitution_begun(in_block);
                begun.key = in_keys[127:0];
                begun.other = in_keys[255:128];
                begun.rest = aes::rest_before(in_keys, in_size, round);
                begun.word = aes::substitution_begun(
                    {96'd0, aes::word_before(in_keys, in_size, round)}
                );
            end else begin
                begun.key = round == 4'd0 ? in_keys[255:128] : in_keys[127:0];
                begun.alone = round == 4'd0 || round > last;
                begun.final_round = round == last;
                begun.held = in_block ^ (round == 4'd0 ? begun.key : 128'd0);
                begun.block = aes::substitution_begun(in_block);
                begun.rest = aes::rest_after(in_keys, in_size, round);
                begun.word = aes::substitution_begun(
                    {96'd0, aes::word_after(in_keys, in_size, round)}
                );
            end
        end
    end

    if (ROUND_STAGES == 2) begin : register
        always_ff @(posedge clk) begin
            middle_valid <= in_valid && !rst;
            if (in_valid) middle <= begun;
        end
    end else begin : register
        assign middle_valid = in_valid;
        assign middle = begun;
    end

    wire [3:0] middle_round = DECRYPT ? 4'd14 - middle.step : middle.step;

    always_ff @(posedge clk) begin
        out_valid <= middle_valid && !rst;
        if (middle_valid) begin
            out_step <= middle.step + 4'd1;
            out_tag <= middle.tag;
            out_size <= middle.size;
        end
    end

    function automatic logic [31:0] substituted(input logic [1535:0] word);
        substituted = 32'(aes::substitution_ended(word));
    endfunction

    if (DECRYPT) begin : direction
        always_ff @(posedge clk) begin
            if (middle_valid) begin
                if (middle.idle) out_keys <= {middle.other, middle.key};
                else out_keys <= {
                    aes::key_before(
                        middle.rest, substituted(middle.word), middle.size, middle_round
                    ),
                    middle.other
                };
                if (middle.alone) out_block <= middle.held;
                else out_block <= aes::unmixed(
                    aes::unsubstitution_ended(middle.block), middle.key, middle.final_round
                );
            end
        end
    end else begin : direction
        always_ff @(posedge clk) begin
            if (middle_valid) begin
                out_keys <= {
                    middle.key,
                    aes::key_after(
                        middle.rest, substituted(middle.word), middle.size, middle_round
                    )
                };
                if (middle.alone) out_block <= middle.held;
                else out_block <= aes::mixed(
                    aes::substitution_ended(middle.block), middle.key, middle.final_round
                );
            end
        end
        wire unused = &{1'b0, middle.idle, middle.other};
    end
endmodule

`default_nettype wire
