// AXI4-Stream (ARM IHI 0051A section 2.2), read inside a module when FORMAL is defined: once valid
// is up, valid and payload stay until the beat is taken; nothing is valid after a reset.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

logic f_held = 1'b0;
logic [DATA_W-1:0] f_held_data;
logic [DATA_W/8-1:0] f_held_keep;
logic f_held_last;
logic [USER_W-1:0] f_held_user;

always_ff @(posedge clk) begin
    f_held <= f_started && m_tvalid && !m_tready;
    f_held_data <= m_tdata;
    f_held_keep <= m_tkeep;
    f_held_last <= m_tlast;
    f_held_user <= m_tuser;
    if (f_held) begin
        assert (m_tvalid);
        assert (m_tdata == f_held_data && m_tkeep == f_held_keep);
        assert (m_tlast == f_held_last && m_tuser == f_held_user);
    end
end

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
