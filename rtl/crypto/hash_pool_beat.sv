// Makes the 64-octet beats of padded messages: data, ESN's high half, 0x80, zeros, length.
//
// A beat a cycle. In the cycle after a request the message's parameters arrive, the row of the
// memory is asked for, and two cycles later the beat leaves: `beat_valid` 3 cycles after `ask`.
`default_nettype none

module hash_pool_beat #(
    // Width of a row's number in the packet memory
    parameter int ROW_W = 8,
    // Width of a count of beats
    parameter int COUNT_W = 11
) (
    input  wire                clk,
    input  wire                rst,
    // Request: is it for a state (its octets come with the parameters), and which beat
    input  wire                ask,
    input  wire                ask_state,
    input  wire  [COUNT_W-1:0] ask_index,
    // The message, a cycle later: first row, octets, ESN's high half behind them, first 8 octets
    // (instead of the memory's), blocks of 128 octets, MD5's order of the length
    input  wire  [ROW_W-1:0]   row,
    input  wire  [16:0]        octets,
    input  wire                esn,
    input  wire  [31:0]        esn_high,
    input  wire  [63:0]        head,
    input  wire                wide,
    input  wire                little,
    input  wire  [511:0]       state,
    // Packet memory: data a cycle after the request
    output wire                mem_en,
    output wire  [ROW_W-1:0]   mem_row,
    input  wire  [511:0]       mem_data,
    // The beat, and how many the message has; octet 0 on the left
    output logic [511:0]       beat,
    output logic [COUNT_W-1:0] count
);
    // -- the cycle after the request: where this beat begins in the message -------------------------
    logic asked, asked_state;
    logic [COUNT_W-1:0] index;
    always_ff @(posedge clk) begin
        asked <= ask && !rst;
        asked_state <= ask_state;
        index <= ask_index;
    end

    assign mem_en = asked;
    assign mem_row = row + ROW_W'(index);

    wire [17:0] total = {1'b0, octets} + (esn ? 18'd4 : 18'd0);
    // The ends fit: 0x80 and a length field of 8 or 16 octets.
    wire [17:0] padded = total + (wide ? 18'd144 : 18'd72);
    wire [COUNT_W-1:0] beats = wide ? {padded[COUNT_W+5:7], 1'b0} : padded[COUNT_W+5:6];
    wire signed [18:0] data_left = $signed({2'b0, octets}) - $signed({1'b0, 18'({index, 6'd0})});
    wire signed [18:0] total_left = $signed({1'b0, total}) - $signed({1'b0, 18'({index, 6'd0})});
    wire [23:0] bits = {3'd0, total, 3'd0} + (wide ? 24'd1024 : 24'd512);

    // -- a cycle on: the memory's row is here --------------------------------------------------------
    logic is_state, first, last, with_high, with_end;
    logic [6:0] data_count;             // octets of data in this beat
    logic [5:0] end_at;                 // place of 0x80
    logic [63:0] length;
    logic [511:0] kept_state;
    logic [63:0] kept_head;
    logic [31:0] kept_high;
    logic [COUNT_W-1:0] kept_count;

    always_ff @(posedge clk) begin
        is_state <= asked_state;
        first <= index == '0;
        last <= index == beats - 1'b1;
        data_count <= data_left < 0 ? 7'd0 : data_left >= 64 ? 7'd64 : data_left[6:0];
        with_high <= esn && data_left >= 0 && data_left < 64;
        with_end <= total_left >= 0 && total_left < 64;
        end_at <= total_left[5:0];
        length <= little ? {bits[7:0], bits[15:8], bits[23:16], 40'd0} : {40'd0, bits};
        kept_state <= state;
        kept_head <= head;
        kept_high <= esn_high;
        kept_count <= beats;
    end

    wire [511:0] data = {first ? kept_head : mem_data[511:448], mem_data[447:0]};
    logic [511:0] filled;
    for (genvar i = 0; i < 64; i++) begin : octet
        localparam int LOW = (63 - i) * 8;
        always_comb begin
            filled[LOW +: 8] = 8'd0;
            if (7'(i) < data_count) filled[LOW +: 8] = data[LOW +: 8];
            else if (with_high && 4'(i / 4) == data_count[5:2])
                filled[LOW +: 8] = kept_high[(3 - i % 4) * 8 +: 8];
            else if (with_end && 6'(i) == end_at) filled[LOW +: 8] = 8'h80;
        end
    end

    always_ff @(posedge clk) begin
        beat <= is_state ? kept_state : {filled[511:64], filled[63:0] | (last ? length : 64'd0)};
        count <= kept_count;
    end

    wire unused = &{1'b0, padded};
endmodule

`default_nettype wire
