// One packet behind another: a packet of stream A, then one of stream B, as one packet without a gap.
//
// B is shifted to where A ends: the beat in which A ends and B begins takes from both, so that n
// octets take n/16 beats, rounded up. Latency 0: combinational from A and B to the output. The two
// together have at least one octet; B alone may be a beat without octets.
`default_nettype none

module align_append (
    input  wire          clk,
    input  wire          rst,
    // Stream A
    input  wire  [127:0] s_a_tdata,
    input  wire  [15:0]  s_a_tkeep,
    input  wire          s_a_tlast,
    input  wire          s_a_tvalid,
    output wire          s_a_tready,
    // Stream B
    input  wire  [127:0] s_b_tdata,
    input  wire  [15:0]  s_b_tkeep,
    input  wire          s_b_tlast,
    input  wire          s_b_tvalid,
    output wire          s_b_tready,
    // A and B
    output wire  [127:0] m_axis_tdata,
    output wire  [15:0]  m_axis_tkeep,
    output wire          m_axis_tlast,
    output wire          m_axis_tvalid,
    input  wire          m_axis_tready
);
    logic in_b;                         // A has ended
    logic flush;                        // B has, too: only the kept octets are left
    logic [127:0] kept;                 // octets of the last beat that found no room
    logic [15:0] kept_keep;

    // What stands in front of B's octets in the beat: A's last octets, or the kept ones.
    wire joins = in_b || s_a_tlast;
    wire [127:0] front = in_b ? kept : s_a_tdata;
    wire [15:0] front_keep = in_b ? kept_keep : s_a_tkeep;

    logic [4:0] shift;
    always_comb begin
        shift = 5'd0;
        for (int i = 0; i < 16; i++) if (front_keep[i]) shift = 5'(i + 1);
    end

    logic [127:0] b_octets;
    always_comb
        for (int i = 0; i < 16; i++) b_octets[i*8 +: 8] = s_b_tkeep[i] ? s_b_tdata[i*8 +: 8] : 8'd0;
    logic [127:0] front_octets;
    always_comb
        for (int i = 0; i < 16; i++)
            front_octets[i*8 +: 8] = front_keep[i] ? front[i*8 +: 8] : 8'd0;

    wire [255:0] shifted = {128'd0, b_octets} << {shift, 3'd0};
    wire [31:0] shifted_keep = {16'd0, s_b_tkeep} << shift;

    // A beat of B is taken if it begins here, even if nothing of it fits.
    wire ends = s_b_tlast && !shifted_keep[16];

    assign m_axis_tdata = flush ? kept : !joins ? s_a_tdata : front_octets | shifted[127:0];
    assign m_axis_tkeep = flush ? kept_keep : !joins ? s_a_tkeep : front_keep | shifted_keep[15:0];
    assign m_axis_tlast = flush || (joins && ends);
    assign m_axis_tvalid = flush || ((in_b || s_a_tvalid) && (!joins || s_b_tvalid));

    wire moves = m_axis_tvalid && m_axis_tready;
    assign s_a_tready = moves && !flush && !in_b;
    assign s_b_tready = moves && !flush && joins;

    always_ff @(posedge clk) begin
        if (moves) begin
            kept <= shifted[255:128];
            kept_keep <= shifted_keep[31:16];
            if (flush || (joins && ends)) begin
                in_b <= 1'b0;
                flush <= 1'b0;
            end else if (joins) begin
                in_b <= 1'b1;
                flush <= s_b_tlast;
            end
        end
        if (rst) begin
            in_b <= 1'b0;
            flush <= 1'b0;
        end
    end
endmodule

`default_nettype wire
