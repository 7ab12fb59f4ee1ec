// Both width adapters, one behind the other.
`default_nettype none

module width_top #(
    parameter int DATA_W = 512
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire  [DATA_W-1:0]   s_axis_tdata,
    input  wire  [DATA_W/8-1:0] s_axis_tkeep,
    input  wire                 s_axis_tlast,
    input  wire                 s_axis_tvalid,
    output wire                 s_axis_tready,
    output wire  [DATA_W-1:0]   m_axis_tdata,
    output wire  [DATA_W/8-1:0] m_axis_tkeep,
    output wire                 m_axis_tlast,
    output wire                 m_axis_tvalid,
    input  wire                 m_axis_tready
);
    wire [127:0] tdata;
    wire [15:0] tkeep;
    wire tlast, tvalid, tready;

    stream_narrow #(.DATA_W(DATA_W)) narrow (
        .clk, .rst, .s_tdata(s_axis_tdata), .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast),
        .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready), .m_tdata(tdata), .m_tkeep(tkeep),
        .m_tlast(tlast), .m_tvalid(tvalid), .m_tready(tready)
    );
    stream_widen #(.DATA_W(DATA_W)) widen (
        .clk, .rst, .s_tdata(tdata), .s_tkeep(tkeep), .s_tlast(tlast), .s_tvalid(tvalid),
        .s_tready(tready), .m_tdata(m_axis_tdata), .m_tkeep(m_axis_tkeep),
        .m_tlast(m_axis_tlast), .m_tvalid(m_axis_tvalid), .m_tready(m_axis_tready)
    );
endmodule

`default_nettype wire
