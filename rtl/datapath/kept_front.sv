// Transport mode: the headers of the packet that came, in front of what follows them now.
//
// They are copied from copy 0 to copy 1; then the octet that names the next protocol, the length and
// IPv4's checksum are made right.
`default_nettype none

module kept_front (
    input  wire               clk,
    input  wire               rst,
    // Start: the headers, their octets, and where they go
    input  wire               go,
    input  wire               v6,
    input  wire  [16:0]       base,
    input  wire  [16:0]       size,
    input  wire  [16:0]       target,
    // The octet that names the protocol, what it is to say; total length, or IPv6's of the payload
    input  wire  [16:0]       pointer,
    input  wire  [7:0]        protocol,
    input  wire  [15:0]       length,
    // Region operations
    output logic              op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [15:0]       sum,
    // The end
    output logic              done
);
    localparam [2:0] IDLE = 3'd0, PROTOCOL = 3'd1, LENGTH = 3'd2, ZERO = 3'd3, SUM = 3'd4,
        CHECKSUM = 3'd5, FINISH = 3'd6;

    logic [2:0] state;

    task automatic start(input packet::op_t what);
        begin
            op_valid <= 1'b1;
            op <= what;
        end
    endtask
    task automatic put(input logic [16:0] offset, input logic [16:0] len, input logic [15:0] data);
        start(packet::write(1'b1, target + offset, len, {data, 112'd0}));
    endtask

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (go) begin
            start(packet::copy(1'b0, base, size, target));
            state <= PROTOCOL;
        end else if (op_done) begin
            case (state)
                PROTOCOL: begin
                    put(pointer, 17'd1, {protocol, 8'd0});
                    state <= LENGTH;
                end
                LENGTH: begin
                    put(v6 ? 17'd4 : 17'd2, 17'd2, length);
                    state <= v6 ? FINISH : ZERO;
                end
                ZERO: begin
                    put(17'd10, 17'd2, 16'd0);
                    state <= SUM;
                end
                SUM: begin
                    start(packet::sum(1'b1, target, size, 16'd0));
                    state <= CHECKSUM;
                end
                CHECKSUM: begin
                    put(17'd10, 17'd2, ~sum);
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
            op_valid <= 1'b0;
            done <= 1'b0;
        end
    end
endmodule

`default_nettype wire
