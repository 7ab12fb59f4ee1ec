// The 64-bit sequence number that a received low half stands for (RFC 4303 appendix A2.2).
//
// Combinational. Case A, the window lies within one high half: a low half left of it belongs to
// the next. Case B, it spans two: a low half from its left end on belongs to the one before.
// Without a window, one of 2^31: the number nearest to the highest.
`default_nettype none

module replay_infer #(
    // Width of a window's size
    parameter int WINDOW_W = 11
) (
    // The SA: window in packets (0 = none), 64-bit numbers, the highest number accepted
    input  wire  [WINDOW_W-1:0] window,
    input  wire                 esn,
    input  wire  [63:0]         highest,
    // The number's low half, and the whole one if somebody else has inferred it: taken where there
    // is no window and the low halves are the same
    input  wire  [31:0]         low,
    input  wire  [63:0]         told,
    // The number; 0 if there is a window and the number would be before the first or beyond the last
    output logic [63:0]         sequence_number
);
    wire [31:0] size = window == 0 ? 32'h8000_0000 : 32'(window);
    wire [31:0] top = highest[31:0];
    wire [31:0] high = highest[63:32];
    wire [31:0] left = top - size + 1'b1;              // low half of the window's left end
    wire whole = top >= size - 1'b1;                  // case A
    wire up = whole && low < left;
    wire down = !whole && low >= left;

    always_comb begin
        sequence_number = {high, low};
        if (!esn) sequence_number = {32'd0, low};
        else if (window == 0 && told[31:0] == low) sequence_number = told;
        else if (up && high != '1) sequence_number = {high + 1'b1, low};
        else if (down && high != '0) sequence_number = {high - 1'b1, low};
        else if ((up || down) && window != 0) sequence_number = '0;
    end
endmodule

`default_nettype wire
