// In front of the two ways of a path: looks up the SA of each packet, holds its beats meanwhile, and sends
// it the fast way or the slow one.
//
//   requests ─┬▶ row looked up, first beats ─▶ does it suit the fast way? (whose business it is)
//             └▶ beats wait ─┬▶ fast way, behind a plan
//                            └▶ slow way
//
// A packet's row is looked up with its first beat. A packet goes a way only when the other one is empty, so
// order, sequence numbers and windows need no further care. One look-up at a time: if the table answers in
// 2 cycles, a packet is decided in the third cycle, or when its first HEAD beats are here.
`default_nettype none

module way_gate #(
    // Beats that are judged: 2 or 3
    parameter int HEAD = 2,
    // Bits of a row of the SA table
    parameter int ROW_W = 64,
    // Beats that wait for the look-up: a power of two
    parameter int DEPTH = 16,
    // Packets in the fast way: a power of two
    parameter int IN_FLIGHT = 16
) (
    input  wire                     clk,
    input  wire                     rst,
    // Requests
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // The row of the SA table
    output wire                     sa_read,
    output wire  [15:0]             sa_index,
    input  wire                     sa_found,
    input  wire  [ROW_W-1:0]        sa_row,
    // What is to be judged; `weigh`: it is all here, `suits` is to be right from the next cycle on
    output packet::request_t        request,
    output logic [383:0]            head,
    output wire  [ROW_W-1:0]        row,
    output wire                     weigh,
    input  wire                     suits,
    // A packet goes the fast way; its beats follow. `fast_over` when one has left
    output wire                     goes_fast,
    output wire  [127:0]            m_fast_tdata,
    output wire  [15:0]             m_fast_tkeep,
    output wire                     m_fast_tlast,
    output wire                     m_fast_tvalid,
    input  wire                     m_fast_tready,
    input  wire                     fast_over,
    // Packets of the slow way, with their request
    output wire  [127:0]            m_slow_tdata,
    output wire  [15:0]             m_slow_tkeep,
    output wire                     m_slow_tlast,
    output wire                     m_slow_tvalid,
    input  wire                     m_slow_tready,
    input  wire                     slow_idle,
    // The slow way has the look-up and the engine
    output wire                     slow,
    output wire                     idle
);
    if (HEAD != 2 && HEAD != 3) begin : check_head
        $fatal(1, "way_gate: HEAD has to be 2 or 3");
    end

    localparam [2:0] IDLE = 3'd0, LOOK = 3'd1, DECIDE = 3'd2, REST = 3'd3, DRAIN = 3'd4,
        SLOW = 3'd5;
    localparam int COUNT_W = $clog2(IN_FLIGHT) + 1;

    logic [2:0] state;
    logic [COUNT_W-1:0] in_flight;      // packets in the fast way
    logic [COUNT_W-1:0] decided;        // of them, those whose beats have not all left
    logic [1:0] beats;                  // of this packet, seen; 3 for more
    logic ended;                        // the last one was seen
    logic row_there;
    logic [ROW_W-1:0] row_kept;

    // -- beats in -------------------------------------------------------------------------------------
    wire hold_ready, hold_valid, hold_last, hold_user, hold_taken;
    wire [127:0] hold_data;
    wire [15:0] hold_keep;
    wire [$clog2(DEPTH):0] level;

    wire open = state == IDLE ? slow_idle : !ended;
    wire in_valid = s_axis_tvalid && open;
    assign s_axis_tready = hold_ready && open;
    wire taken = in_valid && hold_ready;
    wire first = state == IDLE;
    wire all_in = ended || (taken && s_axis_tlast);

    fifo_stream #(.DEPTH(DEPTH)) hold (
        .clk, .rst, .s_tvalid(in_valid), .s_tready(hold_ready), .s_tdata(s_axis_tdata),
        .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast), .s_tuser(1'b0), .m_tvalid(hold_valid),
        .m_tready(hold_taken), .m_tdata(hold_data), .m_tkeep(hold_keep), .m_tlast(hold_last),
        .m_tuser(hold_user), .level
    );

    // -- the row, and what decides --------------------------------------------------------------------
    assign sa_read = first && taken;
    assign sa_index = first ? s_axis_tuser.sa_index : request.sa_index;
    assign row = sa_found ? sa_row : row_kept;
    // The last beat of the head may just be coming, if it is not judged but only kept.
    wire head_here = ended || beats >= 2'(HEAD) || (HEAD == 3 && beats == 2'd2 && taken);
    assign weigh = state == LOOK && (row_there || sa_found) && head_here;
    assign goes_fast = state == DECIDE && suits && in_flight != (COUNT_W)'(IN_FLIGHT);

    // -- beats out: those in `hold` are of one way, and of the fast way there may be several packets ----
    wire fast_open = decided != '0;
    assign slow = state == SLOW;
    assign {m_fast_tdata, m_fast_tkeep, m_fast_tlast} = {hold_data, hold_keep, hold_last};
    assign {m_slow_tdata, m_slow_tkeep, m_slow_tlast} = {hold_data, hold_keep, hold_last};
    assign m_fast_tvalid = hold_valid && fast_open;
    assign m_slow_tvalid = hold_valid && slow;
    assign hold_taken = (fast_open && m_fast_tready) || (slow && m_slow_tready);
    wire fast_left = m_fast_tvalid && m_fast_tready && hold_last;

    assign idle = state == IDLE && slow_idle && in_flight == '0;

    wire [127:0] beat = packet::reversed(s_axis_tdata);
    always_ff @(posedge clk) begin
        if (taken) begin
            if (first) head[383:256] <= beat;
            else if (beats == 2'd1) head[255:128] <= beat;
            else if (beats == 2'd2) head[127:0] <= beat;
            beats <= first ? 2'd1 : beats == 2'd3 ? 2'd3 : beats + 2'd1;
            ended <= s_axis_tlast;
        end
        if (sa_found) begin
            row_kept <= sa_row;
            row_there <= 1'b1;
        end

        case (state)
            IDLE: if (taken) begin
                request <= s_axis_tuser;
                row_there <= 1'b0;
                state <= LOOK;
            end
            LOOK: if (weigh) state <= DECIDE;
            DECIDE: if (!suits) state <= DRAIN;
            else if (goes_fast) state <= all_in ? IDLE : REST;
            // The rest of a long packet
            REST: if (all_in) state <= IDLE;
            DRAIN: if (in_flight == '0) state <= SLOW;
            default: if (m_slow_tvalid && m_slow_tready && hold_last) state <= IDLE;
        endcase

        in_flight <= in_flight + (COUNT_W)'(goes_fast) - (COUNT_W)'(fast_over);
        decided <= decided + (COUNT_W)'(goes_fast) - (COUNT_W)'(fast_left);
        if (rst) begin
            state <= IDLE;
            in_flight <= '0;
            decided <= '0;
            ended <= 1'b1;
        end
    end

    wire unused = &{1'b0, hold_user, level};
endmodule

`default_nettype wire
