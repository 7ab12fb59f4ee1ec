// DES and triple DES (EDE), encrypting or decrypting block by block: one, 16 or 48 rounds in hardware.
//
// A block makes 16 rounds, or 48 with triple DES, in as many enabled cycles, going round and round
// where there are fewer stages than that: a ring of stages, which a new block enters when none comes
// round. Throughput in blocks a cycle, DES / 3DES: STAGES 1: 1/16, 1/48; 16: 1, 1/3; 48: 1, 1.
// Stages hold the keys as well. In a pipeline of 48 single DES passes the last 32 untouched, so the
// order is kept; with 16 a single DES block may overtake. Results are there 1 cycle after the last round.
// C and D come to a stage turned as its round needs them.
`default_nettype none

module des_pipe #(
    // Rounds in hardware: 1, 16 or 48
    parameter int STAGES = 1,
    // Width of what goes along with a block
    parameter int TAG_W = 8
) (
    input  wire              clk,
    input  wire              rst,
    // Nothing moves without it
    input  wire              en,
    // Block in: taken if in_ready and en. Single DES has its key in key[191:128], triple DES three
    input  wire              in_valid,
    output wire              in_ready,
    input  wire  [TAG_W-1:0] in_tag,
    input  wire              in_decrypt,
    input  wire              in_triple,
    input  wire  [191:0]     in_key,
    input  wire  [63:0]      in_block,
    // Block out
    output logic             out_valid,
    output logic [TAG_W-1:0] out_tag,
    output logic [63:0]      out_block
);
    if (STAGES != 1 && STAGES != 16 && STAGES != 48) begin : check_stages
        $fatal(1, "des_pipe: STAGES has to be 1, 16 or 48");
    end

    // What a block has with it in front of each stage. `pass`: which of the three; `single`: one
    // only; `backwards`: this pass deciphers; `cd`: of the round; `keys`: of this pass and the others.
    localparam int TOKEN_W = 1 + TAG_W + 1 + 2 + 4 + 1 + 56 + 168 + 64;
    wire [TOKEN_W-1:0] into [STAGES];
    logic [TOKEN_W-1:0] token [STAGES];

    wire [55:0] key1 = des::first_choice(in_key[191:128]);
    wire [55:0] key2 = des::first_choice(in_key[127:64]);
    wire [55:0] key3 = des::first_choice(in_key[63:0]);
    wire [167:0] keys = !in_triple ? {3{key1}} : in_decrypt ? {key3, key2, key1}
        : {key1, key2, key3};
    wire [63:0] permuted = des::initial_permutation(in_block);

    // The last stage's token goes round if it is not done.
    wire [TOKEN_W-1:0] round_trip = token[STAGES-1];
    logic goes_on, done_valid;
    assign in_ready = !goes_on;
    assign into[0] = goes_on ? round_trip
        : {
            in_valid, in_tag, !in_triple, 2'd0, 4'd0, in_decrypt,
            des::first_turn(keys[167:112], in_decrypt), keys, permuted
        };

    for (genvar s = 0; s < STAGES; s++) begin : stage
        if (s > 0) begin : chain
            assign into[s] = token[s-1];
        end

        wire valid, single, backwards;
        wire [TAG_W-1:0] tag;
        wire [1:0] pass;
        wire [3:0] round;
        wire [55:0] cd;
        wire [167:0] passes;
        wire [63:0] lr;
        assign {valid, tag, single, pass, round, backwards, cd, passes, lr} = into[s];

        // With whole passes in hardware a stage always does the same round: wires, no shifter.
        wire [3:0] here = STAGES == 1 ? round : 4'(s);
        wire idle = STAGES == 48 && single && pass != 2'd0;
        wire last = here == 4'd15;
        wire [63:0] after = des::round_of(lr, des::second_choice(cd));
        wire [55:0] cd_after = last ? des::first_turn(passes[111:56], !backwards)
            : des::next_turn(cd, here, backwards);
        // Halves are exchanged at the end of a pass (and IP and its inverse cancel between passes).
        wire [63:0] result = idle ? lr : last ? {after[31:0], after[63:32]} : after;

        always_ff @(posedge clk) begin
            if (en) begin
                token[s] <= {
                    valid, tag, single, last ? pass + 2'd1 : pass, here + 4'd1,
                    last ? !backwards : backwards, cd_after,
                    last ? {passes[111:0], passes[167:112]} : passes, result
                };
            end
            if (rst) token[s][TOKEN_W-1] <= 1'b0;
        end

        if (s == STAGES - 1) begin : ring
            // Beside the token, so that a block can enter early in a cycle.
            wire over = STAGES == 48 || (last && (single || pass == 2'd2));
            always_ff @(posedge clk) begin
                if (en) begin
                    done_valid <= valid && over;
                    goes_on <= valid && !over;
                end
                if (rst) begin
                    done_valid <= 1'b0;
                    goes_on <= 1'b0;
                end
            end
        end
    end

    wire end_valid, end_single, end_backwards;
    wire [TAG_W-1:0] end_tag;
    wire [1:0] end_pass;
    wire [3:0] end_round;
    wire [55:0] end_cd;
    wire [167:0] end_keys;
    wire [63:0] end_lr;
    assign {
        end_valid, end_tag, end_single, end_pass, end_round, end_backwards, end_cd, end_keys, end_lr
    } = round_trip;

    always_ff @(posedge clk) begin
        if (en) begin
            out_valid <= done_valid;
            out_tag <= end_tag;
            out_block <= des::final_permutation(end_lr);
        end
        if (rst) out_valid <= 1'b0;
    end

    wire unused = &{1'b0, end_valid, end_single, end_pass, end_round, end_backwards, end_cd, end_keys};
endmodule

`default_nettype wire
