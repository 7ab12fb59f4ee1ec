// Properties of stream_narrow, read inside it when FORMAL is defined: given AXI4-Stream at its input
// there is AXI4-Stream at its output, and a beat comes out in as many parts as it has octets for, each
// once and in order.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

wire f_inside_s, f_inside_m, f_held_s, f_held_m;
stream_rules #(.DATA_W(DATA_W), .ASSUME(1'b1), .PACKETS(1'b1)) f_rules_s (
    .clk, .started(f_started), .tvalid(s_tvalid), .tready(s_tready), .tdata(s_tdata),
    .tkeep(s_tkeep), .tlast(s_tlast), .tuser(1'b0), .begun(f_inside_s), .held(f_held_s)
);
stream_rules #(.PACKETS(1'b1)) f_rules_m (
    .clk, .started(f_started), .tvalid(m_tvalid), .tready(m_tready), .tdata(m_tdata),
    .tkeep(m_tkeep), .tlast(m_tlast), .tuser(1'b0), .begun(f_inside_m), .held(f_held_m)
);

logic [7:0] f_has;                              // parts of the beat in
always_comb begin
    f_has = 8'd1;
    for (int i = 1; i < PARTS; i++) if (s_tkeep[16*i]) f_has = 8'(i + 1);
end

logic [7:0] f_gone;                        // of them, that are out
wire f_take_s = s_tvalid && s_tready;
wire f_take_m = m_tvalid && m_tready;
always_ff @(posedge clk) begin
    if (!f_started || f_take_s) f_gone <= '0;
    else if (f_take_m) f_gone <= f_gone + 1'b1;
end

always_ff @(posedge clk) if (f_started) begin
    assert (m_tvalid == s_tvalid);
    if (m_tvalid) begin
        assert (f_gone < f_has);
        assert (m_tdata == s_tdata[128*f_gone +: 128] && m_tkeep == s_tkeep[16*f_gone +: 16]);
        assert (m_tlast == (s_tlast && f_gone + 8'd1 == f_has));
    end
    // It is taken when its last part is.
    assert (f_take_s == (f_take_m && f_gone + 8'd1 == f_has));

    assert (f_gone == 8'(part));
    if (part != '0) assert (s_tvalid && s_tkeep[{part, 4'd0}]);
    assert (f_inside_m == (f_inside_s || part != '0));
end
