// What leaves the slow receive path when ICV and replay unit have said yes, in copy 1: the inner packet of
// a tunnel, or the packet of transport mode with the headers that it came with.
//
// The golden model's `tunnel.inner_packet` and `transport.restore`. Nothing is sent here.
`default_nettype none

module decap_restore (
    input  wire               clk,
    input  wire               rst,
    // Start; what follows stays until the end. The packet that came: in copy 0 from `home` on, octets of its
    // headers, the octet that names what follows them, version, ECN field
    input  wire               go,
    input  wire packet::inbound_t sa,
    input  wire  [16:0]       home,
    input  wire  [16:0]       front,
    input  wire  [16:0]       pointer,
    input  wire               v6,
    input  wire  [1:0]        mark,
    // What was inside, in copy 1: protocol, from, to
    input  wire  [7:0]        protocol,
    input  wire  [16:0]       at,
    input  wire  [16:0]       stop,
    // Region operations
    output wire               op_valid,
    output packet::op_t       op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    input  wire  [15:0]       sum,
    // The end: OK, BAD_NEXT_HEADER, BAD_INNER or BAD_ECN; a dummy packet; else what is to be sent
    output logic              done,
    output logic [4:0]        reason,
    output logic              dummy,
    output wire  [16:0]       out_at,
    output wire  [16:0]       out_octets,
    output wire               out_v6
);
    localparam [2:0] IDLE = 3'd0, INNER_READ = 3'd1, INNER = 3'd2, INNER_SUM = 3'd3, KEPT = 3'd4,
        UPPER = 3'd5, FINISH = 3'd6;

    logic [2:0] state;

    // -- a tunnel's inner packet ----------------------------------------------------------------------
    wire [383:0] head;
    wire malformed, inner_v6, is_fragment, dont_fragment;
    wire [3:0] version;
    wire [16:0] size, total;
    wire [7:0] inner_protocol, traffic_class;
    wire [15:0] fragment;
    wire [16:0] left = stop - at;
    parse_ip parse (
        .head, .length(left), .malformed, .version, .v6(inner_v6), .size, .total,
        .protocol(inner_protocol), .traffic_class, .fragment, .is_fragment, .dont_fragment
    );

    // ECN after decapsulation (RFC 6040 figure 4)
    wire [1:0] inner_mark = traffic_class[1:0];
    wire [1:0] new_mark = inner_mark[0] == inner_mark[1] ? inner_mark
        : mark == 2'b11 ? 2'b11 : inner_mark == 2'b10 && mark == 2'b01 ? 2'b01 : inner_mark;
    wire [15:0] old_word = head[383:368];
    wire [15:0] new_word = {old_word[15:2], new_mark};
    // The checksum is adjusted, not made (RFC 1624), so that a wrong one stays wrong.
    wire [15:0] new_sum =
        ~packet::plus(packet::plus(~head[383-80 -: 16], ~old_word), new_word);

    // -- transport mode: the headers in front ---------------------------------------------------------
    wire [16:0] front_at = at - front;
    wire [16:0] whole = stop - front_at;
    wire [16:0] whole_field = v6 ? whole - 17'd40 : whole;
    wire [16:0] sum_end = protocol == packet::UDP ? 17'd8 : 17'd18;
    wire mends_sum = sa.udp && (protocol == packet::UDP || protocol == packet::TCP)
        && left >= sum_end;

    assign out_at = sa.transport ? front_at : at;
    assign out_octets = sa.transport ? whole : total;
    assign out_v6 = sa.transport ? v6 : inner_v6;

    // -- region operations: its own, and those of its parts -------------------------------------------
    packet::op_t own_op;
    wire packet::op_t head_op, kept_op, sum_op;
    logic own_valid, head_go, kept_go, sum_go;
    wire head_valid, kept_valid, sum_valid, head_done, kept_done, sum_done;
    always_comb begin
        op = own_op;
        if (head_valid) op = head_op;
        if (kept_valid) op = kept_op;
        if (sum_valid) op = sum_op;
    end
    assign op_valid = own_valid || head_valid || kept_valid || sum_valid;

    head_read head_reader (
        .clk, .rst, .go(head_go), .ram(1'b1), .base(at), .op_valid(head_valid), .op(head_op),
        .op_done, .q, .done(head_done), .head
    );
    // Muting has changed the copy; the headers come from what arrived.
    kept_front keep_front (
        .clk, .rst, .go(kept_go), .v6, .base(home), .size(front), .target(front_at), .pointer,
        .protocol, .length(whole_field[15:0]), .op_valid(kept_valid), .op(kept_op), .op_done,
        .sum, .done(kept_done)
    );
    // A NAT has changed the addresses that TCP's and UDP's checksum covers (RFC 3948 section 3.1.2).
    upper_sum mend_sum (
        .clk, .rst, .go(sum_go), .mend(1'b1), .v6, .front(front_at), .base(at), .octets(left),
        .protocol, .op_valid(sum_valid), .op(sum_op), .op_done, .q, .sum, .done(sum_done)
    );

    // -- sequencer ------------------------------------------------------------------------------------
    task automatic put(input logic [16:0] dst, input logic [15:0] data);
        begin
            own_valid <= 1'b1;
            own_op <= packet::write(1'b1, dst, 17'd2, {data, 112'd0});
        end
    endtask

    always_ff @(posedge clk) begin
        own_valid <= 1'b0;
        head_go <= 1'b0;
        kept_go <= 1'b0;
        sum_go <= 1'b0;
        done <= 1'b0;
        if (go) begin
            reason <= packet::OK;
            dummy <= 1'b0;
            if (sa.esp_spi != 32'd0 && protocol == packet::NO_NEXT_HEADER) begin
                dummy <= 1'b1;
                state <= FINISH;
            end else if (sa.transport) begin
                kept_go <= 1'b1;
                state <= KEPT;
            end else if (protocol != packet::IPIP && protocol != packet::IPV6) begin
                reason <= packet::BAD_NEXT_HEADER;
                state <= FINISH;
            end else begin
                head_go <= 1'b1;
                state <= INNER_READ;
            end
        end else begin
            case (state)
                INNER_READ: if (head_done) state <= INNER;
                INNER: begin
                    state <= FINISH;
                    if (malformed || inner_v6 != (protocol == packet::IPV6)) begin
                        reason <= packet::BAD_INNER;
                    end else if (mark == 2'b11 && inner_mark == 2'b00) begin
                        reason <= packet::BAD_ECN;
                    end else if (new_mark != inner_mark) begin
                        put(at, inner_v6 ? {old_word[15:6], new_mark, old_word[3:0]} : new_word);
                        state <= INNER_SUM;
                    end
                end
                INNER_SUM: if (op_done) begin
                    if (inner_v6) begin
                        state <= FINISH;
                    end else begin
                        put(at + 17'd10, new_sum);
                        state <= UPPER;
                    end
                end
                KEPT: if (kept_done) begin
                    sum_go <= mends_sum;
                    state <= mends_sum ? UPPER : FINISH;
                end
                // The last write, of either kind
                UPPER: if (sum_done || (op_done && !sa.transport)) state <= FINISH;
                FINISH: begin
                    done <= 1'b1;
                    state <= IDLE;
                end
                default: state <= IDLE;
            endcase
        end
        if (rst) begin
            state <= IDLE;
            own_valid <= 1'b0;
            head_go <= 1'b0;
            kept_go <= 1'b0;
            sum_go <= 1'b0;
            done <= 1'b0;
        end
    end

    wire unused = &{1'b0, sa, size, version, inner_protocol, fragment, is_fragment, dont_fragment,
        traffic_class, whole_field[16]};
endmodule

`default_nettype wire
