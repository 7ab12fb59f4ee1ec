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

    logic [5:0] at;                             // one bit for each step to the answer
    logic [$clog2(CLASSES)-1:0] number;
    logic [SIZE_W-1:0] size;
    logic [RATE_W-1:0] rate;
    logic [BURST_W-1:0] burst;
    logic [CREDIT_W-1:0] credit, filled_up;
    logic [TICK_W-1:0] now, filled, since;
    logic [RATE_W+TICK_W-1:0] product, gained;

    localparam int SUM_W = (RATE_W + TICK_W > CREDIT_W ? RATE_W + TICK_W : CREDIT_W) + 1;
    wire [CREDIT_W-1:0] full = {burst, {FRACTION_W{1'b0}}};
    wire [SUM_W-1:0] sum = SUM_W'(credit) + SUM_W'(gained);
    wire [CREDIT_W-1:0] cost = CREDIT_W'({size, {FRACTION_W{1'b0}}});

    always_ff @(posedge clk) begin
        at <= rst ? '0 : {at[4:0], ask};
        if (ask) begin
            number <= ask_class;
            size <= ask_size;
            now <= tick;
        end
        if (at[0]) begin
            {rate, burst} <= rules[number];
            {credit, filled} <= buckets[number];
        end
        since <= now - filled;
        product <= since * rate;
        gained <= product;
        filled_up <= sum > SUM_W'(full) ? full : sum[CREDIT_W-1:0];
    end
    assign answer = at[5];
    assign conforms = rate == '0 || filled_up >= cost;

    always_ff @(posedge clk) begin
        if (set) rules[set_class] <= {set_rate, set_burst};
        if (set || (spend && rate != '0))
            buckets[set ? set_class : number] <= set ? {set_burst, {FRACTION_W{1'b0}}, tick}
                : {filled_up - cost, now};
    end

`ifdef FORMAL
`include "llq_police_properties.svh"
`endif
endmodule

`default_nettype wire
