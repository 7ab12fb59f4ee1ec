// Properties of skid_buffer, read inside it when FORMAL is defined.
`include "stream_beats.svh"

always_ff @(posedge clk) if (f_started && s_tvalid && s_tready) begin
    f_in <= f_in + 1'b1;
    if (f_in == f_number) f_beat <= f_beat_in;
end

always_ff @(posedge clk) if (f_started) begin
    assert (f_inside == 8'(m_tvalid) + 8'(second_valid));
    if (second_valid) assert (m_tvalid);
    if (second_valid && f_place == 1) assert (second == f_beat);
end
