// Reads a packet's first 48 octets: what parse_ip wants to see.
`default_nettype none

module head_read (
    input  wire               clk,
    input  wire               rst,
    // Start: the copy, and where the packet is in it
    input  wire               go,
    input  wire               ram,
    input  wire  [16:0]       base,
    // Region operations
    output logic              op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    // The end: octet 0 in [383:376]
    output logic              done,
    output logic [383:0]      head
);
    logic [1:0] left;                   // reads

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (go) begin
            op <= packet::read(ram, base);
            op_valid <= 1'b1;
            left <= 2'd3;
        end else if (op_done && left != 2'd0) begin
            head <= {head[255:0], q};
            left <= left - 2'd1;
            op.addr <= op.addr + 17'd16;
            op_valid <= left != 2'd1;
            done <= left == 2'd1;
        end
        if (rst) begin
            op_valid <= 1'b0;
            done <= 1'b0;
            left <= 2'd0;
        end
    end
endmodule

`default_nettype wire
