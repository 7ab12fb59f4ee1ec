// AES (FIPS 197): S-boxes, rounds, and the key schedule a round at a time, in either direction.
//
// A block has its octet 0 in [127:120]; octet 4c + r is row r of column c of the standard's state.
// Key sizes: 0 is 128 bits, 1 is 192, 2 is 256, with 10, 12 and 14 rounds.
// The schedule goes along with the block: two round keys are enough to find the next one, or the one
// before.
`default_nettype none

package aes;

    // -- S-boxes: inversion in GF(2^8) done in GF((2^4)^2), which takes half the LUTs of a table -----
    // Of 16 octets at once, in 8 planes: bit 0 of each octet of plane i is bit i of that octet.
    //
    // GF(2^4) is modulo z^4 + z + 1, octets are ay + b with y^2 = y + z^3 + z, a on the left. Rows of
    // matrices, row 7 on the left, say which bits are added: from octets to ay + b (`INTO`, for the
    // inverse S-box behind the affine map undone), and back (`OUT_OF`, for the S-box with that map).
    localparam logic [63:0] INTO = 64'ha0_d2_0c_a2_18_04_e4_a5;
    localparam logic [63:0] OUT_OF = 64'h0e_70_66_19_4f_ed_13_af;
    localparam logic [63:0] INVERSE_INTO = 64'hc6_78_b7_8f_6f_92_7d_f0;
    localparam logic [63:0] INVERSE_OUT_OF = 64'h7a_86_fa_2c_24_04_90_85;

    // Products in GF(2^4): planes 3 to 0
    function automatic logic [511:0] nibble_product(
        input logic [511:0] a, input logic [511:0] b
    );
        logic [127:0] a0, a1, a2, a3, b0, b1, b2, b3, p4, p5, p6;
        {a3, a2, a1, a0} = a;
        {b3, b2, b1, b0} = b;
        p4 = a1 & b3 ^ a2 & b2 ^ a3 & b1;
        p5 = a2 & b3 ^ a3 & b2;
        p6 = a3 & b3;
        nibble_product = {
            a0 & b3 ^ a1 & b2 ^ a2 & b1 ^ a3 & b0 ^ p6, a0 & b2 ^ a1 & b1 ^ a2 & b0 ^ p5 ^ p6,
            a0 & b1 ^ a1 & b0 ^ p4 ^ p5, a0 & b0 ^ p4
        };
    endfunction

    // Inverses of ay + b are (ay + a + b) / n, where n = (z^3 + z)a^2 + ab + b^2. In two parts, so that
    // a register may stand between: a, a + b and 1/n of octets (12 planes) ...
    function automatic logic [1535:0] inversion_begun(input logic [1023:0] planes);
        logic [511:0] a, b;
        logic [127:0] a0, a1, a2, a3, b0, b1, b2, b3, n0, n1, n2, n3, e0, e1, e2, e3;
        {a, b} = planes;
        {a3, a2, a1, a0} = a;
        {b3, b2, b1, b0} = b;
        {n3, n2, n1, n0} = nibble_product(a, b)
            ^ {a0 ^ a1 ^ a2 ^ b3, a1 ^ a2 ^ b1 ^ b3, a0 ^ a1 ^ b2, a2 ^ a3 ^ b0 ^ b2};
        e0 = n0 ^ n1 ^ n2 ^ n3 ^ n0 & n2 ^ n1 & n2 ^ n0 & n1 & n2 ^ n1 & n2 & n3;
        e1 = n3 ^ n0 & n1 ^ n0 & n2 ^ n1 & n2 ^ n1 & n3 ^ n0 & n1 & n3;
        e2 = n2 ^ n3 ^ n0 & n1 ^ n0 & n2 ^ n0 & n3 ^ n0 & n2 & n3;
        e3 = n1 ^ n2 ^ n3 ^ n0 & n3 ^ n1 & n3 ^ n2 & n3 ^ n1 & n2 & n3;
        inversion_begun = {a, a ^ b, e3, e2, e1, e0};
    endfunction

    // ... and what comes of them
    function automatic logic [1023:0] inversion_ended(input logic [1535:0] begun);
        inversion_ended = {
            nibble_product(begun[1535:1024], begun[511:0]),
            nibble_product(begun[1023:512], begun[511:0])
        };
    endfunction

    // SubBytes, in the same two parts
    function automatic logic [1535:0] substitution_begun(input logic [127:0] octets);
        // verilator no_inline_task
        logic [1023:0] planes;
        planes = '0;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                if (INTO[i*8+j])
                    planes[i*128 +: 128] = planes[i*128 +: 128] ^ octets >> j & {16{8'h01}};
        substitution_begun = inversion_begun(planes);
    endfunction

    function automatic logic [127:0] substitution_ended(input logic [1535:0] begun);
        // verilator no_inline_task
        logic [1023:0] values;
        logic [127:0] plane;
        values = inversion_ended(begun);
        substitution_ended = {16{8'h63}};
        for (int i = 0; i < 8; i++) begin
            plane = '0;
            for (int j = 0; j < 8; j++)
                if (OUT_OF[i*8+j]) plane = plane ^ values[j*128 +: 128];
            substitution_ended = substitution_ended ^ plane << i;
        end
    endfunction

    // InvSubBytes, in the same two parts
    function automatic logic [1535:0] unsubstitution_begun(input logic [127:0] octets);
        // verilator no_inline_task
        logic [1023:0] planes;
        logic [127:0] affine;
        affine = octets ^ {16{8'h63}};
        planes = '0;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                if (INVERSE_INTO[i*8+j])
                    planes[i*128 +: 128] = planes[i*128 +: 128] ^ affine >> j & {16{8'h01}};
        unsubstitution_begun = inversion_begun(planes);
    endfunction

    function automatic logic [127:0] unsubstitution_ended(input logic [1535:0] begun);
        // verilator no_inline_task
        logic [1023:0] values;
        logic [127:0] plane;
        values = inversion_ended(begun);
        unsubstitution_ended = '0;
        for (int i = 0; i < 8; i++) begin
            plane = '0;
            for (int j = 0; j < 8; j++)
                if (INVERSE_OUT_OF[i*8+j]) plane = plane ^ values[j*128 +: 128];
            unsubstitution_ended = unsubstitution_ended ^ plane << i;
        end
    endfunction

    // Number of rounds of a key size
    function automatic logic [3:0] rounds(input logic [1:0] size);
        rounds = {1'b1, size, 1'b0} + 4'd2;
    endfunction

    // -- rounds ---------------------------------------------------------------------------------------
    // Every octet times x, in GF(2^8)
    function automatic logic [127:0] doubled(input logic [127:0] octets);
        logic [127:0] high;
        for (int i = 0; i < 16; i++) high[i*8 +: 8] = octets[i*8+7] ? 8'h1b : 8'h00;
        doubled = {octets[126:0], 1'b0} & {16{8'hfe}} ^ high;
    endfunction

    // Columns with their octets turned up by `rows`
    function automatic logic [127:0] turned(input logic [127:0] octets, input int rows);
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++)
                turned[(15-4*c-r)*8 +: 8] = octets[(15-4*c-(r+rows)%4)*8 +: 8];
    endfunction

    // Behind SubBytes: ShiftRows, MixColumns but in the last round, AddRoundKey
    function automatic logic [127:0] mixed(
        input logic [127:0] octets, input logic [127:0] key, input logic last
    );
        // verilator no_inline_task
        logic [127:0] s, both;
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++)
                s[(15-4*c-r)*8 +: 8] = octets[(15-4*((c+r)%4)-r)*8 +: 8];
        both = s ^ turned(s, 1);
        // 2a + 3b + c + d = 2(a + b) + b + (c + d)
        mixed = (last ? s : doubled(both) ^ turned(s, 1) ^ turned(both, 2)) ^ key;
    endfunction

    // Behind InvSubBytes: InvShiftRows, AddRoundKey, InvMixColumns but in the last round
    function automatic logic [127:0] unmixed(
        input logic [127:0] octets, input logic [127:0] key, input logic last
    );
        // verilator no_inline_task
        logic [127:0] s, both, four;
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++)
                s[(15-4*((c+r)%4)-r)*8 +: 8] = octets[(15-4*c-r)*8 +: 8];
        s = s ^ key;
        // InvMixColumns is MixColumns of what has 4(a + c) added to a and c, 4(b + d) to b and d.
        four = doubled(doubled(s ^ turned(s, 2)));
        both = s ^ four ^ turned(s ^ four, 1);
        unmixed = last ? s : doubled(both) ^ turned(s ^ four, 1) ^ turned(both, 2);
    endfunction

    // -- key schedule ---------------------------------------------------------------------------------
    // Round constant `number`, from 1 on
    function automatic logic [31:0] constant(input logic [3:0] number);
        case (number)
            4'd9: constant = 32'h1b000000;
            4'd10: constant = 32'h36000000;
            default: constant = {8'd1 << (number - 4'd1), 24'd0};
        endcase
    endfunction

    // AES-192 has a constant in every sixth word, a round has four: the number of the constant in the
    // key of `round`, 0 if it has none. An odd one is in its third word, else it is in the first.
    function automatic logic [3:0] constant_192(input logic [3:0] round);
        case (round)
            4'd1: constant_192 = 4'd1;
            4'd3: constant_192 = 4'd2;
            4'd4: constant_192 = 4'd3;
            4'd6: constant_192 = 4'd4;
            4'd7: constant_192 = 4'd5;
            4'd9: constant_192 = 4'd6;
            4'd10: constant_192 = 4'd7;
            4'd12: constant_192 = 4'd8;
            default: constant_192 = 4'd0;
        endcase
    endfunction

    // From the keys of rounds `round` - 1 and `round`, the earlier one on the left, comes that of the
    // next; `round` 0: from the key as it is, left aligned. One word goes through the S-boxes ...
    function automatic logic [31:0] word_after(
        // verilator lint_off UNUSEDSIGNAL
        input logic [255:0] keys,
        // verilator lint_on UNUSEDSIGNAL
        input logic [1:0] size, input logic [3:0] round
    );
        if (round == 4'd0) word_after = size == 2'd0 ? keys[159:128] : keys[95:64];
        else if (third_after(size, round)) word_after = keys[31:0] ^ keys[191:160] ^ keys[159:128];
        else word_after = keys[31:0];
    endfunction

    // ... the rest does not ...
    function automatic logic [127:0] rest_after(
        input logic [255:0] keys, input logic [1:0] size, input logic [3:0] round
    );
        logic third;
        logic [31:0] n0, n1, n2, n3;
        logic [127:0] base;
        third = third_after(size, round);
        base = size == 2'd2 ? keys[255:128] : size == 2'd1 ? keys[191:64] : keys[127:0];
        if (round == 4'd0) base = size == 2'd0 ? keys[255:128] : {keys[127:64], keys[255:192]};
        n0 = base[127:96];
        if (round != 4'd0 && !first_after(size, round)) n0 = n0 ^ keys[31:0];
        n1 = base[95:64] ^ (round == 4'd0 && size != 2'd0 ? 32'd0 : n0);
        n2 = base[63:32] ^ (third ? 32'd0 : n1);
        n3 = base[31:0] ^ n2;
        rest_after = round == 4'd0 && size == 2'd2 ? keys[127:0] : {n0, n1, n2, n3};
    endfunction

    // ... and both come together.
    function automatic logic [127:0] key_after(
        input logic [127:0] rest, input logic [31:0] substituted, input logic [1:0] size,
        input logic [3:0] round
    );
        logic [3:0] number;
        logic first, third;
        logic [31:0] word;
        number = size == 2'd0 ? round + 4'd1 : size == 2'd1 ? constant_192(round + 4'd1)
            : {1'b0, round[3:1]} + 4'd1;
        word = size == 2'd2 && !round[0] ? substituted
            : {substituted[23:0], substituted[31:24]} ^ constant(number);
        first = first_after(size, round);
        third = first || third_after(size, round);
        key_after = rest ^ {{2{word & {32{first}}}}, {2{word & {32{third}}}}};
    endfunction

    // Does what comes of the S-boxes begin in the first word of the key behind `round`, or in the third?
    function automatic logic first_after(input logic [1:0] size, input logic [3:0] round);
        logic [3:0] number;
        number = constant_192(round + 4'd1);
        if (size == 2'd1) first_after = number != 4'd0 && !number[0];
        else first_after = size == 2'd0 || round != 4'd0;
    endfunction

    function automatic logic third_after(input logic [1:0] size, input logic [3:0] round);
        third_after = size == 2'd1 && 1'(constant_192(round + 4'd1));
    endfunction

    // From the keys of rounds `round` - 1 and `round` comes that of `round` - 2, in the same three parts;
    // `round` 1: the right one is that of round 0, and what comes is nothing.
    function automatic logic [31:0] word_before(
        // verilator lint_off UNUSEDSIGNAL
        input logic [255:0] keys,
        // verilator lint_on UNUSEDSIGNAL
        input logic [1:0] size, input logic [3:0] round
    );
        word_before = size == 2'd0 ? keys[159:128] ^ keys[191:160]
            : size == 2'd1 && first_before(size, round) ? keys[223:192] : keys[159:128];
    endfunction

    function automatic logic [127:0] rest_before(
        input logic [255:0] keys, input logic [1:0] size, input logic [3:0] round
    );
        logic [159:0] base;             // and the word in front of it
        base = size == 2'd0 ? {32'd0, keys[255:128]} : size == 2'd1 ? keys[223:64]
            : {32'd0, keys[127:0]};
        rest_before = base[127:0] ^ {32'd0, base[127:32]};
        if (size == 2'd1) begin
            if (!first_before(size, round))
                rest_before[127:96] = rest_before[127:96] ^ base[159:128];
            if (third_before(size, round)) rest_before[63:32] = base[63:32];
        end
    endfunction

    function automatic logic [127:0] key_before(
        input logic [127:0] rest, input logic [31:0] substituted, input logic [1:0] size,
        input logic [3:0] round
    );
        logic [3:0] number;
        logic [31:0] word;
        logic first;
        first = first_before(size, round);
        number = size == 2'd0 ? round - 4'd1 : size == 2'd2 ? {1'b0, round[3:1]}
            : constant_192(first ? round - 4'd1 : round);
        word = size == 2'd2 && round[0] ? substituted
            : {substituted[23:0], substituted[31:24]} ^ constant(number);
        key_before = rest ^ {
            word & {32{first}}, 32'd0, word & {32{third_before(size, round)}}, 32'd0
        };
    endfunction

    function automatic logic first_before(input logic [1:0] size, input logic [3:0] round);
        first_before = size != 2'd1 || 1'(constant_192(round - 4'd1));
    endfunction

    function automatic logic third_before(input logic [1:0] size, input logic [3:0] round);
        logic [3:0] here;
        here = constant_192(round);
        third_before = size == 2'd1 && !here[0] && here != 4'd0;
    endfunction

endpackage

`default_nettype wire
