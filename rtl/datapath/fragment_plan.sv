// How many pieces, and how long: the fewest that fit, as equal as units of 8 octets allow (guide
// chapter 2). The arithmetic of the golden model's `fragment`.
//
// Two divisions by subtraction, 14 cycles each: done 30 cycles after go.
`default_nettype none

module fragment_plan (
    input  wire         clk,
    input  wire         rst,
    // The IPv4 packet: octets in all and of its header, its fragment offset field; larger than limit
    input  wire         go,
    input  wire  [16:0] total,
    input  wire  [16:0] size,
    input  wire  [12:0] offset,
    // Largest piece
    input  wire  [16:0] limit,
    // The end: OK, TOO_BIG (no room) or MALFORMED_PACKET (beyond octet 65535)
    output logic        done,
    output logic [4:0]  reason,
    // Pieces; the first `pieces - longer` have `short_blocks` blocks of 8 octets, the rest one more
    output logic [13:0] pieces,
    output logic [13:0] short_blocks,
    output logic [13:0] longer
);
    wire [13:0] blocks = 14'((total - size + 17'd7) >> 3);
    wire [13:0] room = 14'((limit - size) >> 3);
    wire no_room = limit < size + 17'd8;

    logic running, second;
    logic [3:0] left;
    logic [13:0] quotient, divisor;
    logic [13:0] remainder;
    wire [14:0] next = {remainder, quotient[13]};
    wire fits = next >= {1'b0, divisor};

    always_ff @(posedge clk) begin
        done <= 1'b0;
        if (go) begin
            second <= 1'b0;
            left <= 4'd14;
            // Rounded up: blocks + room - 1 has 14 bits, for both are at most 8190.
            quotient <= blocks + room - 14'd1;
            divisor <= room;
            remainder <= 14'd0;
            running <= !no_room;
            done <= no_room;
            reason <= no_room ? packet::TOO_BIG
                : {1'b0, offset} + blocks > 14'd8192 ? packet::MALFORMED_PACKET : packet::OK;
        end else if (running && left != 4'd0) begin
            left <= left - 4'd1;
            remainder <= fits ? 14'(next - {1'b0, divisor}) : next[13:0];
            quotient <= {quotient[12:0], fits};
        end else if (running && !second) begin
            second <= 1'b1;
            left <= 4'd14;
            pieces <= quotient;
            divisor <= quotient;
            quotient <= blocks;
            remainder <= 14'd0;
        end else if (running) begin
            running <= 1'b0;
            done <= 1'b1;
            short_blocks <= quotient;
            longer <= remainder;
        end
        if (rst) begin
            running <= 1'b0;
            done <= 1'b0;
        end
    end
endmodule

`default_nettype wire
