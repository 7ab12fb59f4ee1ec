// Properties of align_append without CUT, read inside it when FORMAL is defined: given AXI4-Stream at both
// inputs there is AXI4-Stream at the output, with every octet of A, then every octet of B, and nothing
// else. CUT puts a skid_buffer in the middle, which has its own proof.

// As a part of another module its inputs are that one's to show.
`ifdef ALIGN_APPEND_IS_A_PART
localparam bit F_GIVEN = 1'b0;
`else
localparam bit F_GIVEN = 1'b1;
`endif

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

// What A offers while B goes on does not count, nor what B does while the last octets leave.
wire f_begun_a, f_begun_b, f_begun_m, f_held_a, f_held_b, f_held_m;
stream_rules #(.ASSUME(F_GIVEN), .PACKETS(1'b1)) f_rules_a (
    .clk, .started(f_started), .tvalid(s_a_tvalid && !in_b), .tready(s_a_tready), .tdata(s_a_tdata),
    .tkeep(s_a_tkeep), .tlast(s_a_tlast), .tuser(1'b0), .begun(f_begun_a), .held(f_held_a)
);
stream_rules #(.ASSUME(F_GIVEN), .PACKETS(1'b1)) f_rules_b (
    .clk, .started(f_started), .tvalid(s_b_tvalid && !flush), .tready(s_b_tready), .tdata(s_b_tdata),
    .tkeep(s_b_tkeep), .tlast(s_b_tlast), .tuser(1'b0), .begun(f_begun_b), .held(f_held_b)
);
stream_rules #(.PACKETS(1'b1)) f_rules_m (
    .clk, .started(f_started), .tvalid(m_axis_tvalid), .tready(m_axis_tready),
    .tdata(m_axis_tdata), .tkeep(m_axis_tkeep), .tlast(m_axis_tlast), .tuser(1'b0),
    .begun(f_begun_m), .held(f_held_m)
);

// One octet of either stream is chosen freely as it comes in. It goes out with as many octets before it
// as were inside when it came, and came with it: so none is lost, doubled, changed or overtaken.
function automatic logic [5:0] f_octets(input logic taken, input logic [15:0] keep);
    f_octets = 6'd0;
    for (int i = 0; i < 16; i++) if (taken && keep[i]) f_octets = 6'(i + 1);
endfunction

wire f_take_a = s_a_tvalid && s_a_tready;
wire f_take_b = s_b_tvalid && s_b_tready;
wire f_take_m = m_axis_tvalid && m_axis_tready;
wire [5:0] f_of_a = f_octets(f_take_a, s_a_tkeep);
wire [5:0] f_of_b = f_octets(f_take_b, s_b_tkeep);
wire [5:0] f_of_m = f_octets(f_take_m, m_axis_tkeep);

(* anyseq *) logic f_choose, f_choose_b;
(* anyseq *) logic [3:0] f_lane;
wire [5:0] f_before = f_inside + (f_choose_b ? f_of_a : 6'd0) + 6'(f_lane);
wire f_chosen = f_choose && 6'(f_lane) < (f_choose_b ? f_of_b : f_of_a);

logic [5:0] f_inside;                           // octets
logic f_follow;                                 // the chosen one is inside,
logic [5:0] f_place;                            // so many before it
logic [7:0] f_octet;
wire f_here = f_follow || f_chosen;
wire [5:0] f_place_now = f_follow ? f_place : f_before;
wire [7:0] f_octet_now = f_follow ? f_octet
    : f_choose_b ? s_b_tdata[8*f_lane +: 8] : s_a_tdata[8*f_lane +: 8];

always_ff @(posedge clk) begin
    f_inside <= f_started ? f_inside + f_of_a + f_of_b - f_of_m : '0;
    f_follow <= f_started && f_here && f_place_now >= f_of_m;
    f_place <= f_place_now - f_of_m;
    f_octet <= f_octet_now;
end

always_ff @(posedge clk) if (f_started) begin
    assert (f_of_m <= f_inside + f_of_a + f_of_b);
    if (f_here && f_place_now < f_of_m)
        assert (m_axis_tdata[8*f_place_now[3:0] +: 8] == f_octet_now);
    // Nothing comes in but by a beat that goes out; B does not begin before A ends, nor A before B does.
    if (f_take_a || f_take_b) assert (f_take_m);
    if (f_take_b && !f_begun_b) assert (f_take_a && s_a_tlast);
    if (f_take_a) assert (!f_begun_b && f_take_b == s_a_tlast);
    // The packet ends with B's last octet, and not before.
    if (f_take_m && m_axis_tlast) assert (f_of_m == f_inside + f_of_a + f_of_b);
    if (f_take_m && m_axis_tlast) assert (f_take_b ? s_b_tlast : !f_begun_b && !f_begun_a);
    if (f_take_m && !m_axis_tlast && f_take_b && s_b_tlast) assert (f_of_m < f_inside + f_of_a + f_of_b);
    // Nobody waits for what is there.
    if (s_a_tvalid && s_b_tvalid) assert (m_axis_tvalid);
    if (s_a_tvalid && !s_a_tlast && !f_begun_b) assert (m_axis_tvalid);

    // What is kept.
    assert (f_inside == f_octets(in_b, kept_keep));
    if (in_b) assert ((kept_keep >> 1 & ~kept_keep) == '0);
    if (f_follow) assert (f_place < f_inside && kept[8*f_place[3:0] +: 8] == f_octet);
    if (flush) assert (in_b && kept_keep != '0);
    assert (f_begun_b == (in_b && !flush));
    if (in_b) assert (!f_begun_a);
    assert (f_begun_m == (in_b || f_begun_a));
end
