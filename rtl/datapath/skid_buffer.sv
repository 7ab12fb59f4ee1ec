// Register slice of an AXI4-Stream: cuts every combinational path, valid and ready alike.
//
// Latency 1 cycle, a beat a cycle. A second register takes the beat that arrives in the cycle in
// which the receiver stops.
`default_nettype none

module skid_buffer #(
    // Width of tdata: whole octets
    parameter int DATA_W = 128,
    // Width of tuser
    parameter int USER_W = 1
) (
    input  wire                   clk,
    input  wire                   rst,
    // Stream in
    input  wire                   s_tvalid,
    output wire                   s_tready,
    input  wire  [DATA_W-1:0]     s_tdata,
    input  wire  [DATA_W/8-1:0]   s_tkeep,
    input  wire                   s_tlast,
    input  wire  [USER_W-1:0]     s_tuser,
    // Stream out
    output logic                  m_tvalid,
    input  wire                   m_tready,
    output wire  [DATA_W-1:0]     m_tdata,
    output wire  [DATA_W/8-1:0]   m_tkeep,
    output wire                   m_tlast,
    output wire  [USER_W-1:0]     m_tuser
);
    localparam int BEAT_W = DATA_W + DATA_W / 8 + 1 + USER_W;

    if (DATA_W % 8 != 0 || DATA_W < 8) begin : check_data_w
        $fatal(1, "skid_buffer: DATA_W has to be whole octets");
    end

    wire [BEAT_W-1:0] beat = {s_tuser, s_tlast, s_tkeep, s_tdata};
    logic [BEAT_W-1:0] first, second;
    logic second_valid;

    assign s_tready = !second_valid;
    assign {m_tuser, m_tlast, m_tkeep, m_tdata} = first;

    always_ff @(posedge clk) begin
        if (!m_tvalid || m_tready) begin
            m_tvalid <= second_valid || s_tvalid;
            first <= second_valid ? second : beat;
            second_valid <= 1'b0;
        end else if (s_tvalid && s_tready) begin
            second_valid <= 1'b1;
            second <= beat;
        end
        if (rst) begin
            m_tvalid <= 1'b0;
            second_valid <= 1'b0;
        end
    end

`ifdef FORMAL
`include "skid_buffer_properties.svh"
`endif
endmodule

`default_nettype wire
