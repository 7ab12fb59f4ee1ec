// A memory of rows: one port writes, the other reads. Latency 2: the memory's own output, and a
// register behind it. Nobody may use what was read of a row in the cycle in which it was written.
`default_nettype none

module table_ram #(
    // Rows
    parameter int ROWS = 1024,
    // Bits of a row
    parameter int WIDTH = 64
) (
    input  wire                      clk,
    input  wire                      write,
    input  wire  [$clog2(ROWS)-1:0]  write_row,
    input  wire  [WIDTH-1:0]         write_data,
    input  wire                      read,
    input  wire  [$clog2(ROWS)-1:0]  read_row,
    output logic [WIDTH-1:0]         read_data
);
    if (ROWS < 2 || 1 << $clog2(ROWS) != ROWS) begin : check_rows
        $fatal(1, "table_ram: ROWS has to be a power of two");
    end

    (* no_rw_check *) logic [WIDTH-1:0] rows [ROWS];
    logic [WIDTH-1:0] out;
    logic fetched;

    always_ff @(posedge clk) begin
        if (write) rows[write_row] <= write_data;
        fetched <= read;
        if (read) out <= rows[read_row];
        if (fetched) read_data <= out;
    end
endmodule

`default_nettype wire
