// highest - number - size: how far a number is left of a window of that size, or not (negative).
//
// Combinational. Three operands become two without a carry, so that one chain of carries is left.
`default_nettype none

module replay_spare #(
    // Bits of the operands
    parameter int WIDTH = 64
) (
    input  wire [WIDTH-1:0] highest,
    input  wire [WIDTH-1:0] sequence_number,
    input  wire [WIDTH-1:0] size,
    // Two's complement
    output wire [WIDTH+1:0] spare
);
    // a + b + c + 2
    wire [WIDTH+1:0] a = {2'b00, highest};
    wire [WIDTH+1:0] b = ~{2'b00, sequence_number};
    wire [WIDTH+1:0] c = ~{2'b00, size};
    wire [WIDTH+1:0] sums = a ^ b ^ c;
    wire [WIDTH:0] carries = (a[WIDTH:0] & b[WIDTH:0]) | (a[WIDTH:0] & c[WIDTH:0])
        | (b[WIDTH:0] & c[WIDTH:0]);
    assign spare = sums - ~{carries, 1'b1};
endmodule

`default_nettype wire
