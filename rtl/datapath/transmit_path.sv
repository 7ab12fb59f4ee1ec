// ENCRYPT and FRAGMENT: the fast path and the slow one around one engine and one SA table.
//
//   requests ─▶ encap_select ─┬▶ encap_fast ──┬─▶ results
//                             └▶ encapsulate ─┘
//
// Only one of the two has packets at a time (encap_select), so they share by a multiplexer.
`default_nettype none

module transmit_path #(
    // Octets of the slow path's packet memories: 2 to the power of this
    parameter int ADDR_W = 12,
    // Packets in the fast path: a power of two
    parameter int IN_FLIGHT = 16,
    // 0: everything goes the slow way
    parameter int FAST = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Requests, with the IP packet
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // The row of the SA table; `sa_found` any time after `sa_read`, with the row
    output wire                     sa_read,
    output wire  [15:0]             sa_index,
    input  wire                     sa_found,
    input  wire packet::outbound_t  sa_row,
    // The last sequence number used, for the row
    output wire                     number_write,
    output wire  [63:0]             number,
    // Engine: jobs, their octets, what comes back, and the ICVs (octet 0 in [255:248])
    output wire packet::job_t       job,
    output wire                     job_valid,
    input  wire                     job_ready,
    output wire  [127:0]            m_engine_tdata,
    output wire  [15:0]             m_engine_tkeep,
    output wire                     m_engine_tlast,
    output wire                     m_engine_tvalid,
    input  wire                     m_engine_tready,
    input  wire  [127:0]            s_engine_tdata,
    input  wire  [15:0]             s_engine_tkeep,
    input  wire                     s_engine_tlast,
    input  wire                     s_engine_tvalid,
    output wire                     s_engine_tready,
    input  wire                     icv_valid,
    input  wire  [255:0]            icv,
    // Results
    output wire packet::result_t    m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // What is to be counted, and whether no packet is here
    output wire                     count_valid,
    output wire packet::count_t     count,
    output wire                     idle,
    // A look-up's row is no longer used
    output wire                     done,
    // A packet that waits in a queue should go on waiting
    output wire                     crowded
);
    wire plan_valid, fast_over, slow, slow_idle;
    wire packet::plan_t plan;
    wire packet::request_t slow_request;
    wire [127:0] fast_tdata, slow_tdata;
    wire [15:0] fast_tkeep, slow_tkeep;
    wire fast_tlast, fast_tvalid, fast_tready, slow_tlast, slow_tvalid, slow_tready;

    wire select_read, slow_read, select_write, slow_write, fast_count_valid, slow_count_valid;
    wire [15:0] select_index, slow_index;
    wire [63:0] select_number, slow_number;
    wire packet::count_t fast_count, slow_count;
    wire slow_has = slow || !slow_idle;

    assign sa_read = slow_has ? slow_read : select_read;
    assign sa_index = slow_has ? slow_index : select_index;
    assign number_write = slow_has ? slow_write : select_write;
    assign number = slow_has ? slow_number : select_number;
    assign count_valid = fast_count_valid || slow_count_valid;
    assign count = slow_count_valid ? slow_count : fast_count;

    encap_select #(.IN_FLIGHT(IN_FLIGHT), .FAST(FAST)) select_way (
        .clk, .rst, .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid,
        .s_axis_tready, .sa_read(select_read), .sa_index(select_index),
        .sa_found(sa_found && !slow_has), .sa_row, .number_write(select_write),
        .number(select_number), .plan_valid, .plan, .m_fast_tdata(fast_tdata),
        .m_fast_tkeep(fast_tkeep), .m_fast_tlast(fast_tlast), .m_fast_tvalid(fast_tvalid),
        .m_fast_tready(fast_tready), .fast_over, .m_slow_tuser(slow_request),
        .m_slow_tdata(slow_tdata), .m_slow_tkeep(slow_tkeep), .m_slow_tlast(slow_tlast),
        .m_slow_tvalid(slow_tvalid), .m_slow_tready(slow_tready), .slow_idle, .slow,
        .count_valid(fast_count_valid), .count(fast_count), .idle
    );

    // The slow path looks again.
    logic was_slow, was_idle;
    assign done = fast_over || (slow && !was_slow) || (slow_idle && !was_idle);
    always_ff @(posedge clk) begin
        was_slow <= slow && !rst;
        was_idle <= slow_idle || rst;
    end

    wire packet::way_t fast_gives, slow_gives, now;
    assign now = slow_has ? slow_gives : fast_gives;
    assign {job, job_valid, m_engine_tdata, m_engine_tkeep, m_engine_tlast, m_engine_tvalid,
        s_engine_tready, m_axis_tuser, m_axis_tdata, m_axis_tkeep, m_axis_tlast, m_axis_tvalid} = now;

    encap_fast #(.DEPTH(IN_FLIGHT)) fast (
        .clk, .rst, .plan_valid, .plan, .s_axis_tdata(fast_tdata), .s_axis_tkeep(fast_tkeep),
        .s_axis_tlast(fast_tlast), .s_axis_tvalid(fast_tvalid), .s_axis_tready(fast_tready),
        .job(fast_gives.job), .job_valid(fast_gives.job_valid), .job_ready(job_ready && !slow_has),
        .m_engine_tdata(fast_gives.engine_tdata), .m_engine_tkeep(fast_gives.engine_tkeep),
        .m_engine_tlast(fast_gives.engine_tlast), .m_engine_tvalid(fast_gives.engine_tvalid),
        .m_engine_tready(m_engine_tready && !slow_has), .s_engine_tdata, .s_engine_tkeep,
        .s_engine_tlast, .s_engine_tvalid(s_engine_tvalid && !slow_has),
        .s_engine_tready(fast_gives.engine_tready), .icv_valid(icv_valid && !slow_has), .icv,
        .m_axis_tuser(fast_gives.tuser), .m_axis_tdata(fast_gives.tdata), .m_axis_tkeep(fast_gives.tkeep),
        .m_axis_tlast(fast_gives.tlast), .m_axis_tvalid(fast_gives.tvalid),
        .m_axis_tready(m_axis_tready && !slow_has), .over(fast_over)
    );

    backlog #(.DEPTH(IN_FLIGHT)) to_leave (
        .clk, .rst, .plan_valid, .plan, .over(fast_over), .crowded,
        .leaves(fast_gives.tvalid && m_axis_tready && !slow_has)
    );

    encapsulate #(.ADDR_W(ADDR_W)) slow_way (
        .clk, .rst, .s_axis_tuser(slow_request), .s_axis_tdata(slow_tdata),
        .s_axis_tkeep(slow_tkeep), .s_axis_tlast(slow_tlast), .s_axis_tvalid(slow_tvalid),
        .s_axis_tready(slow_tready), .sa_read(slow_read), .sa_index(slow_index),
        .sa_found(sa_found && slow_has), .sa_row, .number_write(slow_write),
        .number(slow_number), .job(slow_gives.job), .job_valid(slow_gives.job_valid),
        .job_ready(job_ready && slow_has), .m_engine_tdata(slow_gives.engine_tdata),
        .m_engine_tkeep(slow_gives.engine_tkeep), .m_engine_tlast(slow_gives.engine_tlast),
        .m_engine_tvalid(slow_gives.engine_tvalid), .m_engine_tready(m_engine_tready && slow_has),
        .s_engine_tdata, .s_engine_tkeep, .s_engine_tlast,
        .s_engine_tvalid(s_engine_tvalid && slow_has), .s_engine_tready(slow_gives.engine_tready),
        .icv_valid(icv_valid && slow_has), .icv, .m_axis_tuser(slow_gives.tuser),
        .m_axis_tdata(slow_gives.tdata), .m_axis_tkeep(slow_gives.tkeep), .m_axis_tlast(slow_gives.tlast),
        .m_axis_tvalid(slow_gives.tvalid), .m_axis_tready(m_axis_tready && slow_has),
        .count_valid(slow_count_valid), .count(slow_count), .idle(slow_idle)
    );
endmodule

`default_nettype wire
