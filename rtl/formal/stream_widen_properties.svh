// Properties of stream_widen, read inside it when FORMAL is defined: given AXI4-Stream at its input
// there is AXI4-Stream at its output, and no beat is lost, doubled, changed or overtaken.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

wire f_inside_s, f_inside_m, f_held_s, f_held_m;
stream_rules #(.ASSUME(1'b1), .PACKETS(1'b1)) f_rules_s (
    .clk, .started(f_started), .tvalid(s_tvalid), .tready(s_tready), .tdata(s_tdata),
    .tkeep(s_tkeep), .tlast(s_tlast), .tuser(1'b0), .begun(f_inside_s), .held(f_held_s)
);
stream_rules #(.DATA_W(DATA_W), .PACKETS(1'b1)) f_rules_m (
    .clk, .started(f_started), .tvalid(m_tvalid), .tready(m_tready), .tdata(m_tdata),
    .tkeep(m_tkeep), .tlast(m_tlast), .tuser(1'b0), .begun(f_inside_m), .held(f_held_m)
);

// Beats are numbered as they come in; a beat out has as many of them as it has octets for. One number
// is chosen freely: that beat stands where its number says.
(* anyconst *) logic [7:0] f_number;
logic [7:0] f_in;
logic [7:0] f_out;
logic [144:0] f_beat;
wire [7:0] f_inside = f_in - f_out;
wire [7:0] f_place = f_number - f_out;

logic [7:0] f_has;                              // beats in the beat out
always_comb begin
    f_has = 8'd1;
    for (int i = 1; i < PARTS; i++) if (m_tkeep[16*i]) f_has = 8'(i + 1);
end

always_ff @(posedge clk) begin
    if (s_tvalid && s_tready) begin
        f_in <= f_in + 1'b1;
        if (f_in == f_number) f_beat <= {s_tlast, s_tkeep, s_tdata};
    end
    if (m_tvalid && m_tready) f_out <= f_out + f_has;
    if (!f_started) {f_in, f_out} <= '0;
end

always_ff @(posedge clk) if (f_started) begin
    if (m_tvalid) assert (f_inside == f_has);
    if (m_tvalid && f_place < f_has) begin
        assert (m_tdata[128*f_place +: 128] == f_beat[127:0]);
        assert (m_tkeep[16*f_place +: 16] == f_beat[143:128]);
        assert ((m_tlast && f_place == f_has - 8'd1) == f_beat[144]);
    end
    // How it is gathered.
    if (full) assert (part == '0 && f_inside_s == !last);
    else begin
        assert (f_inside == 8'(part) && f_inside_s == (part != '0 || f_inside_m));
        for (int i = 0; i < PARTS; i++) assert (i >= part || keep[16*i +: 16] == 16'hFFFF);
        if (part != '0) assert (keep >> {part, 4'd0} == '0);
        if (f_place < 8'(part)) begin
            assert (data[128*f_place +: 128] == f_beat[127:0]);
            assert (f_beat[144:128] == 17'h0FFFF);
        end
    end
end
