// What the datapath needs to know of an IP header (RFC 791, RFC 8200). Combinational.
//
// The golden model's `ip.parse`: octets beyond the total length are allowed.
`default_nettype none

module parse_ip (
    // The first 48 octets, octet 0 in [383:376]; what lies beyond the packet is not looked at
    input  wire [383:0] head,
    // Octets of the packet
    input  wire [16:0]  length,
    // No IP packet, or lengths that do not add up; then only `version` holds
    output logic        malformed,
    output wire  [3:0]  version,
    output wire         v6,
    // Octets of the header: with IPv4 options, without IPv6 extension headers
    output wire  [16:0] size,
    // Octets of the packet by its header
    output wire  [16:0] total,
    output wire  [7:0]  protocol,
    output wire  [7:0]  traffic_class,
    // IPv4's flags and fragment offset; 0 for IPv6
    output wire  [15:0] fragment,
    output wire         is_fragment,
    // DF; IPv6 counts as DF set
    output wire         dont_fragment
);
    assign version = length == 17'd0 ? 4'd0 : head[383:380];
    assign v6 = version == 4'd6;
    assign size = v6 ? 17'd40 : {11'd0, head[379:376], 2'd0};
    wire [15:0] field = v6 ? head[383-32 -: 16] : head[383-16 -: 16];
    assign total = {1'b0, field} + (v6 ? 17'd40 : 17'd0);
    assign protocol = v6 ? head[383-48 -: 8] : head[383-72 -: 8];
    assign traffic_class = v6 ? head[379:372] : head[375:368];
    assign fragment = v6 ? 16'd0 : head[383-48 -: 16];
    assign is_fragment = fragment[13] || fragment[12:0] != 13'd0;
    assign dont_fragment = v6 || fragment[14];

    always_comb begin
        case (version)
            4'd4: malformed = length < 17'd20 || size < 17'd20 || size > total || total > length;
            4'd6: malformed = length < 17'd40 || total > length;
            default: malformed = 1'b1;
        endcase
    end

    wire unused = &{1'b0, head};
endmodule

`default_nettype wire
