// MD5's compression function (RFC 1321 section 3.4), a round in two cycles.
//
// Vectors are octet strings, octet 0 on the left (MD5's words are little-endian in them). 130 cycles
// a block: one before the first round, 64 rounds, and the addition, in whose cycle the next block may be
// loaded. `set` without `load` starts afresh.
//
// The next b is b + rotl(a + f(b, c, d) + K + W), and each needs the one before: two additions and what
// turns between them are too much for the clock that everything else allows.
`default_nettype none

module md5 #(
    // `soon` rises this many cycles before `done`: 1 to 15
    parameter int LEAD = 3
) (
    input  wire          clk,
    input  wire          rst,
    // While done: the chaining value becomes `state`
    input  wire          set,
    // While done: work on `block`, from `state` on with `set`, else from `next` on
    input  wire          load,
    input  wire  [127:0] state,
    input  wire  [511:0] block,
    // Done in LEAD cycles at the latest
    output wire          soon,
    // No block is being worked on: `next` holds
    output wire          done,
    // The chaining value after all blocks so far
    output wire  [127:0] next
);
    if (LEAD < 1 || LEAD > 15) begin : check_lead
        $fatal(1, "md5: LEAD has to be 1 to 15");
    end

    // RFC 1321's table T: floor(2^32 |sin i|)
    function automatic logic [31:0] constant(input logic [5:0] round);
        case (round)
            6'd0: constant = 32'hd76aa478;
            6'd1: constant = 32'he8c7b756;
            6'd2: constant = 32'h242070db;
            6'd3: constant = 32'hc1bdceee;
            6'd4: constant = 32'hf57c0faf;
            6'd5: constant = 32'h4787c62a;
            6'd6: constant = 32'ha8304613;
            6'd7: constant = 32'hfd469501;
            6'd8: constant = 32'h698098d8;
            6'd9: constant = 32'h8b44f7af;
            6'd10: constant = 32'hffff5bb1;
            6'd11: constant = 32'h895cd7be;
            6'd12: constant = 32'h6b901122;
            6'd13: constant = 32'hfd987193;
            6'd14: constant = 32'ha679438e;
            6'd15: constant = 32'h49b40821;
            6'd16: constant = 32'hf61e2562;
            6'd17: constant = 32'hc040b340;
            6'd18: constant = 32'h265e5a51;
            6'd19: constant = 32'he9b6c7aa;
            6'd20: constant = 32'hd62f105d;
            6'd21: constant = 32'h02441453;
            6'd22: constant = 32'hd8a1e681;
            6'd23: constant = 32'he7d3fbc8;
            6'd24: constant = 32'h21e1cde6;
            6'd25: constant = 32'hc33707d6;
            6'd26: constant = 32'hf4d50d87;
            6'd27: constant = 32'h455a14ed;
            6'd28: constant = 32'ha9e3e905;
            6'd29: constant = 32'hfcefa3f8;
            6'd30: constant = 32'h676f02d9;
            6'd31: constant = 32'h8d2a4c8a;
            6'd32: constant = 32'hfffa3942;
            6'd33: constant = 32'h8771f681;
            6'd34: constant = 32'h6d9d6122;
            6'd35: constant = 32'hfde5380c;
            6'd36: constant = 32'ha4beea44;
            6'd37: constant = 32'h4bdecfa9;
            6'd38: constant = 32'hf6bb4b60;
            6'd39: constant = 32'hbebfbc70;
            6'd40: constant = 32'h289b7ec6;
            6'd41: constant = 32'heaa127fa;
            6'd42: constant = 32'hd4ef3085;
            6'd43: constant = 32'h04881d05;
            6'd44: constant = 32'hd9d4d039;
            6'd45: constant = 32'he6db99e5;
            6'd46: constant = 32'h1fa27cf8;
            6'd47: constant = 32'hc4ac5665;
            6'd48: constant = 32'hf4292244;
            6'd49: constant = 32'h432aff97;
            6'd50: constant = 32'hab9423a7;
            6'd51: constant = 32'hfc93a039;
            6'd52: constant = 32'h655b59c3;
            6'd53: constant = 32'h8f0ccc92;
            6'd54: constant = 32'hffeff47d;
            6'd55: constant = 32'h85845dd1;
            6'd56: constant = 32'h6fa87e4f;
            6'd57: constant = 32'hfe2ce6e0;
            6'd58: constant = 32'ha3014314;
            6'd59: constant = 32'h4e0811a1;
            6'd60: constant = 32'hf7537e82;
            6'd61: constant = 32'hbd3af235;
            6'd62: constant = 32'h2ad7d2bb;
            6'd63: constant = 32'heb86d391;
        endcase
    endfunction

    function automatic logic [31:0] swapped(input logic [31:0] word);
        swapped = {word[7:0], word[15:8], word[23:16], word[31:24]};
    endfunction

    // Which word of the block a round takes: i, 5i + 1, 3i + 5, 7i.
    function automatic logic [3:0] place(input logic [5:0] round);
        logic [3:0] i;
        i = round[3:0];
        case (round[5:4])
            2'd0: place = i;
            2'd1: place = {i[1:0], 2'd1} + i;
            2'd2: place = {i[2:0], 1'd1} + i + 4'd4;
            default: place = {i[0], 3'd0} - i;
        endcase
    endfunction

    logic busy;
    logic [7:0] cycle;                  // 1 before the first round, 128 and 129 in the last one
    wire second = cycle[0];
    wire [5:0] coming = cycle[6:1];     // the round behind this one; the first one is 0
    logic fresh;                        // `cycle` is 1
    logic [3:0] kind;                   // of the round: function, and which of its four rotations
    logic [1:0] turn;                   // what its first cycle turns by
    logic [127:0] chain, work;          // a, b, c, d from the left, as numbers
    logic [511:0] w;                    // the block, word 0 on the left
    logic [3:0] at;                     // place of the word two rounds behind `coming`
    logic [31:0] word, k;               // word and constant of the round behind `coming`
    logic [31:0] wk;                    // both of `coming`, added
    logic [31:0] awk;                   // both of this round, and a

    wire [31:0] a = work[127:96], b = work[95:64], c = work[63:32], d = work[31:0];

    logic [31:0] f;
    always_comb begin
        case (kind[3:2])
            2'd0: f = (b & c) | (~b & d);
            2'd1: f = (d & b) | (~d & c);
            2'd2: f = b ^ c ^ d;
            default: f = c ^ (b | ~d);
        endcase
    end

    // What a round turns by is 4, 9, 14 or 20, and up to 3 more, which the first cycle does.
    logic [31:0] sum;
    wire [31:0] sum_now = f + awk;
    logic [31:0] turned;
    always_comb begin
        case (kind[1:0])
            2'd0: turned = {sum[27:0], sum[31:28]};
            2'd1: turned = {sum[22:0], sum[31:23]};
            2'd2: turned = {sum[17:0], sum[31:18]};
            default: turned = {sum[11:0], sum[31:12]};
        endcase
    end

    // How many more, by `kind`.
    function automatic logic [1:0] more(input logic [3:0] round);
        case (round)
            4'h0, 4'h1, 4'h2, 4'hb: more = 2'd3;
            4'h3, 4'h9, 4'ha, 4'hc: more = 2'd2;
            4'h4, 4'hd, 4'he, 4'hf: more = 2'd1;
            default: more = 2'd0;
        endcase
    endfunction

    logic [127:0] from;                 // the chaining value that the block starts from
    logic [127:0] total;
    for (genvar i = 0; i < 4; i++) begin : addition
        assign total[i*32 +: 32] = chain[i*32 +: 32] + work[i*32 +: 32];
        assign next[i*32 +: 32] = swapped(total[i*32 +: 32]);
        assign from[i*32 +: 32] = set ? swapped(state[i*32 +: 32]) : total[i*32 +: 32];
    end

    assign done = !busy;
    assign soon = !busy || cycle >= 8'(130 - LEAD);

    always_ff @(posedge clk) begin
        if (busy) begin
            case (turn)
                2'd0: sum <= sum_now;
                2'd1: sum <= {sum_now[30:0], sum_now[31]};
                2'd2: sum <= {sum_now[29:0], sum_now[31:30]};
                default: sum <= {sum_now[28:0], sum_now[31:29]};
            endcase
            if (second) begin
                // The next round's a is this one's d.
                if (!fresh) work <= {d, b + turned, b, c};
                awk <= (fresh ? a : d) + wk;
                wk <= swapped(word) + k;
                word <= w[{~at, 5'd0} +: 32];
                k <= constant(coming + 6'd2);
                at <= place(coming + 6'd3);
                kind <= {coming[5:4], coming[1:0]};
                turn <= more({coming[5:4], coming[1:0]});
            end
            cycle <= cycle + 8'd1;
            fresh <= 1'b0;
            if (cycle == 8'd129) busy <= 1'b0;
        end else if (load) begin
            chain <= from;
            work <= from;
            w <= block;
            wk <= swapped(block[511:480]) + constant(6'd0);
            word <= block[479:448];
            k <= constant(6'd1);
            at <= place(6'd2);
            cycle <= 8'd1;
            fresh <= 1'b1;
            busy <= 1'b1;
        end else if (set) begin
            chain <= from;
            work <= 128'd0;
        end
        if (rst) busy <= 1'b0;
    end
endmodule

`default_nettype wire
