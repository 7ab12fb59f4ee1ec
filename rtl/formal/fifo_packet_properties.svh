// Properties of fifo_packet, read inside it when FORMAL is defined. Only beats of kept packets are
// numbered: those of a packet on its way in are provisional until its last beat.
`include "stream_beats.svh"

logic [7:0] f_next = '0;                        // number of the next beat in, if it is kept
logic f_lost = 1'b0;

wire f_take = f_started && s_tvalid && s_tready;
wire f_full = 8'(f_next - f_out) - 8'(m_tvalid) == 8'(DEPTH);
wire f_loses = f_lost || f_full;

always_ff @(posedge clk) if (f_take) begin
    f_lost <= f_loses && !s_tlast;
    if (!f_loses) begin
        f_next <= f_next + 1'b1;
        if (f_next == f_number) f_beat <= f_beat_in;
    end
    if (s_tlast) begin
        if (f_loses || s_drop) f_next <= f_in;
        else f_in <= f_next + 1'b1;
    end
end

wire [7:0] f_behind = f_place - 8'(m_tvalid);
wire [AT_W-1:0] f_at = read[AT_W-1:0] + f_behind[AT_W-1:0];
wire [AT_W:0] f_kept = whole - read;

always_ff @(posedge clk) if (f_started) begin
    assert (level <= (AT_W+1)'(DEPTH) && f_kept <= level);
    assert (f_inside == 8'(f_kept) + 8'(m_tvalid));
    assert (8'(f_next - f_out) == 8'(level) + 8'(m_tvalid));
    assert (f_lost == lost);
    if (!(m_tvalid && f_place == 0) && f_behind < 8'(level)) assert (memory[f_at] == f_beat);
end

// The beat before the end of what is kept is the last one of a packet, so a packet never stops
// in the middle: what has begun to come out is inside as a whole.
(* anyconst *) logic [7:0] f_packet_end;
logic f_is_last;                                // that beat, which is inside, is a last one
always_ff @(posedge clk) if (f_take && !f_loses && f_next == f_packet_end) f_is_last <= s_tlast;
always_ff @(posedge clk)
    if (f_started && f_packet_end == 8'(f_in - 1'b1) && f_inside != 0) assert (f_is_last);
