// What AH's ICV covers, in copy 1 (RFC 4302 section 3.3.3): the ICV's field is cleared, with ESN the
// number's high half stands behind the packet, and what changes on the way is muted (ah_mute).
`default_nettype none

module ah_prepare (
    input  wire               clk,
    input  wire               rst,
    // Start: the IP header with all in front of AH, and its octets
    input  wire               go,
    input  wire               v6,
    input  wire  [16:0]       base,
    input  wire  [16:0]       size,
    // AH, and how many octets behind its fixed part are cleared; the packet's end
    input  wire  [16:0]       ah_at,
    input  wire  [16:0]       cleared,
    input  wire  [16:0]       stop,
    input  wire               esn,
    input  wire  [31:0]       high,
    // Region operations
    output wire               op_valid,
    output wire packet::op_t  op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    // The end: OK, or why it cannot be; octets to be hashed, from `base` on
    output wire               done,
    output wire  [4:0]        reason,
    output wire  [16:0]       octets
);
    localparam [1:0] IDLE = 2'd0, HIGH = 2'd1, MUTE = 2'd2;

    logic [1:0] state;
    logic own_valid, mute_go;
    packet::op_t own_op;
    wire mute_valid;
    wire packet::op_t mute_op;
    assign op_valid = own_valid || mute_valid;
    assign op = mute_valid ? mute_op : own_op;
    assign octets = stop - base + (esn ? 17'd4 : 17'd0);

    ah_mute mute (
        .clk, .rst, .go(mute_go), .v6, .base, .size, .op_valid(mute_valid), .op(mute_op), .op_done,
        .q, .done, .reason
    );

    always_ff @(posedge clk) begin
        own_valid <= 1'b0;
        mute_go <= 1'b0;
        if (go) begin
            own_op <= packet::clear(1'b1, ah_at + 17'd12, cleared);
            own_valid <= 1'b1;
            state <= HIGH;
        end else if (op_done) begin
            case (state)
                HIGH: begin
                    own_op <= packet::write(1'b1, stop, esn ? 17'd4 : 17'd0, {high, 96'd0});
                    own_valid <= 1'b1;
                    state <= MUTE;
                end
                MUTE: begin
                    mute_go <= 1'b1;
                    state <= IDLE;
                end
                default: state <= IDLE;
            endcase
        end
        if (rst) begin
            state <= IDLE;
            own_valid <= 1'b0;
            mute_go <= 1'b0;
        end
    end
endmodule

`default_nettype wire
