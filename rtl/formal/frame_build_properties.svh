// Properties of frame_build, read inside it when FORMAL is defined: given AXI4-Stream at both inputs there
// is AXI4-Stream at the output; each result that is a packet makes one frame, of the prefix of its request
// and its own octets; a whole frame goes through. That prefix and packet are put together without loss
// is align_append's to show.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb assume (rst == !f_started);

wire f_begun_p, f_begun_s, f_begun_m, f_held_p, f_held_s, f_held_m;
stream_rules #(.ASSUME(1'b1), .PACKETS(1'b1)) f_rules_p (
    .clk, .started(f_started), .tvalid(s_prefix_tvalid), .tready(s_prefix_tready),
    .tdata(s_prefix_tdata), .tkeep(s_prefix_tkeep), .tlast(s_prefix_tlast),
    .tuser(s_prefix_tuser), .begun(f_begun_p), .held(f_held_p)
);
stream_rules #(.USER_W($bits(s_axis_tuser)), .ASSUME(1'b1), .PACKETS(1'b1)) f_rules_s (
    .clk, .started(f_started), .tvalid(s_axis_tvalid), .tready(s_axis_tready),
    .tdata(s_axis_tdata), .tkeep(s_axis_tkeep), .tlast(s_axis_tlast),
    .tuser(s_axis_tuser), .begun(f_begun_s), .held(f_held_s)
);
stream_rules #(.PACKETS(1'b1)) f_rules_m (
    .clk, .started(f_started), .tvalid(m_axis_tvalid), .tready(m_axis_tready),
    .tdata(m_axis_tdata), .tkeep(m_axis_tkeep), .tlast(m_axis_tlast), .tuser(1'b0),
    .begun(f_begun_m), .held(f_held_m)
);

wire f_take_p = s_prefix_tvalid && s_prefix_tready;
wire f_take_s = s_axis_tvalid && s_axis_tready;
wire f_take_m = m_axis_tvalid && m_axis_tready;

// What else goes for the inputs: tuser is a packet's; a prefix has 1 to 19 words and an octet
// at least; a result that is no packet is one beat.
logic f_user_p;
packet::result_t f_user_s;
logic [4:0] f_words;                            // of the prefix on its way in
always_ff @(posedge clk) begin
    if (f_take_p) f_user_p <= s_prefix_tuser;
    if (f_take_s) f_user_s <= s_axis_tuser;
    if (!f_started || (f_take_p && s_prefix_tlast)) f_words <= '0;
    else if (f_take_p && !s_prefix_tuser) f_words <= f_words + 5'd1;
