// Judges what a tunnel's ESP carried: padding, next header, inner packet, ECN. Combinational.
//
// The golden model's `esp.strip` and `tunnel.inner_packet`, from the plaintext's first 16 octets and
// its last beat; `run` tells of the beats before.
`default_nettype none

module decap_inner (
    // Octets of the plaintext with its trailer
    input  wire  [16:0]  octets,
    // Its first 16 octets, octet 0 in [127:120]
    input  wire  [127:0] first,
    // The last beat, octet 0 in [127:120]; 4, 8, 12 or 16 octets
    input  wire  [127:0] last,
    input  wire  [4:0]   last_octets,
    // The beat before ended in 1, 2, 3 ... up to this; 0 = it did not
    input  wire  [7:0]   run,
    // ECN of the outer header
    input  wire  [1:0]   mark,
    // OK, BAD_PADDING, BAD_NEXT_HEADER, BAD_INNER or BAD_ECN; a dummy packet
    output logic [4:0]   reason,
    output wire          dummy,
    // The inner packet: version, octets, the first 16 as they are to leave
    output wire          v6,
    output wire  [16:0]  total,
    output logic [127:0] mended
);
    // The beat shifted so that it ends in [7:0]
    wire [127:0] tail = last >> {5'd16 - last_octets, 3'd0};
    wire [7:0] padding = tail[15:8];
    wire [7:0] next_header = tail[7:0];
    wire [7:0] room = {3'd0, last_octets} - 8'd2;   // for padding in this beat

    logic pad_right;
    always_comb begin
        pad_right = padding <= room || run == padding - room;
        for (int i = 0; i < 14; i++)
            if (8'(i) < room && 8'(i) < padding && tail[16+8*i +: 8] != padding - 8'(i))
                pad_right = 1'b0;
    end

    wire [16:0] with_padding = octets - 17'd2;
    wire [16:0] inner_octets = with_padding - {9'd0, padding};

    wire malformed, is_fragment, dont_fragment;
    wire [3:0] version;
    wire [16:0] size;
    wire [7:0] protocol, traffic_class;
    wire [15:0] fragment;
    parse_ip parse (
        .head({first, 256'd0}), .length(inner_octets), .malformed, .version, .v6, .size, .total,
        .protocol, .traffic_class, .fragment, .is_fragment, .dont_fragment
    );

    // RFC 6040 figure 4. The checksum is adjusted, not made (RFC 1624), so that a wrong one stays so.
    wire [1:0] inner_mark = traffic_class[1:0];
    wire [1:0] new_mark = inner_mark[0] == inner_mark[1] ? inner_mark
        : mark == 2'b11 ? 2'b11 : inner_mark == 2'b10 && mark == 2'b01 ? 2'b01 : inner_mark;
    wire [15:0] old_word = first[127:112];
    wire [15:0] new_word = {old_word[15:2], new_mark};
    wire [15:0] new_sum = ~packet::plus(packet::plus(~first[47:32], ~old_word), new_word);

    assign dummy = next_header == packet::NO_NEXT_HEADER;

    always_comb begin
        reason = packet::OK;
        if ({9'd0, padding} > with_padding || !pad_right) reason = packet::BAD_PADDING;
        else if (dummy) reason = packet::OK;
        else if (next_header != packet::IPIP && next_header != packet::IPV6)
            reason = packet::BAD_NEXT_HEADER;
        else if (malformed || v6 != (next_header == packet::IPV6)) reason = packet::BAD_INNER;
        else if (mark == 2'b11 && inner_mark == 2'b00) reason = packet::BAD_ECN;

        mended = first;
        if (new_mark != inner_mark) begin
            if (v6) mended[117:116] = new_mark;
            else {mended[127:112], mended[47:32]} = {new_word, new_sum};
        end
    end

    wire unused = &{1'b0, size, protocol, fragment, is_fragment, dont_fragment, version,
        traffic_class};
endmodule

`default_nettype wire
