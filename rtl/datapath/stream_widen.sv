// An AXI4-Stream of 16 lanes into one of many: beats are gathered until one is full or the last.
//
// Latency 1 cycle behind the beat that completes it; a beat a cycle in.
`default_nettype none

module stream_widen #(
    // Width of the stream out: 128 times a power of two
    parameter int DATA_W = 512
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire  [127:0]          s_tdata,
    input  wire  [15:0]           s_tkeep,
    input  wire                   s_tlast,
    input  wire                   s_tvalid,
    output wire                   s_tready,
    output wire  [DATA_W-1:0]     m_tdata,
    output wire  [DATA_W/8-1:0]   m_tkeep,
    output wire                   m_tlast,
    output wire                   m_tvalid,
    input  wire                   m_tready
);
    localparam int PARTS = DATA_W / 128;
    if (PARTS < 1 || 128 * PARTS != DATA_W || (PARTS & (PARTS - 1)) != 0) begin : check_data_w
        $fatal(1, "stream_widen: DATA_W has to be 128 times a power of two");
    end

    if (PARTS == 1) begin : same
        assign {m_tdata, m_tkeep, m_tlast, m_tvalid} = {s_tdata, s_tkeep, s_tlast, s_tvalid};
        assign s_tready = m_tready;
        wire unused = &{1'b0, clk, rst};
    end else begin : parts
        localparam int PART_W = $clog2(PARTS);
        logic [PART_W-1:0] part;
        logic [DATA_W-1:0] data;
        logic [DATA_W/8-1:0] keep;
        logic last, full;

        assign {m_tdata, m_tkeep, m_tlast, m_tvalid} = {data, keep, last, full};
        assign s_tready = !full || m_tready;
        wire take = s_tvalid && s_tready;

        always_ff @(posedge clk) begin
            if (full && m_tready) full <= 1'b0;
            if (take) begin
                data[{part, 7'd0} +: 128] <= s_tdata;
                // The lanes behind are not of this beat.
                if (part == '0) keep <= (DATA_W/8)'(s_tkeep);
                else keep[{part, 4'd0} +: 16] <= s_tkeep;
                last <= s_tlast;
                full <= s_tlast || part == PART_W'(PARTS - 1);
                part <= s_tlast ? '0 : part + 1'b1;
            end
            if (rst) begin
                part <= '0;
                full <= 1'b0;
            end
        end

`ifdef FORMAL
`include "stream_widen_properties.svh"
`endif
    end
endmodule

`default_nettype wire
