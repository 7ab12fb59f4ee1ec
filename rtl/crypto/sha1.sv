// SHA-1's compression function (FIPS 180-4 section 6.1.2), a round a cycle.
//
// Vectors are octet strings, octet 0 on the left. 82 cycles a block: a cycle before the first round,
// 80 rounds, and the addition, in whose cycle the next block may be loaded. `set` without `load`
// starts afresh.
//
// A round is rotl(a, 5) + rest, where the rest f(b, c, d) + e + K + W was added up in the cycle before,
// from where its words stood then; so there is one addition between two registers of a.
`default_nettype none

module sha1 #(
    // `soon` rises this many cycles before `done`: 1 to 15
    parameter int LEAD = 3
) (
    input  wire          clk,
    input  wire          rst,
    // While done: the chaining value becomes `state`
    input  wire          set,
    // While done: work on `block`, from `state` on with `set`, else from `next` on
    input  wire          load,
    input  wire  [159:0] state,
    input  wire  [511:0] block,
    // Done in LEAD cycles at the latest
    output wire          soon,
    // No block is being worked on: `next` holds
    output wire          done,
    // The chaining value after all blocks so far
    output wire  [159:0] next
);
    if (LEAD < 1 || LEAD > 15) begin : check_lead
        $fatal(1, "sha1: LEAD has to be 1 to 15");
    end

    // K and f are the same for 20 rounds.
    function automatic logic [1:0] phase_of(input logic [6:0] round);
        if (round < 7'd20) phase_of = 2'd0;
        else if (round < 7'd40) phase_of = 2'd1;
        else if (round < 7'd60) phase_of = 2'd2;
        else phase_of = 2'd3;
    endfunction

    function automatic logic [31:0] constant(input logic [1:0] phase);
        case (phase)
            2'd0: constant = 32'h5a827999;
            2'd1: constant = 32'h6ed9eba1;
            2'd2: constant = 32'h8f1bbcdc;
            default: constant = 32'hca62c1d6;
        endcase
    endfunction

    // Words as they stand in the cycle before the first round, which turns them as every round does
    // but puts what is on the right in front.
    function automatic logic [159:0] turned(input logic [159:0] x);
        turned = {x[127:96], x[93:64], x[95:94], x[63:0], x[159:128]};
    endfunction

    logic busy;
    logic [6:0] count;                  // 0 before the first round, 80 in the last one
    logic [1:0] phase, phase_ahead;     // of rounds `count` and `count` + 1, the first one is 0
    logic [159:0] chain, work;
    logic [511:0] w;                    // the schedule's 16 words
    logic [31:0] wk;                    // word and constant of round `count`
    logic [31:0] rest;                  // of this round

    wire [31:0] a = work[159:128], b = work[127:96], c = work[95:64], d = work[63:32],
        e = work[31:0];
    wire [31:0] b30 = {b[1:0], b[31:2]};

    logic [31:0] f;                     // of the next round, whose b, c, d are a, b30, c
    always_comb begin
        case (phase)
            2'd0: f = (a & b30) | (~a & c);
            2'd2: f = (a & b30) | (a & c) | (b30 & c);
            default: f = a ^ b30 ^ c;
        endcase
    end

    wire [31:0] sum = {a[26:0], a[31:27]} + rest;
    wire [31:0] mixed = w[95:64] ^ w[255:224] ^ w[447:416] ^ w[511:480];

    assign done = !busy;
    assign soon = !busy || count >= 7'(81 - LEAD);
    for (genvar i = 0; i < 5; i++) begin : addition
        assign next[i*32 +: 32] = chain[i*32 +: 32] + work[i*32 +: 32];
    end

    always_ff @(posedge clk) begin
        phase <= phase_ahead;
        phase_ahead <= phase_of(count + 7'd2);
        if (busy) begin
            work <= {count == 7'd0 ? e : sum, a, b30, c, d};
            rest <= f + d + wk;
            w <= {w[479:0], mixed[30:0], mixed[31]};
            wk <= w[479:448] + constant(phase_ahead);
            count <= count + 7'd1;
            if (count == 7'd80) busy <= 1'b0;
        end else if (load) begin
            chain <= set ? state : next;
            work <= turned(set ? state : next);
            w <= block;
            wk <= block[511:480] + constant(2'd0);
            count <= 7'd0;
            phase <= 2'd0;
            phase_ahead <= 2'd0;
            busy <= 1'b1;
        end else if (set) begin
            chain <= state;
            work <= 160'd0;
        end
        if (rst) busy <= 1'b0;
    end
endmodule

`default_nettype wire
