// Properties of llq_police, read inside it when FORMAL is defined. One class is chosen freely: what it
// lets through since its rules were set is never more than its burst and its rate times that time.
// Questions, octets and rules come as the module asks for it; the time does not go around.

localparam int F_W = GAIN_W + CREDIT_W + 2;

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;

(* anyconst *) logic [$clog2(CLASSES)-1:0] f_class;
logic f_live = 1'b0;                            // its rules have been set
logic f_open = 1'b0;                            // an answer has been given, no octets taken yet
logic f_asked = 1'b0;                           // a question is on its way
logic [RATE_W-1:0] f_rate;
logic [BURST_W-1:0] f_burst;
logic [TICK_W-1:0] f_since, f_tick = '0;        // when they were set, and the time a cycle ago
logic [F_W-1:0] f_passed;                       // octets let through since

wire [CREDIT_W-1:0] f_credit = buckets[f_class][TICK_W +: CREDIT_W];
wire [TICK_W-1:0] f_filled = buckets[f_class][TICK_W-1:0];
wire [CREDIT_W-1:0] f_full = {f_burst, {FRACTION_W{1'b0}}};

always_comb begin
    assume (rst == !f_started);
    assume (tick >= f_tick);
    if (ask || set) assume (!f_asked);
    if (set) assume (!f_open && !ask);
    assume (!f_passed[F_W-1]);
    if (spend) assume ((answer || f_open) && conforms && !ask);
end

always_ff @(posedge clk) begin
    f_tick <= tick;
    if (ask) f_asked <= 1'b1;
    if (ask) f_open <= 1'b0;
    if (answer) begin
        f_asked <= 1'b0;
        f_open <= !spend;
    end
    if (spend) f_open <= 1'b0;
    if (set && set_class == f_class) begin
        f_live <= 1'b1;
        f_rate <= set_rate;
        f_burst <= set_burst;
        f_since <= tick;
        f_passed <= '0;
    end
    if (spend && number == f_class) f_passed <= f_passed + F_W'(size);
    if (!f_started) begin
        f_live <= 1'b0;
        f_open <= 1'b0;
        f_asked <= 1'b0;
    end
end

// What a bucket holds if it is asked at the time `now`, by the definition.
wire [F_W-1:0] f_gain = F_W'(f_rate) * F_W'(now - f_filled);
wire [F_W-1:0] f_holds = F_W'(f_credit) + f_gain > F_W'(f_full) ? F_W'(f_full) : F_W'(f_credit) + f_gain;
wire [CREDIT_W:0] f_left = f_holds[CREDIT_W:0] - cost;
wire [F_W-1:0] f_allowed = F_W'(f_full) + F_W'(f_rate) * F_W'(f_filled - f_since);

always_ff @(posedge clk) if (f_started) begin
    assert (f_asked == |at);
    if (at != '0) assert ((at & (at - 1'b1)) == '0 && !f_open);
    if (|at || f_open) assert (now <= f_tick);
    if (f_live) begin
        assert (rules[f_class] == {f_rate, f_burst});
        assert (f_credit <= f_full && f_filled <= f_tick && f_since <= f_filled);
        if (f_rate != '0) assert ((f_passed << FRACTION_W) + F_W'(f_credit) <= f_allowed);
        if ((|at || f_open) && number == f_class) begin
            assert (f_filled <= now);
            if (!at[0]) begin
                assert (rate == f_rate && burst == f_burst && credit == f_credit);
                assert (since == now - f_filled);
            end
            if (!at[0] && !at[1]) begin
                for (int j = 0; j < 2; j++)
                    for (int i = 0; i < 3; i++)
                        assert (products[j][i] == times[i*TIME_W +: TIME_W] * parts[j*PART_W +: PART_W]);
                assert (room == f_full - f_credit);
                assert (most == {1'b0, f_full} - cost && spare == {1'b0, f_credit} - cost);
            end
            if (at[3] || at[4] || at[5] || f_open)
                for (int j = 0; j < 2; j++)
                    assert (F_W'(sums[j]) == F_W'(since) * F_W'(parts[j*PART_W +: PART_W]));
            if (at[4] || at[5] || f_open) assert (F_W'(gained) == f_gain);
        end
        if ((answer || f_open) && number == f_class) begin
            assert (fills == (gained > GAIN_W'(room)));
            assert (filled_up == spare + {1'b0, gained[CREDIT_W-1:0]});
            assert (conforms == (f_rate == '0 || f_holds >= F_W'(size) << FRACTION_W));
            if (f_rate != '0) assert (left == f_left);
        end
    end
end
