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
wire f_hit4 = valid4 && target4 == f_row;
wire f_hit5 = valid5 && target5 == f_row;
wire f_word4 = writes4 && target4 == f_row && slot4 == f_slot;
wire f_word5 = writes5 && target5 == f_row && slot5 == f_slot;

relation_t f_relation;
replay_relate #(.WINDOW_MAX(WINDOW_MAX), .WORD(WORD)) f_relate (
    .sequence_number(op3.number), .highest(row3.header.highest),
    .newer(f_relation.newer), .ahead(f_relation.ahead), .behind(f_relation.behind),
    .same_slot(f_relation.same_slot), .leaves(f_relation.leaves), .turn(f_relation.turn),
    .beyond(f_relation.beyond), .passed(f_relation.passed),
    .after_highest(f_relation.after_highest)
);

always_ff @(posedge clk) if (f_started) begin
    if (writes4) assert (valid4);
    if (writes5) assert (valid5);
    if (valid3 && op3.setup && !op3.keep) assert (op3.number == 0);
    if (valid2 && op2.setup) assert (op2.number == 0);
    if (valid1 && op1.setup) assert (op1.number == 0);
    if (valid1) assert (op1.window <= ALL);
    if (valid2) assert (op2.window <= ALL);
    if (valid3) assert (op3.window <= ALL);
    if (f_live) begin
        if (f_hit4) assert (header4 == f_header);
        else begin
            assert (headers[f_row] == f_header);
            if (f_hit5) assert (header5 == f_header);
            else begin
                if (valid1 && op1.row == f_row) assert (read1.header == f_header);
                if (check_valids[0] && check_row_1 == f_row) assert (check_read.header == f_header);
            end
        end
        if (valid2 && op2.row == f_row) assert (row2.header == f_header);
        if (f_here3) assert (row3.header == f_header);
        if (f_here3) assert (relation3 == f_relation);

        if (f_word4) assert (word4 == f_word);
        else if (f_filled) begin
            assert (words[{f_row, f_slot}] == f_word);
            if (f_word5) assert (word5 == f_word);
            else begin
                if (valid1 && op1.row == f_row && wanted1 == f_slot)
                    assert (read1.word == f_word);
                if (check_valids[0] && check_row_1 == f_row && check_wanted == f_slot)
                    assert (check_read.word == f_word);
            end
        end
        if (f_filled && valid2 && op2.row == f_row && op2.number[BIT_W +: SLOT_W] == f_slot)
            assert (row2.word == f_word);
        if (f_filled && f_here3 && number_slot == f_slot) assert (row3.word == f_word);

        if (f_header.highest < f_number) assert (!f_seen);
        else if (f_header.highest - f_number < 64'(WINDOW_MAX)) assert (f_bit == f_seen);
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

always_ff @(posedge clk) begin
    {f_live4, f_live3, f_live2} <= {f_live3, f_live2, f_live};
    {f_seen4, f_seen3, f_seen2} <= {f_seen3, f_seen2, f_seen};
    {f_resized4, f_resized3, f_resized2} <= {f_resized3, f_resized2, f_resized};
    f_check_row2 <= check_row_1;
    f_check_row3 <= f_check_row2;
    f_check_row4 <= f_check_row3;
end

wire [64:0] f_check_reach = {1'b0, f_number} + 65'(check_row4.header.window);
wire f_check_fresh = !f_seen4 && f_check_reach > {1'b0, check_row4.header.highest};

always_ff @(posedge clk)
    if (f_started && check_valids[3] && f_live4 && f_check_row4 == f_row
        && check_number4 == f_number && check_row4.header.window != 0) begin
        if (check_verdict == OK) assert (f_check_fresh);
        if (f_check_fresh && !f_resized4) assert (check_verdict == OK);
        if (check_verdict == TOO_OLD)
            assert (f_check_reach <= {1'b0, check_row4.header.highest});
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
