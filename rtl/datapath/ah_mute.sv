// The headers in front of AH as its ICV sees them (RFC 4302 section 3.3.3, appendix A).
//
// Works in place on copy 1: what changes on the way becomes 0, what changes predictably becomes
// what it will be at the destination. The golden model's `ah.muted`. A few operations a header
// field, about 5 cycles each; IPv4 without options takes 20 cycles.
`default_nettype none

module ah_mute (
    input  wire               clk,
    input  wire               rst,
    // Start: where the IP header is and where its extension headers or options end
    input  wire               go,
    input  wire               v6,
    input  wire  [16:0]       base,
    input  wire  [16:0]       size,
    // Region operations
    output logic              op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    // The end: OK, MALFORMED_PACKET or UNSUPPORTED (a routing header of unknown type)
    output logic              done,
    output logic [4:0]        reason
);
    localparam [4:0] IDLE = 5'd0, FLAGS4 = 5'd1, SUM4 = 5'd2, OPTION4 = 5'd3, JUDGE4 = 5'd4,
        ROUTE4 = 5'd5, CLEAR4 = 5'd6, HOPS6 = 5'd7, FIRST6 = 5'd8, TO6 = 5'd9, KEEP6 = 5'd10,
        HEADER6 = 5'd11, JUDGE6 = 5'd12, OPTION6 = 5'd13, DATA6 = 5'd14, SLOT6 = 5'd15,
        SWAP6 = 5'd16, NEXT6 = 5'd17, FINISH = 5'd18;

    logic [4:0] state;
    logic waiting;
    logic [16:0] at;                    // the option or extension header under way
    logic [16:0] inner, stop;           // within it: option or address slot, and its end
    logic [16:0] length;                // of the IPv4 option
    logic [7:0] kind, next;             // of the extension header, and of the one behind it
    logic [127:0] to;                   // destination address

    wire [7:0] octet0 = q[127:120], octet1 = q[119:112], octet2 = q[111:104], octet3 = q[103:96];

    // An IPv4 option's length; the last octet of the header can hold none.
    wire [16:0] option_length = octet0 == 8'd1 ? 17'd1
        : at + 17'd1 < size ? {9'd0, octet1} : 17'd0;
    wire option_bad = octet0 != 8'd1 && (option_length < 17'd2 || at + option_length > size);
    wire immutable = octet0 == 8'd1 || octet0 == 8'd130 || octet0 == 8'd133 || octet0 == 8'd134
        || octet0 == 8'd148 || octet0 == 8'd149;
    // Loose and strict source routes with hops left: the last one is the destination.
    wire routed = (octet0 == 8'd131 || octet0 == 8'd137) && octet1 >= 8'd7 && octet2 <= octet1;

    wire [16:0] header_size = {6'd0, octet1, 3'd0} + 17'd8;
    wire [7:0] addresses = {1'b0, octet1[7:1]};
    wire [16:0] data_end = inner + 17'd2 + {9'd0, octet1};

    task automatic start(input packet::op_t what);
        begin
            op_valid <= 1'b1;
            waiting <= 1'b1;
            op <= what;
        end
    endtask

    task automatic finish(input logic [4:0] why);
        begin
            reason <= why;
            state <= FINISH;
        end
    endtask

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (op_done) waiting <= 1'b0;
        if (go) begin
            waiting <= 1'b0;
            at <= v6 ? 17'd40 : 17'd20;
            if (v6) begin
                start(packet::write(1'b1, base, 17'd4, {32'h6000_0000, 96'd0}));
                state <= HOPS6;
            end else begin
                start(packet::clear(1'b1, base + 17'd1, 17'd1));  // DSCP and ECN
                state <= FLAGS4;
            end
        end else if (!waiting || op_done) begin
            case (state)
                // -- IPv4 --------------------------------------------------------------------------
                FLAGS4: begin
                    start(packet::clear(1'b1, base + 17'd6, 17'd3));  // flags, offset, TTL
                    state <= SUM4;
                end
                SUM4: begin
                    start(packet::clear(1'b1, base + 17'd10, 17'd2));
                    state <= OPTION4;
                end
                OPTION4: begin
                    if (at >= size) begin
                        finish(packet::OK);
                    end else begin
                        start(packet::read(1'b1, base + at));
                        state <= JUDGE4;
                    end
                end
                JUDGE4: begin
                    length <= option_length;
                    if (octet0 == 8'd0) begin
                        finish(packet::OK);
                    end else if (option_bad) begin
                        finish(packet::MALFORMED_PACKET);
                    end else if (immutable) begin
                        at <= at + option_length;
                        state <= OPTION4;
                    end else if (routed) begin
                        start(packet::read(1'b1, base + at + option_length - 17'd4));
                        state <= ROUTE4;
                    end else begin
                        state <= CLEAR4;
                    end
                end
                ROUTE4: begin
                    start(packet::write(1'b1, base + 17'd16, 17'd4, q));
                    state <= CLEAR4;
                end
                CLEAR4: begin
                    start(packet::clear(1'b1, base + at, length));
                    at <= at + length;
                    state <= OPTION4;
                end
                // -- IPv6 --------------------------------------------------------------------------
                HOPS6: begin
                    start(packet::clear(1'b1, base + 17'd7, 17'd1));
                    state <= FIRST6;
                end
                FIRST6: begin
                    start(packet::read(1'b1, base + 17'd6));
                    state <= TO6;
                end
                TO6: begin
                    next <= octet0;
                    start(packet::read(1'b1, base + 17'd24));
                    state <= KEEP6;
                end
                KEEP6: begin
                    to <= q;
                    state <= HEADER6;
                end
                HEADER6: begin
                    kind <= next;
                    if (at >= size) begin
                        start(packet::write(1'b1, base + 17'd24, 17'd16, to));
                        finish(packet::OK);
                    end else begin
                        start(packet::read(1'b1, base + at));
                        state <= JUDGE6;
                    end
                end
                JUDGE6: begin
                    next <= octet0;
                    inner <= at + 17'd2;
                    stop <= at + header_size;
                    state <= NEXT6;
                    if (kind == packet::HOP_BY_HOP || kind == packet::DESTINATION) begin
                        state <= OPTION6;
                    end else if (kind == packet::ROUTING) begin
                        // Each hop swaps the destination with the next address, from here on.
                        inner <= at + 17'd8 + {5'd0, addresses - octet3, 4'd0};
                        stop <= at + 17'd8 + {5'd0, addresses, 4'd0};
                        if (octet2 == 8'd0 || octet2 == 8'd2) begin
                            if (octet3 > addresses) finish(packet::MALFORMED_PACKET);
                            else begin
                                start(packet::clear(1'b1, base + at + 17'd3, 17'd1));
                                state <= SLOT6;
                            end
                        end else if (octet3 != 8'd0) begin
                            finish(packet::UNSUPPORTED);
                        end
                    end
                    length <= header_size;
                end
                OPTION6: begin
                    if (inner >= stop) begin
                        state <= NEXT6;
                    end else begin
                        start(packet::read(1'b1, base + inner));
                        state <= DATA6;
                    end
                end
                DATA6: begin
                    state <= OPTION6;
                    if (octet0 == 8'd0) begin
                        inner <= inner + 17'd1;
                    end else if (inner + 17'd2 > stop || data_end > stop) begin
                        finish(packet::MALFORMED_PACKET);
                    end else begin
                        if (octet0[5])
                            start(packet::clear(1'b1, base + inner + 17'd2, {9'd0, octet1}));
                        inner <= data_end;
                    end
                end
                SLOT6: begin
                    if (inner >= stop) begin
                        state <= NEXT6;
                    end else begin
                        start(packet::read(1'b1, base + inner));
                        state <= SWAP6;
                    end
                end
                SWAP6: begin
                    start(packet::write(1'b1, base + inner, 17'd16, to));
                    to <= q;
                    inner <= inner + 17'd16;
                    state <= SLOT6;
                end
                NEXT6: begin
                    at <= at + length;
                    state <= HEADER6;
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

    wire unused = &{1'b0, q[95:0]};
endmodule

`default_nettype wire
