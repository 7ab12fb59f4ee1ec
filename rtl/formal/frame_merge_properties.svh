// Properties of frame_merge, read inside it when FORMAL is defined: given AXI4-Stream at both inputs
// there is AXI4-Stream at the output, no packet is cut into, and each input has its turn.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

wire f_inside_a, f_inside_b, f_inside, f_held_a, f_held_b, f_held_m;
stream_rules #(.USER_W(USER_W), .ASSUME(1'b1)) f_rules_a (
    .clk, .started(f_started), .tvalid(s_a_tvalid), .tready(s_a_tready), .tdata(s_a_tdata),
    .tkeep(s_a_tkeep), .tlast(s_a_tlast), .tuser(s_a_tuser), .begun(f_inside_a), .held(f_held_a)
);
stream_rules #(.USER_W(USER_W), .ASSUME(1'b1)) f_rules_b (
    .clk, .started(f_started), .tvalid(s_b_tvalid), .tready(s_b_tready), .tdata(s_b_tdata),
    .tkeep(s_b_tkeep), .tlast(s_b_tlast), .tuser(s_b_tuser), .begun(f_inside_b), .held(f_held_b)
);
stream_rules #(.USER_W(USER_W)) f_rules_m (
    .clk, .started(f_started), .tvalid(m_axis_tvalid), .tready(m_axis_tready),
    .tdata(m_axis_tdata), .tkeep(m_axis_tkeep), .tlast(m_axis_tlast), .tuser(m_axis_tuser),
    .begun(f_inside), .held(f_held_m)
);

localparam int F_BEAT_W = USER_W + 128 + 16 + 1;
wire [F_BEAT_W-1:0] f_a = {s_a_tuser, s_a_tdata, s_a_tkeep, s_a_tlast};
wire [F_BEAT_W-1:0] f_b = {s_b_tuser, s_b_tdata, s_b_tkeep, s_b_tlast};
wire [F_BEAT_W-1:0] f_m = {m_axis_tuser, m_axis_tdata, m_axis_tkeep, m_axis_tlast};

logic f_from_b;                                 // whose the packet at the output is
logic f_passed_a = 1'b0, f_passed_b = 1'b0;     // a packet of the other one went while this waited

wire f_take_a = s_a_tvalid && s_a_tready;
wire f_take_b = s_b_tvalid && s_b_tready;
wire f_take_m = m_axis_tvalid && m_axis_tready;

always_ff @(posedge clk) begin
    if (f_take_m) f_from_b <= f_take_b;
    f_passed_a <= s_a_tvalid && !f_take_a && (f_passed_a || (f_take_b && s_b_tlast));
    f_passed_b <= s_b_tvalid && !f_take_b && (f_passed_b || (f_take_a && s_a_tlast));
    if (!f_started) begin
        f_passed_a <= 1'b0;
        f_passed_b <= 1'b0;
    end
end

always_ff @(posedge clk) if (f_started) begin
    assert (f_take_m == (f_take_a || f_take_b) && !(f_take_a && f_take_b));
    if (f_take_a) assert (f_m == f_a);
    if (f_take_b) assert (f_m == f_b);
    if (f_inside && f_take_m) assert (f_take_b == f_from_b);
    if (f_passed_a && f_take_b) assert (f_inside);
    if (f_passed_b && f_take_a) assert (f_inside);
    if (f_inside) assert (busy && chosen == f_from_b);
    if (f_held_m) assert (busy);
    if (busy && !f_inside) assert (f_held_m && (chosen ? f_held_b : f_held_a));
    if (f_passed_a && !f_inside) assert (!turn && (!busy || !chosen));
    if (f_passed_b && !f_inside) assert (turn && (!busy || chosen));
    assert (!(f_passed_a && f_passed_b));
end
