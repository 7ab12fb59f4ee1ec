// FIFO of small words, as deep as there are packets: it is never asked to hold more.
//
// A word can be taken in the cycle after it was put, a word a cycle.
`default_nettype none

module hash_queue #(
    // Words: 2 to the power of this
    parameter int DEPTH_W = 6,
    // Width of a word
    parameter int WIDTH = 6
) (
    input  wire              clk,
    input  wire              rst,
    // Word in
    input  wire              put,
    input  wire  [WIDTH-1:0] put_data,
    // Word out: there while `any`, gone with `take`
    output wire              any,
    input  wire              take,
    output wire  [WIDTH-1:0] data
);
    logic [WIDTH-1:0] memory [1 << DEPTH_W];
    logic [DEPTH_W:0] written, read;

    assign any = written != read;
    assign data = memory[read[DEPTH_W-1:0]];

    always_ff @(posedge clk) if (put) memory[written[DEPTH_W-1:0]] <= put_data;

    always_ff @(posedge clk) begin
        if (put) written <= written + 1'b1;
        if (take) read <= read + 1'b1;
        if (rst) begin
            written <= '0;
            read <= '0;
        end
    end
endmodule

`default_nettype wire
