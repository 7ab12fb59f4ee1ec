// A path's way out: prefixes wait for their results, and both become frames.
`default_nettype none

module frame_results #(
    // Beats of prefixes that wait: a power of two, of at least one prefix (19)
    parameter int DEPTH = 64
) (
    input  wire                     clk,
    input  wire                     rst,
    // Prefixes (frame_parse)
    input  wire                     s_prefix_tuser,
    input  wire  [127:0]            s_prefix_tdata,
    input  wire  [15:0]             s_prefix_tkeep,
    input  wire                     s_prefix_tlast,
    input  wire                     s_prefix_tvalid,
    output wire                     s_prefix_tready,
    // Results
    input  wire packet::result_t    s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Frames
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready
);
    wire tuser, tlast, tvalid, tready;
    wire [127:0] tdata;
    wire [15:0] tkeep;
    wire [$clog2(DEPTH):0] level;

    fifo_stream #(.DEPTH(DEPTH)) prefixes (
        .clk, .rst, .s_tvalid(s_prefix_tvalid), .s_tready(s_prefix_tready),
        .s_tdata(s_prefix_tdata), .s_tkeep(s_prefix_tkeep), .s_tlast(s_prefix_tlast),
        .s_tuser(s_prefix_tuser), .m_tvalid(tvalid), .m_tready(tready), .m_tdata(tdata),
        .m_tkeep(tkeep), .m_tlast(tlast), .m_tuser(tuser), .level
    );

    frame_build build (
        .clk, .rst, .s_prefix_tuser(tuser), .s_prefix_tdata(tdata), .s_prefix_tkeep(tkeep),
        .s_prefix_tlast(tlast), .s_prefix_tvalid(tvalid), .s_prefix_tready(tready),
        .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid,
        .s_axis_tready, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid,
        .m_axis_tready
    );

    wire unused = &{1'b0, level};
endmodule

`default_nettype wire
