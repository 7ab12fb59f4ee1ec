// An AXI4-Stream of many lanes into one of 16: each beat becomes as many as it has octets for.
//
// A beat of n octets takes n / 16 cycles, rounded up; latency 0.
`default_nettype none

module stream_narrow #(
    // Width of the stream in: 128 times a power of two
    parameter int DATA_W = 512
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire  [DATA_W-1:0]     s_tdata,
    input  wire  [DATA_W/8-1:0]   s_tkeep,
    input  wire                   s_tlast,
    input  wire                   s_tvalid,
    output wire                   s_tready,
    output wire  [127:0]          m_tdata,
    output wire  [15:0]           m_tkeep,
    output wire                   m_tlast,
    output wire                   m_tvalid,
    input  wire                   m_tready
);
    localparam int PARTS = DATA_W / 128;
    if (PARTS < 1 || 128 * PARTS != DATA_W || (PARTS & (PARTS - 1)) != 0) begin : check_data_w
        $fatal(1, "stream_narrow: DATA_W has to be 128 times a power of two");
    end

    if (PARTS == 1) begin : same
        assign {m_tdata, m_tkeep, m_tlast, m_tvalid} = {s_tdata, s_tkeep, s_tlast, s_tvalid};
        assign s_tready = m_tready;
        wire unused = &{1'b0, clk, rst};
    end else begin : parts
        localparam int PART_W = $clog2(PARTS);
        logic [PART_W-1:0] part;
        // Octets behind this part: of a beat that is not full they end somewhere.
        wire [DATA_W/8-1:0] behind = s_tkeep >> {part, 4'd0} >> 16;
        wire over = behind == '0;

        assign m_tdata = s_tdata[{part, 7'd0} +: 128];
        assign m_tkeep = s_tkeep[{part, 4'd0} +: 16];
        assign m_tlast = s_tlast && over;
        assign m_tvalid = s_tvalid;
        assign s_tready = m_tready && over;

        always_ff @(posedge clk) begin
            if (m_tvalid && m_tready) part <= over ? '0 : part + 1'b1;
            if (rst) part <= '0;
        end

`ifdef FORMAL
`include "stream_narrow_properties.svh"
`endif
    end
endmodule

`default_nettype wire
