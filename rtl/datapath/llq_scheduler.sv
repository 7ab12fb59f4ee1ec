// Which of the packets that wait goes next: LLQ's order (guide chapter 8), as the golden model's.
//
// Packets are handles here, each with a class and a size. Classes of level 1 go first, then those of
// level 2, in each packet by packet in turn; the others share what is left by weight, deficit round
// robin: a visit gives a class 2^QUANTUM_W octets for each unit of weight. The class of level 0
// that goes next, the *candidate*, is found as soon as the one before has been taken.
//
// A class's packets are a list: `heads` has its first packet, `links` what follows a packet. The
// search visits only classes that had a packet when it began, so what is put meanwhile does not
// change what it finds; one visit takes 2 cycles, in which the class after it is found too. Choosing
// is spread over 3 cycles: after a `put` or a `take` there is no choice until it is that of the state
// they have left.
`default_nettype none

module llq_scheduler #(
    // Classes: a power of two
    parameter int CLASSES = 16,
    // Bits of a handle, of a size, and of a weight
    parameter int HANDLE_W = 10,
    parameter int SIZE_W = 17,
    parameter int WEIGHT_W = 10,
    // Octets that one unit of weight adds a round: 2 to the power of this
    parameter int QUANTUM_W = 6
) (
    input  wire                        clk,
    input  wire                        rst,
    // A class's rules; ready unless a search goes on. What is taken in that cycle goes by the old
    // ones. Set those of all classes after reset
    input  wire                        set,
    output wire                        set_ready,
    input  wire  [$clog2(CLASSES)-1:0] set_class,
    input  wire  [1:0]                 set_level,
    input  wire  [WEIGHT_W-1:0]        set_weight,
    // A packet that is to wait; the handle is free
    input  wire                        put,
    output wire                        put_ready,
    input  wire  [$clog2(CLASSES)-1:0] put_class,
    input  wire  [HANDLE_W-1:0]        put_handle,
    input  wire  [SIZE_W-1:0]          put_size,
    // Packets that wait in class `put_class`; none waits at all
    output wire  [HANDLE_W:0]          put_waiting,
    output wire                        empty,
    // What goes next, and that it goes
    output wire                        next_valid,
    output wire  [$clog2(CLASSES)-1:0] next_class,
    output wire  [1:0]                 next_level,
    output wire  [HANDLE_W-1:0]        next_handle,
    output wire  [SIZE_W-1:0]          next_size,
    input  wire                        take
);
    localparam int CLASS_W = $clog2(CLASSES);
    // A deficit is less than the largest packet and one quantum together.
    localparam int DEFICIT_W = (SIZE_W > WEIGHT_W + QUANTUM_W ? SIZE_W : WEIGHT_W + QUANTUM_W) + 1;

    if (CLASSES < 2 || 1 << CLASS_W != CLASSES) begin : check_classes
        $fatal(1, "llq_scheduler: CLASSES has to be a power of two, at least 2");
    end

    typedef logic [CLASS_W-1:0] class_t;

    // -- classes ---------------------------------------------------------------------------------
    logic [CLASSES-1:0] first, second, weighted;        // of level 1, 2, 0
    logic [CLASSES-1:0] some;                           // a packet waits
    logic [WEIGHT_W-1:0] weights [CLASSES];
    logic [HANDLE_W:0] counts [CLASSES];
    logic [HANDLE_W+SIZE_W-1:0] heads [CLASSES];
    logic [HANDLE_W-1:0] tails [CLASSES];
    logic [HANDLE_W+SIZE_W-1:0] links [1 << HANDLE_W];
    logic [DEFICIT_W-1:0] deficits [CLASSES];
    logic [CLASSES-1:0] has_deficit;                    // else it is 0
    logic [CLASSES-1:0] after1, after2;                 // classes behind the one taken last

    // The first class in a mask, 0 if there is none.
    function automatic class_t lowest(input logic [CLASSES-1:0] mask);
        logic [CLASSES-1:0] any;
        logic [CLASSES-1:0][CLASS_W-1:0] at;
        any = mask;
        at = '0;
        for (int level = 0; level < CLASS_W; level++)
            for (int i = 0; i < CLASSES >> (level + 1); i++) begin
                at[i] = any[2*i] ? at[2*i] : at[2*i+1] | class_t'(1 << level);
                any[i] = any[2*i] || any[2*i+1];
            end
        lowest = at[0];
    endfunction

    // The same, but those of `sooner` come before all others.
    function automatic class_t pick(input logic [CLASSES-1:0] mask, sooner);
        pick = (mask & sooner) != '0 ? lowest(mask & sooner) : lowest(mask);
    endfunction

    function automatic logic [CLASSES-1:0] after(input class_t number);
        for (int i = 0; i < CLASSES; i++) after[i] = class_t'(i) > number;
    endfunction

    // -- choice ----------------------------------------------------------------------------------
    logic candidate_valid;                              // it is `visited`
    class_t visited;
    logic [2:0] settled;

    logic some1, some2, choice_valid, chosen_valid;
    class_t pick1, pick2, choice, chosen;
    logic [1:0] choice_level, chosen_level;
    logic [HANDLE_W+SIZE_W-1:0] chosen_head, chosen_link;    // the packet, and the one behind it
    wire [HANDLE_W+SIZE_W-1:0] head = heads[choice];
    logic [HANDLE_W:0] fewer;                           // packets that the chosen class will have then
    logic none;                                         // it will have none
    wire [CLASSES-1:0] waiting1 = some & first;
    wire [CLASSES-1:0] waiting2 = some & second;

    logic refresh;                                      // the cycle after a take
    wire does_put = put && put_ready;
    wire does_set = set && set_ready;

    assign next_valid = chosen_valid && settled[2] && !put;
    assign next_class = chosen;
    assign next_level = chosen_level;
    assign {next_handle, next_size} = chosen_head;
    assign put_ready = !refresh;
    assign put_waiting = some[put_class] ? counts[put_class] : '0;
    assign empty = some == '0;

    always_ff @(posedge clk) begin
        some1 <= waiting1 != '0;
        some2 <= waiting2 != '0;
        pick1 <= pick(waiting1, after1);
        pick2 <= pick(waiting2, after2);
        choice_valid <= some1 || some2 || candidate_valid;
        choice <= some1 ? pick1 : some2 ? pick2 : visited;
        choice_level <= some1 ? 2'd1 : some2 ? 2'd2 : 2'd0;
        chosen_valid <= choice_valid;
        chosen <= choice;
        chosen_level <= choice_level;
        chosen_head <= head;
        chosen_link <= links[head[SIZE_W +: HANDLE_W]];
        fewer <= counts[choice] - 1'b1;
        none <= counts[choice] == (HANDLE_W+1)'(1);
        settled <= does_put || take || does_set || rst ? 3'b000 : {settled[1:0], 1'b1};
    end

    // -- lists -----------------------------------------------------------------------------------
    logic [HANDLE_W+SIZE_W-1:0] link;
    logic more;                                         // the class taken from has another packet
    class_t taken_class;
    wire [HANDLE_W-1:0] tail = tails[put_class];
    wire first_put = does_put && !some[put_class];

    always_ff @(posedge clk) begin
        if (does_put && !first_put) links[tail] <= {put_handle, put_size};
        link <= chosen_link;
        if (does_put) tails[put_class] <= put_handle;
        if (first_put || (refresh && more))
            heads[refresh ? taken_class : put_class] <= refresh ? link : {put_handle, put_size};
        refresh <= take && !rst;
        more <= !none;
        taken_class <= chosen;
        if (does_put || take)
            counts[does_put ? put_class : chosen] <= first_put ? (HANDLE_W+1)'(1)
                : does_put ? counts[put_class] + 1'b1 : fewer;
        if (does_put) some[put_class] <= 1'b1;
        if (take) begin
            if (none) some[chosen] <= 1'b0;
            if (chosen_level == 2'd1) after1 <= after(chosen);
            if (chosen_level == 2'd2) after2 <= after(chosen);
        end
        if (does_set) begin
            first[set_class] <= set_level == 2'd1;
            second[set_class] <= set_level == 2'd2;
            weighted[set_class] <= set_level == 2'd0;
            weights[set_class] <= set_weight;
        end
        if (rst) begin
            some <= '0;
            after1 <= '0;
            after2 <= '0;
            first <= '0;
            second <= '0;
            weighted <= '0;
        end
    end

    // -- deficit round robin -----------------------------------------------------------------------
    localparam [1:0] REST = 2'd0, LOAD = 2'd1, WEIGH = 2'd2;
    logic [1:0] state;
    logic [CLASSES-1:0] seen;                           // had a packet when the search began
    logic [CLASSES-1:0] after_visited;
    logic has_quantum;

    // Of the class that is visited, and the class in `seen` behind it, around
    logic waits, goes_on;
    class_t following;
    logic [SIZE_W-1:0] cost;
    logic [DEFICIT_W-1:0] deficit, quantum;

    wire [CLASSES-1:0] eligible = some & weighted;
    wire [SIZE_W-1:0] head_size = heads[visited][SIZE_W-1:0];

    // deficit + quantum - cost, with one carry chain; below 0 if the packet may not go
    wire [DEFICIT_W:0] inverse = {{(DEFICIT_W+1-SIZE_W){1'b1}}, ~cost};
    wire [DEFICIT_W:0] odd = {1'b0, deficit ^ quantum} ^ inverse;
    wire [DEFICIT_W:0] carried =
        {(deficit & quantum) | ((deficit | quantum) & inverse[DEFICIT_W-1:0]), 1'b1};
    wire [DEFICIT_W:0] left = odd + carried;
    wire [DEFICIT_W-1:0] raised = deficit + quantum;
    wire may = waits && !left[DEFICIT_W];

    // Visited in vain on the way to `following`
    logic [CLASSES-1:0] passed;
    always_comb
        for (int i = 0; i < CLASSES; i++)
            passed[i] = goes_on ? after_visited[i] && class_t'(i) < following
                : after_visited[i] || class_t'(i) < following;

    // New rules are compared with the old ones first; a search waits for that.
    logic did_set, changed;
    class_t changed_class;
    wire changes = does_set && (set_weight != weights[set_class]
        || {first[set_class], second[set_class], weighted[set_class]}
        != {set_level == 2'd1, set_level == 2'd2, set_level == 2'd0});

    assign set_ready = state == REST && !refresh;

    always_ff @(posedge clk) begin
        waits <= seen[visited];
        goes_on <= (seen & after_visited) != '0;
        following <= pick(seen, after_visited);
        // No packet is for nothing, or of those without octets any number could go.
        cost <= head_size == '0 ? SIZE_W'(1) : head_size;
        deficit <= has_deficit[visited] ? deficits[visited] : '0;
        quantum <= has_quantum ? '0 : DEFICIT_W'({weights[visited], {QUANTUM_W{1'b0}}});
        case (state)
            REST: begin
                seen <= eligible;
                if (!candidate_valid && !does_set && !did_set && eligible != '0) state <= LOAD;
            end
            LOAD: state <= WEIGH;
            default: begin
                // What goes next is paid for here.
                if (waits) deficits[visited] <= may ? left[DEFICIT_W-1:0] : raised;
                if (!may) has_deficit <= has_deficit & ~passed;
                has_deficit[visited] <= waits;
                has_quantum <= may;
                if (may) begin
                    candidate_valid <= 1'b1;
                    state <= REST;
                end else begin
                    visited <= following;
                    after_visited <= after(following);
                    state <= LOAD;
                end
            end
        endcase
        if (take && chosen_level == 2'd0) candidate_valid <= 1'b0;
        did_set <= does_set && !rst;
        changed <= changes && !rst;
        changed_class <= set_class;
        if (changed) begin
            has_deficit[changed_class] <= 1'b0;
            if (visited == changed_class) candidate_valid <= 1'b0;
        end
        if (rst) begin
            state <= REST;
            candidate_valid <= 1'b0;
            visited <= '0;
            after_visited <= after('0);
            has_quantum <= 1'b0;
            has_deficit <= '0;
        end
    end

`ifdef FORMAL
`include "llq_scheduler_properties.svh"
`endif
endmodule

`default_nettype wire
