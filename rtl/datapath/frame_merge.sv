// Two streams into one, whole packets, in turn when both have one. Latency 0.
`default_nettype none

module frame_merge #(
    // Width of tuser
    parameter int USER_W = 1
) (
    input  wire               clk,
    input  wire               rst,
    // Stream A
    input  wire [USER_W-1:0]  s_a_tuser,
    input  wire [127:0]       s_a_tdata,
    input  wire [15:0]        s_a_tkeep,
    input  wire               s_a_tlast,
    input  wire               s_a_tvalid,
    output wire               s_a_tready,
    // Stream B
    input  wire [USER_W-1:0]  s_b_tuser,
    input  wire [127:0]       s_b_tdata,
    input  wire [15:0]        s_b_tkeep,
    input  wire               s_b_tlast,
    input  wire               s_b_tvalid,
    output wire               s_b_tready,
    // Both
    output wire [USER_W-1:0]  m_axis_tuser,
    output wire [127:0]       m_axis_tdata,
    output wire [15:0]        m_axis_tkeep,
    output wire               m_axis_tlast,
    output wire               m_axis_tvalid,
    input  wire               m_axis_tready
);
    logic busy;                         // within a packet
    logic chosen;                       // of stream B
    logic turn;                         // whose turn it is if both have a packet
    wire from_b = busy ? chosen : s_b_tvalid && (turn || !s_a_tvalid);

    assign m_axis_tuser = from_b ? s_b_tuser : s_a_tuser;
    assign m_axis_tdata = from_b ? s_b_tdata : s_a_tdata;
    assign m_axis_tkeep = from_b ? s_b_tkeep : s_a_tkeep;
    assign m_axis_tlast = from_b ? s_b_tlast : s_a_tlast;
    assign m_axis_tvalid = from_b ? s_b_tvalid : s_a_tvalid;
    assign s_a_tready = m_axis_tready && !from_b;
    assign s_b_tready = m_axis_tready && from_b;

    always_ff @(posedge clk) begin
        if (m_axis_tvalid) begin
            // A beat that has been offered is not exchanged for another.
            busy <= !(m_axis_tready && m_axis_tlast);
            chosen <= from_b;
            if (m_axis_tready && m_axis_tlast) turn <= !from_b;
        end
        if (rst) begin
            busy <= 1'b0;
            turn <= 1'b0;
        end
    end

`ifdef FORMAL
`include "frame_merge_properties.svh"
`endif
endmodule

`default_nettype wire
