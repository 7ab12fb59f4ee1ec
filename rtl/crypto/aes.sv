// AES (FIPS 197): S-boxes, rounds, and the key schedule a round at a time, in either direction.
//
// A block has its octet 0 in [127:120]; octet 4c + r is row r of column c of the standard's state.
// Key sizes: 0 is 128 bits, 1 is 192, 2 is 256, with 10, 12 and 14 rounds.
// The schedule goes along with the block: two round keys are enough to find the next one, or the one
// before.
`default_nettype none

package aes;

    // Octet 0 on the left
    localparam logic [2047:0] SBOX = {
        256'h637c777bf26b6fc53001672bfed7ab76ca82c97dfa5947f0add4a2af9ca472c0,
        256'hb7fd9326363ff7cc34a5e5f171d8311504c723c31896059a071280e2eb27b275,
        256'h09832c1a1b6e5aa0523bd6b329e32f8453d100ed20fcb15b6acbbe394a4c58cf,
        256'hd0efaafb434d338545f9027f503c9fa851a3408f929d38f5bcb6da2110fff3d2,
        256'hcd0c13ec5f974417c4a77e3d645d197360814fdc222a908846eeb814de5e0bdb,
        256'he0323a0a4906245cc2d3ac629195e479e7c8376d8dd54ea96c56f4ea657aae08,
        256'hba78252e1ca6b4c6e8dd741f4bbd8b8a703eb5664803f60e613557b986c11d9e,
        256'he1f8981169d98e949b1e87e9ce5528df8ca1890dbfe6426841992d0fb054bb16
    };
    localparam logic [2047:0] INVERSE_SBOX = {
        256'h52096ad53036a538bf40a39e81f3d7fb7ce339829b2fff87348e4344c4dee9cb,
        256'h547b9432a6c2233dee4c950b42fac34e082ea16628d924b2765ba2496d8bd125,
        256'h72f8f66486689816d4a45ccc5d65b6926c704850fdedb9da5e154657a78d9d84,
        256'h90d8ab008cbcd30af7e45805b8b34506d02c1e8fca3f0f02c1afbd0301138a6b,
        256'h3a9111414f67dcea97f2cfcef0b4e67396ac7422e7ad3585e2f937e81c75df6e,
        256'h47f11a711d29c5896fb7620eaa18be1bfc563e4bc6d279209adbc0fe78cd5af4,
        256'h1fdda8338807c731b11210592780ec5f60517fa919b54a0d2de57a9f93c99cef,
        256'ha0e03b4dae2af5b0c8ebbb3c83539961172b047eba77d626e169146355210c7d
    };

    function automatic logic [7:0] substituted(input logic [7:0] octet);
        substituted = SBOX[{~octet, 3'd0} +: 8];
    endfunction

    function automatic logic [7:0] unsubstituted(input logic [7:0] octet);
        unsubstituted = INVERSE_SBOX[{~octet, 3'd0} +: 8];
    endfunction

    // SubWord
    function automatic logic [31:0] word_substituted(input logic [31:0] word);
        for (int i = 0; i < 4; i++) word_substituted[i*8 +: 8] = substituted(word[i*8 +: 8]);
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

    // SubBytes, ShiftRows, MixColumns but in the last round, AddRoundKey
    function automatic logic [127:0] encrypted(
        input logic [127:0] block, input logic [127:0] key, input logic last
    );
        // verilator no_inline_task
        logic [127:0] s, both;
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++)
                s[(15-4*c-r)*8 +: 8] = substituted(block[(15-4*((c+r)%4)-r)*8 +: 8]);
        both = s ^ turned(s, 1);
        // 2a + 3b + c + d = 2(a + b) + b + (c + d)
        encrypted = (last ? s : doubled(both) ^ turned(s, 1) ^ turned(both, 2)) ^ key;
    endfunction

    // InvShiftRows, InvSubBytes, AddRoundKey, InvMixColumns but in the last round
    function automatic logic [127:0] decrypted(
        input logic [127:0] block, input logic [127:0] key, input logic last
    );
        // verilator no_inline_task
        logic [127:0] s, both, four;
        for (int c = 0; c < 4; c++)
            for (int r = 0; r < 4; r++)
                s[(15-4*((c+r)%4)-r)*8 +: 8] = unsubstituted(block[(15-4*c-r)*8 +: 8]);
        s = s ^ key;
        // InvMixColumns is MixColumns of what has 4(a + c) added to a and c, 4(b + d) to b and d.
        four = doubled(doubled(s ^ turned(s, 2)));
        both = s ^ four ^ turned(s ^ four, 1);
        decrypted = last ? s : doubled(both) ^ turned(s ^ four, 1) ^ turned(both, 2);
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

    // From the keys of rounds `round` - 1 and `round`, the earlier one on the left, those of `round`
    // and the next. `round` 0: from the key as it is, left aligned.
    function automatic logic [255:0] keys_after(
        input logic [255:0] keys, input logic [1:0] size, input logic [3:0] round
    );
        // verilator no_inline_task
        logic [3:0] number;
        logic third;
        logic [31:0] last, s, mixed, n0, n1, n2, n3;
        logic [127:0] base;
        number = constant_192(round + 4'd1);
        third = size == 2'd1 && number[0];
        if (size == 2'd0) number = round + 4'd1;
        if (size == 2'd2) number = {1'b0, round[3:1]} + 4'd1;
        base = size == 2'd2 ? keys[255:128] : size == 2'd1 ? keys[191:64] : keys[127:0];
        last = third ? keys[31:0] ^ base[127:96] ^ base[95:64] : keys[31:0];
        if (round == 4'd0) last = size == 2'd0 ? keys[159:128] : keys[95:64];
        s = word_substituted(last);
        mixed = size == 2'd2 && !round[0] ? s : {s[23:0], s[31:24]} ^ constant(number);
        if (round == 4'd0) begin
            n0 = size == 2'd0 ? keys[255:224] ^ mixed : keys[127:96];
            n1 = size == 2'd0 ? keys[223:192] ^ n0 : keys[95:64];
            n2 = size == 2'd0 ? keys[191:160] ^ n1
                : size == 2'd1 ? keys[255:224] ^ mixed : keys[63:32];
            n3 = size == 2'd0 ? keys[159:128] ^ n2
                : size == 2'd1 ? keys[223:192] ^ n2 : keys[31:0];
            keys_after = {keys[255:128], n0, n1, n2, n3};
        end else begin
            n0 = base[127:96] ^ (size != 2'd1 || (!third && number != 4'd0) ? mixed : keys[31:0]);
            n1 = base[95:64] ^ n0;
            n2 = base[63:32] ^ (third ? mixed : n1);
            n3 = base[31:0] ^ n2;
            keys_after = {keys[127:0], n0, n1, n2, n3};
        end
    endfunction

    // From the keys of rounds `round` - 1 and `round` those of `round` - 2 and `round` - 1; `round` 1:
    // the right one is that of round 0, the left one nothing.
    function automatic logic [255:0] keys_before(
        input logic [255:0] keys, input logic [1:0] size, input logic [3:0] round
    );
        // verilator no_inline_task
        logic [3:0] here, earlier, number;
        logic first, third;
        logic [31:0] s, mixed, n0, n1, n2, n3;
        here = constant_192(round);
        earlier = constant_192(round - 4'd1);
        first = size == 2'd1 && earlier[0];
        third = size == 2'd1 && !here[0] && here != 4'd0;
        number = size == 2'd0 ? round - 4'd1 : size == 2'd2 ? {1'b0, round[3:1]}
            : first ? earlier : here;
        s = word_substituted(
            size == 2'd0 ? keys[159:128] ^ keys[191:160] : first ? keys[223:192] : keys[159:128]
        );
        mixed = size == 2'd2 && round[0] ? s : {s[23:0], s[31:24]} ^ constant(number);
        case (size)
            2'd0: begin
                n0 = keys[255:224] ^ mixed;
                n1 = keys[223:192] ^ keys[255:224];
                n2 = keys[191:160] ^ keys[223:192];
                n3 = keys[159:128] ^ keys[191:160];
            end
            2'd1: begin
                n0 = keys[191:160] ^ (first ? mixed : keys[223:192]);
                n1 = keys[159:128] ^ keys[191:160];
                n2 = keys[127:96] ^ (third ? mixed : keys[159:128]);
                n3 = keys[95:64] ^ keys[127:96];
            end
            default: begin
                n0 = keys[127:96] ^ mixed;
                n1 = keys[95:64] ^ keys[127:96];
                n2 = keys[63:32] ^ keys[95:64];
                n3 = keys[31:0] ^ keys[63:32];
            end
        endcase
        keys_before = {n0, n1, n2, n3, keys[255:128]};
    endfunction

endpackage

`default_nettype wire
