// Properties of fifo_stream, read inside it when FORMAL is defined.
`include "stream_beats.svh"

always_ff @(posedge clk) if (f_started && s_tvalid && s_tready) begin
    f_in <= f_in + 1'b1;
    if (f_in == f_number) f_beat <= f_beat_in;
end

// Where the chosen beat is: in the output register (place 0) or so far behind the read pointer.
wire [7:0] f_behind = f_place - 8'(m_tvalid);
wire [AT_W-1:0] f_at = read[AT_W-1:0] + f_behind[AT_W-1:0];

always_ff @(posedge clk) if (f_started) begin
    assert (level <= (AT_W+1)'(DEPTH));
    assert (some == (level != 0));
    assert (full == (level == (AT_W+1)'(DEPTH)));
    assert (f_inside == 8'(level) + 8'(m_tvalid));
    if (!(m_tvalid && f_place == 0) && f_behind < 8'(level)) assert (memory[f_at] == f_beat);
    // Room is offered whenever there is some, and what is inside comes out.
    if (level < (AT_W+1)'(DEPTH)) assert (s_tready);
end
