// Token buckets, one a class: does a packet conform to its class's rate? (guide chapter 8)
//
// A bucket holds at most `burst` octets, full at first, and gains `rate` 2^-16 octets a tick; with a
// tick of 2^-16 s that is octets a second. It is filled when it is asked, for the ticks since octets
// were taken out last. Rate 0: everything conforms.
//
// One question at a time: the answer comes 6 cycles after it, and stays until the next one.
`default_nettype none

module llq_police #(
    // Classes: a power of two
    parameter int CLASSES = 16,
    // Bits of a rate, of a burst, of a size, of the time, and of a fraction of an octet
    parameter int RATE_W = 32,
    parameter int BURST_W = 32,
    parameter int SIZE_W = 17,
    parameter int TICK_W = 48,
    parameter int FRACTION_W = 16
) (
    input  wire                        clk,
    input  wire                        rst,
    // The time in ticks; never goes back
    input  wire  [TICK_W-1:0]          tick,
    // A class has new rules: its bucket is full. Not from a question to the end of its answer
    input  wire                        set,
    input  wire  [$clog2(CLASSES)-1:0] set_class,
    input  wire  [RATE_W-1:0]          set_rate,
    input  wire  [BURST_W-1:0]         set_burst,
    // Does a packet conform? If it passes for that, its octets are taken out
    input  wire                        ask,
    input  wire  [$clog2(CLASSES)-1:0] ask_class,
    input  wire  [SIZE_W-1:0]          ask_size,
    output wire                        answer,
    output wire                        conforms,
    input  wire                        spend
);
    localparam int CREDIT_W = BURST_W + FRACTION_W;

    if (CLASSES < 2 || 1 << $clog2(CLASSES) != CLASSES) begin : check_classes
        $fatal(1, "llq_police: CLASSES has to be a power of two, at least 2");
    end
    if (BURST_W <= SIZE_W) begin : check_widths
        $fatal(1, "llq_police: BURST_W has to exceed SIZE_W");
    end

    logic [RATE_W+BURST_W-1:0] rules [CLASSES];
    logic [CREDIT_W+TICK_W-1:0] buckets [CLASSES];

    // Time and rate are multiplied in pieces, with one addition between two registers.
    localparam int TIME_W = (TICK_W + 2) / 3;
    localparam int PART_W = (RATE_W + 1) / 2;
    localparam int SUM_W = 3 * TIME_W + PART_W;
    localparam int GAIN_W = SUM_W + PART_W;

    if (PART_W > TIME_W || GAIN_W < CREDIT_W) begin : check_pieces
        $fatal(1, "llq_police: TICK_W has to be 3/2 of RATE_W, both together BURST_W and FRACTION_W");
    end

    logic [5:0] at;                             // one bit for each step to the answer
    logic [$clog2(CLASSES)-1:0] number;
    logic [SIZE_W-1:0] size;
    logic [RATE_W-1:0] rate;
    logic [BURST_W-1:0] burst;
    logic [CREDIT_W-1:0] credit, room;
    logic [TICK_W-1:0] now, since;
    logic [TIME_W+PART_W-1:0] products [2][3];
    logic [SUM_W-1:0] sums [2];
    logic [GAIN_W-1:0] gained;
    // What remains when the packet has passed: of a full bucket, of this one as it was and as it is
    // now; below 0 if that is too little
    logic [CREDIT_W:0] most, spare, filled_up;
    logic fills;                                // the bucket is full now

    wire [TICK_W-1:0] filled = buckets[number][TICK_W-1:0];
    wire [CREDIT_W-1:0] full = {burst, {FRACTION_W{1'b0}}};
    wire [CREDIT_W:0] cost = (CREDIT_W+1)'({size, {FRACTION_W{1'b0}}});
    wire [3*TIME_W-1:0] times = (3*TIME_W)'(since);
    wire [2*PART_W-1:0] parts = (2*PART_W)'(rate);
    wire [CREDIT_W:0] left = fills ? most : filled_up;

    always_ff @(posedge clk) begin
        at <= rst ? '0 : {at[4:0], ask};
        if (ask) begin
            number <= ask_class;
            size <= ask_size;
            now <= tick;
        end
        if (at[0]) begin
            {rate, burst} <= rules[number];
            credit <= buckets[number][TICK_W +: CREDIT_W];
            since <= now - filled;
        end
        for (int j = 0; j < 2; j++) begin
            for (int i = 0; i < 3; i++)
                products[j][i] <= times[i*TIME_W +: TIME_W] * parts[j*PART_W +: PART_W];
            sums[j] <= {products[j][2], (2*TIME_W)'(products[j][0])}
                + SUM_W'({products[j][1], {TIME_W{1'b0}}});
        end
        gained <= GAIN_W'(sums[0]) + {sums[1], {PART_W{1'b0}}};
        room <= full - credit;
        most <= {1'b0, full} - cost;
        spare <= {1'b0, credit} - cost;
        fills <= gained > GAIN_W'(room);
        filled_up <= spare + {1'b0, gained[CREDIT_W-1:0]};
    end
    assign answer = at[5];
    assign conforms = rate == '0 || !left[CREDIT_W];

    always_ff @(posedge clk) begin
        if (set) rules[set_class] <= {set_rate, set_burst};
        if (set || (spend && rate != '0))
            buckets[set ? set_class : number] <= set ? {set_burst, {FRACTION_W{1'b0}}, tick}
                : {left[CREDIT_W-1:0], now};
    end

`ifdef FORMAL
`include "llq_police_properties.svh"
`endif
endmodule

`default_nettype wire
