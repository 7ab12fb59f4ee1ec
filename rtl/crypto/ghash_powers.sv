// The powers of GHASH's key, H^1 to H^POWERS, one after the other.
//
// Four bits of a product a cycle: 32 cycles a power, and one more.
`default_nettype none

module ghash_powers #(
    parameter int POWERS = 8
) (
    input  wire                    clk,
    input  wire                    rst,
    // Begin; `h` stays as it is until `done`
    input  wire                    go,
    input  wire  [127:0]           h,
    // Pulse: `powers` holds until the next `go`; H^1 in [127:0], H^2 in [255:128] ...
    output logic                   done,
    output logic [POWERS*128-1:0]  powers
);
    localparam int COUNT_W = $clog2(POWERS + 1);

    if (POWERS < 2) begin : check_powers
        $fatal(1, "ghash_powers: POWERS has to be at least 2");
    end

    logic busy;
    logic [COUNT_W-1:0] count;          // of powers that are there
    logic [4:0] digit;
    logic [127:0] left, turned, product;

    // Four bits of `left`, the first one on the left, with `turned`, which goes on by four.
    logic [127:0] next, further;
    always_comb begin
        next = product;
        further = turned;
        for (int i = 0; i < 4; i++) begin
            if (left[127-i]) next = next ^ further;
            further = gf128::times_x(further);
        end
    end

    always_ff @(posedge clk) begin
        done <= 1'b0;
        if (go) begin
            busy <= 1'b1;
            count <= COUNT_W'(1);
            powers <= {h, {(POWERS-1)*128{1'b0}}};
            left <= h;
            turned <= h;
            product <= '0;
            digit <= 5'd0;
        end else if (busy) begin
            digit <= digit + 5'd1;
            left <= {left[123:0], 4'd0};
            turned <= further;
            product <= next;
            if (digit == 5'd31) begin
                // Powers come in from the left, so the first one is on the right in the end.
                powers <= {next, powers[POWERS*128-1:128]};
                count <= count + COUNT_W'(1);
                left <= next;
                turned <= h;
                product <= '0;
                if (count == COUNT_W'(POWERS - 1)) begin
                    busy <= 1'b0;
                    done <= 1'b1;
                    left <= '0;
                    turned <= '0;
                end
            end
        end
        if (rst) begin
            busy <= 1'b0;
            done <= 1'b0;
            powers <= '0;
            left <= '0;
            turned <= '0;
            product <= '0;
        end
    end
endmodule

`default_nettype wire
