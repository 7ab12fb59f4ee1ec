// Where everything of a protected piece stands in copy 1, and how much it is. Combinational.
//
//   front_at      ah_at   udp_at   esp_at          start_at              icv_at     end_at
//   │ front │      AH │    UDP │    SPI … IV │       payload, trailer │    ICV │
//
// The payload, or in transport mode what follows the headers that are kept, stays where it is; what comes in
// front of it grows to the left.
`default_nettype none

module encap_layout (
    // Where a packet begins, whose headers in transport mode are `kept` octets
    input  wire  [16:0]               home,
    input  wire  [16:0]               kept,
    input  wire  [16:0]               total,
    input  wire                       v6,
    input  wire packet::outbound_t    sa,
    output wire packet::layout_t      layout
);
    wire has_esp = sa.esp_spi != 32'd0;
    wire has_ah = sa.ah_spi != 32'd0;
    wire has_udp = sa.udp_destination != 16'd0;
    wire carrier6 = sa.transport ? v6 : sa.v6;

    wire [16:0] payload = total - kept;
    // -(payload + 2) modulo the alignment
    wire [3:0] padding = (~payload[3:0] - 4'd1) & packet::align_mask(sa.cipher);
    wire [5:0] icv_size = packet::esp_icv_octets(sa.cipher, sa.esp_integrity);
    wire [16:0] esp_front = has_esp ? 17'd8 + {12'd0, packet::iv_octets(sa.cipher)} : 17'd0;
    wire [16:0] plain = has_esp ? payload + {13'd0, padding} + 17'd2 : payload;
    wire [16:0] esp_icv = has_esp ? {11'd0, icv_size} : 17'd0;
    wire [16:0] udp_size = has_udp ? 17'd8 : 17'd0;
    wire [16:0] ah_size = has_ah ? {11'd0, packet::ah_octets(sa.ah_integrity, carrier6)} : 17'd0;
    wire [16:0] front_size = sa.transport ? kept : sa.v6 ? 17'd40 : 17'd20;

    wire [16:0] start_at = home + kept;
    wire [16:0] esp_at = start_at - esp_front;
    wire [16:0] udp_at = esp_at - udp_size;
    wire [16:0] ah_at = udp_at - ah_size;
    wire [16:0] front_at = ah_at - front_size;
    wire [16:0] icv_at = start_at + plain;
    wire [16:0] end_at = icv_at + esp_icv;
    wire [16:0] whole = end_at - front_at;

    assign layout.v6 = carrier6;
    assign layout.padding = padding;
    assign layout.front_size = front_size;
    assign layout.ah_size = ah_size;
    assign layout.esp_icv = esp_icv;
    assign layout.front_at = front_at;
    assign layout.ah_at = ah_at;
    assign layout.udp_at = udp_at;
    assign layout.esp_at = esp_at;
    assign layout.icv_at = icv_at;
    assign layout.end_at = end_at;
    assign layout.whole = whole;
    assign layout.field = carrier6 ? whole - 17'd40 : whole;
    assign layout.overhead = front_size + ah_size + udp_size + esp_front + esp_icv;

    wire unused = &{1'b0, sa, payload[16:4]};
endmodule

`default_nettype wire
