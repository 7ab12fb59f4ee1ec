// The receive path's way out: results of priority overtake others, and so do their frames.
//
//   prefixes, results ─┬▶ frame_results: of priority ─┬▶ frames
//                      └▶ frame_results: the others ──┘
//
// Prefixes come in the order of the requests. Results may have another one, but keep the order among those of
// priority, and among the others: so each kind has its own prefixes.
`default_nettype none

module frame_overtake (
    input  wire                     clk,
    input  wire                     rst,
    // Prefixes (frame_queue); tuser: of a packet of priority, a whole frame
    input  wire  [1:0]              s_prefix_tuser,
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
    wire prefix_urgent = s_prefix_tuser[1];
    wire urgent = s_axis_tuser.urgent;
    wire urgent_prefix_ready, urgent_ready, other_prefix_ready, other_ready;
    wire [127:0] urgent_tdata, other_tdata;
    wire [15:0] urgent_tkeep, other_tkeep;
    wire urgent_tlast, urgent_tvalid, urgent_tready, other_tlast, other_tvalid, other_tready;
    assign s_prefix_tready = prefix_urgent ? urgent_prefix_ready : other_prefix_ready;
    assign s_axis_tready = urgent ? urgent_ready : other_ready;

    frame_results of_priority (
        .clk, .rst, .s_prefix_tuser(s_prefix_tuser[0]), .s_prefix_tdata, .s_prefix_tkeep,
        .s_prefix_tlast, .s_prefix_tvalid(s_prefix_tvalid && prefix_urgent),
        .s_prefix_tready(urgent_prefix_ready), .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep,
        .s_axis_tlast, .s_axis_tvalid(s_axis_tvalid && urgent), .s_axis_tready(urgent_ready),
        .m_axis_tdata(urgent_tdata), .m_axis_tkeep(urgent_tkeep), .m_axis_tlast(urgent_tlast),
        .m_axis_tvalid(urgent_tvalid), .m_axis_tready(urgent_tready)
    );
    frame_results others (
        .clk, .rst, .s_prefix_tuser(s_prefix_tuser[0]), .s_prefix_tdata, .s_prefix_tkeep,
        .s_prefix_tlast, .s_prefix_tvalid(s_prefix_tvalid && !prefix_urgent),
        .s_prefix_tready(other_prefix_ready), .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep,
        .s_axis_tlast, .s_axis_tvalid(s_axis_tvalid && !urgent), .s_axis_tready(other_ready),
        .m_axis_tdata(other_tdata), .m_axis_tkeep(other_tkeep), .m_axis_tlast(other_tlast),
        .m_axis_tvalid(other_tvalid), .m_axis_tready(other_tready)
    );

    wire merged_tuser;
    frame_merge merge (
        .clk, .rst, .s_a_tuser(1'b0), .s_a_tdata(urgent_tdata), .s_a_tkeep(urgent_tkeep),
        .s_a_tlast(urgent_tlast), .s_a_tvalid(urgent_tvalid), .s_a_tready(urgent_tready),
        .s_b_tuser(1'b0), .s_b_tdata(other_tdata), .s_b_tkeep(other_tkeep),
        .s_b_tlast(other_tlast), .s_b_tvalid(other_tvalid), .s_b_tready(other_tready),
        .m_axis_tuser(merged_tuser), .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid,
        .m_axis_tready
    );

    wire unused = &{1'b0, merged_tuser};
endmodule

`default_nettype wire
