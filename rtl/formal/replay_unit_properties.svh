// Properties of replay_unit, read inside it when FORMAL is defined.
//
// One row and one number are chosen freely and followed for ever: what holds for them holds for
// all. `f_header`, `f_word` and `f_seen` are the row's header, the word of the number's slot and
// "the number was accepted", as of the operations that have left stage 3. The first group says how
// these lie to the memories and the pipeline, which makes the proof inductive; the second is the
// definition of the window.

(* anyconst *) logic [ROW_W-1:0] f_row;
(* anyconst *) logic [63:0] f_number;

logic f_started = 1'b0;
logic f_live = 1'b0;            // the row has been set up
logic f_seen = 1'b0;            // the number was accepted since
logic f_resized = 1'b0;         // the window was changed since
header_t f_header;
logic [WORD-1:0] f_word;

wire [SLOT_W-1:0] f_slot = f_number[BIT_W +: SLOT_W];
wire f_here3 = valid3 && op3.row == f_row;

always_comb assume (f_number != 0);
always_comb assume (rst == !f_started);

always_ff @(posedge clk) begin
    f_started <= 1'b1;
    if (f_here3) begin
        f_header <= next_header;
        if (writes3 && slot3 == f_slot) f_word <= next_word;
        if (op3.setup && !op3.keep) begin
            f_live <= !rst;
            f_seen <= 1'b0;
            f_resized <= 1'b0;
        end else if (op3.setup) f_resized <= 1'b1;
        else if (accepts && op3.number == f_number) f_seen <= 1'b1;
    end
end

// -- what is where ------------------------------------------------------------------------------
wire f_same_slot = f_slot == f_header.highest[BIT_W +: SLOT_W];
wire f_bit = f_same_slot ? f_header.head[f_number[BIT_W-1:0]]
    : f_header.filled[f_slot] && f_word[f_number[BIT_W-1:0]];
wire f_filled = f_header.filled[f_slot];
logic [ROW_W-1:0] f_check_row1;
logic [SLOT_W-1:0] f_check_slot1;
always_ff @(posedge clk) begin
    f_check_row1 <= check_row;
    f_check_slot1 <= check_wanted;
end

wire f_hit4 = valid4 && target4 == f_row;
wire f_word4 = writes4 && target4 == f_row && slot4 == f_slot;

relation_t f_relation;
replay_relate #(.WINDOW_MAX(WINDOW_MAX), .WORD(WORD)) f_relate (
    .sequence_number(op3.number), .highest(row3.header.highest),
    .newer(f_relation.newer), .ahead(f_relation.ahead), .beyond(f_relation.beyond),
    .same_slot(f_relation.same_slot), .leaves(f_relation.leaves), .turn(f_relation.turn),
    .over(f_relation.over), .passed(f_relation.passed)
);

