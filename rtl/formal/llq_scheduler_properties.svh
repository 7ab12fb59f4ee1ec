// Properties of llq_scheduler, read inside it when FORMAL is defined: strict priority, and that no
// class with weight starves; or with LISTS that nothing is lost. Levels, weights and sizes are free; at
// most one packet a handle waits.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
always_comb begin
    assume (rst == !f_started);
    assume (set_level != 2'd3);
    if (set_level == 2'd0) assume (set_weight != '0);
    if (put) assume (!waiting[HANDLE_W]);
    if (take) assume (next_valid);
end

// -- what is where -------------------------------------------------------------------------------
class_t f_choice;
assign f_choice = waiting1 != '0 ? from(waiting1, turn1)
    : waiting2 != '0 ? from(waiting2, turn2) : candidate;
wire f_valid = waiting1 != '0 || waiting2 != '0 || candidate_valid;

logic [HANDLE_W+3:0] f_sum;
always_comb begin
    f_sum = '0;
    for (int i = 0; i < CLASSES; i++) f_sum = f_sum + (some[i] ? {3'd0, counts[i]} : '0);
end

always_ff @(posedge clk) if (f_started) begin
    assert (f_sum == {3'd0, waiting} && waiting <= {1'b1, {HANDLE_W{1'b0}}});
    for (int i = 0; i < CLASSES; i++) begin
        if (some[i]) assert (counts[i] != '0);
        assert (3'(first[i]) + 3'(second[i]) + 3'(weighted[i]) <= 3'd1);
        if (weighted[i]) assert (weights[i] != '0);
        // Only the class that is visited now may have more than its packet was too large by.
        if (has_deficit[i] && !(has_quantum && visited == class_t'(i)))
            assert (deficits[i] < DEFICIT_W'((1 << SIZE_W) - 1));
        if (has_deficit[i]) assert (deficits[i] < DEFICIT_W'((1 << SIZE_W) - 1)
            + DEFICIT_W'(1 << (WEIGHT_W + QUANTUM_W)));
    end
    assert (state <= WEIGH);
    if (candidate_valid) assert (some[candidate] && weighted[candidate] && candidate == visited);
    if (candidate_valid) assert (has_quantum && state == REST);
    if (state != REST) assert (seen != '0 && (seen & ~eligible) == '0);
    if (state == WEIGH) assert (seen[visited]);
    if (refresh && weighted[taken_class]) assert (!candidate_valid && state == REST);
    if (refresh && more) assert (some[taken_class]);
    if (settled != '0 && choice_valid) assert (f_valid && choice == f_choice && some[choice]);
    if (settled[1]) assert (settled[0]);
    if (settled[1] && chosen_valid) assert (f_valid && chosen == f_choice && some[chosen]);
    if (settled[1] && chosen_valid) assert (chosen_head == heads[chosen]);
    if (settled != '0) assert (!refresh);
    // What the candidate is allowed suffices for its packet.
    if (candidate_valid)
        assert (has_deficit[candidate] && deficits[candidate] != '0
            && deficits[candidate] >= DEFICIT_W'(heads[candidate][SIZE_W-1:0]));
end

`ifdef LISTS
`include "llq_scheduler_lists.svh"
`else
// -- strict priority -------------------------------------------------------------------------------
always_ff @(posedge clk) if (f_started && take) begin
    assert (some[next_class]);
    if ((some & first) != '0) assert (first[next_class]);
    else if ((some & second) != '0) assert (second[next_class]);
    else assert (weighted[next_class] && candidate_valid);
end

// -- no class starves --------------------------------------------------------------------------------
// A class of level 0 is chosen freely. From one packet of level 0 to the next, as long as none is
// the chosen class's, a number falls: rounds until its first packet may go, visits until its turn,
// octets that the class visited now may still send. So it goes after a bounded number of them; and
// packets of level 0 go whenever no other waits, which police sees to.
(* anyconst *) class_t f_class;
logic f_follow = 1'b0;          // the class has waited since the level 0 packet before
logic [23:0] f_before;          // the number then

wire f_waits = some[f_class] && weighted[f_class];
wire [DEFICIT_W-1:0] f_deficit = has_deficit[f_class] ? deficits[f_class] : '0;
wire [DEFICIT_W-1:0] f_price = heads[f_class][SIZE_W-1:0] == '0 ? DEFICIT_W'(1)
    : DEFICIT_W'(heads[f_class][SIZE_W-1:0]);
wire [DEFICIT_W-1:0] f_lacks = f_price > f_deficit ? f_price - f_deficit : '0;
wire class_t f_distance = f_class - visited;
wire [23:0] f_now = {8'(f_lacks), 8'(f_distance), 8'(deficits[visited])};

always_ff @(posedge clk) begin
    if (takes_candidate) begin
        f_follow <= f_waits && chosen != f_class;
        f_before <= f_now;
    end
    if (does_set) f_follow <= 1'b0;
    if (!f_started) f_follow <= 1'b0;
end

always_ff @(posedge clk) if (f_started && f_follow) begin
    assert (f_waits);
    if (state != REST) assert (seen[f_class]);
    if (takes_candidate && chosen != f_class) assert (f_now < f_before);
    if (takes_candidate) assert (chosen == visited);
    if (candidate_valid && candidate != f_class) assert (f_now < f_before);
    // On the way there: what is left at this class is less, or the class is nearer.
    if (!candidate_valid && has_quantum) assert (visited != f_class && f_now < f_before);
    if (!candidate_valid && !has_quantum) assert (f_now[23:8] < f_before[23:8]);
end
`endif
