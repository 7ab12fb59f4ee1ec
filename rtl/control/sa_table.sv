// The SAs of one direction: rows, their numbers (outbound) and keys, and who may use them when.
//
// The datapath looks rows up, one at a time, and hands the number used last back, before the next
// look-up or with it; the row of a look-up is held until the next. Keys are read with each row, so that
// they are there early, and engines look them up, of rows that a request holds. Control reads and changes a row while `hold` and
// `clear` say that nobody uses one. Latency of all look-ups: 2 cycles.
`default_nettype none

module sa_table #(
    // Rows: a power of two
    parameter int SAS = 1024,
    // Bits of a row without its number; the most significant says that there is an SA
    parameter int ROW_W = 64,
    // Do they have numbers?
    parameter bit NUMBERED = 1'b1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Datapath: a row, all zeros if the index is beyond the table; the last number of the row
    // looked up last; the request has ended
    input  wire                     sa_read,
    input  wire  [15:0]             sa_index,
    output wire                     sa_found,
    output wire  [ROW_W-1:0]        sa_row,
    output wire  [63:0]             sa_number,
    input  wire                     number_write,
    input  wire  [63:0]             number,
    input  wire                     done,
    // Engine: asks for keys, the index stays until it is answered; what is found is `key_of`'s
    input  wire                     key_read,
    input  wire  [15:0]             key_index,
    output wire                     key_found,
    output wire  [15:0]             key_of,
    output wire sa_keys::sa_keys_t  keys,
    // Control: keep look-ups waiting, none is under way; show row `at` in `sa_row` and `sa_number`,
    // change it, with its number unless `keep`; put its keys at the outputs, in place of old ones, and
    // into the engine
    input  wire                     hold,
    output wire                     clear,
    input  wire  [$clog2(SAS)-1:0]  at,
    input  wire                     look,
    input  wire                     change,
    input  wire                     keep,
    input  wire  [ROW_W-1:0]        new_row,
    input  wire sa_keys::sa_keys_t  new_keys,
    input  wire                     scrub
);
    localparam int SA_W = $clog2(SAS);

    wire issue;
    sa_lookup lookup (
        .clk, .rst, .read(sa_read), .found(sa_found), .done, .issue, .hold, .clear
    );

    logic beyond;                       // the index looked up is
    logic [SA_W-1:0] held;              // the row looked up
    always_ff @(posedge clk) begin
        if (issue) begin
            beyond <= 17'(sa_index) >= 17'(SAS);
            held <= sa_index[SA_W-1:0];
        end
        if (look) beyond <= 1'b0;
    end

    wire [SA_W-1:0] wanted = look ? at : sa_index[SA_W-1:0];
    wire [ROW_W-1:0] row;
    table_ram #(.ROWS(SAS), .WIDTH(ROW_W)) row_ram (
        .clk, .write(change), .write_row(at), .write_data(new_row),
        .read(issue || look), .read_row(wanted), .read_data(row)
    );
    assign sa_row = beyond ? '0 : row;

    if (NUMBERED) begin : numbers
        // Handed back in the cycle of the next look-up, the number is not in memory yet.
        wire [63:0] stored;
        logic [63:0] recent, shown;
        logic [1:0] newer;
        table_ram #(.ROWS(SAS), .WIDTH(64)) number_ram (
            .clk, .write(number_write || (change && !keep)), .write_row(change ? at : held),
            .write_data(change ? 64'd0 : number),
            .read(issue || look), .read_row(wanted), .read_data(stored)
        );
        always_ff @(posedge clk) begin
            newer <= {newer[0], number_write && issue && held == wanted};
            if (number_write) recent <= number;
            shown <= recent;
        end
        assign sa_number = newer[1] ? shown : stored;
    end else begin : no_numbers
        assign sa_number = 64'd0;
        wire unused_number = &{1'b0, number_write, number, held, keep};
    end

    // A look-up goes first.
    logic key_waiting;
    logic [1:0] key_coming;
    logic [1:0] [15:0] coming_of;
    wire key_now = (key_read || key_waiting) && !issue;
    wire [15:0] keys_wanted = issue ? sa_index : key_index;
    wire [sa_keys::WIDTH-1:0] key_out;
    table_ram #(.ROWS(SAS), .WIDTH(sa_keys::WIDTH)) key_ram (
        .clk, .write(change), .write_row(at), .write_data(new_keys),
        .read(issue || key_now || scrub), .read_row(scrub ? at : keys_wanted[SA_W-1:0]),
        .read_data(key_out)
    );
    assign keys = key_out;
    assign key_found = key_coming[1];
    assign key_of = coming_of[1];
    always_ff @(posedge clk) begin
        key_waiting <= (key_read || key_waiting) && issue && !rst;
        key_coming <= rst ? 2'b00 : {key_coming[0], issue || key_now || scrub};
        coming_of <= {coming_of[0], scrub ? 16'(at) : keys_wanted};
    end
endmodule

`default_nettype wire
