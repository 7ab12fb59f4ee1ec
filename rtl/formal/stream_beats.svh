// What goes for every module that passes beats on as they are, read inside it when FORMAL is defined:
// AXI4-Stream at the output, and beat for beat what came in.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

wire f_within, f_held;
stream_rules #(.DATA_W(DATA_W), .USER_W(USER_W)) f_rules (
    .clk, .started(f_started), .tvalid(m_tvalid), .tready(m_tready), .tdata(m_tdata),
    .tkeep(m_tkeep), .tlast(m_tlast), .tuser(m_tuser), .begun(f_within), .held(f_held)
);

// Beats are numbered as they come in and as they go out (modulo 2^8, more than are ever inside).
// One number is chosen freely: the beat that goes out under it is the one that came in under it,
// so none is lost, doubled, changed or overtaken.
(* anyconst *) logic [7:0] f_number;
logic [7:0] f_in = '0;
logic [7:0] f_out = '0;
wire [DATA_W+DATA_W/8+USER_W:0] f_beat_in = {s_tuser, s_tlast, s_tkeep, s_tdata};
wire [DATA_W+DATA_W/8+USER_W:0] f_beat_out = {m_tuser, m_tlast, m_tkeep, m_tdata};
wire [7:0] f_inside = f_in - f_out;
wire [7:0] f_place = f_number - f_out;          // 0: the next to go out
logic [DATA_W+DATA_W/8+USER_W:0] f_beat;

always_ff @(posedge clk)
    if (f_started && m_tvalid && m_tready) f_out <= f_out + 1'b1;
always_ff @(posedge clk) if (f_started && m_tvalid) begin
    assert (f_inside != 0);
    if (f_place == 0) assert (f_beat_out == f_beat);
end
