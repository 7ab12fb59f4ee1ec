// A packet memory that reads and writes 16 octets at any octet address, one of each a cycle.
//
// Lane l holds the octets whose address is l modulo 16, in a memory of its own with its own row
// address; two rotations put them in order. Octet i of a word is data[8i +: 8].
// Latency: read data one cycle after rd_en, and held until the next one.
`default_nettype none

module packet_ram #(
    // Octets held: 2 to the power of this
    parameter int ADDR_W = 12
) (
    input  wire               clk,
    // Read the 16 octets from rd_addr on
    input  wire               rd_en,
    input  wire  [ADDR_W-1:0] rd_addr,
    // Write the first wr_count (0..16) octets of wr_data from wr_addr on
    input  wire               wr_en,
    input  wire  [ADDR_W-1:0] wr_addr,
    input  wire  [4:0]        wr_count,
    input  wire  [127:0]      wr_data,
    output wire  [127:0]      rd_data
);
    if (ADDR_W < 6) begin : check_addr_w
        $fatal(1, "ADDR_W has to be at least 6");
    end

    localparam int ROW_W = ADDR_W - 4;

    logic [127:0] lanes;
    logic [3:0] rd_shift;
    always_ff @(posedge clk) if (rd_en) rd_shift <= rd_addr[3:0];

    assign rd_data = 128'({lanes, lanes} >> {rd_shift, 3'd0});
    wire [127:0] wr_lanes = 128'(({wr_data, wr_data} << {wr_addr[3:0], 3'd0}) >> 128);

    for (genvar l = 0; l < 16; l++) begin : lane
        (* no_rw_check *) logic [7:0] octets [1 << ROW_W];

        // A lane left of the first octet belongs to the next row.
        wire [ROW_W-1:0] rd_row = ROW_W'((rd_addr + ADDR_W'(15 - l)) >> 4);
        wire [ROW_W-1:0] wr_row = ROW_W'((wr_addr + ADDR_W'(15 - l)) >> 4);
        wire [3:0] place = 4'(l) - wr_addr[3:0];

        always_ff @(posedge clk) begin
            if (rd_en) lanes[l*8 +: 8] <= octets[rd_row];
            if (wr_en && {1'b0, place} < wr_count) octets[wr_row] <= wr_lanes[l*8 +: 8];
        end
    end
endmodule

`default_nettype wire
