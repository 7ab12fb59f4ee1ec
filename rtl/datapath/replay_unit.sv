// Anti-replay windows (RFC 4303 section 3.4.3; guide chapter 1), one check and one commit a cycle.
//
// With X the highest number accepted and N the window, numbers X-N+1 ... X are accepted once, X-N
// and older ones never, newer ones always; 0 is never accepted. A *check* is asked when a packet
// arrives: it infers the 64-bit number (RFC 4303 appendix A2.2) and tells what is known by then. A
// *commit* is asked when the ICV has been compared: it judges again and, if the packet is
// authentic, enters the number. Only commits change a window, each sees all those before it, so of
// two copies in flight one passes. Any mix of rows, back to back.
//
// A row is a header and WINDOW_MAX bits in BLOCKS words of WORD bits, a ring: number n has bit
// n % WORD of slot n / WORD % BLOCKS. Three things keep it exact at one word written a commit:
//   head    the word of X's own slot sits in the header; its bits after X's belong to the numbers
//           one turn of the ring before. It goes to the ring when X leaves its block.
//   filled  one bit a slot: the word in the ring is of the current turn. Slots that X jumps over
//           are emptied by clearing these bits; an empty slot has no number seen.
//   known   how many of the numbers X, X-1 ... are on record; what is older counts as seen. Less
//           than WINDOW_MAX only for a row whose window has been changed with `setup_keep`.
//
// Pipeline, for commits and setups:
//   0 address  1 memory out ▸ forward  2 compare with X, and with the commit one ahead  3 judge,
//   new row  4 verdict out, write     (a row on its way to memory is forwarded from 3, 4 and 5)
// and for checks, which read at 1 what commits in 4 and older have left:
//   0 address  1 memory out ▸ forward  2 infer  3 compare  4 judge  5 out
// so a check sees every commit and setup asked for 3 cycles before it, or earlier.
`default_nettype none

module replay_unit #(
    // Windows held, a power of two; which header of which SA has which row is the caller's choice
    parameter int ROWS = 1024,
    // Largest window in packets, a power of two from 64 to 4096
    parameter int WINDOW_MAX = 1024,
    // Bits of a word of the ring, a power of two, at most half of WINDOW_MAX
    parameter int WORD = WINDOW_MAX < 128 ? 32 : 64,
    // Width of what travels along with checks and commits
    parameter int TAG_W = 8
) (
    input  wire                       clk,
    input  wire                       rst,
    // Set a row up: a new SA with no number seen, or (keep) the same SA with another window.
    // A window of 0 is none; one above WINDOW_MAX is taken as WINDOW_MAX. Ready unless a commit is
    // asked for in the same cycle.
    input  wire                       setup_valid,
    output wire                       setup_ready,
    input  wire  [$clog2(ROWS)-1:0]   setup_row,
    input  wire  [15:0]               setup_window,
    input  wire                       setup_esn,
    input  wire                       setup_keep,
    // Check the low half of a received number. `told` is the whole number if somebody else has
    // inferred it; it is used for ESN without a window, if its low half is the number's.
    input  wire                       check_valid,
    input  wire  [$clog2(ROWS)-1:0]   check_row,
    input  wire  [31:0]               check_low,
    input  wire  [63:0]               check_told,
    input  wire  [TAG_W-1:0]          check_tag,
    // Commit a whole number, as the check gave it. Not authentic: judged, nothing is entered.
    input  wire                       commit_valid,
    input  wire  [$clog2(ROWS)-1:0]   commit_row,
    input  wire  [63:0]               commit_sequence,
    input  wire                       commit_authentic,
    input  wire  [TAG_W-1:0]          commit_tag,
    // Answer of the check, 5 cycles later: verdict 0 OK, 1 REPLAYED, 2 TOO_OLD; the whole number,
    // 0 if it would lie before the first or beyond the last one
    output logic                      checked_valid,
    output logic [1:0]                checked_verdict,
    output logic [63:0]               checked_sequence,
    output logic [TAG_W-1:0]          checked_tag,
    // Answer of the commit, 4 cycles later
    output logic                      committed_valid,
    output logic [1:0]                committed_verdict,
    output logic [TAG_W-1:0]          committed_tag
);
    localparam int ROW_W = $clog2(ROWS);
    localparam int COUNT_W = $clog2(WINDOW_MAX) + 1;
    localparam int BIT_W = $clog2(WORD);
    localparam int BLOCKS = WINDOW_MAX / WORD;
    localparam int SLOT_W = $clog2(BLOCKS);
    localparam [COUNT_W-1:0] ALL = COUNT_W'(WINDOW_MAX);
    localparam [1:0] OK = 2'd0, REPLAYED = 2'd1, TOO_OLD = 2'd2;

    if (ROWS < 2 || 1 << ROW_W != ROWS) begin : check_rows
        $fatal(1, "replay_unit: ROWS has to be a power of two, at least 2");
    end
    if (1 << (COUNT_W - 1) != WINDOW_MAX) begin : check_window_max
        $fatal(1, "replay_unit: WINDOW_MAX has to be a power of two");
    end
    if (WORD < 2 || 1 << BIT_W != WORD || 2 * WORD > WINDOW_MAX) begin : check_word
        $fatal(1, "replay_unit: WORD has to be a power of two, at most half of WINDOW_MAX");
    end

    typedef struct packed {
        logic [COUNT_W-1:0] window;     // N; 0 = no window
        logic               esn;
        logic [63:0]        highest;    // X
        logic [COUNT_W-1:0] known;
        logic [BLOCKS-1:0]  filled;
        logic [WORD-1:0]    head;
    } header_t;

    // The row as far as one number needs it: the word is that of the number's slot.
    typedef struct packed {
        header_t         header;
        logic [WORD-1:0] word;
    } row_t;

    typedef struct packed {
        logic               newer;
        logic [COUNT_W-1:0] ahead;
        logic [COUNT_W-1:0] behind;
        logic               same_slot;
        logic               leaves;
        logic               turn;
        logic               beyond;
        logic [BLOCKS-1:0]  passed;
        logic [WORD-1:0]    after_highest;
    } relation_t;

    // What a commit or setup is, in every stage. A setup that starts afresh has number 0.
    typedef struct packed {
        logic               setup;
        logic               keep;
        logic               authentic;
        logic [COUNT_W-1:0] window;
        logic               esn;
        logic [ROW_W-1:0]   row;
        logic [63:0]        number;
        logic [TAG_W-1:0]   tag;
    } operation_t;

    // yosys reads memories of plain vectors only.
    localparam int HEADER_W = 2 * COUNT_W + 65 + BLOCKS + WORD;
    (* no_rw_check *) logic [HEADER_W-1:0] headers [ROWS];
    (* no_rw_check *) logic [WORD-1:0]     words [ROWS * BLOCKS];

    // -- 0: address --------------------------------------------------------------------------
    operation_t op0, op1, op2, op3;
    logic valid1, valid2, valid3;

    assign setup_ready = !commit_valid;

    always_comb begin
        op0.setup = !commit_valid;
        op0.keep = setup_keep;
        op0.authentic = commit_authentic;
        op0.window = setup_window > 16'(WINDOW_MAX) ? ALL : setup_window[COUNT_W-1:0];
        op0.esn = setup_esn;
        op0.row = commit_valid ? commit_row : setup_row;
        op0.number = commit_valid ? commit_sequence : 64'd0;
        op0.tag = commit_tag;
    end

    // -- 1: memory out, and what is on its way there -------------------------------------------
    row_t read1, row1, check_read, check_row1;
    logic [ROW_W-1:0] check_row_1;
    logic [31:0] check_low1;

    // Of stages 4 and 5: written, and just written when stage 1's memory was read.
    header_t next_header, header4, header5;
    logic valid4, valid5, writes3, writes4, writes5;
    logic [ROW_W-1:0] target4, target5;
    logic [SLOT_W-1:0] slot3, slot4, slot5;
    logic [WORD-1:0] next_word, word4, word5;

    always_ff @(posedge clk) begin
        read1.header <= headers[op0.row];
        read1.word <= words[{op0.row, op0.number[BIT_W +: SLOT_W]}];
        check_read.header <= headers[check_row];
        check_read.word <= words[{check_row, check_low[BIT_W +: SLOT_W]}];
        if (valid4) headers[target4] <= header4;
        if (writes4) words[{target4, slot4}] <= word4;
    end

    wire [SLOT_W-1:0] wanted1 = op1.number[BIT_W +: SLOT_W];
    wire [SLOT_W-1:0] check_wanted = check_low1[BIT_W +: SLOT_W];

    always_comb begin
        row1 = read1;
        if (valid5 && target5 == op1.row) row1.header = header5;
        if (valid4 && target4 == op1.row) row1.header = header4;
        if (valid3 && op3.row == op1.row) row1.header = next_header;
        if (writes5 && {target5, slot5} == {op1.row, wanted1}) row1.word = word5;
        if (writes4 && {target4, slot4} == {op1.row, wanted1}) row1.word = word4;
        if (writes3 && {op3.row, slot3} == {op1.row, wanted1}) row1.word = next_word;

        check_row1 = check_read;
        if (valid5 && target5 == check_row_1) check_row1.header = header5;
        if (valid4 && target4 == check_row_1) check_row1.header = header4;
        if (writes5 && {target5, slot5} == {check_row_1, check_wanted}) check_row1.word = word5;
        if (writes4 && {target4, slot4} == {check_row_1, check_wanted}) check_row1.word = word4;
    end

    // -- 2: compare with X as it is without the commit in stage 3, and as it is if that one moves it
    row_t row2;
    relation_t to_row, to_previous, relation3;

    replay_relate #(.WINDOW_MAX(WINDOW_MAX), .WORD(WORD)) relate_to_row (
        .sequence_number(op2.number), .highest(row2.header.highest),
        .newer(to_row.newer), .ahead(to_row.ahead), .behind(to_row.behind),
        .same_slot(to_row.same_slot), .leaves(to_row.leaves), .turn(to_row.turn),
        .beyond(to_row.beyond), .passed(to_row.passed), .after_highest(to_row.after_highest)
    );
    replay_relate #(.WINDOW_MAX(WINDOW_MAX), .WORD(WORD)) relate_to_previous (
        .sequence_number(op2.number), .highest(op3.number),
        .newer(to_previous.newer), .ahead(to_previous.ahead), .behind(to_previous.behind),
        .same_slot(to_previous.same_slot), .leaves(to_previous.leaves), .turn(to_previous.turn),
        .beyond(to_previous.beyond), .passed(to_previous.passed),
        .after_highest(to_previous.after_highest)
    );

    wire follows = valid3 && op3.row == op2.row;

    // -- 3: judge, and the row that comes of it -------------------------------------------------
    row_t row3;
    logic [1:0] verdict3;
    logic accepts, moves;
    logic [WORD-1:0] previous;
    logic [COUNT_W:0] more_known;

    wire [SLOT_W-1:0] number_slot = op3.number[BIT_W +: SLOT_W];
    wire [SLOT_W-1:0] head_slot = row3.header.highest[BIT_W +: SLOT_W];
    wire [BIT_W-1:0] number_at = op3.number[BIT_W-1:0];
    wire on_record = relation3.same_slot ? row3.header.head[number_at]
        : row3.header.filled[number_slot] && row3.word[number_at];

    always_comb begin
        verdict3 = OK;
        if (row3.header.window != 0) begin
            if (op3.number == 0 || (!relation3.newer && relation3.behind >= row3.header.window))
                verdict3 = TOO_OLD;
            else if (!relation3.newer && (relation3.behind >= row3.header.known || on_record))
                verdict3 = REPLAYED;
        end
        accepts = !op3.setup && op3.authentic && verdict3 == OK;
        moves = op3.setup ? !op3.keep : accepts && relation3.newer;
    end

    wire [WORD-1:0] number_bit = WORD'(1) << number_at;
    wire [WORD-1:0] after_number = {{(WORD - 1){1'b1}}, 1'b0} << number_at;
    wire [WORD-1:0] spilled = row3.header.head & ~relation3.after_highest;

    always_comb begin
        next_header = row3.header;
        next_word = relation3.newer ? spilled
            : (row3.header.filled[number_slot] ? row3.word : '0) | number_bit;
        slot3 = relation3.newer ? head_slot : number_slot;
        writes3 = 1'b0;
        previous = '0;                        // the new head as it was one turn before
        if (relation3.turn) previous = spilled;
        else if (!relation3.beyond && row3.header.filled[number_slot]) previous = row3.word;
        more_known = {1'b0, row3.header.known} + {1'b0, relation3.ahead};

        if (op3.setup) begin
            next_header.window = op3.window;
            next_header.esn = op3.esn;
            if (op3.keep && row3.header.highest != 0) begin
                if (row3.header.known > row3.header.window)
                    next_header.known = row3.header.window;
            end else begin
                next_header.highest = '0;
                next_header.known = ALL;
                next_header.filled = '0;
                next_header.head = '0;
            end
        end else if (accepts && relation3.newer) begin
            next_header.highest = op3.number;
            next_header.known = more_known > {1'b0, ALL} ? ALL : more_known[COUNT_W-1:0];
            if (relation3.leaves) begin
                writes3 = valid3;
                next_header.filled = row3.header.filled & ~relation3.passed;
                next_header.filled[head_slot] = !relation3.turn && !relation3.beyond;
                next_header.head = (previous & after_number) | number_bit;
            end else begin
                next_header.head = (row3.header.head & (~relation3.after_highest | after_number))
                    | number_bit;
            end
        end else if (accepts && relation3.behind != ALL) begin
            if (relation3.same_slot) next_header.head = row3.header.head | number_bit;
            else begin
                writes3 = valid3;
                next_header.filled[number_slot] = 1'b1;
            end
        end
    end

    always_ff @(posedge clk) begin
        op1 <= op0;
        op2 <= op1;
        op3 <= op2;
        row2 <= row1;
        row3.header <= follows ? next_header : row2.header;
        row3.word <= follows && writes3 && slot3 == op2.number[BIT_W +: SLOT_W] ? next_word
            : row2.word;
        relation3 <= follows && moves ? to_previous : to_row;
        header4 <= next_header;
        header5 <= header4;
        word4 <= next_word;
        word5 <= word4;
        target4 <= op3.row;
        target5 <= target4;
        slot4 <= slot3;
        slot5 <= slot4;
        committed_verdict <= verdict3;
        committed_tag <= op3.tag;
        committed_valid <= valid3 && !op3.setup && !rst;
        valid1 <= (commit_valid || setup_valid) && !rst;
        valid2 <= valid1 && !rst;
        valid3 <= valid2 && !rst;
        valid4 <= valid3 && !rst;
        valid5 <= valid4 && !rst;
        writes4 <= writes3 && !rst;
        writes5 <= writes4 && !rst;
    end

    // -- the check ------------------------------------------------------------------------------
    row_t check_row2, check_row3, check_row4;
    logic [31:0] check_low2;
    logic [63:0] check_told1, check_told2, inferred, check_number3, check_number4;
    logic [3:0] check_valids;
    logic [TAG_W-1:0] check_tag1, check_tag2, check_tag3, check_tag4;
    relation_t check_relation;
    logic check_newer4, check_same_slot4;
    logic [COUNT_W-1:0] check_behind4;
    wire unused_relation = &{1'b0, check_relation.ahead, check_relation.leaves, check_relation.turn,
        check_relation.beyond, check_relation.passed, check_relation.after_highest};

    replay_infer #(.WINDOW_W(COUNT_W)) infer (
        .window(check_row2.header.window), .esn(check_row2.header.esn),
        .highest(check_row2.header.highest), .low(check_low2), .told(check_told2),
        .sequence_number(inferred)
    );
    replay_relate #(.WINDOW_MAX(WINDOW_MAX), .WORD(WORD)) relate_check (
        .sequence_number(check_number3), .highest(check_row3.header.highest),
        .newer(check_relation.newer), .ahead(check_relation.ahead),
        .behind(check_relation.behind), .same_slot(check_relation.same_slot),
        .leaves(check_relation.leaves), .turn(check_relation.turn),
        .beyond(check_relation.beyond), .passed(check_relation.passed),
        .after_highest(check_relation.after_highest)
    );

    wire [BIT_W-1:0] check_at = check_number4[BIT_W-1:0];
    wire check_on_record = check_same_slot4 ? check_row4.header.head[check_at]
        : check_row4.header.filled[check_number4[BIT_W +: SLOT_W]] && check_row4.word[check_at];
    logic [1:0] check_verdict;

    always_comb begin
        check_verdict = OK;
        if (check_row4.header.window != 0) begin
            if (check_number4 == 0 || (!check_newer4
                && check_behind4 >= check_row4.header.window)) check_verdict = TOO_OLD;
            else if (!check_newer4
                && (check_behind4 >= check_row4.header.known || check_on_record))
                check_verdict = REPLAYED;
        end
    end

    always_ff @(posedge clk) begin
        check_row_1 <= check_row;
        check_low1 <= check_low;
        check_low2 <= check_low1;
        check_told1 <= check_told;
        check_told2 <= check_told1;
        check_row2 <= check_row1;
        check_row3 <= check_row2;
        check_row4 <= check_row3;
        check_number3 <= inferred;
        check_number4 <= check_number3;
        check_newer4 <= check_relation.newer;
        check_same_slot4 <= check_relation.same_slot;
        check_behind4 <= check_relation.behind;
        check_tag1 <= check_tag;
        check_tag2 <= check_tag1;
        check_tag3 <= check_tag2;
        check_tag4 <= check_tag3;
        checked_tag <= check_tag4;
        checked_verdict <= check_verdict;
        checked_sequence <= check_number4;
        {checked_valid, check_valids} <= rst ? '0 : {check_valids, check_valid};
    end

`ifdef FORMAL
`include "replay_unit_properties.svh"
`endif
endmodule

`default_nettype wire
