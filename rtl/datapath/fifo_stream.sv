// FIFO for the beats of an AXI4-Stream.
//
// Latency 2 cycles when empty, a beat a cycle. The memory is read into the output register, so it
// may be block RAM; DEPTH beats fit in it and one more in the register.
`default_nettype none

module fifo_stream #(
    // Beats held: a power of two
    parameter int DEPTH = 64,
    // Width of tdata: whole octets
    parameter int DATA_W = 128,
    // Width of tuser
    parameter int USER_W = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Stream in
    input  wire                     s_tvalid,
    output wire                     s_tready,
    input  wire  [DATA_W-1:0]       s_tdata,
    input  wire  [DATA_W/8-1:0]     s_tkeep,
    input  wire                     s_tlast,
    input  wire  [USER_W-1:0]       s_tuser,
    // Stream out
    output logic                    m_tvalid,
    input  wire                     m_tready,
    output wire  [DATA_W-1:0]       m_tdata,
    output wire  [DATA_W/8-1:0]     m_tkeep,
    output wire                     m_tlast,
    output wire  [USER_W-1:0]       m_tuser,
    // Beats in the memory
    output wire  [$clog2(DEPTH):0]  level
);
    localparam int AT_W = $clog2(DEPTH);
    localparam int BEAT_W = DATA_W + DATA_W / 8 + 1 + USER_W;

    if (DEPTH < 2 || 1 << AT_W != DEPTH) begin : check_depth
        $fatal(1, "fifo_stream: DEPTH has to be a power of two, at least 2");
    end
    if (DATA_W % 8 != 0 || DATA_W < 8) begin : check_data_w
        $fatal(1, "fifo_stream: DATA_W has to be whole octets");
    end

    (* no_rw_check *) logic [BEAT_W-1:0] memory [DEPTH];
    logic [BEAT_W-1:0] beat;
    // One bit more than an address: they tell full from empty.
    logic [AT_W:0] written, read;

    wire put = s_tvalid && s_tready;
    wire get = some && (!m_tvalid || m_tready);

    // Beside the numbers, so that nothing has to be compared before a beat can move.
    logic some, full;

    assign level = written - read;
    assign s_tready = !full;
    assign {m_tuser, m_tlast, m_tkeep, m_tdata} = beat;

    always_ff @(posedge clk) begin
        if (put) memory[written[AT_W-1:0]] <= {s_tuser, s_tlast, s_tkeep, s_tdata};
        if (get) beat <= memory[read[AT_W-1:0]];
    end

    always_ff @(posedge clk) begin
        some <= put || (some && !(get && level == 1));
        full <= !get && (full || (put && level == (AT_W + 1)'(DEPTH - 1)));
        if (put) written <= written + 1'b1;
        if (get) read <= read + 1'b1;
        if (get) m_tvalid <= 1'b1;
        else if (m_tready) m_tvalid <= 1'b0;
        if (rst) begin
            some <= 1'b0;
            full <= 1'b0;
            written <= '0;
            read <= '0;
            m_tvalid <= 1'b0;
        end
    end

`ifdef FORMAL
`include "fifo_stream_properties.svh"
`endif
endmodule

`default_nettype wire
