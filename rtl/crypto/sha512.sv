// SHA-512's compression function, SHA-384's too (FIPS 180-4 section 6.4.2), a round a cycle.
//
// Vectors are octet strings, octet 0 on the left. 83 cycles a block: 80 rounds, a cycle before and
// one behind them, and the addition. A block comes in halves, the first with `half` and the second
// with `load` a cycle or more later; with `load` and `set`, both at once. `set` without `load` starts
// afresh. A round is made as in sha256.
`default_nettype none

module sha512 #(
    // `soon` rises this many cycles before `done`: 1 to 15
    parameter int LEAD = 3
) (
    input  wire           clk,
    input  wire           rst,
    // While done: the chaining value becomes `state`
    input  wire           set,
    // While done: take the left half of `block`
    input  wire           half,
    // While done: work on the block, from `state` on with `set`, else from `next` on
    input  wire           load,
    input  wire  [511:0]  state,
    input  wire  [1023:0] block,
    // Done in LEAD cycles at the latest
    output wire           soon,
    // No block is being worked on: `next` holds
    output wire           done,
    // The chaining value after all blocks so far
    output wire  [511:0]  next
);
    if (LEAD < 1 || LEAD > 15) begin : check_lead
        $fatal(1, "sha512: LEAD has to be 1 to 15");
    end

    // FIPS 180-4 section 4.2.3
    function automatic logic [63:0] constant(input logic [6:0] round);
        case (round)
            7'd0: constant = 64'h428a2f98d728ae22;
            7'd1: constant = 64'h7137449123ef65cd;
            7'd2: constant = 64'hb5c0fbcfec4d3b2f;
            7'd3: constant = 64'he9b5dba58189dbbc;
            7'd4: constant = 64'h3956c25bf348b538;
            7'd5: constant = 64'h59f111f1b605d019;
            7'd6: constant = 64'h923f82a4af194f9b;
            7'd7: constant = 64'hab1c5ed5da6d8118;
            7'd8: constant = 64'hd807aa98a3030242;
            7'd9: constant = 64'h12835b0145706fbe;
            7'd10: constant = 64'h243185be4ee4b28c;
            7'd11: constant = 64'h550c7dc3d5ffb4e2;
            7'd12: constant = 64'h72be5d74f27b896f;
            7'd13: constant = 64'h80deb1fe3b1696b1;
            7'd14: constant = 64'h9bdc06a725c71235;
            7'd15: constant = 64'hc19bf174cf692694;
            7'd16: constant = 64'he49b69c19ef14ad2;
            7'd17: constant = 64'hefbe4786384f25e3;
            7'd18: constant = 64'h0fc19dc68b8cd5b5;
            7'd19: constant = 64'h240ca1cc77ac9c65;
            7'd20: constant = 64'h2de92c6f592b0275;
            7'd21: constant = 64'h4a7484aa6ea6e483;
            7'd22: constant = 64'h5cb0a9dcbd41fbd4;
            7'd23: constant = 64'h76f988da831153b5;
            7'd24: constant = 64'h983e5152ee66dfab;
            7'd25: constant = 64'ha831c66d2db43210;
            7'd26: constant = 64'hb00327c898fb213f;
            7'd27: constant = 64'hbf597fc7beef0ee4;
            7'd28: constant = 64'hc6e00bf33da88fc2;
            7'd29: constant = 64'hd5a79147930aa725;
            7'd30: constant = 64'h06ca6351e003826f;
            7'd31: constant = 64'h142929670a0e6e70;
            7'd32: constant = 64'h27b70a8546d22ffc;
            7'd33: constant = 64'h2e1b21385c26c926;
            7'd34: constant = 64'h4d2c6dfc5ac42aed;
            7'd35: constant = 64'h53380d139d95b3df;
            7'd36: constant = 64'h650a73548baf63de;
            7'd37: constant = 64'h766a0abb3c77b2a8;
            7'd38: constant = 64'h81c2c92e47edaee6;
            7'd39: constant = 64'h92722c851482353b;
            7'd40: constant = 64'ha2bfe8a14cf10364;
            7'd41: constant = 64'ha81a664bbc423001;
            7'd42: constant = 64'hc24b8b70d0f89791;
            7'd43: constant = 64'hc76c51a30654be30;
            7'd44: constant = 64'hd192e819d6ef5218;
            7'd45: constant = 64'hd69906245565a910;
            7'd46: constant = 64'hf40e35855771202a;
            7'd47: constant = 64'h106aa07032bbd1b8;
            7'd48: constant = 64'h19a4c116b8d2d0c8;
            7'd49: constant = 64'h1e376c085141ab53;
            7'd50: constant = 64'h2748774cdf8eeb99;
            7'd51: constant = 64'h34b0bcb5e19b48a8;
            7'd52: constant = 64'h391c0cb3c5c95a63;
            7'd53: constant = 64'h4ed8aa4ae3418acb;
            7'd54: constant = 64'h5b9cca4f7763e373;
            7'd55: constant = 64'h682e6ff3d6b2b8a3;
            7'd56: constant = 64'h748f82ee5defb2fc;
            7'd57: constant = 64'h78a5636f43172f60;
            7'd58: constant = 64'h84c87814a1f0ab72;
            7'd59: constant = 64'h8cc702081a6439ec;
            7'd60: constant = 64'h90befffa23631e28;
            7'd61: constant = 64'ha4506cebde82bde9;
            7'd62: constant = 64'hbef9a3f7b2c67915;
            7'd63: constant = 64'hc67178f2e372532b;
            7'd64: constant = 64'hca273eceea26619c;
            7'd65: constant = 64'hd186b8c721c0c207;
            7'd66: constant = 64'heada7dd6cde0eb1e;
            7'd67: constant = 64'hf57d4f7fee6ed178;
            7'd68: constant = 64'h06f067aa72176fba;
            7'd69: constant = 64'h0a637dc5a2c898a6;
            7'd70: constant = 64'h113f9804bef90dae;
            7'd71: constant = 64'h1b710b35131c471b;
            7'd72: constant = 64'h28db77f523047d84;
            7'd73: constant = 64'h32caab7b40c72493;
            7'd74: constant = 64'h3c9ebe0a15c9bebc;
            7'd75: constant = 64'h431d67c49c100d4c;
            7'd76: constant = 64'h4cc5d4becb3e42b6;
            7'd77: constant = 64'h597f299cfc657e2a;
            7'd78: constant = 64'h5fcb6fab3ad6faec;
            7'd79: constant = 64'h6c44198c4a475817;
            default: constant = 64'd0;
        endcase
    endfunction

    // Words as they stand in the cycle before the first round: what is on the right of each four will
    // be in front, and of the left four what is beside it in the cycle behind.
    function automatic logic [511:0] turned(input logic [511:0] x);
        turned = {x[383:256], x[511:384], x[191:0], x[255:192]};
    endfunction

    logic busy;
    logic [6:0] count;                  // 0 before the first round, 80 in the last one
    logic [6:0] ahead;                  // `count` + 2
    logic [1:0] early;                  // `count` is 0: 3, is 1: 1
    logic [511:0] chain, work;          // a, b, c, d are those of the round before
    logic [1023:0] w;                   // the schedule's 16 words
    logic [63:0] k, wk;                 // constant of round `count` + 1, word and constant of `count`
    logic [63:0] hwk, dhwk;             // this round's word and constant, with h, and with d and h
    logic [63:0] t1;                    // T1 of the round before

    wire [63:0] a = work[511:448], b = work[447:384], c = work[383:320], d = work[319:256],
        e = work[255:192], f = work[191:128], g = work[127:64], h = work[63:0];

    wire [63:0] turned_a = {a[27:0], a[63:28]} ^ {a[33:0], a[63:34]} ^ {a[38:0], a[63:39]};
    wire [63:0] turned_e = {e[13:0], e[63:14]} ^ {e[17:0], e[63:18]} ^ {e[40:0], e[63:41]};
    wire [63:0] choice = (e & f) | (~e & g);
    wire [63:0] majority = (a & b) | (a & c) | (b & c);

    wire [63:0] w1 = w[959:896], w14 = w[127:64];
    wire [63:0] mixed1 = {w1[0], w1[63:1]} ^ {w1[7:0], w1[63:8]} ^ {7'd0, w1[63:7]};
    wire [63:0] mixed14 = {w14[18:0], w14[63:19]} ^ {w14[60:0], w14[63:61]} ^ {6'd0, w14[63:6]};

    wire [511:0] left = half || set ? block[1023:512] : w[1023:512];

    assign done = !busy;
    assign soon = !busy || count >= 7'(82 - LEAD);
    for (genvar i = 0; i < 8; i++) begin : addition
        assign next[i*64 +: 64] = chain[i*64 +: 64] + work[i*64 +: 64];
    end

    always_ff @(posedge clk) begin
        if (busy) begin
            work[511:256] <= {early[0] ? d : t1 + turned_a + majority, a, b, c};
            if (count != 7'd81)
                work[255:0] <= {early[1] ? h : dhwk + turned_e + choice, e, f, g};
            t1 <= hwk + turned_e + choice;
            hwk <= g + wk;
            dhwk <= b + g + wk;
            w <= {w[959:0], w[1023:960] + mixed1 + w[447:384] + mixed14};
            early <= early >> 1;
            k <= constant(ahead);
            ahead <= ahead + 7'd1;
            wk <= w1 + k;
            count <= count + 7'd1;
            if (count == 7'd81) busy <= 1'b0;
        end else begin
            if (half || load) w <= {left, block[511:0]};
            if (load) begin
                chain <= set ? state : next;
                work <= turned(set ? state : next);
                k <= constant(7'd1);
                wk <= left[511:448] + constant(7'd0);
                count <= 7'd0;
                early <= 2'd3;
                ahead <= 7'd2;
                busy <= 1'b1;
            end else if (set) begin
                chain <= state;
                work <= 512'd0;
            end
        end
        if (rst) busy <= 1'b0;
    end
endmodule

`default_nettype wire
