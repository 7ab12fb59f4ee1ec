// GF(2^128) as GCM has it (NIST SP 800-38D section 6.3): products by parts, so that they can be pipelined.
//
// A block has its octet 0 in [127:120]; its leftmost bit is the coefficient of x^0. Karatsuba, three
// times over: an operand becomes 27 words of 16 bits (`spread`), their products (`word_product`) are
// put together again (`joined`), and what is above x^127 is brought down (`reduced`).
`default_nettype none

package gf128;

    // Left half, both halves added, right half; three times: 27 words
    function automatic logic [431:0] spread(input logic [127:0] x);
        // verilator no_inline_task
        logic [191:0] wide;
        logic [287:0] middle;
        wide = {x[127:64], x[127:64] ^ x[63:0], x[63:0]};
        for (int i = 0; i < 3; i++)
            middle[i*96 +: 96] = {
                wide[i*64+32 +: 32], wide[i*64+32 +: 32] ^ wide[i*64 +: 32], wide[i*64 +: 32]
            };
        for (int i = 0; i < 9; i++)
            spread[i*48 +: 48] = {
                middle[i*32+16 +: 16], middle[i*32+16 +: 16] ^ middle[i*32 +: 16],
                middle[i*32 +: 16]
            };
    endfunction

    // Product without carries
    function automatic logic [30:0] word_product(input logic [15:0] a, input logic [15:0] b);
        word_product = 31'd0;
        for (int i = 0; i < 16; i++)
            if (b[i]) word_product = word_product ^ 31'({15'd0, a} << i);
    endfunction

    // 27 products, in the order of `spread`
    function automatic logic [836:0] word_products(input logic [431:0] a, input logic [431:0] b);
        // verilator no_inline_task
        for (int i = 0; i < 27; i++)
            word_products[i*31 +: 31] = word_product(a[i*16 +: 16], b[i*16 +: 16]);
    endfunction

    // Three products of parts, as `spread` has them, make one of the whole; so 27 of 16 by 16 bits
    // make 9 of 32 by 32 ...
    function automatic logic [566:0] joined_thrice(input logic [836:0] products);
        // verilator no_inline_task
        for (int i = 0; i < 9; i++)
            joined_thrice[i*63 +: 63] = {products[i*93+62 +: 31], 32'd0}
                ^ {16'd0, products[i*93+62 +: 31] ^ products[i*93+31 +: 31] ^ products[i*93 +: 31],
                    16'd0}
                ^ {32'd0, products[i*93 +: 31]};
    endfunction

    // ... and these one of 128 by 128
    function automatic logic [254:0] joined(input logic [566:0] products);
        // verilator no_inline_task
        logic [380:0] wide;
        for (int i = 0; i < 3; i++)
            wide[i*127 +: 127] = {products[i*189+126 +: 63], 64'd0}
                ^ {32'd0, products[i*189+126 +: 63] ^ products[i*189+63 +: 63]
                    ^ products[i*189 +: 63], 32'd0}
                ^ {64'd0, products[i*189 +: 63]};
        joined = {wide[380:254], 128'd0}
            ^ {64'd0, wide[380:254] ^ wide[253:127] ^ wide[126:0], 64'd0}
            ^ {128'd0, wide[126:0]};
    endfunction

    // Modulo x^128 + x^7 + x^2 + x + 1. Bit 254 of the product is the coefficient of x^0.
    function automatic logic [127:0] reduced(input logic [254:0] product);
        logic [127:0] high;             // the coefficients from x^128 on
        high = {product[126:0], 1'b0};
        // What of it is above x^127 again after a shift: 7 bits at most.
        high = high ^ {high[6:0], 121'd0} ^ {high[1:0], 126'd0};
        reduced = product[254:127] ^ high ^ {1'b0, high[127:1]} ^ {2'd0, high[127:2]}
            ^ {7'd0, high[127:7]};
    endfunction

    // Times x
    function automatic logic [127:0] times_x(input logic [127:0] a);
        times_x = {1'b0, a[127:1]} ^ (a[0] ? {8'he1, 120'd0} : 128'd0);
    endfunction

endpackage

`default_nettype wire
