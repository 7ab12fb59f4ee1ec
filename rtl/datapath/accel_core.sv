// The datapath between framed ports, SA tables and engines: transmit and receive side by side.
//
//                    ┌▶ transmit_path ⇄ engine ─▶ frame_results ┐
//   frames ▶ frame_parse                                           ├▶ frames
//                    └▶ receive_path ─ ⇄ engine ─▶ frame_results ┘
//                             replay_unit
//
// Row numbers are those of the SA tables; the replay unit has two rows an SA, ESP's and AH's.
`default_nettype none

module accel_core #(
    // Octets of each packet memory: 2 to the power of this
    parameter int ADDR_W = 12,
    // SAs each way: a power of two
    parameter int SAS = 1024,
    // 0: no fast paths
    parameter int FAST = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Frames from the pipeline
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
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
    // Transmit engine
    output wire packet::job_t       tx_job,
    output wire                     tx_job_valid,
    input  wire                     tx_job_ready,
    output wire  [127:0]            m_tx_engine_tdata,
    output wire  [15:0]             m_tx_engine_tkeep,
    output wire                     m_tx_engine_tlast,
    output wire                     m_tx_engine_tvalid,
    input  wire                     m_tx_engine_tready,
    input  wire  [127:0]            s_tx_engine_tdata,
    input  wire  [15:0]             s_tx_engine_tkeep,
    input  wire                     s_tx_engine_tlast,
    input  wire                     s_tx_engine_tvalid,
    output wire                     s_tx_engine_tready,
    input  wire                     tx_icv_valid,
    input  wire  [255:0]            tx_icv,
    // Receive engine
    output wire packet::job_t       rx_job,
    output wire                     rx_job_valid,
    input  wire                     rx_job_ready,
    output wire  [127:0]            m_rx_engine_tdata,
    output wire  [15:0]             m_rx_engine_tkeep,
    output wire                     m_rx_engine_tlast,
    output wire                     m_rx_engine_tvalid,
    input  wire                     m_rx_engine_tready,
    input  wire  [127:0]            s_rx_engine_tdata,
    input  wire  [15:0]             s_rx_engine_tkeep,
    input  wire                     s_rx_engine_tlast,
    input  wire                     s_rx_engine_tvalid,
    output wire                     s_rx_engine_tready,
    input  wire                     rx_icv_valid,
    input  wire  [255:0]            rx_icv,
    // Frames to the pipeline
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // What is to be counted: of frames, of the transmit and of the receive path
    output wire                     parse_count_valid,
    output wire packet::count_t     parse_count,
    output wire                     tx_count_valid,
    output wire packet::count_t     tx_count,
    output wire                     rx_count_valid,
    output wire packet::count_t     rx_count,
    // No packet is being worked on
    output wire                     idle
);
    localparam int SA_W = $clog2(SAS);

    // -- frames in ---------------------------------------------------------------------------------------
    wire packet::request_t request;
    wire [127:0] prefix_tdata, request_tdata;
    wire [15:0] prefix_tkeep, request_tkeep;
    wire prefix_tuser, prefix_tlast, prefix_tvalid, request_tlast, request_tvalid, inbound;
    wire tx_prefix_ready, rx_prefix_ready, tx_request_ready, rx_request_ready;

    frame_parse #(.ADDR_W(ADDR_W)) parse (
        .clk, .rst, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid, .s_axis_tready,
        .m_prefix_tuser(prefix_tuser), .m_prefix_tdata(prefix_tdata),
        .m_prefix_tkeep(prefix_tkeep), .m_prefix_tlast(prefix_tlast),
        .m_prefix_tvalid(prefix_tvalid),
        .m_prefix_tready(inbound ? rx_prefix_ready : tx_prefix_ready),
        .m_axis_tuser(request), .m_axis_tdata(request_tdata), .m_axis_tkeep(request_tkeep),
        .m_axis_tlast(request_tlast), .m_axis_tvalid(request_tvalid),
        .m_axis_tready(inbound ? rx_request_ready : tx_request_ready), .inbound,
        .count_valid(parse_count_valid), .count(parse_count)
    );

    // -- transmit ------------------------------------------------------------------------------------------
    wire packet::result_t tx_result;
    wire [127:0] tx_tdata, tx_frame_tdata;
    wire [15:0] tx_tkeep, tx_frame_tkeep;
    wire tx_tlast, tx_tvalid, tx_tready, tx_frame_tlast, tx_frame_tvalid, tx_frame_tready, tx_idle;

    transmit_path #(.ADDR_W(ADDR_W), .FAST(FAST)) transmit (
        .clk, .rst, .s_axis_tuser(request), .s_axis_tdata(request_tdata),
        .s_axis_tkeep(request_tkeep), .s_axis_tlast(request_tlast),
        .s_axis_tvalid(request_tvalid && !inbound), .s_axis_tready(tx_request_ready),
        .sa_read(tx_sa_read), .sa_index(tx_sa_index), .sa_found(tx_sa_found), .sa_row(tx_sa_row),
        .number_write(tx_number_write), .number(tx_number),
        .job(tx_job), .job_valid(tx_job_valid), .job_ready(tx_job_ready),
        .m_engine_tdata(m_tx_engine_tdata), .m_engine_tkeep(m_tx_engine_tkeep),
        .m_engine_tlast(m_tx_engine_tlast), .m_engine_tvalid(m_tx_engine_tvalid),
        .m_engine_tready(m_tx_engine_tready), .s_engine_tdata(s_tx_engine_tdata),
        .s_engine_tkeep(s_tx_engine_tkeep), .s_engine_tlast(s_tx_engine_tlast),
        .s_engine_tvalid(s_tx_engine_tvalid), .s_engine_tready(s_tx_engine_tready),
        .icv_valid(tx_icv_valid), .icv(tx_icv),
        .m_axis_tuser(tx_result), .m_axis_tdata(tx_tdata), .m_axis_tkeep(tx_tkeep),
        .m_axis_tlast(tx_tlast), .m_axis_tvalid(tx_tvalid), .m_axis_tready(tx_tready),
        .count_valid(tx_count_valid), .count(tx_count), .idle(tx_idle), .done(tx_done)
    );

    frame_results tx_results (
        .clk, .rst, .s_prefix_tuser(prefix_tuser), .s_prefix_tdata(prefix_tdata),
        .s_prefix_tkeep(prefix_tkeep), .s_prefix_tlast(prefix_tlast),
        .s_prefix_tvalid(prefix_tvalid && !inbound), .s_prefix_tready(tx_prefix_ready),
        .s_axis_tuser(tx_result), .s_axis_tdata(tx_tdata), .s_axis_tkeep(tx_tkeep),
        .s_axis_tlast(tx_tlast), .s_axis_tvalid(tx_tvalid), .s_axis_tready(tx_tready),
        .m_axis_tdata(tx_frame_tdata), .m_axis_tkeep(tx_frame_tkeep),
        .m_axis_tlast(tx_frame_tlast), .m_axis_tvalid(tx_frame_tvalid),
        .m_axis_tready(tx_frame_tready)
    );

    // -- receive -------------------------------------------------------------------------------------------
    wire packet::result_t rx_result;
    wire [127:0] rx_tdata, rx_frame_tdata;
    wire [15:0] rx_tkeep, rx_frame_tkeep;
    wire rx_tlast, rx_tvalid, rx_tready, rx_frame_tlast, rx_frame_tvalid, rx_frame_tready, rx_idle;
    wire [15:0] check_sa, commit_sa;
    wire check_ah, commit_ah;
    wire check_valid, commit_valid, commit_authentic, checked_valid, committed_valid;
    wire [31:0] check_low;
    wire [63:0] check_told, checked_number, commit_number;
    wire [1:0] checked_verdict, committed_verdict;

    receive_path #(.ADDR_W(ADDR_W), .RING_W(ADDR_W < 13 ? ADDR_W : 13), .FAST(FAST)) receive (
        .clk, .rst, .s_axis_tuser(request), .s_axis_tdata(request_tdata),
        .s_axis_tkeep(request_tkeep), .s_axis_tlast(request_tlast),
        .s_axis_tvalid(request_tvalid && inbound), .s_axis_tready(rx_request_ready),
        .sa_read(rx_sa_read), .sa_index(rx_sa_index), .sa_found(rx_sa_found), .sa_row(rx_sa_row),
        .check_valid, .check_sa, .check_ah, .check_low, .check_told, .checked_valid,
        .checked_verdict, .checked_number, .commit_valid, .commit_sa, .commit_ah, .commit_number,
        .commit_authentic, .committed_valid, .committed_verdict,
        .job(rx_job), .job_valid(rx_job_valid), .job_ready(rx_job_ready),
        .m_engine_tdata(m_rx_engine_tdata), .m_engine_tkeep(m_rx_engine_tkeep),
        .m_engine_tlast(m_rx_engine_tlast), .m_engine_tvalid(m_rx_engine_tvalid),
        .m_engine_tready(m_rx_engine_tready), .s_engine_tdata(s_rx_engine_tdata),
        .s_engine_tkeep(s_rx_engine_tkeep), .s_engine_tlast(s_rx_engine_tlast),
        .s_engine_tvalid(s_rx_engine_tvalid), .s_engine_tready(s_rx_engine_tready),
        .icv_valid(rx_icv_valid), .icv(rx_icv),
        .m_axis_tuser(rx_result), .m_axis_tdata(rx_tdata), .m_axis_tkeep(rx_tkeep),
        .m_axis_tlast(rx_tlast), .m_axis_tvalid(rx_tvalid), .m_axis_tready(rx_tready),
        .count_valid(rx_count_valid), .count(rx_count), .idle(rx_idle), .done(rx_done)
    );

    wire checked_tag, committed_tag;
    replay_unit #(.ROWS(2 * SAS), .TAG_W(1)) replay (
        .clk, .rst, .setup_valid(window_valid), .setup_ready(window_ready),
        .setup_row({window_sa, window_ah}), .setup_window(window_size), .setup_esn(window_esn),
        .setup_keep(window_keep), .check_valid, .check_row({check_sa[SA_W-1:0], check_ah}), .check_low, .check_told,
        .check_tag(1'b0), .commit_valid, .commit_row({commit_sa[SA_W-1:0], commit_ah}),
        .commit_sequence(commit_number), .commit_authentic, .commit_tag(1'b0), .checked_valid,
        .checked_verdict, .checked_sequence(checked_number), .checked_tag, .committed_valid,
        .committed_verdict, .committed_tag
    );

    frame_results rx_results (
        .clk, .rst, .s_prefix_tuser(prefix_tuser), .s_prefix_tdata(prefix_tdata),
        .s_prefix_tkeep(prefix_tkeep), .s_prefix_tlast(prefix_tlast),
        .s_prefix_tvalid(prefix_tvalid && inbound), .s_prefix_tready(rx_prefix_ready),
        .s_axis_tuser(rx_result), .s_axis_tdata(rx_tdata), .s_axis_tkeep(rx_tkeep),
        .s_axis_tlast(rx_tlast), .s_axis_tvalid(rx_tvalid), .s_axis_tready(rx_tready),
        .m_axis_tdata(rx_frame_tdata), .m_axis_tkeep(rx_frame_tkeep),
        .m_axis_tlast(rx_frame_tlast), .m_axis_tvalid(rx_frame_tvalid),
        .m_axis_tready(rx_frame_tready)
    );

    // -- frames out ------------------------------------------------------------------------------------------
    wire merged_tuser;
    frame_merge merge (
        .clk, .rst, .s_a_tuser(1'b0), .s_a_tdata(tx_frame_tdata), .s_a_tkeep(tx_frame_tkeep),
        .s_a_tlast(tx_frame_tlast), .s_a_tvalid(tx_frame_tvalid), .s_a_tready(tx_frame_tready),
        .s_b_tuser(1'b0), .s_b_tdata(rx_frame_tdata), .s_b_tkeep(rx_frame_tkeep),
        .s_b_tlast(rx_frame_tlast), .s_b_tvalid(rx_frame_tvalid), .s_b_tready(rx_frame_tready),
        .m_axis_tuser(merged_tuser), .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid,
        .m_axis_tready
    );

    assign idle = tx_idle && rx_idle && !prefix_tvalid && !request_tvalid;

    wire unused = &{1'b0, checked_tag, committed_tag, merged_tuser, check_sa, commit_sa};
endmodule

`default_nettype wire
