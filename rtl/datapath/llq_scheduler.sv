// Which of the packets that wait goes next: LLQ's order (guide chapter 8), as the golden model's.
//
// Packets are handles here, each with a class and a size. Classes of level 1 go first, then those of
// level 2, in each packet by packet in turn; the others share what is left by weight, deficit round
// robin: a visit gives a class 2^QUANTUM_W octets for each unit of weight. The class of level 0
// that goes next, the *candidate*, is found as soon as the one before has been taken.
//
// A class's packets are a list: `heads` has its first packet, `links` what follows a packet. The
// search visits only classes that had a packet when it began, so what is put meanwhile does not
// change what it finds; one visit takes 2 cycles. Choosing is spread over 3 cycles: after a `put` or
// a `take` there is no choice until it is that of the state they have left.
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
    // A class's rules, while which there is no choice; ready unless a search goes on. Set those of all classes after reset
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
    class_t turn1, turn2;                               // class that is looked at first
    logic [HANDLE_W:0] waiting;

    // Of the classes in a mask the first one from `start` on, around; none if the mask is 0.
    function automatic class_t from(input logic [CLASSES-1:0] mask, input class_t start);
        logic [2*CLASSES-1:0] turned;
        turned = {mask, mask} >> start;
        from = '0;
        for (int i = CLASSES - 1; i >= 0; i--) if (turned[i]) from = start + class_t'(i);
    endfunction

    // -- choice ----------------------------------------------------------------------------------
    logic candidate_valid;
    class_t candidate;
    logic [1:0] settled;
    logic refresh;                                      // the cycle after a take

    logic choice_valid, chosen_valid;
    class_t choice, chosen;
    logic [HANDLE_W+SIZE_W-1:0] chosen_head;
    wire [CLASSES-1:0] waiting1 = some & first;
    wire [CLASSES-1:0] waiting2 = some & second;

    wire does_put = put && put_ready;
    wire does_set = set && set_ready;
    wire changes = does_put || take || refresh || does_set;

    assign next_valid = chosen_valid && settled[1] && !put && !set;
    assign next_class = chosen;
    assign next_level = {second[chosen], first[chosen]};
    assign {next_handle, next_size} = chosen_head;
    assign put_ready = !refresh;
    assign put_waiting = some[put_class] ? counts[put_class] : '0;
    assign empty = waiting == '0;

    always_ff @(posedge clk) begin
        choice_valid <= waiting1 != '0 || waiting2 != '0 || candidate_valid;
        choice <= waiting1 != '0 ? from(waiting1, turn1)
            : waiting2 != '0 ? from(waiting2, turn2) : candidate;
        chosen_valid <= choice_valid;
        chosen <= choice;
        chosen_head <= heads[choice];
        settled <= changes || rst ? 2'b00 : {settled[0], 1'b1};
    end

    // -- lists -----------------------------------------------------------------------------------
    logic [HANDLE_W+SIZE_W-1:0] link;
    logic more;                                         // the class taken from has another packet
    class_t taken_class;
    wire class_t counted = does_put ? put_class : chosen;
    wire [HANDLE_W:0] count = some[counted] ? counts[counted] : '0;
    wire first_put = does_put && count == '0;

    always_ff @(posedge clk) begin
        if (does_put && !first_put) links[tails[put_class]] <= {put_handle, put_size};
        link <= links[next_handle];
        if (does_put) tails[put_class] <= put_handle;
        if (first_put || (refresh && more))
            heads[refresh ? taken_class : put_class] <= refresh ? link : {put_handle, put_size};
        refresh <= take && !rst;
        more <= count != (HANDLE_W+1)'(1);
        taken_class <= chosen;
        if (does_put || take) counts[counted] <= does_put ? count + 1'b1 : count - 1'b1;
        if (does_put) begin
            some[put_class] <= 1'b1;
            waiting <= waiting + 1'b1;
        end
        if (take) begin
            waiting <= waiting - 1'b1;
            if (count == (HANDLE_W+1)'(1)) some[chosen] <= 1'b0;
            if (first[chosen]) turn1 <= chosen + 1'b1;
            if (second[chosen]) turn2 <= chosen + 1'b1;
        end
        if (does_set) begin
            first[set_class] <= set_level == 2'd1;
            second[set_class] <= set_level == 2'd2;
            weighted[set_class] <= set_level == 2'd0;
            weights[set_class] <= set_weight;
        end
        if (rst) begin
            some <= '0;
            waiting <= '0;
            turn1 <= '0;
            turn2 <= '0;
            first <= '0;
            second <= '0;
            weighted <= '0;
        end
    end

    // -- deficit round robin -----------------------------------------------------------------------
    localparam [1:0] REST = 2'd0, VISIT = 2'd1, WEIGH = 2'd2;
    logic [1:0] state;
    logic [CLASSES-1:0] seen;                           // had a packet when the search began
    class_t visited;
    logic has_quantum;

    wire [CLASSES-1:0] eligible = some & weighted;
    class_t found;
    logic [CLASSES-1:0] passed;                         // visited in vain on the way to `found`
    always_comb begin
        found = from(seen, visited);
        for (int i = 0; i < CLASSES; i++)
            passed[i] = class_t'(i) - visited < found - visited;
    end

    wire [SIZE_W-1:0] head_size = heads[visited][SIZE_W-1:0];
    wire takes_candidate = take && weighted[chosen];
    wire class_t deficit_of = takes_candidate ? chosen : visited;
    wire [DEFICIT_W-1:0] deficit = has_deficit[deficit_of] ? deficits[deficit_of] : '0;
    wire [DEFICIT_W-1:0] raised = deficit
        + (has_quantum ? '0 : DEFICIT_W'({weights[visited], {QUANTUM_W{1'b0}}}));
    // No packet is for nothing, or of those without octets any number could go.
    wire may = raised >= DEFICIT_W'(head_size) && raised != '0;
    wire [DEFICIT_W-1:0] spent = deficit - (next_size == '0 ? DEFICIT_W'(1) : DEFICIT_W'(next_size));
    wire changed_rules = does_set && (set_weight != weights[set_class]
        || {first[set_class], second[set_class], weighted[set_class]}
        != {set_level == 2'd1, set_level == 2'd2, set_level == 2'd0});

    assign set_ready = state == REST && !refresh;

    always_ff @(posedge clk) begin
        case (state)
            REST: begin
                seen <= eligible;
                if (!candidate_valid && !does_set && eligible != '0) state <= VISIT;
            end
            VISIT: begin
                if (found != visited) has_quantum <= 1'b0;
                has_deficit <= has_deficit & ~passed;
                visited <= found;
                state <= WEIGH;
            end
            default: begin
                has_deficit[visited] <= 1'b1;
                has_quantum <= may;
                if (may) begin
                    candidate_valid <= 1'b1;
                    candidate <= visited;
                    state <= REST;
                end else begin
                    visited <= visited + 1'b1;
                    state <= VISIT;
                end
            end
        endcase
        if (state == WEIGH || takes_candidate)
            deficits[deficit_of] <= takes_candidate ? spent : raised;
        if (takes_candidate) candidate_valid <= 1'b0;
        if (changed_rules) begin
            has_deficit[set_class] <= 1'b0;
            if (candidate == set_class) candidate_valid <= 1'b0;
        end
        if (rst) begin
            state <= REST;
            candidate_valid <= 1'b0;
            visited <= '0;
            has_quantum <= 1'b0;
            has_deficit <= '0;
        end
    end

`ifdef FORMAL
`include "llq_scheduler_properties.svh"
`endif
endmodule

`default_nettype wire
