// SHA-1's compression function (FIPS 180-4 section 6.1.2), a round a cycle.
//
// Vectors are octet strings, octet 0 on the left. 81 cycles a block: 80 rounds and the addition,
// in whose cycle the next block may be loaded. `set` without `load` starts afresh.
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

    function automatic logic [31:0] constant(input logic [6:0] round);
        if (round < 7'd20) constant = 32'h5a827999;
        else if (round < 7'd40) constant = 32'h6ed9eba1;
        else if (round < 7'd60) constant = 32'h8f1bbcdc;
        else constant = 32'hca62c1d6;
    endfunction

    logic busy;
    logic [6:0] round;
    logic [159:0] chain, work;
    logic [511:0] w;                    // the schedule's 16 words, this round's on the left
    logic [31:0] wk;                    // this round's word and constant, added ahead

    wire [31:0] a = work[159:128], b = work[127:96], c = work[95:64], d = work[63:32],
        e = work[31:0];

    logic [31:0] f;
    always_comb begin
        if (round < 7'd20) f = (b & c) | (~b & d);
        else if (round >= 7'd40 && round < 7'd60) f = (b & c) | (b & d) | (c & d);
        else f = b ^ c ^ d;
    end

    wire [31:0] sum = {a[26:0], a[31:27]} + f + e + wk;
    wire [31:0] mixed = w[95:64] ^ w[255:224] ^ w[447:416] ^ w[511:480];

    assign done = !busy;
    assign soon = !busy || round >= 7'(80 - LEAD);
    for (genvar i = 0; i < 5; i++) begin : addition
        assign next[i*32 +: 32] = chain[i*32 +: 32] + work[i*32 +: 32];
    end

    always_ff @(posedge clk) begin
        if (busy) begin
            work <= {sum, a, b[1:0], b[31:2], c, d};
            w <= {w[479:0], mixed[30:0], mixed[31]};
            wk <= w[479:448] + constant(round + 7'd1);
            round <= round + 7'd1;
            if (round == 7'd79) busy <= 1'b0;
        end else if (load) begin
            chain <= set ? state : next;
            work <= set ? state : next;
            w <= block;
            wk <= block[511:480] + constant(7'd0);
            round <= 7'd0;
            busy <= 1'b1;
        end else if (set) begin
            chain <= state;
            work <= 160'd0;
        end
        if (rst) busy <= 1'b0;
    end
endmodule

`default_nettype wire