// What stage 3 was told of its row is what the row says.
wire [63:0] f_behind3 = row3.header.highest - op3.number;
wire f_open3 = row3.header.window == 0;
wire f_left3 = op3.number == 0
    || (!f_relation.newer && f_behind3 >= 64'(row3.header.window));
wire f_on_record3 = !f_relation.newer && (f_behind3 >= 64'(row3.header.known)
    || (f_relation.same_slot ? row3.header.head[op3.number[BIT_W-1:0]]
        : row3.header.filled[number_slot] && row3.word[op3.number[BIT_W-1:0]]));

always_ff @(posedge clk) if (f_started) begin
    if (writes4) assert (valid4);
    assert (follows == (valid3 && op3.row == op2.row));
    assert (same3 == (valid3 && op3.row == op1.row));
    if (valid3 && op3.setup && !op3.keep) assert (op3.number == 0);
    if (valid2 && op2.setup) assert (op2.number == 0);
    if (valid1 && op1.setup) assert (op1.number == 0);
    if (valid1) assert (op1.window <= ALL);
    if (valid2) assert (op2.window <= ALL);
    if (valid3) assert (op3.window <= ALL);
    if (f_live) begin
        if (f_hit4) assert (header4 == f_header);
        else assert (headers[f_row] == f_header);
        if (valid1 && op1.row == f_row)
            assert ((late ? on_way.header : read1.header) == f_header);
        if (check_valids[0] && f_check_row1 == f_row) assert (check_row1.header == f_header);
        if (valid2 && op2.row == f_row) assert (row2.header == f_header);
        if (f_here3) assert (row3.header == f_header);
        if (f_here3) begin
            assert (relation3 == f_relation);
            assert (number_bit == WORD'(1) << op3.number[BIT_W-1:0]);
            assert (after_number == after(op3.number[BIT_W-1:0]));
            assert (after_highest == after(row3.header.highest[BIT_W-1:0]));
            assert (filled3 == row3.header.filled[number_slot]);
            if (!op3.setup) begin
                assert (open3 == f_open3);
                if (!f_open3) assert (left3 == f_left3);
                if (!f_open3 && !f_left3 && op3.number == f_number)
                    assert ((seen3 || bit3) == f_on_record3);
            end
        end

        if (f_word4) assert (word4 == f_word);
        else if (f_filled) assert (words[{f_row, f_slot}] == f_word);
        if (f_filled && valid1 && op1.row == f_row && wanted1 == f_slot)
            assert ((late_word ? on_way.word : read1.word) == f_word);
        if (f_filled && check_valids[0] && f_check_row1 == f_row && f_check_slot1 == f_slot)
            assert (check_row1.word == f_word);
        if (f_filled && valid2 && op2.row == f_row && op2.number[BIT_W +: SLOT_W] == f_slot)
            assert (row2.word == f_word);
        if (f_filled && f_here3 && number_slot == f_slot) assert (row3.word == f_word);

        if (f_header.highest < f_number) assert (!f_seen);
        else if (f_header.window != 0 && f_header.highest - f_number < 64'(f_header.known))
            assert (f_bit == f_seen);
        assert (f_header.window <= ALL);
        assert (f_header.known <= ALL);
        if (!f_resized) assert (f_header.known == ALL);
    end
end

// -- what a window is ---------------------------------------------------------------------------
wire [64:0] f_reach = {1'b0, f_number} + 65'(row3.header.window);
wire f_fresh = !f_seen && f_reach > {1'b0, row3.header.highest};

always_ff @(posedge clk) if (f_started && f_live && f_here3) begin
    if (!op3.setup && op3.number == f_number && row3.header.window != 0) begin
        // Never twice, never left of the window.
        if (accepts) assert (!f_seen);
        if (accepts) assert (f_reach > {1'b0, row3.header.highest});
        // Every fresh one inside it or right of it.
        if (op3.authentic && f_fresh && !f_resized) assert (accepts);
        // The reason is the true one.
        if (verdict3 == REPLAYED && !f_resized) assert (f_seen);
        if (verdict3 == TOO_OLD) assert (f_reach <= {1'b0, row3.header.highest});
    end
    if (!op3.setup && op3.number == 0 && row3.header.window != 0) assert (!accepts);
    // A bad ICV changes nothing, and X never goes back.
    if (!op3.setup && !op3.authentic) assert (next_header == row3.header && !writes3);
    if (!op3.setup) assert (next_header.highest >= row3.header.highest);
end

// -- the check: the same verdict, on the row as it was when it was read ---------------------------
logic f_live2, f_live3, f_live4, f_seen2, f_seen3, f_seen4, f_resized2, f_resized3, f_resized4;
logic [ROW_W-1:0] f_check_row2, f_check_row3, f_check_row4;
header_t f_check_header4;

always_ff @(posedge clk) begin
    {f_live4, f_live3, f_live2} <= {f_live3, f_live2, f_live};
    {f_seen4, f_seen3, f_seen2} <= {f_seen3, f_seen2, f_seen};
    {f_resized4, f_resized3, f_resized2} <= {f_resized3, f_resized2, f_resized};
    f_check_row2 <= f_check_row1;
    f_check_row3 <= f_check_row2;
    f_check_row4 <= f_check_row3;
    f_check_header4 <= check_row3.header;
end

wire [64:0] f_check_reach = {1'b0, f_number} + 65'(f_check_header4.window);
wire f_check_fresh = !f_seen4 && f_check_reach > {1'b0, f_check_header4.highest};

always_ff @(posedge clk)
    if (f_started && check_valids[3] && f_live4 && f_check_row4 == f_row
        && check_number4 == f_number && f_check_header4.window != 0) begin
        if (check_verdict == OK) assert (f_check_fresh);
        if (f_check_fresh && !f_resized4) assert (check_verdict == OK);
        if (check_verdict == TOO_OLD)
            assert (f_check_reach <= {1'b0, f_check_header4.highest});
    end

// The inferred number is the one of 2^32 from the window's left end on that has the low half.
wire [66:0] f_offset = {3'b0, inferred} - {3'b0, check_row2.header.highest}
    + 67'(check_row2.header.window);

always_ff @(posedge clk)
    if (f_started && check_valids[1] && check_row2.header.esn && check_row2.header.window != 0
        && check_row2.header.window <= ALL && inferred != 0) begin
        assert (inferred[31:0] == check_low2);
        assert (f_offset >= 1 && f_offset <= 67'h1_0000_0000);
    end
