// Refusals that no SA is to blame for, by reason: 32 bits each, which wrap. Three sources at once.
`default_nettype none

module error_counters (
    input  wire                  clk,
    input  wire                  rst,
    // Counted if it is a refusal that is no row's
    input  wire                  a_valid,
    input  wire packet::count_t  a,
    input  wire                  b_valid,
    input  wire packet::count_t  b,
    input  wire                  c_valid,
    input  wire packet::count_t  c,
    // One of them
    input  wire  [4:0]           reason,
    output wire  [31:0]          count
);
    logic [31:0] counts [32];

    wire hit_a = a_valid && !a.of_sa;
    wire hit_b = b_valid && !b.of_sa;
    wire hit_c = c_valid && !c.of_sa;

    always_ff @(posedge clk)
        for (int i = 0; i < 32; i++) begin
            counts[i] <= counts[i] + {31'd0, hit_a && a.reason == 5'(i)}
                + {31'd0, hit_b && b.reason == 5'(i)} + {31'd0, hit_c && c.reason == 5'(i)};
            if (rst) counts[i] <= 32'd0;
        end

    assign count = counts[reason];

    // What else a count says is for the SAs' counters.
    wire unused = &{1'b0, a, b, c};
endmodule

`default_nettype wire
