// The fast receive path: packets go to the engine while they come in, and what comes back is held
// until ICV and replay unit have said yes.
//
//   packet ─┬▶ decap_feed ⇄ engine ─▶ decap_plain ─┬▶ decap_release ─▶ inner packet
//           │      ICVs ─▶ decap_verdict ──────────┤        or
//           └──────────────────────────────────────┘        refused packet
//
// Each packet comes behind its plan (decap_select), which every part keeps for itself until it needs it:
// all work on different packets at a time. From the ICV to the first beat released: 6 cycles.
`default_nettype none

module decap_fast #(
    // Octets of each ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two, at least the packets in flight
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    // Plans, and their packets
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    input  wire  [127:0]                s_axis_tdata,
    input  wire  [15:0]                 s_axis_tkeep,
    input  wire                         s_axis_tlast,
    input  wire                         s_axis_tvalid,
    output wire                         s_axis_tready,
    // Replay unit (as in `decapsulate`), rows by SA
    output wire                         check_valid,
    output wire  [15:0]                 check_sa,
    output wire  [31:0]                 check_low,
    output wire  [63:0]                 check_told,
    input  wire                         checked_valid,
    input  wire  [63:0]                 checked_number,
    output wire                         commit_valid,
    output wire  [15:0]                 commit_sa,
    output wire  [63:0]                 commit_number,
    output wire                         commit_authentic,
    input  wire                         committed_valid,
    input  wire  [1:0]                  committed_verdict,
    // Engine (as in `decapsulate`)
    output wire packet::job_t           job,
    output wire                         job_valid,
    input  wire                         job_ready,
    output wire                         job_number_valid,
    output wire  [63:0]                 job_number,
    output wire  [127:0]                m_engine_tdata,
    output wire  [15:0]                 m_engine_tkeep,
    output wire                         m_engine_tlast,
    output wire                         m_engine_tvalid,
    input  wire                         m_engine_tready,
    input  wire  [127:0]                s_engine_tdata,
    input  wire  [15:0]                 s_engine_tkeep,
    input  wire                         s_engine_tlast,
    input  wire                         s_engine_tvalid,
    output wire                         s_engine_tready,
    input  wire                         icv_valid,
    input  wire  [255:0]                icv,
    // Results
    output wire packet::result_t        m_axis_tuser,
    output wire  [127:0]                m_axis_tdata,
    output wire  [15:0]                 m_axis_tkeep,
    output wire                         m_axis_tlast,
    output wire                         m_axis_tvalid,
    input  wire                         m_axis_tready,
    // What is to be counted
    output wire                         count_valid,
    output wire packet::count_t         count,
    // A packet has left
    output wire                         over
);
    localparam int AT_W = ADDR_W + 1;   // ring addresses have a bit that tells full from empty
    typedef logic [AT_W-1:0] at_t;

    // -- packets in, to both rings ------------------------------------------------------------------------
    at_t written, base;
    wire at_t freed;
    wire [4:0] in_octets = packet::kept(s_axis_tkeep);
    wire at_t used = written - freed;
    assign s_axis_tready = used <= at_t'((1 << ADDR_W) - 32);
    wire take = s_axis_tvalid && s_axis_tready;
    always_ff @(posedge clk) begin
        if (take) written <= written + at_t'(in_octets);
        if (plan_valid) base <= base + at_t'(plan.length);
        if (rst) begin
            written <= '0;
            base <= '0;
        end
    end

    // -- replay check: for the whole number ---------------------------------------------------------------
    assign check_valid = plan_valid;
    assign check_sa = plan.sa_index;
    assign check_low = plan.low;
    assign check_told = plan.told;
    assign job_number_valid = checked_valid;
    assign job_number = checked_number;

    // -- to the engine ------------------------------------------------------------------------------------
    wire received_valid;
    wire [255:0] received;
    decap_feed #(.ADDR_W(ADDR_W), .DEPTH(DEPTH)) feed (
        .clk, .rst, .plan_valid, .plan, .plan_base(base), .wr_en(take), .wr_at(written),
        .wr_count(in_octets), .wr_data(s_axis_tdata), .m_engine_tdata, .m_engine_tkeep,
        .m_engine_tlast, .m_engine_tvalid, .m_engine_tready, .icv_valid(received_valid),
        .icv(received)
    );
    decap_jobs #(.DEPTH(DEPTH)) jobs (
        .clk, .rst, .plan_valid, .plan, .icv_valid(received_valid), .icv(received), .job,
        .job_valid, .job_ready
    );

    // -- back from it -------------------------------------------------------------------------------------
    wire plain_en, opened_valid, verdict_valid, verdict_get;
    wire at_t plain_at, plain_freed, opened_at, opened_end;
    wire [4:0] plain_count, verdict;
    wire packet::opened_t opened;
    decap_plain #(.ADDR_W(ADDR_W), .DEPTH(DEPTH)) plain (
        .clk, .rst, .plan_valid, .plan, .s_engine_tdata, .s_engine_tkeep, .s_engine_tlast,
        .s_engine_tvalid, .s_engine_tready, .wr_en(plain_en), .wr_at(plain_at),
        .wr_count(plain_count), .freed(plain_freed), .opened_valid, .opened, .opened_at, .opened_end
    );
    decap_verdict #(.DEPTH(DEPTH)) judge (
        .clk, .rst, .plan_valid, .plan, .number_valid(checked_valid), .number(checked_number),
        .received_valid, .received, .computed_valid(icv_valid), .computed(icv), .commit_valid,
        .commit_sa, .commit_number, .commit_authentic, .committed_valid, .committed_verdict,
        .verdict_valid, .verdict, .verdict_get
    );

    // -- and out ------------------------------------------------------------------------------------------
    decap_release #(.ADDR_W(ADDR_W), .DEPTH(DEPTH)) release_way (
        .clk, .rst, .plan_valid, .plan, .plan_base(base), .came_en(take), .came_at(written),
        .came_count(in_octets), .came_data(s_axis_tdata), .came_freed(freed), .plain_en, .plain_at,
        .plain_count, .plain_data(s_engine_tdata), .plain_freed, .number_valid(checked_valid),
        .number(checked_number), .opened_valid, .opened, .opened_at, .opened_end, .verdict_valid,
        .verdict, .verdict_get, .m_axis_tuser, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast,
        .m_axis_tvalid, .m_axis_tready, .count_valid, .count, .over
    );

    wire unused = &{1'b0, s_axis_tlast};
endmodule

`default_nettype wire
