// DES (FIPS 46-3): permutations, S-boxes, key schedule, and a round. Bit 1 of the standard is the
// leftmost. A parity bit of a key has no effect.
`default_nettype none

package des;

    // IP
    function automatic logic [63:0] initial_permutation(input logic [63:0] x);
        initial_permutation = {
            x[6], x[14], x[22], x[30], x[38], x[46], x[54], x[62], x[4], x[12], x[20], x[28],
            x[36], x[44], x[52], x[60], x[2], x[10], x[18], x[26], x[34], x[42], x[50], x[58],
            x[0], x[8], x[16], x[24], x[32], x[40], x[48], x[56], x[7], x[15], x[23], x[31],
            x[39], x[47], x[55], x[63], x[5], x[13], x[21], x[29], x[37], x[45], x[53], x[61],
            x[3], x[11], x[19], x[27], x[35], x[43], x[51], x[59], x[1], x[9], x[17], x[25],
            x[33], x[41], x[49], x[57]
        };
    endfunction

    // IP's inverse
    function automatic logic [63:0] final_permutation(input logic [63:0] x);
        final_permutation = {
            x[24], x[56], x[16], x[48], x[8], x[40], x[0], x[32], x[25], x[57], x[17], x[49],
            x[9], x[41], x[1], x[33], x[26], x[58], x[18], x[50], x[10], x[42], x[2], x[34],
            x[27], x[59], x[19], x[51], x[11], x[43], x[3], x[35], x[28], x[60], x[20], x[52],
            x[12], x[44], x[4], x[36], x[29], x[61], x[21], x[53], x[13], x[45], x[5], x[37],
            x[30], x[62], x[22], x[54], x[14], x[46], x[6], x[38], x[31], x[63], x[23], x[55],
            x[15], x[47], x[7], x[39]
        };
    endfunction

    // E
    function automatic logic [47:0] expanded(input logic [31:0] x);
        expanded = {
            x[0], x[31], x[30], x[29], x[28], x[27], x[28], x[27], x[26], x[25], x[24], x[23],
            x[24], x[23], x[22], x[21], x[20], x[19], x[20], x[19], x[18], x[17], x[16], x[15],
            x[16], x[15], x[14], x[13], x[12], x[11], x[12], x[11], x[10], x[9], x[8], x[7], x[8],
            x[7], x[6], x[5], x[4], x[3], x[4], x[3], x[2], x[1], x[0], x[31]
        };
    endfunction

    // P
    function automatic logic [31:0] permuted(input logic [31:0] x);
        permuted = {
            x[16], x[25], x[12], x[11], x[3], x[20], x[4], x[15], x[31], x[17], x[9], x[6], x[27],
            x[14], x[1], x[22], x[30], x[24], x[8], x[18], x[0], x[5], x[29], x[23], x[13], x[19],
            x[2], x[26], x[10], x[21], x[28], x[7]
        };
    endfunction

    // PC-1, which drops the parity bits: C on the left, D on the right
    function automatic logic [55:0] first_choice(
        // verilator lint_off UNUSEDSIGNAL
        input logic [63:0] x
        // verilator lint_on UNUSEDSIGNAL
    );
        first_choice = {
            x[7], x[15], x[23], x[31], x[39], x[47], x[55], x[63], x[6], x[14], x[22], x[30],
            x[38], x[46], x[54], x[62], x[5], x[13], x[21], x[29], x[37], x[45], x[53], x[61],
            x[4], x[12], x[20], x[28], x[1], x[9], x[17], x[25], x[33], x[41], x[49], x[57], x[2],
            x[10], x[18], x[26], x[34], x[42], x[50], x[58], x[3], x[11], x[19], x[27], x[35],
            x[43], x[51], x[59], x[36], x[44], x[52], x[60]
        };
    endfunction

    // PC-2
    function automatic logic [47:0] second_choice(
        // verilator lint_off UNUSEDSIGNAL
        input logic [55:0] x
        // verilator lint_on UNUSEDSIGNAL
    );
        second_choice = {
            x[42], x[39], x[45], x[32], x[55], x[51], x[53], x[28], x[41], x[50], x[35], x[46],
            x[33], x[37], x[44], x[52], x[30], x[48], x[40], x[49], x[29], x[36], x[43], x[54],
            x[15], x[4], x[25], x[19], x[9], x[1], x[26], x[16], x[5], x[11], x[23], x[8], x[12],
            x[7], x[17], x[0], x[22], x[3], x[10], x[14], x[6], x[20], x[27], x[24]
        };
    endfunction

    // S-box `which` (0 to 7) of 6 bits; the tables go by the 6 bits read as a number, 0 on the left.
    function automatic logic [3:0] substituted(input int which, input logic [5:0] bits);
        logic [255:0] values;
        case (which)
            0: values = 256'he04fd7142ef2bd813aa66ccb59950378_4f1ce882d46921b7f5cb937e3aa0560d;
            1: values = 256'hf31d84e76fb2384e9c7021dac6095ba5_0de87ab1a34fd4125b86c76c90352ef9;
            2: values = 256'had0790e96334f65a12d8c57ebc4b2f81_d16a4d9086f93807b41f2ec35ba5e27c;
            3: values = 256'h7dd8eb35066f90a31427825cb1ca4ef9_a36f9006cab17dd8f91435eb5c27824e;
            4: values = 256'h2ecb421c74a7bd6185503ffad309e896_4b281cb7a1de728df69fc0596a3405e3;
            5: values = 256'hca1fa4f2972c698506d13d4ee07b53b8_94e3f25c2985cf3a7b0e41a716d0b86d;
            6: values = 256'h4db02be7f40981da3ec3957c52af6816_164bbdd8c1347ae7a9f5608f0e52932c;
            default: values = 256'hd12f8d486af3b714ac9536eb500ec972_72b14e1794cae82d0f6ca9d0f335568b;
        endcase
        substituted = values[{~bits, 2'd0} +: 4];
    endfunction

    // C and D, each 28 bits, turned left or right, by one or two.
    function automatic logic [55:0] turned(
        input logic [55:0] cd, input logic right, input logic two
    );
        logic [27:0] c, d;
        {c, d} = cd;
        case ({right, two})
            2'd0: turned = {c[26:0], c[27], d[26:0], d[27]};
            2'd1: turned = {c[25:0], c[27:26], d[25:0], d[27:26]};
            2'd2: turned = {c[0], c[27:1], d[0], d[27:1]};
            default: turned = {c[1:0], c[27:2], d[1:0], d[27:2]};
        endcase
    endfunction

    // C and D for the first round of a pass: deciphering takes the keys backwards, and the sixteenth is
    // of C and D as they were.
    function automatic logic [55:0] first_turn(input logic [55:0] cd, input logic backwards);
        first_turn = backwards ? cd : turned(cd, 1'b0, 1'b0);
    endfunction

    // From those for `round`, 0 to 14, those for the next one
    function automatic logic [55:0] next_turn(
        input logic [55:0] cd, input logic [3:0] round, input logic backwards
    );
        next_turn = turned(cd, backwards, round != 4'd0 && round != 4'd7 && round != 4'd14);
    endfunction

    // A round: L and R, each 32 bits, in and out.
    function automatic logic [63:0] round_of(input logic [63:0] lr, input logic [47:0] key);
        logic [47:0] mixed;
        logic [31:0] f;
        mixed = expanded(lr[31:0]) ^ key;
        for (int i = 0; i < 8; i++)
            f[(7-i)*4 +: 4] = substituted(i, mixed[(7-i)*6 +: 6]);
        round_of = {lr[31:0], lr[63:32] ^ permuted(f)};
    endfunction

endpackage

`default_nettype wire
