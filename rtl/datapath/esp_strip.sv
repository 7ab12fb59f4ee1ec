// ESP's trailer, in copy 1 (RFC 4303 section 2.4): padding 1, 2, 3 ... and the next header.
`default_nettype none

module esp_strip (
    input  wire               clk,
    input  wire               rst,
    // Start: the plaintext with its trailer
    input  wire               go,
    input  wire  [16:0]       base,
    input  wire  [16:0]       stop,
    // Region operations
    output logic              op_valid,
    output wire packet::op_t  op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    // The end: is the padding right; the plaintext's end without the trailer; what it is
    output logic              done,
    output logic              right,
    output logic [16:0]       inner_stop,
    output logic [7:0]        next_header
);
    logic trailer, running;             // it is being read; the padding is
    logic [7:0] left;                   // octets of padding not looked at yet
    logic [7:0] next;                   // what the next one has to be
    logic [16:0] at;

    assign op = packet::read(1'b1, at);

    logic wrong;
    always_comb begin
        wrong = 1'b0;
        for (int i = 0; i < 16; i++)
            if (8'(i) < left && q[127-8*i -: 8] != next + 8'(i)) wrong = 1'b1;
    end
    wire [16:0] end_now = stop - 17'd2 - {9'd0, q[127:120]};

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (go) begin
            at <= stop - 17'd2;
            op_valid <= 1'b1;
            trailer <= 1'b1;
            running <= 1'b1;
        end else if (running && op_done && trailer) begin
            trailer <= 1'b0;
            left <= q[127:120];
            next <= 8'd1;
            next_header <= q[119:112];
            inner_stop <= end_now;
            at <= end_now;
            if (end_now < base) begin
                right <= 1'b0;
                done <= 1'b1;
                running <= 1'b0;
            end else begin
                op_valid <= 1'b1;
            end
        end else if (running && op_done) begin
            left <= left - 8'd16;
            next <= next + 8'd16;
            at <= at + 17'd16;
            right <= !wrong;
            if (left > 8'd16 && !wrong) begin
                op_valid <= 1'b1;
            end else begin
                done <= 1'b1;
                running <= 1'b0;
            end
        end
        if (rst) begin
            op_valid <= 1'b0;
            done <= 1'b0;
            running <= 1'b0;
        end
    end
endmodule

`default_nettype wire
