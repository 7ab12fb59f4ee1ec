// One packet behind another: a packet of stream A, then one of stream B, as one packet without a gap.
//
//   A ─┬▶ who takes part, how many octets ─ CUT ─▶ B turned, put behind A or what was kept ─▶ A and B
//   B ─┘                                                      └─▶ kept for the next beat
//
// B is turned to where A ends: the beat in which A ends and B begins takes from both, so that n
// octets take n/16 beats, rounded up. Latency 0, or 1 with CUT. The two together have at least one octet;
// B alone may be a beat without octets. Octets beyond tkeep mean nothing.
`default_nettype none

module align_append #(
    // 1: a skid_buffer in the middle cuts every path, valid and ready alike
    parameter int CUT = 0,
    // Width of tuser
    parameter int USER_W = 1
) (
    input  wire          clk,
    input  wire          rst,
    // Stream A
    input  wire  [127:0] s_a_tdata,
    input  wire  [15:0]  s_a_tkeep,
    input  wire          s_a_tlast,
    input  wire          s_a_tvalid,
    output wire          s_a_tready,
    // Stream B
    input  wire  [127:0] s_b_tdata,
    input  wire  [15:0]  s_b_tkeep,
    input  wire          s_b_tlast,
    input  wire          s_b_tvalid,
    output wire          s_b_tready,
    // Goes along with each beat; `s_over`: one has just been made of the last octets
    input  wire  [USER_W-1:0] s_tuser,
    output wire          s_over,
    // A and B
    output wire  [127:0] m_axis_tdata,
    output wire  [15:0]  m_axis_tkeep,
    output wire          m_axis_tlast,
    output wire          m_axis_tvalid,
    output wire  [USER_W-1:0] m_axis_tuser,
    input  wire          m_axis_tready
);
    logic in_b;                         // A has ended
    logic flush;                        // B has, too: only the kept octets are left
    logic [15:0] kept_keep;             // octets of the last beat that found no room

    // What stands in front of B's octets in the beat: A's last octets, or the kept ones.
    wire joins = in_b || s_a_tlast;
    wire [15:0] front_keep = in_b ? kept_keep : s_a_tkeep;

    // Octets of both: the sum of two numbers that tkeep has as so many ones, without coding them. There are
    // n if there are i of the one and n - i of the other.
    wire [16:0] front_has = {front_keep, 1'b1};
    wire [16:0] b_has = {s_b_tkeep, 1'b1};
    logic [31:0] both_keep;
    always_comb begin
        both_keep = 32'd0;
        for (int n = 1; n <= 32; n++)
            for (int i = 0; i <= 16; i++)
                if (i <= n && n - i <= 16) both_keep[n-1] |= front_has[i] && b_has[n-i];
    end

    // A beat of B is taken if it begins here, even if nothing of it fits.
    wire ends = s_b_tlast && !both_keep[16];

    // Octets that do not come from B
    logic [4:0] fronts;
    always_comb begin
        fronts = 5'd0;
        for (int i = 0; i < 16; i++) if (front_keep[i]) fronts = 5'(i + 1);
        if (flush || !joins) fronts = 5'd16;
    end

    wire made_last = flush || (joins && ends);
    wire made_valid = flush || ((in_b || s_a_tvalid) && (!joins || s_b_tvalid));
    wire made_ready;
    wire made = made_valid && made_ready;
    assign s_a_tready = made && !flush && !in_b;
    assign s_b_tready = made && !flush && joins;
    assign s_over = made && made_last;

    always_ff @(posedge clk) begin
        if (made) begin
            kept_keep <= both_keep[31:16];
            if (made_last) begin
                in_b <= 1'b0;
                flush <= 1'b0;
            end else if (joins) begin
                in_b <= 1'b1;
                flush <= s_b_tlast;
            end
        end
        if (rst) begin
            in_b <= 1'b0;
            flush <= 1'b0;
        end
    end

    // -- octets to their places -----------------------------------------------------------------------
    typedef struct packed {
        logic [USER_W-1:0] user;
        logic [4:0]        fronts;
        logic              from_kept;   // and not from A
        logic [127:0]      b;
    } places_t;
    wire places_t given, taken;
    wire [127:0] a;
    assign given.user = s_tuser;
    assign given.fronts = fronts;
    assign given.from_kept = in_b;
    assign given.b = s_b_tdata;
    wire [15:0] made_keep = flush ? kept_keep : !joins ? s_a_tkeep : both_keep[15:0];

    if (CUT != 0) begin : middle
        skid_buffer #(.USER_W(USER_W + 134)) cut (
            .clk, .rst, .s_tvalid(made_valid), .s_tready(made_ready), .s_tdata(s_a_tdata),
            .s_tkeep(made_keep), .s_tlast(made_last), .s_tuser(given), .m_tvalid(m_axis_tvalid),
            .m_tready(m_axis_tready), .m_tdata(a), .m_tkeep(m_axis_tkeep), .m_tlast(m_axis_tlast),
            .m_tuser(taken)
        );
    end else begin : middle
        assign {m_axis_tvalid, m_axis_tkeep, m_axis_tlast} = {made_valid, made_keep, made_last};
        assign {made_ready, a, taken} = {m_axis_tready, s_a_tdata, given};
    end

    logic [127:0] kept, turned, octets;
    always_comb begin
        turned = taken.b;
        for (int s = 0; s < 4; s++)
            if (taken.fronts[s]) turned = turned << (8 << s) | turned >> (128 - (8 << s));
    end
    always_comb
        for (int i = 0; i < 16; i++)
            octets[i*8 +: 8] = 5'(i) >= taken.fronts ? turned[i*8 +: 8]
                : taken.from_kept ? kept[i*8 +: 8] : a[i*8 +: 8];
    always_ff @(posedge clk) if (m_axis_tvalid && m_axis_tready) kept <= turned;
    assign m_axis_tdata = octets;
    assign m_axis_tuser = taken.user;

`ifdef FORMAL
`include "align_append_properties.svh"
`endif
endmodule

`default_nettype wire
