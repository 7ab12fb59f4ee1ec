// The crypto accelerator: frames with a crypto header in, frames out, SAs through AXI4-Lite.
//
//              AXI4-Lite ─▶ accel_control: registers, SA tables, keys, counters
//                             │ rows, windows        │ keys
//   frames ─▶ accel_core: transmit and receive ⇄ esp_engine, one each ─▶ frames
//
// docs/accelerator.md says what it does, docs/decisions/rtl-accelerator.md how; docs/registers.md has
// the registers. Octet 0 of a frame is in tdata[7:0]. Reset invalidates every SA and clears every key:
// a key that is installed again is a new SA to this block, and must not have the old one's epoch
// or, with AES-GCM, its sequence numbers.
`default_nettype none

module ipsec_accel #(
    // Octets of each packet memory: 2 to the power of this; packets may have 512 less
    parameter int ADDR_W = 12,
    // SAs each way: a power of two
    parameter int SAS = 1024,
    // 0: no fast paths
    parameter int FAST = 1,
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
    input  wire  [127:0] s_axis_tdata,
    input  wire  [15:0]  s_axis_tkeep,
    input  wire          s_axis_tlast,
    input  wire          s_axis_tvalid,
    output wire          s_axis_tready,
    // Frames to the pipeline
    output wire  [127:0] m_axis_tdata,
    output wire  [15:0]  m_axis_tkeep,
    output wire          m_axis_tlast,
    output wire          m_axis_tvalid,
    input  wire          m_axis_tready,
    // SAs may be installed and looked up; no packet is being worked on
    output wire          ready,
    output wire          idle
);
    localparam int SA_W = $clog2(SAS);

    wire tx_sa_read, tx_sa_found, tx_number_write, tx_done, rx_sa_read, rx_sa_found, rx_done;
    wire [15:0] tx_sa_index, rx_sa_index, tx_key_index, rx_key_index, window_size;
    wire packet::outbound_t tx_sa_row;
    wire packet::inbound_t rx_sa_row;
    wire [63:0] tx_number;
    wire tx_key_read, tx_key_found, rx_key_read, rx_key_found;
    wire sa_keys::sa_keys_t tx_keys, rx_keys;
    wire window_valid, window_ready, window_ah, window_esn, window_keep;
    wire [SA_W-1:0] window_sa;
    wire parse_count_valid, tx_count_valid, rx_count_valid;
    wire packet::count_t parse_count, tx_count, rx_count;

    accel_control #(.SAS(SAS), .PACKET_W(ADDR_W)) control (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
        .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp,
        .s_axil_rvalid, .s_axil_rready, .tx_sa_read, .tx_sa_index, .tx_sa_found, .tx_sa_row,
        .tx_number_write, .tx_number, .tx_done, .tx_key_read, .tx_key_index, .tx_key_found,
        .tx_keys, .rx_sa_read, .rx_sa_index, .rx_sa_found, .rx_sa_row, .rx_done, .rx_key_read,
        .rx_key_index, .rx_key_found, .rx_keys, .window_valid, .window_ready, .window_sa,
        .window_ah, .window_size, .window_esn, .window_keep, .parse_count_valid, .parse_count,
        .tx_count_valid, .tx_count, .rx_count_valid, .rx_count, .in_flight(!idle), .ready
    );

    wire core_ready;
    wire packet::job_t tx_job, rx_job;
    wire tx_job_valid, tx_job_ready, tx_icv_valid, rx_job_valid, rx_job_ready, rx_icv_valid;
    wire [255:0] tx_icv, rx_icv;
    wire [127:0] tx_to_tdata, tx_from_tdata, rx_to_tdata, rx_from_tdata;
    wire [15:0] tx_to_tkeep, tx_from_tkeep, rx_to_tkeep, rx_from_tkeep;
    wire tx_to_tlast, tx_to_tvalid, tx_to_tready, tx_from_tlast, tx_from_tvalid, tx_from_tready;
    wire rx_to_tlast, rx_to_tvalid, rx_to_tready, rx_from_tlast, rx_from_tvalid, rx_from_tready;

    accel_core #(.ADDR_W(ADDR_W), .SAS(SAS), .FAST(FAST)) core (
        .clk, .rst, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast,
        .s_axis_tvalid(s_axis_tvalid && ready), .s_axis_tready(core_ready),
        .tx_sa_read, .tx_sa_index, .tx_sa_found, .tx_sa_row, .tx_number_write, .tx_number,
        .tx_done, .rx_sa_read, .rx_sa_index, .rx_sa_found, .rx_sa_row, .rx_done, .window_valid,
        .window_ready, .window_sa, .window_ah, .window_size, .window_esn, .window_keep,
        .tx_job, .tx_job_valid, .tx_job_ready, .m_tx_engine_tdata(tx_to_tdata),
        .m_tx_engine_tkeep(tx_to_tkeep), .m_tx_engine_tlast(tx_to_tlast),
        .m_tx_engine_tvalid(tx_to_tvalid), .m_tx_engine_tready(tx_to_tready),
        .s_tx_engine_tdata(tx_from_tdata), .s_tx_engine_tkeep(tx_from_tkeep),
        .s_tx_engine_tlast(tx_from_tlast), .s_tx_engine_tvalid(tx_from_tvalid),
        .s_tx_engine_tready(tx_from_tready), .tx_icv_valid, .tx_icv,
        .rx_job, .rx_job_valid, .rx_job_ready, .m_rx_engine_tdata(rx_to_tdata),
        .m_rx_engine_tkeep(rx_to_tkeep), .m_rx_engine_tlast(rx_to_tlast),
        .m_rx_engine_tvalid(rx_to_tvalid), .m_rx_engine_tready(rx_to_tready),
        .s_rx_engine_tdata(rx_from_tdata), .s_rx_engine_tkeep(rx_from_tkeep),
        .s_rx_engine_tlast(rx_from_tlast), .s_rx_engine_tvalid(rx_from_tvalid),
        .s_rx_engine_tready(rx_from_tready), .rx_icv_valid, .rx_icv,
        .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready,
        .parse_count_valid, .parse_count, .tx_count_valid, .tx_count, .rx_count_valid, .rx_count,
        .idle
    );
    assign s_axis_tready = core_ready && ready;

    esp_engine #(
        .DECRYPT(1'b0), .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512),
        .SLOT_W(SLOT_W), .ROW_W(ROW_W), .DES_STAGES(DES_STAGES)
    ) tx_engine (
        .clk, .rst, .job(tx_job), .job_valid(tx_job_valid), .job_ready(tx_job_ready),
        .s_axis_tdata(tx_to_tdata), .s_axis_tkeep(tx_to_tkeep), .s_axis_tlast(tx_to_tlast),
        .s_axis_tvalid(tx_to_tvalid), .s_axis_tready(tx_to_tready), .key_read(tx_key_read),
        .key_index(tx_key_index), .key_found(tx_key_found), .key_row(tx_keys),
        .m_axis_tdata(tx_from_tdata), .m_axis_tkeep(tx_from_tkeep), .m_axis_tlast(tx_from_tlast),
        .m_axis_tvalid(tx_from_tvalid), .m_axis_tready(tx_from_tready), .icv_valid(tx_icv_valid),
        .icv(tx_icv)
    );

    esp_engine #(
        .DECRYPT(1'b1), .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512),
        .SLOT_W(SLOT_W), .ROW_W(ROW_W), .DES_STAGES(DES_STAGES)
    ) rx_engine (
        .clk, .rst, .job(rx_job), .job_valid(rx_job_valid), .job_ready(rx_job_ready),
        .s_axis_tdata(rx_to_tdata), .s_axis_tkeep(rx_to_tkeep), .s_axis_tlast(rx_to_tlast),
        .s_axis_tvalid(rx_to_tvalid), .s_axis_tready(rx_to_tready), .key_read(rx_key_read),
        .key_index(rx_key_index), .key_found(rx_key_found), .key_row(rx_keys),
        .m_axis_tdata(rx_from_tdata), .m_axis_tkeep(rx_from_tkeep), .m_axis_tlast(rx_from_tlast),
        .m_axis_tvalid(rx_from_tvalid), .m_axis_tready(rx_from_tready), .icv_valid(rx_icv_valid),
        .icv(rx_icv)
    );
endmodule

`default_nettype wire
