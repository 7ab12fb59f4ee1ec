// What the SAs of one direction have counted: successes with their octets, refusals by reason.
//
// A row has lane 0, the successes, 40 bits of packets below 56 bits of octets, which wrap, and a
// lane of 16 bits for each reason 1 ... 31, which saturates. `take` reads a lane and sets it to 0,
// so that whoever reads often enough loses nothing. One `add` or `take` or `clear` a cycle, in any
// mix of rows; `add` goes first, `taken` comes 3 cycles after a `take` that was ready.
`default_nettype none

module sa_counters #(
    // Rows: a power of two
    parameter int ROWS = 1024
) (
    input  wire                      clk,
    input  wire                      rst,
    // Count: a success with its octets (reason 0), or a refusal
    input  wire                      add,
    input  wire  [$clog2(ROWS)-1:0]  add_row,
    input  wire  [4:0]               add_reason,
    input  wire  [16:0]              add_octets,
    // Read a lane and set it to 0
    input  wire                      take,
    output wire                      take_ready,
    input  wire  [$clog2(ROWS)-1:0]  take_row,
    input  wire  [4:0]               take_reason,
    output logic                     taken,
    output logic [39:0]              taken_packets,
    output logic [55:0]              taken_octets,
    // Set a whole row to 0; nothing may be counted meanwhile
    input  wire                      clear,
    input  wire  [$clog2(ROWS)-1:0]  clear_row
);
    localparam int ROW_W = $clog2(ROWS);
    localparam int SUCCESS_W = 96;
    localparam int ERROR_W = 16;
    localparam int WIDTH = SUCCESS_W + 31 * ERROR_W;

    if (ROWS < 2 || 1 << ROW_W != ROWS) begin : check_rows
        $fatal(1, "sa_counters: ROWS has to be a power of two");
    end

    logic [WIDTH-1:0] rows [ROWS];

    // Stage 1: the row is coming. Stage 2: the row is here, and changed.
    logic add1, take1, add2, take2;
    logic [ROW_W-1:0] row1, row2, row3;
    logic [4:0] reason1, reason2;
    logic [16:0] octets1, octets2;
    logic [WIDTH-1:0] out1, old2, new2, new3;
    logic wrote3;

    assign take_ready = !add;

    always_ff @(posedge clk) begin
        out1 <= rows[add ? add_row : take_row];
        add1 <= add;
        take1 <= take && !add;
        row1 <= add ? add_row : take_row;
        reason1 <= add ? add_reason : take_reason;
        octets1 <= add_octets;

        // The rows of the two steps ahead are not in memory yet, or came too late for stage 1.
        old2 <= (add2 || take2) && row2 == row1 ? new2 : wrote3 && row3 == row1 ? new3 : out1;
        add2 <= add1;
        take2 <= take1;
        row2 <= row1;
        reason2 <= reason1;
        octets2 <= octets1;

        wrote3 <= add2 || take2;
        row3 <= row2;
        new3 <= new2;
        if (rst) begin
            add1 <= 1'b0;
            take1 <= 1'b0;
            add2 <= 1'b0;
            take2 <= 1'b0;
            wrote3 <= 1'b0;
        end
    end

    wire [SUCCESS_W-1:0] success = old2[SUCCESS_W-1:0];
    logic [ERROR_W-1:0] errors;
    always_comb begin
        errors = 16'd0;
        for (int i = 1; i < 32; i++)
            if (reason2 == 5'(i)) errors = old2[SUCCESS_W + (i-1)*ERROR_W +: ERROR_W];
    end

    always_comb begin
        new2 = old2;
        if (reason2 == 5'd0)
            new2[SUCCESS_W-1:0] = take2 ? 96'd0
                : {success[95:40] + {39'd0, octets2}, success[39:0] + 40'd1};
        for (int i = 1; i < 32; i++)
            if (reason2 == 5'(i))
                new2[SUCCESS_W + (i-1)*ERROR_W +: ERROR_W] =
                    take2 ? 16'd0 : &errors ? errors : errors + 16'd1;
    end

    always_ff @(posedge clk) begin
        if (clear) rows[clear_row] <= '0;
        else if (add2 || take2) rows[row2] <= new2;
        taken <= take2 && !rst;
        taken_packets <= reason2 == 5'd0 ? success[39:0] : {24'd0, errors};
        taken_octets <= reason2 == 5'd0 ? success[95:40] : 56'd0;
    end
endmodule

`default_nettype wire
