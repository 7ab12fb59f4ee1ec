// GHASH (NIST SP 800-38D section 6.4), a block a cycle, packets behind each other without gaps.
//
// A product takes several cycles, so 8 sums run side by side: a block is added to what has become of
// the one 8 before it, and multiplied by H^8; but the last 8 of a packet are multiplied by H^8 ... H^1,
// and these products are added up. The caller gives with each block the power that it needs.
//
//   block ─▶ ⊕ ─▶ x ─▶ spread ─▶ 27 products ─▶ joined thrice ─▶ joined ─▶ reduced ─┬─▶ ⊕ sum ─▶ hash
//            ▲                                                                       │
//            └─────────────────────────────── queue ◀────────────────────────────────┘
//
// A product is in the queue 7 cycles after its block came. The hash is there 7 cycles after the last.
`default_nettype none

module ghash (
    input  wire          clk,
    input  wire          rst,
    // Block in, with the power of H that it is multiplied by: H^8 if `more`, that is, if 8 or more
    // blocks of its packet come behind it
    input  wire          in_valid,
    input  wire  [127:0] in_block,
    input  wire  [127:0] in_power,
    input  wire          in_more,
    input  wire          in_last,
    // Hash out
    output logic         out_valid,
    output logic [127:0] out_hash
);
    // -- the 8 sums: a packet takes from the queue what it has put there ------------------------------
    (* no_rw_check *) logic [127:0] queue [8];
    logic [2:0] put_at, get_at;
    logic [3:0] blocks;                 // of this packet so far; 8 for more
    wire feed = blocks[3];

    // -- the product: what is in each of its 6 stages --------------------------------------------------
    localparam int X = 0, WORDS = 1, PRODUCTS = 2, THRICE = 3, WHOLE = 4, VALUE = 5;
    logic [VALUE:X] valid, more, last;
    logic [127:0] x, power;
    logic [431:0] x_words, power_words;
    logic [836:0] products;
    logic [566:0] thrice;
    logic [254:0] whole;
    logic [127:0] value;

    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[VALUE-1:X], in_valid};
        more <= {more[VALUE-1:X], in_more};
        last <= {last[VALUE-1:X], in_last};
        if (in_valid) begin
            x <= in_block ^ (feed ? queue[get_at] : 128'd0);
            power <= in_power;
        end
        if (valid[X]) begin
            x_words <= gf128::spread(x);
            power_words <= gf128::spread(power);
        end
        if (valid[WORDS]) products <= gf128::word_products(x_words, power_words);
        if (valid[PRODUCTS]) thrice <= gf128::joined_thrice(products);
        if (valid[THRICE]) whole <= gf128::joined(thrice);
        if (valid[WHOLE]) value <= gf128::reduced(whole);
    end

    // -- where it goes ---------------------------------------------------------------------------------
    logic [127:0] sum;
    wire queued = valid[VALUE] && more[VALUE];
    wire added = valid[VALUE] && !more[VALUE];

    always_ff @(posedge clk) if (queued) queue[put_at] <= value;

    always_ff @(posedge clk) begin
        if (in_valid) blocks <= in_last ? 4'd0 : feed ? blocks : blocks + 4'd1;
        if (in_valid && feed) get_at <= get_at + 3'd1;
        if (queued) put_at <= put_at + 3'd1;

        out_valid <= added && last[VALUE];
        if (added) begin
            sum <= last[VALUE] ? 128'd0 : sum ^ value;
            out_hash <= sum ^ value;
        end
        if (rst) begin
            blocks <= 4'd0;
            get_at <= 3'd0;
            put_at <= 3'd0;
            sum <= 128'd0;
            out_valid <= 1'b0;
        end
    end
endmodule

`default_nettype wire
