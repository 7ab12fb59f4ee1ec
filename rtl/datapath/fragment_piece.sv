// Composes one fragment of an IPv4 packet: header, options, checksum, payload slice (RFC 791).
//
// The packet is in copy `ram`, the piece goes to the other one. Of the first piece the options are
// all kept, of later ones those with the copied flag. With no payload (`octets` 0) it is the
// check whether the options are well formed.
`default_nettype none

module fragment_piece (
    input  wire               clk,
    input  wire               rst,
    // Start
    input  wire               go,
    input  wire               ram,
    // Where the packet is and where the piece goes
    input  wire  [16:0]       base,
    input  wire  [16:0]       target,
    // The packet's first 20 octets, octet 0 in [159:152], and octets of its header
    input  wire  [159:0]      fixed,
    input  wire  [16:0]       size,
    // The piece: all options, flags and offset, octets of payload and where in the packet they are
    input  wire               first,
    input  wire  [15:0]       flags,
    input  wire  [16:0]       octets,
    input  wire  [16:0]       from,
    // Region operations
    output logic              op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    input  wire  [15:0]       sum,
    // The end: OK or MALFORMED_PACKET; octets of the piece
    output logic              done,
    output logic [4:0]        reason,
    output logic [16:0]       total
);
    localparam [3:0] IDLE = 4'd0, OPTION = 4'd1, JUDGE = 4'd2, FIXED = 4'd3, REST = 4'd4,
        SUM = 4'd5, CHECKSUM = 4'd6, PAYLOAD = 4'd7, FINISH = 4'd8;

    logic [3:0] state;
    logic waiting;
    logic [16:0] at, end_of_header;
    logic [16:0] padded;                // octets of the new header
    assign padded = (end_of_header + 17'd3) & ~17'd3;
    assign total = padded + octets;

    wire [7:0] kind = q[127:120];
    wire [16:0] length = kind == 8'd1 ? 17'd1 : at + 17'd1 < size ? {9'd0, q[119:112]} : 17'd0;
    wire bad = kind != 8'd1 && (length < 17'd2 || at + length > size);

    task automatic start(input packet::op_t what);
        begin
            op_valid <= 1'b1;
            waiting <= 1'b1;
            op <= what;
        end
    endtask

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (op_done) waiting <= 1'b0;
        if (go) begin
            at <= 17'd20;
            end_of_header <= first ? size : 17'd20;
            reason <= packet::OK;
            waiting <= 1'b0;
            state <= OPTION;
            if (first) begin
                state <= FIXED;
                if (size != 17'd20)
                    start(packet::copy(ram, base + 17'd20, size - 17'd20, target + 17'd20));
            end
        end else if (!waiting || op_done) begin
            case (state)
                OPTION: begin
                    if (at < size) begin
                        start(packet::read(ram, base + at));
                        state <= JUDGE;
                    end else begin
                        start(packet::clear(!ram, target + end_of_header, 17'd4));
                        state <= FIXED;
                    end
                end
                JUDGE: begin
                    state <= OPTION;
                    at <= at + length;
                    if (kind == 8'd0) begin
                        at <= size;
                    end else if (bad) begin
                        reason <= packet::MALFORMED_PACKET;
                        state <= FINISH;
                    end else if (kind[7]) begin
                        start(packet::copy(ram, base + at, length, target + end_of_header));
                        end_of_header <= end_of_header + length;
                    end
                end
                FIXED: begin
                    start(packet::write(!ram, target, 17'd16, {
                        4'd4, padded[5:2], fixed[151:144], total[15:0], fixed[127:112], flags,
                        fixed[95:80], 16'd0, fixed[63:32]
                    }));
                    state <= REST;
                end
                REST: begin
                    start(packet::write(!ram, target + 17'd16, 17'd4, {fixed[31:0], 96'd0}));
                    state <= SUM;
                end
                SUM: begin
                    start(packet::sum(!ram, target, padded, 16'd0));
                    state <= CHECKSUM;
                end
                CHECKSUM: begin
                    start(packet::write(!ram, target + 17'd10, 17'd2, {~sum, 112'd0}));
                    state <= PAYLOAD;
                end
                PAYLOAD: begin
                    start(packet::copy(ram, base + from, octets, target + padded));
                    state <= FINISH;
                end
                FINISH: begin
                    done <= 1'b1;
                    state <= IDLE;
                end
                default: state <= IDLE;
            endcase
        end
        if (rst) begin
            state <= IDLE;
            waiting <= 1'b0;
            op_valid <= 1'b0;
            done <= 1'b0;
        end
    end

    wire unused = &{1'b0, q[111:0], fixed, total[16]};
endmodule

`default_nettype wire
