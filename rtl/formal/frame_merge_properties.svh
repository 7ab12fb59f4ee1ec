// Properties of frame_merge, read inside it when FORMAL is defined: given AXI4-Stream at both inputs
// there is AXI4-Stream at the output, no packet is cut into, and each input has its turn.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

localparam int F_BEAT_W = USER_W + 128 + 16 + 1;
wire [F_BEAT_W-1:0] f_a = {s_a_tuser, s_a_tdata, s_a_tkeep, s_a_tlast};
wire [F_BEAT_W-1:0] f_b = {s_b_tuser, s_b_tdata, s_b_tkeep, s_b_tlast};
wire [F_BEAT_W-1:0] f_m = {m_axis_tuser, m_axis_tdata, m_axis_tkeep, m_axis_tlast};

logic f_held_a = 1'b0, f_held_b = 1'b0, f_held_m = 1'b0;
logic [F_BEAT_W-1:0] f_was_a, f_was_b, f_was_m;
logic f_inside = 1'b0, f_from_b;                // within a packet, and whose it is
logic f_passed_a = 1'b0, f_passed_b = 1'b0;     // a packet of the other one went while this waited

wire f_take_a = s_a_tvalid && s_a_tready;
wire f_take_b = s_b_tvalid && s_b_tready;
wire f_take_m = m_axis_tvalid && m_axis_tready;

always_ff @(posedge clk) begin
    f_held_a <= f_started && s_a_tvalid && !s_a_tready;
    f_held_b <= f_started && s_b_tvalid && !s_b_tready;
    f_held_m <= f_started && m_axis_tvalid && !m_axis_tready;
    {f_was_a, f_was_b, f_was_m} <= {f_a, f_b, f_m};
    if (f_started && f_take_m) begin
        f_inside <= !m_axis_tlast;
        f_from_b <= f_take_b;
    end
    f_passed_a <= s_a_tvalid && !f_take_a && (f_passed_a || (f_take_b && s_b_tlast));
    f_passed_b <= s_b_tvalid && !f_take_b && (f_passed_b || (f_take_a && s_a_tlast));
    if (!f_started) begin
        f_inside <= 1'b0;
        f_passed_a <= 1'b0;
        f_passed_b <= 1'b0;
    end
end

always_comb begin
    if (f_held_a) assume (s_a_tvalid && f_a == f_was_a);
    if (f_held_b) assume (s_b_tvalid && f_b == f_was_b);
end

always_ff @(posedge clk) if (f_started) begin
    if (f_held_m) assert (m_axis_tvalid && f_m == f_was_m);
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
