// The checksum of UDP or TCP with its pseudo header (RFC 768, RFC 9293, RFC 8200), in copy 1.
//
// `mend`: there is one, which is no longer right; a UDP checksum of 0 says that there is none, and stays.
// Otherwise it is made.
`default_nettype none

module upper_sum (
    input  wire               clk,
    input  wire               rst,
    // Start: the IP header, what follows it and its octets
    input  wire               go,
    input  wire               mend,
    input  wire               v6,
    input  wire  [16:0]       front,
    input  wire  [16:0]       base,
    input  wire  [16:0]       octets,
    input  wire  [7:0]        protocol,
    // Region operations
    output logic              op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    input  wire  [15:0]       sum,
    // The end
    output logic              done
);
    localparam [2:0] IDLE = 3'd0, FIELD = 3'd1, ADDRESSES = 3'd2, REST = 3'd3, WRITE = 3'd4,
        FINISH = 3'd5;

    logic [2:0] state;
    wire udp = protocol == packet::UDP;
    wire [16:0] field = base + (udp ? 17'd6 : 17'd16);
    wire [15:0] field_now = q[127:112];

    task automatic start(input packet::op_t what);
        begin
            op_valid <= 1'b1;
            op <= what;
        end
    endtask

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (go) begin
            start(packet::read(1'b1, field));
            state <= FIELD;
        end else if (op_done) begin
            case (state)
                FIELD: begin
                    // Written as it is, where nothing is to be done
                    start(packet::write(1'b1, field, 17'd2, 128'd0));
                    state <= mend && udp && field_now == 16'd0 ? FINISH : ADDRESSES;
                end
                ADDRESSES: begin
                    start(packet::sum(1'b1, front + (v6 ? 17'd8 : 17'd12), v6 ? 17'd32 : 17'd8,
                        packet::plus(octets[15:0], {8'd0, protocol})));
                    state <= REST;
                end
                REST: begin
                    start(packet::sum(1'b1, base, octets, sum));
                    state <= WRITE;
                end
                WRITE: begin
                    start(packet::write(1'b1, field, 17'd2,
                        {udp && &sum ? 16'hFFFF : ~sum, 112'd0}));
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

    wire unused = &{1'b0, q[111:0]};
endmodule

`default_nettype wire
