// Everything between requests and results: transmit and receive side by side, each with its engine.
//
//   requests ▶ transmit_path ⇄ esp_engine ─▶ results
//   requests ▶ receive_path ─⇄ esp_engine ─▶ results
//              replay_unit
//
// This is the engine's stream: the crypto header is sideband, and there is no Ethernet. Row numbers
// are those of the SA tables; the replay unit has two rows an SA, ESP's and AH's.
`default_nettype none

module accel_core #(
    // Octets of each packet memory: 2 to the power of this
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
    input  wire                     clk,
    input  wire                     rst,
    // ENCRYPT and FRAGMENT, with the IP packet
    input  wire packet::request_t   s_tx_tuser,
    input  wire  [127:0]            s_tx_tdata,
    input  wire  [15:0]             s_tx_tkeep,
    input  wire                     s_tx_tlast,
    input  wire                     s_tx_tvalid,
    output wire                     s_tx_tready,
    // DECRYPT
    input  wire packet::request_t   s_rx_tuser,
    input  wire  [127:0]            s_rx_tdata,
    input  wire  [15:0]             s_rx_tkeep,
    input  wire                     s_rx_tlast,
    input  wire                     s_rx_tvalid,
    output wire                     s_rx_tready,
    // SA tables: `found` any time after `read`, with the row; `done`: a row is no longer used
    output wire                     tx_sa_read,
    output wire  [15:0]             tx_sa_index,
    input  wire                     tx_sa_found,
    input  wire packet::outbound_t  tx_sa_row,
    output wire                     tx_number_write,
    output wire  [63:0]             tx_number,
    output wire                     tx_done,
    output wire                     rx_sa_read,
    output wire  [15:0]             rx_sa_index,
    input  wire                     rx_sa_found,
    input  wire packet::inbound_t   rx_sa_row,
    output wire                     rx_done,
    // Replay windows: set up the two of a row
    input  wire                     window_valid,
    output wire                     window_ready,
    input  wire  [$clog2(SAS)-1:0]  window_sa,
    input  wire                     window_ah,
    input  wire  [15:0]             window_size,
    input  wire                     window_esn,
    input  wire                     window_keep,
    // Keys of a row; `found` some cycles after `read`, and also of rows that were looked up
    output wire                     tx_key_read,
    output wire  [15:0]             tx_key_index,
    input  wire                     tx_key_found,
    input  wire  [15:0]             tx_key_of,
    input  wire sa_keys::sa_keys_t  tx_keys,
    output wire                     rx_key_read,
    output wire  [15:0]             rx_key_index,
    input  wire                     rx_key_found,
    input  wire  [15:0]             rx_key_of,
    input  wire sa_keys::sa_keys_t  rx_keys,
    // Results of both
    output wire packet::result_t    m_tx_tuser,
    output wire  [127:0]            m_tx_tdata,
    output wire  [15:0]             m_tx_tkeep,
    output wire                     m_tx_tlast,
    output wire                     m_tx_tvalid,
    input  wire                     m_tx_tready,
    output wire packet::result_t    m_rx_tuser,
    output wire  [127:0]            m_rx_tdata,
    output wire  [15:0]             m_rx_tkeep,
    output wire                     m_rx_tlast,
    output wire                     m_rx_tvalid,
    input  wire                     m_rx_tready,
    // What is to be counted
    output wire                     tx_count_valid,
    output wire packet::count_t     tx_count,
    output wire                     rx_count_valid,
    output wire packet::count_t     rx_count,
    // No packet is being worked on; a packet to be sent that waits in a queue should go on waiting
    output wire                     idle,
    output wire                     tx_crowded
);
    localparam int SA_W = $clog2(SAS);

    // -- transmit ------------------------------------------------------------------------------------------
    wire tx_idle;
    wire packet::job_t tx_job;
    wire tx_job_valid, tx_job_ready, tx_icv_valid;
    wire [255:0] tx_icv;
    wire [127:0] tx_to_tdata, tx_from_tdata;
    wire [15:0] tx_to_tkeep, tx_from_tkeep;
    wire tx_to_tlast, tx_to_tvalid, tx_to_tready;
    wire tx_from_tlast, tx_from_tvalid, tx_from_tready;

    transmit_path #(.ADDR_W(ADDR_W), .IN_FLIGHT(IN_FLIGHT), .FAST(FAST)) transmit (
        .clk, .rst, .s_axis_tuser(s_tx_tuser), .s_axis_tdata(s_tx_tdata),
        .s_axis_tkeep(s_tx_tkeep), .s_axis_tlast(s_tx_tlast),
        .s_axis_tvalid(s_tx_tvalid), .s_axis_tready(s_tx_tready),
        .sa_read(tx_sa_read), .sa_index(tx_sa_index), .sa_found(tx_sa_found), .sa_row(tx_sa_row),
        .number_write(tx_number_write), .number(tx_number),
        .job(tx_job), .job_valid(tx_job_valid), .job_ready(tx_job_ready),
        .m_engine_tdata(tx_to_tdata), .m_engine_tkeep(tx_to_tkeep),
        .m_engine_tlast(tx_to_tlast), .m_engine_tvalid(tx_to_tvalid),
        .m_engine_tready(tx_to_tready), .s_engine_tdata(tx_from_tdata),
        .s_engine_tkeep(tx_from_tkeep), .s_engine_tlast(tx_from_tlast),
        .s_engine_tvalid(tx_from_tvalid), .s_engine_tready(tx_from_tready),
        .icv_valid(tx_icv_valid), .icv(tx_icv),
        .m_axis_tuser(m_tx_tuser), .m_axis_tdata(m_tx_tdata), .m_axis_tkeep(m_tx_tkeep),
        .m_axis_tlast(m_tx_tlast), .m_axis_tvalid(m_tx_tvalid), .m_axis_tready(m_tx_tready),
        .count_valid(tx_count_valid), .count(tx_count), .idle(tx_idle), .done(tx_done),
        .crowded(tx_crowded)
    );

    esp_engine #(
        .DECRYPT(1'b0), .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512),
        .SLOT_W(SLOT_W), .ROW_W(ROW_W), .DES_STAGES(DES_STAGES)
    ) tx_engine (
        .clk, .rst, .job(tx_job), .job_valid(tx_job_valid), .job_ready(tx_job_ready),
        .number_valid(tx_job_valid && tx_job_ready), .number(tx_job.iv),
        .s_axis_tdata(tx_to_tdata), .s_axis_tkeep(tx_to_tkeep), .s_axis_tlast(tx_to_tlast),
        .s_axis_tvalid(tx_to_tvalid), .s_axis_tready(tx_to_tready), .key_read(tx_key_read),
        .key_index(tx_key_index), .key_found(tx_key_found), .key_of(tx_key_of), .key_row(tx_keys),
        .m_axis_tdata(tx_from_tdata), .m_axis_tkeep(tx_from_tkeep), .m_axis_tlast(tx_from_tlast),
        .m_axis_tvalid(tx_from_tvalid), .m_axis_tready(tx_from_tready), .icv_valid(tx_icv_valid),
        .icv(tx_icv)
    );

    // -- receive -------------------------------------------------------------------------------------------
    wire rx_idle;
    wire packet::job_t rx_job;
    wire rx_job_valid, rx_job_ready, rx_icv_valid, rx_number_valid;
    wire [63:0] rx_number;
    wire [255:0] rx_icv;
    wire [127:0] rx_to_tdata, rx_from_tdata;
    wire [15:0] rx_to_tkeep, rx_from_tkeep;
    wire rx_to_tlast, rx_to_tvalid, rx_to_tready;
    wire rx_from_tlast, rx_from_tvalid, rx_from_tready;
    wire [15:0] check_sa, commit_sa;
    wire check_ah, commit_ah;
    wire check_valid, commit_valid, commit_authentic, checked_valid, committed_valid;
    wire [31:0] check_low;
    wire [63:0] check_told, checked_number, commit_number;
    wire [1:0] checked_verdict, committed_verdict;

    receive_path #(
        .ADDR_W(ADDR_W), .RING_W(RING_W), .IN_FLIGHT(IN_FLIGHT), .FAST(FAST)
    ) receive (
        .clk, .rst, .s_axis_tuser(s_rx_tuser), .s_axis_tdata(s_rx_tdata),
        .s_axis_tkeep(s_rx_tkeep), .s_axis_tlast(s_rx_tlast),
        .s_axis_tvalid(s_rx_tvalid), .s_axis_tready(s_rx_tready),
        .sa_read(rx_sa_read), .sa_index(rx_sa_index), .sa_found(rx_sa_found), .sa_row(rx_sa_row),
        .check_valid, .check_sa, .check_ah, .check_low, .check_told, .checked_valid,
        .checked_verdict, .checked_number, .commit_valid, .commit_sa, .commit_ah, .commit_number,
        .commit_authentic, .committed_valid, .committed_verdict,
        .job(rx_job), .job_valid(rx_job_valid), .job_ready(rx_job_ready),
        .job_number_valid(rx_number_valid), .job_number(rx_number),
        .m_engine_tdata(rx_to_tdata), .m_engine_tkeep(rx_to_tkeep),
        .m_engine_tlast(rx_to_tlast), .m_engine_tvalid(rx_to_tvalid),
        .m_engine_tready(rx_to_tready), .s_engine_tdata(rx_from_tdata),
        .s_engine_tkeep(rx_from_tkeep), .s_engine_tlast(rx_from_tlast),
        .s_engine_tvalid(rx_from_tvalid), .s_engine_tready(rx_from_tready),
        .icv_valid(rx_icv_valid), .icv(rx_icv),
        .m_axis_tuser(m_rx_tuser), .m_axis_tdata(m_rx_tdata), .m_axis_tkeep(m_rx_tkeep),
        .m_axis_tlast(m_rx_tlast), .m_axis_tvalid(m_rx_tvalid), .m_axis_tready(m_rx_tready),
        .count_valid(rx_count_valid), .count(rx_count), .idle(rx_idle), .done(rx_done)
    );

    wire checked_tag, committed_tag;
    replay_unit #(.ROWS(2 * SAS), .TAG_W(1)) replay (
        .clk, .rst, .setup_valid(window_valid), .setup_ready(window_ready),
        .setup_row({window_sa, window_ah}), .setup_window(window_size), .setup_esn(window_esn),
        .setup_keep(window_keep), .check_valid, .check_row({check_sa[SA_W-1:0], check_ah}),
        .check_low, .check_told, .check_tag(1'b0), .commit_valid, .commit_row({commit_sa[SA_W-1:0], commit_ah}),
        .commit_sequence(commit_number), .commit_authentic, .commit_tag(1'b0), .checked_valid,
        .checked_verdict, .checked_sequence(checked_number), .checked_tag, .committed_valid,
        .committed_verdict, .committed_tag
    );

    esp_engine #(
        .DECRYPT(1'b1), .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512),
        .NUMBERS(IN_FLIGHT), .SLOT_W(SLOT_W), .ROW_W(ROW_W), .DES_STAGES(DES_STAGES)
    ) rx_engine (
        .clk, .rst, .job(rx_job), .job_valid(rx_job_valid), .job_ready(rx_job_ready),
        .number_valid(rx_number_valid), .number(rx_number),
        .s_axis_tdata(rx_to_tdata), .s_axis_tkeep(rx_to_tkeep), .s_axis_tlast(rx_to_tlast),
        .s_axis_tvalid(rx_to_tvalid), .s_axis_tready(rx_to_tready), .key_read(rx_key_read),
        .key_index(rx_key_index), .key_found(rx_key_found), .key_of(rx_key_of), .key_row(rx_keys),
        .m_axis_tdata(rx_from_tdata), .m_axis_tkeep(rx_from_tkeep), .m_axis_tlast(rx_from_tlast),
        .m_axis_tvalid(rx_from_tvalid), .m_axis_tready(rx_from_tready), .icv_valid(rx_icv_valid),
        .icv(rx_icv)
    );

    assign idle = tx_idle && rx_idle && !s_tx_tvalid && !s_rx_tvalid;

    wire unused = &{1'b0, checked_tag, committed_tag, check_sa, commit_sa};
endmodule

`default_nettype wire
