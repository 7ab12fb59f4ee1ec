// The engine's stream with its registers: requests in and results out, SAs through AXI4-Lite.
//
//   AXI4-Lite ─▶ accel_control: registers, SA tables, keys, counters
//                     │ rows, keys, windows
//   requests ──▶ accel_core: transmit, receive ─▶ results
//
// The crypto header is sideband, and there are neither Ethernet nor queues: `ipsec_accel` puts them around it.
`default_nettype none

module accel_engine #(
    // Octets of each packet memory: 2 to the power of this; packets may have 512 less
    parameter int ADDR_W = 12,
    // SAs each way: a power of two
    parameter int SAS = 1024,
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
    // ENCRYPT and FRAGMENT, with the IP packet
    input  wire packet::request_t s_tx_tuser,
    input  wire  [127:0] s_tx_tdata,
    input  wire  [15:0]  s_tx_tkeep,
    input  wire          s_tx_tlast,
    input  wire          s_tx_tvalid,
    output wire          s_tx_tready,
    // DECRYPT
    input  wire packet::request_t s_rx_tuser,
    input  wire  [127:0] s_rx_tdata,
    input  wire  [15:0]  s_rx_tkeep,
    input  wire          s_rx_tlast,
    input  wire          s_rx_tvalid,
    output wire          s_rx_tready,
    // Results of both
    output wire packet::result_t m_tx_tuser,
    output wire  [127:0] m_tx_tdata,
    output wire  [15:0]  m_tx_tkeep,
    output wire          m_tx_tlast,
    output wire          m_tx_tvalid,
    input  wire          m_tx_tready,
    output wire packet::result_t m_rx_tuser,
    output wire  [127:0] m_rx_tdata,
    output wire  [15:0]  m_rx_tkeep,
    output wire          m_rx_tlast,
    output wire          m_rx_tvalid,
    input  wire          m_rx_tready,
    // What stands in front: malformed frames to be counted, queues to be set up (as in accel_control),
    // packets that are under way there
    input  wire          parse_count_valid,
    input  wire packet::count_t parse_count,
    output wire packet::llq_setup_t llq_setup,
    output wire  [1:0]   llq_rule_write,
    input  wire  [1:0]   llq_rule_ready,
    output wire  [1:0]   llq_grant,
    input  wire packet::llq_count_t tx_llq_count,
    input  wire packet::llq_count_t rx_llq_count,
    input  wire          llq_ready,
    input  wire          in_front,
    // SAs may be installed and looked up; no packet is being worked on here; one to be sent that waits in a
    // queue should go on waiting
    output wire          ready,
    output wire          idle,
    output wire          tx_crowded
);
    localparam int SA_W = $clog2(SAS);

    if (ROW_W + 6 < ADDR_W) begin : check_row_w
        $fatal(1, "accel_engine: the rows of cbc_hmac do not hold the largest packet");
    end

    wire tx_sa_read, tx_sa_found, tx_number_write, tx_done, rx_sa_read, rx_sa_found, rx_done;
    wire [15:0] tx_sa_index, rx_sa_index, tx_key_index, rx_key_index, window_size;
    wire [15:0] tx_key_of, rx_key_of;
    wire packet::outbound_t tx_sa_row;
    wire packet::inbound_t rx_sa_row;
    wire [63:0] tx_number;
    wire tx_key_read, tx_key_found, rx_key_read, rx_key_found;
    wire sa_keys::sa_keys_t tx_keys, rx_keys;
    wire window_valid, window_ready, window_ah, window_esn, window_keep;
    wire [SA_W-1:0] window_sa;
    wire tx_count_valid, rx_count_valid;
    wire packet::count_t tx_count, rx_count;

    accel_control #(.SAS(SAS), .PACKET_W(ADDR_W)) control (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
        .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp,
        .s_axil_rvalid, .s_axil_rready, .tx_sa_read, .tx_sa_index, .tx_sa_found, .tx_sa_row,
        .tx_number_write, .tx_number, .tx_done, .tx_key_read, .tx_key_index, .tx_key_found,
        .tx_key_of, .tx_keys, .rx_sa_read, .rx_sa_index, .rx_sa_found, .rx_sa_row, .rx_done, .rx_key_read,
        .rx_key_index, .rx_key_found, .rx_key_of, .rx_keys, .window_valid, .window_ready, .window_sa,
        .window_ah, .window_size, .window_esn, .window_keep, .parse_count_valid, .parse_count,
        .tx_count_valid, .tx_count, .rx_count_valid, .rx_count, .llq_setup, .llq_rule_write,
        .llq_rule_ready, .llq_grant, .tx_llq_count, .rx_llq_count,
        .llq_ready, .in_flight(!idle || in_front), .ready
    );

    accel_core #(
        .ADDR_W(ADDR_W), .SAS(SAS), .FAST(FAST), .IN_FLIGHT(IN_FLIGHT), .RING_W(RING_W),
        .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512), .SLOT_W(SLOT_W), .ROW_W(ROW_W),
        .DES_STAGES(DES_STAGES)
    ) core (
        .clk, .rst, .s_tx_tuser, .s_tx_tdata, .s_tx_tkeep, .s_tx_tlast, .s_tx_tvalid, .s_tx_tready,
        .s_rx_tuser, .s_rx_tdata, .s_rx_tkeep, .s_rx_tlast, .s_rx_tvalid, .s_rx_tready,
        .tx_sa_read, .tx_sa_index, .tx_sa_found, .tx_sa_row, .tx_number_write, .tx_number,
        .tx_done, .rx_sa_read, .rx_sa_index, .rx_sa_found, .rx_sa_row, .rx_done, .window_valid,
        .window_ready, .window_sa, .window_ah, .window_size, .window_esn, .window_keep,
        .tx_key_read, .tx_key_index, .tx_key_found, .tx_key_of, .tx_keys, .rx_key_read,
        .rx_key_index, .rx_key_found, .rx_key_of, .rx_keys, .m_tx_tuser, .m_tx_tdata, .m_tx_tkeep,
        .m_tx_tlast, .m_tx_tvalid, .m_tx_tready, .m_rx_tuser, .m_rx_tdata, .m_rx_tkeep,
        .m_rx_tlast, .m_rx_tvalid, .m_rx_tready, .tx_count_valid, .tx_count, .rx_count_valid,
        .rx_count, .idle, .tx_crowded
    );
endmodule

`default_nettype wire
