// What stands between frames and a path: requests queue by class, frames that are none go by.
//
//   prefix, request ─▶ llq ─┬▶ request ─▶ path
//                           └▶ prefix ─┐
//   whole frames (BAD_HEADER) ─────────┴▶ prefixes, in the order of their results
`default_nettype none

module frame_queue #(
    // Cells of 8 beats: 2 to the power of this
    parameter int HANDLE_W = 10,
    // Octets of the largest request: 2 to the power of this
    parameter int ADDR_W = 12
) (
    input  wire                     clk,
    input  wire                     rst,
    // Tables and time (as in `llq`)
    input  wire packet::llq_setup_t setup,
    input  wire                     rule_write,
    output wire                     rule_ready,
    input  wire                     grant,
    // From frame_parse; tuser: a whole frame, no request follows
    input  wire                     s_prefix_tuser,
    input  wire  [127:0]            s_prefix_tdata,
    input  wire  [15:0]             s_prefix_tkeep,
    input  wire                     s_prefix_tlast,
    input  wire                     s_prefix_tvalid,
    output wire                     s_prefix_tready,
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Prefixes to frame_results; tuser: of a packet of priority, a whole frame
    output wire  [1:0]              m_prefix_tuser,
    output wire  [127:0]            m_prefix_tdata,
    output wire  [15:0]             m_prefix_tkeep,
    output wire                     m_prefix_tlast,
    output wire                     m_prefix_tvalid,
    input  wire                     m_prefix_tready,
    // Requests to the path, and whether it can begin another one
    input  wire                     path_ready,
    output wire packet::request_t   m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // What is to be counted; the tables are empty; nothing goes on
    output wire packet::llq_count_t count,
    output wire                     ready,
    output wire                     idle
);
    wire [1:0] queued_level;
    wire [127:0] queued_tdata;
    wire [15:0] queued_tkeep;
    wire queued_tlast, queued_tvalid, queued_tready, queue_ready, whole_ready, kept;

    llq #(.HANDLE_W(HANDLE_W), .ADDR_W(ADDR_W)) queues (
        .clk, .rst, .setup, .rule_write, .rule_ready, .grant, .s_prefix_tdata, .s_prefix_tkeep,
        .s_prefix_tlast, .s_prefix_tvalid(s_prefix_tvalid && !s_prefix_tuser),
        .s_prefix_tready(queue_ready), .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast,
        .s_axis_tvalid, .s_axis_tready, .path_ready, .m_prefix_tuser(queued_level), .m_prefix_tdata(queued_tdata),
        .m_prefix_tkeep(queued_tkeep), .m_prefix_tlast(queued_tlast),
        .m_prefix_tvalid(queued_tvalid), .m_prefix_tready(queued_tready), .m_axis_tuser,
        .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready, .kept,
        .count, .ready, .idle
    );

    frame_merge #(.USER_W(2)) merge (
        .clk, .rst, .s_a_tuser({|queued_level, 1'b0}), .s_a_tdata(queued_tdata), .s_a_tkeep(queued_tkeep),
        .s_a_tlast(queued_tlast), .s_a_tvalid(queued_tvalid), .s_a_tready(queued_tready),
        .s_b_tuser(2'b01), .s_b_tdata(s_prefix_tdata), .s_b_tkeep(s_prefix_tkeep),
        .s_b_tlast(s_prefix_tlast), .s_b_tvalid(s_prefix_tvalid && s_prefix_tuser),
        .s_b_tready(whole_ready), .m_axis_tuser(m_prefix_tuser), .m_axis_tdata(m_prefix_tdata),
        .m_axis_tkeep(m_prefix_tkeep), .m_axis_tlast(m_prefix_tlast),
        .m_axis_tvalid(m_prefix_tvalid), .m_axis_tready(m_prefix_tready)
    );
    assign s_prefix_tready = s_prefix_tuser ? whole_ready : queue_ready;

    wire unused = &{1'b0, kept};
endmodule

`default_nettype wire
