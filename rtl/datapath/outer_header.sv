// The outer IP header of a tunnel, checksum and all. Combinational.
//
// DSCP is copied or set; ECN copied (RFC 6040 normal mode) or 0 (its compatibility mode); DF by
// the policy of guide chapter 6, where an inner IPv6 packet counts as DF set; flow label 0.
`default_nettype none

module outer_header (
    // The SA's header: IPv4 addresses stand in the low 32 bits
    input  wire         v6,
    input  wire [127:0] source,
    input  wire [127:0] destination,
    input  wire [7:0]   ttl,
    input  wire         dscp_copy,
    input  wire [5:0]   dscp,
    input  wire         ecn_copy,
    // The inner packet's
    input  wire [7:0]   inner_traffic_class,
    input  wire         inner_dont_fragment,
    input  wire [1:0]   df_policy,
    // What follows: protocol and octets; and the identification (IPv4)
    input  wire [7:0]   protocol,
    input  wire [15:0]  payload,
    input  wire [15:0]  identification,
    // 40 octets, octet 0 in [319:312]; IPv4 uses the first 20
    output wire [319:0] header
);
    wire [7:0] traffic_class = {
        dscp_copy ? inner_traffic_class[7:2] : dscp, ecn_copy ? inner_traffic_class[1:0] : 2'd0
    };
    wire df = df_policy == packet::DF_COPY ? inner_dont_fragment : df_policy == packet::DF_SET;

    wire [127:0] first = {
        8'h45, traffic_class, payload + 16'd20, identification, 1'b0, df, 14'd0, ttl, protocol,
        16'd0, source[31:0]
    };
    wire [15:0] sum = packet::plus(
        packet::words(first), packet::plus(destination[31:16], destination[15:0]));
    wire [159:0] v4_header = {first[127:48], ~sum, first[31:0], destination[31:0]};
    wire [319:0] v6_header = {
        4'd6, traffic_class, 20'd0, payload, protocol, ttl, source, destination
    };

    assign header = v6 ? v6_header : {v4_header, 160'd0};
endmodule

`default_nettype wire
