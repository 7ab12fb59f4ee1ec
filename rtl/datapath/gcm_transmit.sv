// ESP with AES-GCM one way, without control: the fast transmit path and its engine, no more.
//
//   plans, packets ─▶ encap_fast ⇄ esp_engine (AES-GCM only) ─▶ packets
//
// The configuration whose area and clock are measured (`make synth`): what a device needs for each
// direction that does the one thing quickly. Look-up of rows and keys, replay and what the slow path
// does are beside it, as in `ipsec_accel`.
`default_nettype none

module gcm_transmit #(
    // Plans that wait: a power of two
    parameter int DEPTH = 16,
    // Cycles of a step of AES: 1 or 2
    parameter int GCM_ROUND_STAGES = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Plans, and their packets
    input  wire                     plan_valid,
    input  wire packet::plan_t      plan,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Keys of a row; `key_found` some cycles after `key_read`
    output wire                     key_read,
    output wire  [15:0]             key_index,
    input  wire                     key_found,
    input  wire  [15:0]             key_of,
    input  wire sa_keys::sa_keys_t  key_row,
    // Results
    output wire packet::result_t    m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // A packet has left
    output wire                     over
);
    wire packet::job_t job;
    wire job_valid, job_ready, icv_valid;
    wire [255:0] icv;
    wire [127:0] to_tdata, from_tdata;
    wire [15:0] to_tkeep, from_tkeep;
    wire to_tlast, to_tvalid, to_tready, from_tlast, from_tvalid, from_tready;

    encap_fast #(.DEPTH(DEPTH)) encapsulation (
        .clk, .rst, .plan_valid, .plan, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast,
        .s_axis_tvalid, .s_axis_tready, .job, .job_valid, .job_ready,
        .m_engine_tdata(to_tdata), .m_engine_tkeep(to_tkeep), .m_engine_tlast(to_tlast),
        .m_engine_tvalid(to_tvalid), .m_engine_tready(to_tready),
        .s_engine_tdata(from_tdata), .s_engine_tkeep(from_tkeep), .s_engine_tlast(from_tlast),
        .s_engine_tvalid(from_tvalid), .s_engine_tready(from_tready), .icv_valid, .icv,
        .m_axis_tuser, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid,
        .m_axis_tready, .over
    );
    esp_engine #(.CBC(0), .GCM_ROUND_STAGES(GCM_ROUND_STAGES)) engine (
        .clk, .rst, .job, .job_valid, .job_ready, .number_valid(job_valid && job_ready),
        .number(job.iv), .s_axis_tdata(to_tdata),
        .s_axis_tkeep(to_tkeep), .s_axis_tlast(to_tlast), .s_axis_tvalid(to_tvalid),
        .s_axis_tready(to_tready), .key_read, .key_index, .key_found, .key_of, .key_row,
        .m_axis_tdata(from_tdata), .m_axis_tkeep(from_tkeep), .m_axis_tlast(from_tlast),
        .m_axis_tvalid(from_tvalid), .m_axis_tready(from_tready), .icv_valid, .icv
    );
endmodule

`default_nettype wire
