// A short FIFO of words; the oldest one is seen while it waits. Latency 1 cycle, or none with THROUGH.
//
// For what goes with packets in flight: never written when full, which is the caller's care.
`default_nettype none

module job_queue #(
    // Bits of a word
    parameter int WIDTH = 8,
    // Words held: a power of two
    parameter int DEPTH = 16,
    // 1: an empty queue shows the word that is being put
    parameter int THROUGH = 0
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

    logic [WIDTH-1:0] memory [DEPTH];
    logic [AT_W:0] written, read;
    logic some;                         // written != read, without a comparison
    wire [AT_W:0] level = written - read;

    wire through = THROUGH != 0 && !some;
    assign valid = some || (through && put);
    assign data = through ? put_data : memory[read[AT_W-1:0]];

    always_ff @(posedge clk) begin
        if (put) memory[written[AT_W-1:0]] <= put_data;
        some <= (some && !(get && level == 1)) || (put && (some || !get));
        if (put) written <= written + 1'b1;
        if (get) read <= read + 1'b1;
        if (rst) begin
            some <= 1'b0;
            written <= '0;
            read <= '0;
        end
    end

`ifdef FORMAL
`include "job_queue_properties.svh"
`endif
endmodule

`default_nettype wire
