// The crypto accelerator: frames with a crypto header in, frames out, SAs through AXI4-Lite.
//
//   AXI4-Lite ────────────────────────────▶ accel_engine
//   frames ─▶ frame_parse ─▶ frame_queue ─▶   transmit ─▶ frame_results ─▶ frames
//                         └▶ frame_queue ─▶   receive ──▶ frame_results ┘
//
// docs/accelerator.md says what it does, docs/decisions/rtl-accelerator.md how; docs/registers.md has
// the registers. Octet 0 of a frame is in tdata[7:0]. Reset invalidates every SA and clears every key:
// a key that is installed again is a new SA to this block, and must not have the old one's epoch
// or, with AES-GCM, its sequence numbers.
`default_nettype none

module ipsec_accel #(
    // Width of the frames' streams: 128 times a power of two; inside it is 128
    parameter int DATA_W = 128,
    // Octets of each packet memory: 2 to the power of this; packets may have 512 less
    parameter int ADDR_W = 12,
    // SAs each way: a power of two
    parameter int SAS = 1024,
    // Queues of each direction: cells of 128 octets, 2 to the power of this
    parameter int HANDLE_W = 10,
    // 0: no fast paths; packets in each: a power of two; octets that the receiving one holds, of what
    // came and of what was decrypted: 2 to the power of this
    parameter int FAST = 1,
    parameter int IN_FLIGHT = 16,
    parameter int RING_W = ADDR_W < 13 ? ADDR_W : 13,
    // Hash engines in each direction
    parameter int MD5 = 1,
    parameter int SHA1 = 1,
    parameter int SHA256 = 1,
    parameter int SHA512 = 1,
    // CBC and HMAC: packets in flight, and rows of 64 octets: 2 to the power of these
    parameter int SLOT_W = 4,
    parameter int ROW_W = 8,
    // Rounds of DES in hardware: 1, 16 or 48
    parameter int DES_STAGES = 1
) (
    input  wire          clk,
    input  wire          rst,
    // AXI4-Lite
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
    // Frames from the pipeline
    input  wire  [DATA_W-1:0]   s_axis_tdata,
    input  wire  [DATA_W/8-1:0] s_axis_tkeep,
    input  wire          s_axis_tlast,
    input  wire          s_axis_tvalid,
    output wire          s_axis_tready,
    // Frames to the pipeline
    output wire  [DATA_W-1:0]   m_axis_tdata,
    output wire  [DATA_W/8-1:0] m_axis_tkeep,
    output wire          m_axis_tlast,
    output wire          m_axis_tvalid,
    input  wire          m_axis_tready,
    // SAs may be installed and looked up; no packet is being worked on
    output wire          ready,
    output wire          idle
);
    wire parse_count_valid;
    wire packet::count_t parse_count;
    wire packet::llq_setup_t llq_setup;
    wire [1:0] llq_rule_write, llq_rule_ready, llq_grant;
    wire packet::llq_count_t tx_llq_count, rx_llq_count;
    wire tx_llq_ready, rx_llq_ready;

    // -- frames in ---------------------------------------------------------------------------------------
    wire packet::request_t request;
    wire [127:0] prefix_tdata, request_tdata;
    wire [15:0] prefix_tkeep, request_tkeep;
    wire prefix_tuser, prefix_tlast, prefix_tvalid, request_tlast, request_tvalid, inbound;
    wire tx_prefix_ready, rx_prefix_ready, tx_request_ready, rx_request_ready, parse_ready;
    wire parse_idle;

    wire [127:0] in_tdata, out_tdata;
    wire [15:0] in_tkeep, out_tkeep;
    wire in_tlast, in_tvalid, out_tlast, out_tvalid, out_tready;

    stream_narrow #(.DATA_W(DATA_W)) narrow (
        .clk, .rst, .s_tdata(s_axis_tdata), .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast),
        .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready), .m_tdata(in_tdata),
        .m_tkeep(in_tkeep), .m_tlast(in_tlast), .m_tvalid(in_tvalid),
        .m_tready(parse_ready && ready)
    );

    frame_parse #(.ADDR_W(ADDR_W)) parse (
        .clk, .rst, .s_axis_tdata(in_tdata), .s_axis_tkeep(in_tkeep), .s_axis_tlast(in_tlast),
        .s_axis_tvalid(in_tvalid && ready), .s_axis_tready(parse_ready),
        .m_prefix_tuser(prefix_tuser), .m_prefix_tdata(prefix_tdata),
        .m_prefix_tkeep(prefix_tkeep), .m_prefix_tlast(prefix_tlast),
        .m_prefix_tvalid(prefix_tvalid),
        .m_prefix_tready(inbound ? rx_prefix_ready : tx_prefix_ready),
        .m_axis_tuser(request), .m_axis_tdata(request_tdata), .m_axis_tkeep(request_tkeep),
        .m_axis_tlast(request_tlast), .m_axis_tvalid(request_tvalid),
        .m_axis_tready(inbound ? rx_request_ready : tx_request_ready), .inbound,
        .count_valid(parse_count_valid), .count(parse_count), .idle(parse_idle)
    );

    // -- queues ------------------------------------------------------------------------------------------
    wire packet::request_t tx_request, rx_request;
    wire [127:0] tx_head_tdata, rx_head_tdata, tx_in_tdata, rx_in_tdata;
    wire [15:0] tx_head_tkeep, rx_head_tkeep, tx_in_tkeep, rx_in_tkeep;
    wire [1:0] tx_head_tuser, rx_head_tuser;
    wire tx_head_tlast, tx_head_tvalid, tx_head_tready;
    wire rx_head_tlast, rx_head_tvalid, rx_head_tready;
    wire tx_in_tlast, tx_in_tvalid, tx_in_tready, rx_in_tlast, rx_in_tvalid, rx_in_tready;
    wire tx_queue_idle, rx_queue_idle, tx_crowded;

    frame_queue #(.HANDLE_W(HANDLE_W), .ADDR_W(ADDR_W)) tx_queue (
        .clk, .rst, .setup(llq_setup), .rule_write(llq_rule_write[0]),
        .rule_ready(llq_rule_ready[0]), .grant(llq_grant[0]), .s_prefix_tuser(prefix_tuser),
        .s_prefix_tdata(prefix_tdata), .s_prefix_tkeep(prefix_tkeep),
        .s_prefix_tlast(prefix_tlast), .s_prefix_tvalid(prefix_tvalid && !inbound),
        .s_prefix_tready(tx_prefix_ready), .s_axis_tuser(request), .s_axis_tdata(request_tdata),
        .s_axis_tkeep(request_tkeep), .s_axis_tlast(request_tlast),
        .s_axis_tvalid(request_tvalid && !inbound), .s_axis_tready(tx_request_ready),
        .m_prefix_tuser(tx_head_tuser), .m_prefix_tdata(tx_head_tdata),
        .m_prefix_tkeep(tx_head_tkeep), .m_prefix_tlast(tx_head_tlast),
        .m_prefix_tvalid(tx_head_tvalid), .m_prefix_tready(tx_head_tready),
        .path_ready(tx_in_tready && !tx_crowded), .m_axis_tuser(tx_request), .m_axis_tdata(tx_in_tdata),
        .m_axis_tkeep(tx_in_tkeep), .m_axis_tlast(tx_in_tlast), .m_axis_tvalid(tx_in_tvalid),
        .m_axis_tready(tx_in_tready), .count(tx_llq_count), .ready(tx_llq_ready),
        .idle(tx_queue_idle)
    );

    frame_queue #(.HANDLE_W(HANDLE_W), .ADDR_W(ADDR_W)) rx_queue (
        .clk, .rst, .setup(llq_setup), .rule_write(llq_rule_write[1]),
        .rule_ready(llq_rule_ready[1]), .grant(llq_grant[1]), .s_prefix_tuser(prefix_tuser),
        .s_prefix_tdata(prefix_tdata), .s_prefix_tkeep(prefix_tkeep),
        .s_prefix_tlast(prefix_tlast), .s_prefix_tvalid(prefix_tvalid && inbound),
        .s_prefix_tready(rx_prefix_ready), .s_axis_tuser(request), .s_axis_tdata(request_tdata),
        .s_axis_tkeep(request_tkeep), .s_axis_tlast(request_tlast),
        .s_axis_tvalid(request_tvalid && inbound), .s_axis_tready(rx_request_ready),
        .m_prefix_tuser(rx_head_tuser), .m_prefix_tdata(rx_head_tdata),
        .m_prefix_tkeep(rx_head_tkeep), .m_prefix_tlast(rx_head_tlast),
        .m_prefix_tvalid(rx_head_tvalid), .m_prefix_tready(rx_head_tready),
        .path_ready(rx_in_tready), .m_axis_tuser(rx_request), .m_axis_tdata(rx_in_tdata),
        .m_axis_tkeep(rx_in_tkeep), .m_axis_tlast(rx_in_tlast), .m_axis_tvalid(rx_in_tvalid),
        .m_axis_tready(rx_in_tready), .count(rx_llq_count), .ready(rx_llq_ready),
        .idle(rx_queue_idle)
    );

    // -- requests to results ---------------------------------------------------------------------------------
    wire packet::result_t tx_result, rx_result;
    wire [127:0] tx_tdata, rx_tdata;
    wire [15:0] tx_tkeep, rx_tkeep;
    wire tx_tlast, tx_tvalid, tx_tready, rx_tlast, rx_tvalid, rx_tready, engine_idle;

    wire in_front = !parse_idle || !tx_queue_idle || !rx_queue_idle;
    assign idle = engine_idle && !in_front;

    accel_engine #(
        .ADDR_W(ADDR_W), .SAS(SAS), .FAST(FAST), .IN_FLIGHT(IN_FLIGHT), .RING_W(RING_W),
        .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512), .SLOT_W(SLOT_W), .ROW_W(ROW_W),
        .DES_STAGES(DES_STAGES)
    ) engine (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
        .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp,
        .s_axil_rvalid, .s_axil_rready,
        .s_tx_tuser(tx_request), .s_tx_tdata(tx_in_tdata), .s_tx_tkeep(tx_in_tkeep),
        .s_tx_tlast(tx_in_tlast), .s_tx_tvalid(tx_in_tvalid), .s_tx_tready(tx_in_tready),
        .s_rx_tuser(rx_request), .s_rx_tdata(rx_in_tdata), .s_rx_tkeep(rx_in_tkeep),
        .s_rx_tlast(rx_in_tlast), .s_rx_tvalid(rx_in_tvalid), .s_rx_tready(rx_in_tready),
        .m_tx_tuser(tx_result), .m_tx_tdata(tx_tdata), .m_tx_tkeep(tx_tkeep), .m_tx_tlast(tx_tlast),
        .m_tx_tvalid(tx_tvalid), .m_tx_tready(tx_tready), .m_rx_tuser(rx_result),
        .m_rx_tdata(rx_tdata), .m_rx_tkeep(rx_tkeep), .m_rx_tlast(rx_tlast),
        .m_rx_tvalid(rx_tvalid), .m_rx_tready(rx_tready), .parse_count_valid, .parse_count,
        .llq_setup, .llq_rule_write, .llq_rule_ready, .llq_grant, .tx_llq_count, .rx_llq_count,
        .llq_ready(tx_llq_ready && rx_llq_ready), .in_front, .ready, .idle(engine_idle),
        .tx_crowded
    );

    // -- frames out ------------------------------------------------------------------------------------------
    wire [127:0] tx_frame_tdata, rx_frame_tdata;
    wire [15:0] tx_frame_tkeep, rx_frame_tkeep;
    wire tx_frame_tlast, tx_frame_tvalid, tx_frame_tready;
    wire rx_frame_tlast, rx_frame_tvalid, rx_frame_tready, merged_tuser;

    frame_results tx_results (
        .clk, .rst, .s_prefix_tuser(tx_head_tuser[0]), .s_prefix_tdata(tx_head_tdata),
        .s_prefix_tkeep(tx_head_tkeep), .s_prefix_tlast(tx_head_tlast),
        .s_prefix_tvalid(tx_head_tvalid), .s_prefix_tready(tx_head_tready),
        .s_axis_tuser(tx_result), .s_axis_tdata(tx_tdata), .s_axis_tkeep(tx_tkeep),
        .s_axis_tlast(tx_tlast), .s_axis_tvalid(tx_tvalid), .s_axis_tready(tx_tready),
        .m_axis_tdata(tx_frame_tdata), .m_axis_tkeep(tx_frame_tkeep),
        .m_axis_tlast(tx_frame_tlast), .m_axis_tvalid(tx_frame_tvalid),
        .m_axis_tready(tx_frame_tready)
    );

    frame_overtake rx_results (
        .clk, .rst, .s_prefix_tuser(rx_head_tuser), .s_prefix_tdata(rx_head_tdata),
        .s_prefix_tkeep(rx_head_tkeep), .s_prefix_tlast(rx_head_tlast),
        .s_prefix_tvalid(rx_head_tvalid), .s_prefix_tready(rx_head_tready),
        .s_axis_tuser(rx_result), .s_axis_tdata(rx_tdata), .s_axis_tkeep(rx_tkeep),
        .s_axis_tlast(rx_tlast), .s_axis_tvalid(rx_tvalid), .s_axis_tready(rx_tready),
        .m_axis_tdata(rx_frame_tdata), .m_axis_tkeep(rx_frame_tkeep),
        .m_axis_tlast(rx_frame_tlast), .m_axis_tvalid(rx_frame_tvalid),
        .m_axis_tready(rx_frame_tready)
    );

    frame_merge merge (
        .clk, .rst, .s_a_tuser(1'b0), .s_a_tdata(tx_frame_tdata), .s_a_tkeep(tx_frame_tkeep),
        .s_a_tlast(tx_frame_tlast), .s_a_tvalid(tx_frame_tvalid), .s_a_tready(tx_frame_tready),
        .s_b_tuser(1'b0), .s_b_tdata(rx_frame_tdata), .s_b_tkeep(rx_frame_tkeep),
        .s_b_tlast(rx_frame_tlast), .s_b_tvalid(rx_frame_tvalid), .s_b_tready(rx_frame_tready),
        .m_axis_tuser(merged_tuser), .m_axis_tdata(out_tdata), .m_axis_tkeep(out_tkeep),
        .m_axis_tlast(out_tlast), .m_axis_tvalid(out_tvalid), .m_axis_tready(out_tready)
    );

    stream_widen #(.DATA_W(DATA_W)) widen (
        .clk, .rst, .s_tdata(out_tdata), .s_tkeep(out_tkeep), .s_tlast(out_tlast),
        .s_tvalid(out_tvalid), .s_tready(out_tready), .m_tdata(m_axis_tdata),
        .m_tkeep(m_axis_tkeep), .m_tlast(m_axis_tlast), .m_tvalid(m_axis_tvalid),
        .m_tready(m_axis_tready)
    );

    wire unused = &{1'b0, merged_tuser, tx_head_tuser[1]};
endmodule

`default_nettype wire
