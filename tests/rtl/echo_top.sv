// The smallest thing with the ports of the accelerator: registers and SA tables, and frames that come
// back as they were.
`default_nettype none

module echo_top #(
    parameter int SAS = 16
) (
    input  wire          clk,
    input  wire          rst,
    input  wire  [11:0]  s_axil_awaddr,
    input  wire          s_axil_awvalid,
    output wire          s_axil_awready,
    input  wire  [31:0]  s_axil_wdata,
    input  wire          s_axil_wvalid,
    output wire          s_axil_wready,
    output wire  [1:0]   s_axil_bresp,
    output wire          s_axil_bvalid,
    input  wire          s_axil_bready,
    input  wire  [11:0]  s_axil_araddr,
    input  wire          s_axil_arvalid,
    output wire          s_axil_arready,
    output wire  [31:0]  s_axil_rdata,
    output wire  [1:0]   s_axil_rresp,
    output wire          s_axil_rvalid,
    input  wire          s_axil_rready,
    input  wire  [127:0] s_axis_tdata,
    input  wire  [15:0]  s_axis_tkeep,
    input  wire          s_axis_tlast,
    input  wire          s_axis_tvalid,
    output wire          s_axis_tready,
    output wire  [127:0] m_axis_tdata,
    output wire  [15:0]  m_axis_tkeep,
    output wire          m_axis_tlast,
    output wire          m_axis_tvalid,
    input  wire          m_axis_tready,
    output wire          idle
);
    accel_control #(.SAS(SAS)) control (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
        .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp,
        .s_axil_rvalid, .s_axil_rready,
        .tx_sa_read(1'b0), .tx_sa_index(16'd0), .tx_sa_found(), .tx_sa_row(),
        .tx_number_write(1'b0), .tx_number(64'd0), .tx_done(1'b0),
        .tx_key_read(1'b0), .tx_key_index(16'd0), .tx_key_found(), .tx_key_of(), .tx_keys(),
        .rx_sa_read(1'b0), .rx_sa_index(16'd0), .rx_sa_found(), .rx_sa_row(), .rx_done(1'b0),
        .rx_key_read(1'b0), .rx_key_index(16'd0), .rx_key_found(), .rx_key_of(), .rx_keys(),
        .window_valid(), .window_ready(1'b1), .window_sa(), .window_ah(), .window_size(),
        .window_esn(), .window_keep(), .parse_count_valid(1'b0), .parse_count('0),
        .tx_count_valid(1'b0), .tx_count('0), .rx_count_valid(1'b0), .rx_count('0),
        .llq_setup(), .llq_rule_write(), .llq_rule_ready(2'b11), .llq_grant(), .tx_llq_count('0),
        .rx_llq_count('0), .llq_ready(1'b1), .in_flight(!idle), .ready()
    );

    logic [7:0] here;
    wire in_now = s_axis_tvalid && s_axis_tready;
    wire out_now = m_axis_tvalid && m_axis_tready;
    assign idle = here == 8'd0;
    always_ff @(posedge clk) begin
        here <= here + {7'd0, in_now} - {7'd0, out_now};
        if (rst) here <= 8'd0;
    end

    fifo_packet #(.DEPTH(128)) frames (
        .clk, .rst, .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready), .s_tdata(s_axis_tdata),
        .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast), .s_tuser(1'b0), .s_drop(1'b0),
        .m_tvalid(m_axis_tvalid), .m_tready(m_axis_tready), .m_tdata(m_axis_tdata),
        .m_tkeep(m_axis_tkeep), .m_tlast(m_axis_tlast), .m_tuser(), .kept(), .dropped(), .overflowed(),
        .level()
    );
endmodule

`default_nettype wire
