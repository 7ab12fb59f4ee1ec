// FIFO for whole packets: nothing of a packet comes out before it is in, and it can be taken back.
//
// A packet is kept when its last beat arrives with s_drop = 0. With s_drop = 1, or if it has not
// found room, all its beats are forgotten at once (the write pointer goes back to its first). Out
// of the FIFO a packet has no gaps but those that the receiver makes.
//
// Latency from the last beat in to the first out: 2 cycles when empty. A beat a cycle.
`default_nettype none

module fifo_packet #(
    // Beats held: a power of two, of at least one packet of the largest size
    parameter int DEPTH = 256,
    // Width of tdata: whole octets
    parameter int DATA_W = 128,
    // Width of tuser
    parameter int USER_W = 1,
    // 1: always ready; what does not fit is dropped. 0: waits for room; only a packet that cannot
    // fit even when it is alone is dropped.
    parameter int DROP_WHEN_FULL = 0
) (
    input  wire                     clk,
    input  wire                     rst,
    // Stream in; s_drop counts in the last beat
    input  wire                     s_tvalid,
    output wire                     s_tready,
    input  wire  [DATA_W-1:0]       s_tdata,
    input  wire  [DATA_W/8-1:0]     s_tkeep,
    input  wire                     s_tlast,
    input  wire  [USER_W-1:0]       s_tuser,
    input  wire                     s_drop,
    // Stream out
    output logic                    m_tvalid,
    input  wire                     m_tready,
    output wire  [DATA_W-1:0]       m_tdata,
    output wire  [DATA_W/8-1:0]     m_tkeep,
    output wire                     m_tlast,
    output wire  [USER_W-1:0]       m_tuser,
    // One pulse a packet: kept, dropped as asked, dropped for want of room
    output logic                    kept,
    output logic                    dropped,
    output logic                    overflowed,
    // Beats in the memory, those of the packet on its way in too
    output wire  [$clog2(DEPTH):0]  level
);
    localparam int AT_W = $clog2(DEPTH);
    localparam int BEAT_W = DATA_W + DATA_W / 8 + 1 + USER_W;

    if (DEPTH < 2 || 1 << AT_W != DEPTH) begin : check_depth
        $fatal(1, "fifo_packet: DEPTH has to be a power of two, at least 2");
    end
    if (DATA_W % 8 != 0 || DATA_W < 8) begin : check_data_w
        $fatal(1, "fifo_packet: DATA_W has to be whole octets");
    end

    (* no_rw_check *) logic [BEAT_W-1:0] memory [DEPTH];
    logic [BEAT_W-1:0] beat;
    // Pointers have one bit more than an address. `whole` is where the last kept packet ends.
    logic [AT_W:0] written, whole, read;
    logic lost;                                 // the packet on its way in has found no room

    wire full = level[AT_W];
    wire alone = whole == read;                 // nothing will make room
    wire take = s_tvalid && s_tready;
    wire put = take && !full && !lost;
    wire loses = lost || full;
    wire get = whole != read && (!m_tvalid || m_tready);

    assign level = written - read;
    assign s_tready = DROP_WHEN_FULL != 0 || !full || alone || lost;
    assign {m_tuser, m_tlast, m_tkeep, m_tdata} = beat;

    always_ff @(posedge clk) begin
        if (put) memory[written[AT_W-1:0]] <= {s_tuser, s_tlast, s_tkeep, s_tdata};
        if (get) beat <= memory[read[AT_W-1:0]];
    end

    always_ff @(posedge clk) begin
        kept <= 1'b0;
        dropped <= 1'b0;
        overflowed <= 1'b0;
        if (put) written <= written + 1'b1;
        if (take) begin
            lost <= loses && !s_tlast;
            if (s_tlast) begin
                if (loses || s_drop) written <= whole;
                else whole <= written + 1'b1;
                kept <= !loses && !s_drop;
                dropped <= s_drop;
                overflowed <= loses && !s_drop;
            end
        end
        if (get) read <= read + 1'b1;
        if (get) m_tvalid <= 1'b1;
        else if (m_tready) m_tvalid <= 1'b0;
        if (rst) begin
            written <= '0;
            whole <= '0;
            read <= '0;
            lost <= 1'b0;
            m_tvalid <= 1'b0;
        end
    end

`ifdef FORMAL
`include "fifo_packet_properties.svh"
`endif
endmodule

`default_nettype wire
