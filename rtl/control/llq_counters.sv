// What the queues of one direction have let through, by class, and dropped, by class and cause.
// Packets are 32 bits, octets 48; both wrap. Latency of a read: 2 cycles.
`default_nettype none

module llq_counters (
    input  wire                     clk,
    input  wire                     rst,
    input  wire packet::llq_count_t count,
    // A counter: dropped or passed, class, above the limit
    input  wire  [5:0]              at,
    output wire  [31:0]             packets,
    output wire  [47:0]             octets
);
    localparam int WIDTH = 32 + 48;

    logic [WIDTH-1:0] passes [16];
    logic [WIDTH-1:0] drops [32];
    logic [15:0] has_passes;            // else it is 0
    logic [31:0] has_drops;

    wire [4:0] drop = {count.dropped_class, count.above_limit};
    wire [WIDTH-1:0] pass_was = has_passes[count.passed_class] ? passes[count.passed_class] : '0;
    wire [WIDTH-1:0] drop_was = has_drops[drop] ? drops[drop] : '0;

    always_ff @(posedge clk) begin
        if (count.passed) begin
            passes[count.passed_class] <=
                {pass_was[79:48] + 32'd1, pass_was[47:0] + {31'd0, count.passed_octets}};
            has_passes[count.passed_class] <= 1'b1;
        end
        if (count.dropped) begin
            drops[drop] <= {drop_was[79:48] + 32'd1, drop_was[47:0] + {31'd0, count.dropped_octets}};
            has_drops[drop] <= 1'b1;
        end
        if (rst) begin
            has_passes <= '0;
            has_drops <= '0;
        end
    end

    logic [WIDTH-1:0] pass_out, drop_out;
    logic has_pass, has_drop;
    always_ff @(posedge clk) begin
        pass_out <= passes[at[4:1]];
        drop_out <= drops[at[4:0]];
        has_pass <= has_passes[at[4:1]] && !at[5];
        has_drop <= has_drops[at[4:0]] && at[5];
    end
    assign {packets, octets} = has_drop ? drop_out : has_pass ? pass_out : '0;
endmodule

`default_nettype wire
