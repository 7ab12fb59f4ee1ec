// A short FIFO of words; the oldest one is seen while it waits. Latency 1 cycle, none with THROUGH, 2 with
// FRONT.
//
// For what goes with packets in flight: never written when full, which is the caller's care.
`default_nettype none

module job_queue #(
    // Bits of a word
    parameter int WIDTH = 8,
    // Words held: a power of two
    parameter int DEPTH = 16,
    // 1: an empty queue shows the word that is being put
    parameter int THROUGH = 0,
    // 1: the oldest word is in a register besides, for what does not want to wait for the memory
    parameter int FRONT = 0
) (
    input  wire              clk,
    input  wire              rst,
    // In
    input  wire              put,
    input  wire  [WIDTH-1:0] put_data,
    // Out
    output wire              valid,
    output wire  [WIDTH-1:0] data,
    input  wire              get
);
    localparam int AT_W = $clog2(DEPTH);

    if (DEPTH < 2 || 1 << AT_W != DEPTH) begin : check_depth
        $fatal(1, "DEPTH has to be a power of two, at least 2");
    end
    if (THROUGH != 0 && FRONT != 0) begin : check_latency
        $fatal(1, "THROUGH and FRONT exclude each other");
    end

    logic [WIDTH-1:0] memory [DEPTH];
    logic [AT_W:0] written, read;
    logic some;                         // written != read, without a comparison
    logic full;                         // level == DEPTH, likewise
    wire [AT_W:0] level = written - read;

    wire out;                           // a word leaves the memory

    if (FRONT != 0) begin : oldest
        logic front_valid;
        logic [WIDTH-1:0] front;
        assign valid = front_valid;
        assign data = front;
        wire moves = !front_valid || get;
        assign out = some && moves;
        always_ff @(posedge clk) begin
            if (moves) begin
                front_valid <= some;
                front <= memory[read[AT_W-1:0]];
            end
            if (rst) front_valid <= 1'b0;
        end
    end else begin : oldest
        wire through = THROUGH != 0 && !some;
        assign valid = some || (through && put);
        assign data = through ? put_data : memory[read[AT_W-1:0]];
        assign out = get;
    end

    always_ff @(posedge clk) begin
        // Whatever stands there: what is put is behind the last word then, and a wide memory hangs on a
        // register only.
        if (!full) memory[written[AT_W-1:0]] <= put_data;
        some <= (some && !(out && level == 1)) || (put && (some || !out));
        full <= (full && !out) || (put && !out && level == (AT_W + 1)'(DEPTH - 1));
        if (put) written <= written + 1'b1;
        if (out) read <= read + 1'b1;
        if (rst) begin
            some <= 1'b0;
            full <= 1'b0;
            written <= '0;
            read <= '0;
        end
    end

`ifdef FORMAL
`include "job_queue_properties.svh"
`endif
endmodule

`default_nettype wire
