// SHA-256's compression function (FIPS 180-4 section 6.2.2), a round a cycle.
//
// Vectors are octet strings, octet 0 on the left. 67 cycles a block: 64 rounds, a cycle before and
// one behind them, and the addition, in whose cycle the next block may be loaded. `set` without `load`
// starts afresh.
//
// Two sums make a round, and each has a register: T1 with d becomes e, and T1 without it becomes a in
// the cycle behind, so that a, b, c, d lag by a round. What h, d, K and W add to it was added up before.
`default_nettype none

module sha256 #(
    // `soon` rises this many cycles before `done`: 1 to 15
    parameter int LEAD = 3
) (
    input  wire          clk,
    input  wire          rst,
    // While done: the chaining value becomes `state`
    input  wire          set,
    // While done: work on `block`, from `state` on with `set`, else from `next` on
    input  wire          load,
    input  wire  [255:0] state,
    input  wire  [511:0] block,
    // Done in LEAD cycles at the latest
    output wire          soon,
    // No block is being worked on: `next` holds
    output wire          done,
    // The chaining value after all blocks so far
    output wire  [255:0] next
);
    if (LEAD < 1 || LEAD > 15) begin : check_lead
        $fatal(1, "sha256: LEAD has to be 1 to 15");
    end

    // FIPS 180-4 section 4.2.2
    function automatic logic [31:0] constant(input logic [5:0] round);
        case (round)
            6'd0: constant = 32'h428a2f98;
            6'd1: constant = 32'h71374491;
            6'd2: constant = 32'hb5c0fbcf;
            6'd3: constant = 32'he9b5dba5;
            6'd4: constant = 32'h3956c25b;
            6'd5: constant = 32'h59f111f1;
            6'd6: constant = 32'h923f82a4;
            6'd7: constant = 32'hab1c5ed5;
            6'd8: constant = 32'hd807aa98;
            6'd9: constant = 32'h12835b01;
            6'd10: constant = 32'h243185be;
            6'd11: constant = 32'h550c7dc3;
            6'd12: constant = 32'h72be5d74;
            6'd13: constant = 32'h80deb1fe;
            6'd14: constant = 32'h9bdc06a7;
            6'd15: constant = 32'hc19bf174;
            6'd16: constant = 32'he49b69c1;
            6'd17: constant = 32'hefbe4786;
            6'd18: constant = 32'h0fc19dc6;
            6'd19: constant = 32'h240ca1cc;
            6'd20: constant = 32'h2de92c6f;
            6'd21: constant = 32'h4a7484aa;
            6'd22: constant = 32'h5cb0a9dc;
            6'd23: constant = 32'h76f988da;
            6'd24: constant = 32'h983e5152;
            6'd25: constant = 32'ha831c66d;
            6'd26: constant = 32'hb00327c8;
            6'd27: constant = 32'hbf597fc7;
            6'd28: constant = 32'hc6e00bf3;
            6'd29: constant = 32'hd5a79147;
            6'd30: constant = 32'h06ca6351;
            6'd31: constant = 32'h14292967;
            6'd32: constant = 32'h27b70a85;
            6'd33: constant = 32'h2e1b2138;
            6'd34: constant = 32'h4d2c6dfc;
            6'd35: constant = 32'h53380d13;
            6'd36: constant = 32'h650a7354;
            6'd37: constant = 32'h766a0abb;
            6'd38: constant = 32'h81c2c92e;
            6'd39: constant = 32'h92722c85;
            6'd40: constant = 32'ha2bfe8a1;
            6'd41: constant = 32'ha81a664b;
            6'd42: constant = 32'hc24b8b70;
            6'd43: constant = 32'hc76c51a3;
            6'd44: constant = 32'hd192e819;
            6'd45: constant = 32'hd6990624;
            6'd46: constant = 32'hf40e3585;
            6'd47: constant = 32'h106aa070;
            6'd48: constant = 32'h19a4c116;
            6'd49: constant = 32'h1e376c08;
            6'd50: constant = 32'h2748774c;
            6'd51: constant = 32'h34b0bcb5;
            6'd52: constant = 32'h391c0cb3;
            6'd53: constant = 32'h4ed8aa4a;
            6'd54: constant = 32'h5b9cca4f;
            6'd55: constant = 32'h682e6ff3;
            6'd56: constant = 32'h748f82ee;
            6'd57: constant = 32'h78a5636f;
            6'd58: constant = 32'h84c87814;
            6'd59: constant = 32'h8cc70208;
            6'd60: constant = 32'h90befffa;
            6'd61: constant = 32'ha4506ceb;
            6'd62: constant = 32'hbef9a3f7;
            6'd63: constant = 32'hc67178f2;
        endcase
    endfunction

    // Words as they stand in the cycle before the first round: what is on the right of each four will
    // be in front, and of the left four what is beside it in the cycle behind.
    function automatic logic [255:0] turned(input logic [255:0] x);
        turned = {x[191:128], x[255:192], x[95:0], x[127:96]};
    endfunction

    logic busy;
    logic [6:0] count;                  // 0 before the first round, 64 in the last one
    logic [5:0] ahead;                  // `count` + 2
    logic [1:0] early;                  // `count` is 0: 3, is 1: 1
    logic [255:0] chain, work;          // a, b, c, d are those of the round before
    logic [511:0] w;                    // the schedule's 16 words
    logic [31:0] k, wk;                 // constant of round `count` + 1, word and constant of `count`
    logic [31:0] hwk, dhwk;             // this round's word and constant, with h, and with d and h
    logic [31:0] t1;                    // T1 of the round before

    wire [31:0] a = work[255:224], b = work[223:192], c = work[191:160], d = work[159:128],
        e = work[127:96], f = work[95:64], g = work[63:32], h = work[31:0];

    wire [31:0] turned_a = {a[1:0], a[31:2]} ^ {a[12:0], a[31:13]} ^ {a[21:0], a[31:22]};
    wire [31:0] turned_e = {e[5:0], e[31:6]} ^ {e[10:0], e[31:11]} ^ {e[24:0], e[31:25]};
    wire [31:0] choice = (e & f) | (~e & g);
    wire [31:0] majority = (a & b) | (a & c) | (b & c);

    wire [31:0] w1 = w[479:448], w14 = w[63:32];
    wire [31:0] mixed1 = {w1[6:0], w1[31:7]} ^ {w1[17:0], w1[31:18]} ^ {3'd0, w1[31:3]};
    wire [31:0] mixed14 = {w14[16:0], w14[31:17]} ^ {w14[18:0], w14[31:19]} ^ {10'd0, w14[31:10]};

    assign done = !busy;
    assign soon = !busy || count >= 7'(66 - LEAD);
    for (genvar i = 0; i < 8; i++) begin : addition
        assign next[i*32 +: 32] = chain[i*32 +: 32] + work[i*32 +: 32];
    end

    always_ff @(posedge clk) begin
        if (busy) begin
            work[255:128] <= {early[0] ? d : t1 + turned_a + majority, a, b, c};
            if (count != 7'd65)
                work[127:0] <= {early[1] ? h : dhwk + turned_e + choice, e, f, g};
            t1 <= hwk + turned_e + choice;
            hwk <= g + wk;
            dhwk <= b + g + wk;
            w <= {w[479:0], w[511:480] + mixed1 + w[223:192] + mixed14};
            early <= early >> 1;
            k <= constant(ahead);
            ahead <= ahead + 6'd1;
            wk <= w1 + k;
            count <= count + 7'd1;
            if (count == 7'd65) busy <= 1'b0;
        end else if (load) begin
            chain <= set ? state : next;
            work <= turned(set ? state : next);
            w <= block;
            k <= constant(6'd1);
            wk <= block[511:480] + constant(6'd0);
            count <= 7'd0;
            early <= 2'd3;
            ahead <= 6'd2;
            busy <= 1'b1;
        end else if (set) begin
            chain <= state;
            work <= 256'd0;
        end
        if (rst) busy <= 1'b0;
    end
endmodule

`default_nettype wire
