// The memory in which frames wait: chains of cells of 2^CELL_W words.
//
// Free cells are a chain too. A frame takes them from its head, in the order in which they are linked,
// and a frame that has been read goes to its tail: so the links are written only then, and a frame
// that is dropped as soon as it is in costs nothing, its cells were never taken off.
//
// A word a cycle, in and out. Latency of a read: 2 cycles from `start` to the first word. How many
// words a frame has is kept beside them, so that its end is in a register when the last one is out.
`default_nettype none

module llq_cells #(
    // Cells: 2 to the power of this
    parameter int HANDLE_W = 10,
    // Words of a cell: 2 to the power of this
    parameter int CELL_W = 3,
    // Bits of a word
    parameter int WIDTH = 128
) (
    input  wire                 clk,
    input  wire                 rst,
    // A frame comes in, word by word. After its last word `keep` or `drop` decides on it; then its
    // first cell, `handle`, is its name. The next word may come 2 cycles later
    input  wire                 put,
    input  wire  [WIDTH-1:0]    put_word,
    input  wire                 keep,
    input  wire                 drop,
    output wire  [HANDLE_W-1:0] handle,
    // Cells that are free, those of the frame on its way in too; the caller keeps some
    output logic [HANDLE_W:0]   free,
    // A frame goes out
    input  wire                 start,
    input  wire  [HANDLE_W-1:0] start_handle,
    output logic                got_valid,
    output wire  [WIDTH-1:0]    got_word,
    output logic                got_last,
    input  wire                 get,
    // Free cells are chained
    output logic                ready
);
    localparam int WORD_W = HANDLE_W + CELL_W;

    // Two words of a cell are the time in which the next one is looked up.
    if (CELL_W < 1) begin : check_cell_w
        $fatal(1, "llq_cells: CELL_W has to be at least 1");
    end

    logic [WIDTH-1:0] words [1 << WORD_W];
    logic [HANDLE_W-1:0] links [1 << HANDLE_W];
    // By a frame's first cell: whether it is one word only, and how many are behind the first one
    logic [WORD_W:0] lengths [1 << HANDLE_W];

    // -- in --------------------------------------------------------------------------------------
    logic [HANDLE_W-1:0] first, cell_in, after_in;
    logic [CELL_W-1:0] word_in;
    logic [HANDLE_W:0] cells_in;                        // cells that the frame has begun
    logic begun_in;
    logic [WORD_W-1:0] behind_in;                       // words behind its first

    assign handle = first;
    wire fills = put && (&word_in);

    // -- out -------------------------------------------------------------------------------------
    logic running, begins;                              // a frame goes out; the cycle after `start`
    logic [HANDLE_W-1:0] head_out, cell_out, after_out;
    logic [CELL_W-1:0] word_out;
    logic [HANDLE_W:0] cells_out;
    logic [WIDTH-1:0] out;
    logic [WORD_W:0] length_out;
    logic [WORD_W-1:0] behind_out;                      // words behind the one that is out

    assign got_word = out;
    wire ends = got_valid && get && got_last;
    wire ask = running && !ends && (!got_valid || get);

    always_ff @(posedge clk) begin
        if (put) words[{cell_in, word_in}] <= put_word;
        if (ask) out <= words[{cell_out, word_out}];
        after_in <= links[cell_in];
        after_out <= links[cell_out];
        if (keep) lengths[first] <= {behind_in == '0, behind_in};
        length_out <= lengths[start_handle];
    end

    // -- free cells ------------------------------------------------------------------------------
    logic [HANDLE_W-1:0] tail, walk;
    logic [HANDLE_W-1:0] cell_last;                     // the cell of the word that is out

    always_ff @(posedge clk)
        if (!ready || ends) links[ready ? tail : walk] <= ready ? head_out : walk + 1'b1;

    always_ff @(posedge clk) begin
        if (put) begin
            word_in <= word_in + 1'b1;
            if (word_in == '0) cells_in <= cells_in + 1'b1;
            if (fills) cell_in <= after_in;
            begun_in <= 1'b1;
            if (begun_in) behind_in <= behind_in + 1'b1;
        end
        if (keep || drop) begin
            begun_in <= 1'b0;
            behind_in <= '0;
        end
        if (keep) begin
            // A full last cell has moved `cell_in` on already.
            first <= word_in == '0 ? cell_in : after_in;
            cell_in <= word_in == '0 ? cell_in : after_in;
            word_in <= '0;
            cells_in <= '0;
        end
        if (drop) begin
            cell_in <= first;
            word_in <= '0;
            cells_in <= '0;
        end

        begins <= start;
        if (begins) {got_last, behind_out} <= length_out;
        else if (ask) begin
            behind_out <= behind_out - 1'b1;
            got_last <= behind_out == WORD_W'(1);
        end
        if (start) begin
            running <= 1'b1;
            head_out <= start_handle;
            cell_out <= start_handle;
            word_out <= '0;
            cells_out <= '0;
        end
        if (ask) begin
            got_valid <= 1'b1;
            word_out <= word_out + 1'b1;
            cell_last <= cell_out;
            if (word_out == '0) cells_out <= cells_out + 1'b1;
            if (&word_out) cell_out <= after_out;
        end else if (get) got_valid <= 1'b0;
        if (ends) begin
            running <= start;
            got_valid <= 1'b0;
            tail <= cell_last;
        end

        free <= free + (ends ? cells_out : '0) - (keep ? cells_in : '0);
        walk <= walk + 1'b1;
        if (&walk) ready <= 1'b1;
        if (rst) begin
            ready <= 1'b0;
            walk <= '0;
            tail <= '1;
            free <= {1'b1, {HANDLE_W{1'b0}}};
            first <= '0;
            cell_in <= '0;
            word_in <= '0;
            cells_in <= '0;
            begun_in <= 1'b0;
            behind_in <= '0;
            running <= 1'b0;
            got_valid <= 1'b0;
        end
    end
endmodule

`default_nettype wire
