// Walks IPv6 extension headers: where IPsec or the upper layer begins (RFC 8200; RFC 4303 section
// 3.1.1 for the place of transport mode). The golden model's `ip.upper` and `transport_position`.
//
// Reads from copy 0, whose packet starts at `base`. About 5 cycles an extension header.
`default_nettype none

module parse_chain (
    input  wire               clk,
    input  wire               rst,
    // Start: the IPv6 header's next header, and the packet's octets
    input  wire               go,
    input  wire  [16:0]       base,
    input  wire  [16:0]       total,
    input  wire  [7:0]        first,
    // Region operations
    output logic              op_valid,
    output wire packet::op_t  op,
    input  wire               op_done,
    input  wire  [127:0]      q,
    // The end: OK, FRAGMENT or MALFORMED_PACKET
    output logic              done,
    output logic [4:0]        reason,
    // The first header that is none of the extension headers: its offset, its number, and the
    // octet that announces it
    output logic [16:0]       upper_offset,
    output logic [7:0]        upper_protocol,
    output logic [16:0]       upper_pointer,
    // The same of what transport mode protects
    output logic [16:0]       place_offset,
    output logic [7:0]        place_protocol,
    output logic [16:0]       place_pointer
);
    logic running, asked;

    assign op = packet::read(1'b0, base + upper_offset);

    wire extension = upper_protocol == packet::HOP_BY_HOP || upper_protocol == packet::ROUTING
        || upper_protocol == packet::DESTINATION;
    wire [16:0] after = upper_offset + {6'd0, q[119:112], 3'd0} + 17'd8;

    always_ff @(posedge clk) begin
        op_valid <= 1'b0;
        done <= 1'b0;
        if (go) begin
            running <= 1'b1;
            asked <= 1'b0;
            upper_offset <= 17'd40;
            upper_protocol <= first;
            upper_pointer <= 17'd6;
            place_offset <= 17'd40;
            place_protocol <= first;
            place_pointer <= 17'd6;
        end else if (running && !asked) begin
            if (extension && upper_offset + 17'd8 <= total) begin
                op_valid <= 1'b1;
                asked <= 1'b1;
            end else begin
                running <= 1'b0;
                done <= 1'b1;
                reason <= extension ? packet::MALFORMED_PACKET
                    : upper_protocol == packet::FRAGMENT_HEADER ? packet::FRAGMENT : packet::OK;
            end
        end else if (running && op_done) begin
            asked <= 1'b0;
            if (after > total) begin
                running <= 1'b0;
                done <= 1'b1;
                reason <= packet::MALFORMED_PACKET;
            end
            upper_offset <= after;
            upper_protocol <= q[127:120];
            upper_pointer <= upper_offset;
            if (upper_protocol != packet::DESTINATION) begin
                place_offset <= after;
                place_protocol <= q[127:120];
                place_pointer <= upper_offset;
            end
        end
        if (rst) begin
            running <= 1'b0;
            done <= 1'b0;
            op_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, q[111:0]};
endmodule

`default_nettype wire
