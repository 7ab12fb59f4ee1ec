// Properties of llq_scheduler, read inside it when FORMAL is defined: strict priority, and that no
// class with weight starves; or with LISTS that nothing is lost. Levels, weights and sizes are free; at
// most one packet a handle waits.

logic f_started = 1'b0;
always_ff @(posedge clk) f_started <= 1'b1;
// -- what is where -------------------------------------------------------------------------------
// Of the classes in a mask the first one from `start` on, around; none if the mask is 0.
function automatic class_t f_from(input logic [CLASSES-1:0] mask, input class_t start);
    logic [2*CLASSES-1:0] turned;
    turned = {mask, mask} >> start;
    f_from = '0;
    for (int i = CLASSES - 1; i >= 0; i--) if (turned[i]) f_from = start + class_t'(i);
endfunction

class_t f_turn1, f_turn2;                       // class that is looked at first
always_ff @(posedge clk) begin
    if (take && first[chosen]) f_turn1 <= chosen + 1'b1;
    if (take && second[chosen]) f_turn2 <= chosen + 1'b1;
    if (!f_started) {f_turn1, f_turn2} <= '0;
end

class_t f_choice;
assign f_choice = waiting1 != '0 ? f_from(waiting1, f_turn1)
    : waiting2 != '0 ? f_from(waiting2, f_turn2) : visited;
wire [1:0] f_level = waiting1 != '0 ? 2'd1 : waiting2 != '0 ? 2'd2 : 2'd0;
wire f_valid = waiting1 != '0 || waiting2 != '0 || candidate_valid;

logic [HANDLE_W+3:0] f_sum;
always_comb begin
    f_sum = '0;
    for (int i = 0; i < CLASSES; i++) f_sum = f_sum + (some[i] ? {3'd0, counts[i]} : '0);
end

always_comb begin
    assume (rst == !f_started);
    assume (set_level != 2'd3);
    if (set_level == 2'd0) assume (set_weight != '0);
    if (put) assume (f_sum < {4'd1, {HANDLE_W{1'b0}}});
    if (take) assume (next_valid);
end

always_ff @(posedge clk) if (f_started) begin
    assert (f_sum <= {4'd1, {HANDLE_W{1'b0}}});
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
    assert (after_visited == after(visited));
    assert (after1 == (f_turn1 == '0 ? '0 : after(f_turn1 - 1'b1)));
    assert (after2 == (f_turn2 == '0 ? '0 : after(f_turn2 - 1'b1)));
    if (candidate_valid) assert (some[visited]);
    if (candidate_valid && !(changed && visited == changed_class)) assert (weighted[visited]);
    if (did_set) assert (state == REST && settled == '0);
    if (changed) assert (did_set);
    if (candidate_valid) assert (has_quantum && state == REST);
    if (state != REST) assert (seen != '0 && (seen & ~eligible) == '0);
    if (state == WEIGH) assert (following == f_from(seen, visited + 1'b1));
    if (state == WEIGH && waits) begin
        assert (seen[visited] && may == (raised >= DEFICIT_W'(cost)));
        if (may) assert (left == {1'b0, raised - DEFICIT_W'(cost)});
    end
    if (refresh && weighted[taken_class])
        assert (!(candidate_valid && visited == taken_class) && state == REST);
    if (refresh && more) assert (some[taken_class]);
    if (settled[0]) begin
        assert (some1 == (waiting1 != '0) && some2 == (waiting2 != '0));
        if (some1) assert (pick1 == f_from(waiting1, f_turn1));
        if (some2) assert (pick2 == f_from(waiting2, f_turn2));
        assert (!refresh);
    end
    if (settled[1]) assert (settled[0]);
    if (settled[2]) assert (settled[1]);
    if (settled[1] && choice_valid)
        assert (f_valid && choice == f_choice && choice_level == f_level && some[choice]);
    if (settled[2] && chosen_valid) begin
        assert (f_valid && chosen == f_choice && chosen_level == f_level && some[chosen]);
        assert (chosen_head == heads[chosen] && fewer == counts[chosen] - 1'b1);
        assert (none == (fewer == '0));
        assert (chosen_link == links[next_handle]);
    end
end

`ifdef LISTS
`include "llq_scheduler_lists.svh"
`else
// -- strict priority -------------------------------------------------------------------------------
always_ff @(posedge clk) if (f_started && take) begin
    assert (some[next_class]);
    if ((some & first) != '0) assert (first[next_class]);
    else if ((some & second) != '0) assert (second[next_class]);
    else assert (weighted[next_class] && candidate_valid && next_class == visited);
    assert (next_level == {second[next_class], first[next_class]});
end

// -- no class starves --------------------------------------------------------------------------------
// A class of level 0 is chosen freely. From one packet of level 0 to the next, as long as none is
// the chosen class's, a number falls: rounds until its first packet may go, visits until its turn,
// octets that the class visited now may still send when its packet is paid for. So it goes after a
// bounded number of them; and packets of level 0 go whenever no other waits, which police sees to.
(* anyconst *) class_t f_class;
logic f_follow = 1'b0;          // the class has waited since the level 0 packet before
logic [23:0] f_before;          // the number then

wire f_takes = take && chosen_level == 2'd0;
wire f_waits = some[f_class] && weighted[f_class];
wire [DEFICIT_W-1:0] f_deficit = has_deficit[f_class] ? deficits[f_class] : '0;
wire [DEFICIT_W-1:0] f_price = heads[f_class][SIZE_W-1:0] == '0 ? DEFICIT_W'(1)
    : DEFICIT_W'(heads[f_class][SIZE_W-1:0]);
wire [DEFICIT_W-1:0] f_lacks = f_price > f_deficit ? f_price - f_deficit : '0;
wire class_t f_distance = f_class - visited;
wire [23:0] f_now = {8'(f_lacks), 8'(f_distance), 8'(deficits[visited])};

always_ff @(posedge clk) begin
    if (f_takes) begin
        f_follow <= f_waits && chosen != f_class;
        f_before <= f_now;
    end
    if (does_set) f_follow <= 1'b0;
    if (!f_started) f_follow <= 1'b0;
end

always_ff @(posedge clk) if (f_started && f_follow) begin
    assert (f_waits);
    if (state != REST) assert (seen[f_class]);
    if (f_takes) assert (chosen == visited);
    if (f_takes && chosen != f_class) assert (f_now < f_before);
    // The next one is paid for: less is left at this class, or the chosen one is nearer.
    if (candidate_valid && visited != f_class) assert (f_now < f_before);
    // On the way there: it has not been yet.
    if (!candidate_valid && has_quantum) assert (visited != f_class && f_now <= f_before);
    if (!candidate_valid && !has_quantum) assert (f_now[23:8] < f_before[23:8]);
end
`endif