end
always_comb begin
    if (f_begun_p) assume (s_prefix_tuser == f_user_p);
    if (f_begun_s) assume (s_axis_tuser == f_user_s);
    if (s_prefix_tvalid) assume (s_prefix_tkeep != '0);
    if (s_prefix_tvalid && f_words == 5'd18) assume (s_prefix_tlast);
    if (s_axis_tvalid && s_axis_tuser.none) assume (s_axis_tlast);
end

// Inside of align_append
(* hierconn *) wire \join_packet.in_b , \join_packet.flush , \join_packet.f_begun_a , \join_packet.f_begun_b ;
(* hierconn *) wire \join_packet.s_a_tlast ;
(* hierconn *) wire [15:0] \join_packet.s_a_tkeep ;
wire f_in_b = \join_packet.in_b ;
wire f_flush = \join_packet.flush ;
wire f_prefix_last = \join_packet.s_a_tlast ;
wire [15:0] f_prefix_keep = \join_packet.s_a_tkeep ;
wire f_begun_a = \join_packet.f_begun_a ;
wire f_begun_b = \join_packet.f_begun_b ;

// -- each result its frame, with its request's prefix ------------------------------------------------------
logic f_has;                                    // a prefix is in
logic f_due;                                    // all of a result is in, its frame is not out
logic f_last;                                   // and it is its request's last
wire f_ends = f_take_s && s_axis_tlast && !s_axis_tuser.none;
wire f_over = f_take_m && m_axis_tlast && !whole;
wire f_done = f_over && (f_ends ? s_axis_tuser.last : f_last);

always_ff @(posedge clk) begin
    f_due <= f_started && (f_due || f_ends) && !f_over;
    if (f_ends) f_last <= s_axis_tuser.last;
    if (f_take_p && s_prefix_tlast && !s_prefix_tuser) f_has <= 1'b1;
    if (f_done || (f_take_s && s_axis_tuser.none && s_axis_tuser.last)) f_has <= 1'b0;
    if (!f_started) f_has <= 1'b0;
end

always_ff @(posedge clk) if (f_started) begin
    if (f_take_s) assert (f_has && !f_due);
    if (f_over) assert (f_has && (f_due || f_ends));
    if (f_take_p) assert (!f_has && !f_due);
    // A whole frame goes through, between the others.
    if (whole) assert (f_take_p == f_take_m && m_axis_tlast == s_prefix_tlast
        && m_axis_tkeep == s_prefix_tkeep && s_prefix_tuser);
    if (f_take_p && s_prefix_tuser) assert (whole);
end

// -- the prefix, word by word ------------------------------------------------------------------------------
(* anyconst *) logic [4:0] f_chosen;            // a word of it, as it came in
logic [127:0] f_word;
logic [4:0] f_end;                              // its last word, and the octets of that
logic [15:0] f_end_keep;
always_ff @(posedge clk) if (f_take_p && !s_prefix_tuser) begin
    if (f_words == f_chosen) f_word <= s_prefix_tdata;
    f_end <= f_words;
    f_end_keep <= s_prefix_tkeep;
end

logic [4:0] f_nth;                              // beats of the frame that are out, up to 31
always_ff @(posedge clk)
    if (!f_started || (f_take_m && m_axis_tlast)) f_nth <= '0;
    else if (f_take_m && f_nth != '1) f_nth <= f_nth + 5'd1;

// Ethernet addresses change places; operation, reason, what says so, EtherType, SPI and number are written.
function automatic logic f_written(input logic [4:0] word, input int octet);
    f_written = (word == 5'd0 && (octet < 12 || octet >= 14))
        || (word == 5'd1 && (octet == 6 || octet == 8 || octet == 9))
        || (word == 5'd2 && octet >= 2 && octet < 14);
endfunction

// It is joined as it came in: so many words, and so many octets of the last.
always_ff @(posedge clk) if (f_started && emit_valid && !f_in_b)
    assert (f_prefix_last == (f_nth == f_end)
        && f_prefix_keep == (f_prefix_last ? f_end_keep : '1));

always_ff @(posedge clk) if (f_started && m_axis_tvalid && !whole && f_nth == f_chosen) begin
    for (int i = 0; i < 16; i++)
        if (f_chosen < f_end || (f_chosen == f_end && f_end_keep[i])) begin
            assert (m_axis_tkeep[i]);
            if (!f_written(f_chosen, i)) assert (m_axis_tdata[8*i +: 8] == f_word[8*i +: 8]);
            if (f_chosen == 5'd0 && i < 6) assert (m_axis_tdata[8*i +: 8] == f_word[8*i + 48 +: 8]);
            if (f_chosen == 5'd0 && i >= 6 && i < 12)
                assert (m_axis_tdata[8*i +: 8] == f_word[8*i - 48 +: 8]);
        end
end

// -- where everything is -----------------------------------------------------------------------------------
always_ff @(posedge clk) if (f_started) begin
    assert (f_has == (state == WAIT || state == EMIT));
    assert (f_due == f_flush);
    if (!f_begun_m) assert (f_nth == '0);
    if (state != EMIT) assert (!f_in_b && !f_begun_a && !f_begun_s);
    if (state != EMIT && state != WHOLE) assert (!f_begun_m);
    assert (f_begun_b == (f_begun_s && state == EMIT));
    if (f_due) assert (f_last == last_result);
    if (state == LOAD) assert (nth == f_words && (f_begun_p == (nth != '0)));
    if (state == LOAD && f_begun_p) assert (!f_user_p && nth <= 5'd18);
    if (state == LOAD && f_chosen < nth) assert (words[f_chosen] == f_word);
    if (f_has) begin
        assert (loaded == f_end && last_keep == f_end_keep && loaded <= 5'd18 && f_end_keep != '0);
        assert (!f_begun_p && f_words == '0);
        assert ((f_end_keep >> 1 & ~f_end_keep) == '0);
        if (f_chosen <= f_end) assert (words[f_chosen] == f_word);
    end
    if (state == WAIT) assert (nth == '0);
    if (state == EMIT) begin
        assert (f_in_b ? f_nth > loaded || f_nth == '1 : nth <= loaded && nth == f_nth);
        assert (f_begun_a == (!f_in_b && nth != '0));
        if (f_begun_s && !f_due) assert (f_user_s.last == last_result && !f_user_s.none);
        if (!f_begun_s && !f_due) assert (f_held_s && !s_axis_tuser.none && s_axis_tuser.last == last_result);
    end
    if (whole) assert (nth == '0 && f_words == '0 && (f_begun_p == f_begun_m));
    if (whole && f_begun_p) assert (f_user_p);
    if (whole && !f_begun_p) assert (s_prefix_tvalid && s_prefix_tuser && f_held_p);
end
