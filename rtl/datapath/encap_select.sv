// Looks up the SA of each ENCRYPT, and sends the packet the fast way or the slow one.
//
// Fast: ESP in tunnel mode, IPv4 without options in IPv4, nothing to be cut, nothing to be refused.
// Its sequence number is taken here. Everything else goes to `encapsulate`, which looks again. The plan is
// there 4 cycles behind the first beat, if the table answers in 2 (way_gate).
`default_nettype none

module encap_select #(
    // Beats that wait for the look-up: a power of two
    parameter int DEPTH = 16,
    // Packets in the fast path
    parameter int IN_FLIGHT = 16,
    // 0: everything goes the slow way
    parameter int FAST = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Requests
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // The row of the SA table
    output wire                     sa_read,
    output wire  [15:0]             sa_index,
    input  wire                     sa_found,
    input  wire packet::outbound_t  sa_row,
    output logic                    number_write,
    output wire  [63:0]             number,
    // Packets of the fast path, each behind its plan; `fast_over` when one has left
    output logic                    plan_valid,
    output packet::plan_t           plan,
    output wire  [127:0]            m_fast_tdata,
    output wire  [15:0]             m_fast_tkeep,
    output wire                     m_fast_tlast,
    output wire                     m_fast_tvalid,
    input  wire                     m_fast_tready,
    input  wire                     fast_over,
    // Packets of the slow path
    output wire packet::request_t   m_slow_tuser,
    output wire  [127:0]            m_slow_tdata,
    output wire  [15:0]             m_slow_tkeep,
    output wire                     m_slow_tlast,
    output wire                     m_slow_tvalid,
    input  wire                     m_slow_tready,
    input  wire                     slow_idle,
    // The slow path has the look-up and the engine
    output wire                     slow,
    // A packet of the fast path is to be counted
    output logic                    count_valid,
    output packet::count_t          count,
    output wire                     idle
);
    wire packet::request_t request;
    wire [383:0] head;
    wire packet::outbound_t sa;
    wire weigh, goes_fast;

    way_gate #(
        .HEAD(2), .ROW_W(packet::OUTBOUND_W), .DEPTH(DEPTH), .IN_FLIGHT(IN_FLIGHT)
    ) gate (
        .clk, .rst, .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid,
        .s_axis_tready, .sa_read, .sa_index, .sa_found, .sa_row, .request, .head, .row(sa), .weigh,
        .suits(suits && fits), .goes_fast, .m_fast_tdata, .m_fast_tkeep, .m_fast_tlast,
        .m_fast_tvalid, .m_fast_tready, .fast_over, .m_slow_tdata, .m_slow_tkeep, .m_slow_tlast,
        .m_slow_tvalid, .m_slow_tready, .slow_idle, .slow, .idle
    );
    assign m_slow_tuser = request;

    // -- is it a packet for the fast path? ------------------------------------------------------------
    wire malformed, v6, is_fragment, dont_fragment;
    wire [3:0] version;
    wire [16:0] size, total;
    wire [7:0] protocol, traffic_class;
    wire [15:0] fragment;
    parse_ip parse (
        .head({head[383:128], 128'd0}), .length(request.length), .malformed, .version, .v6, .size,
        .total, .protocol, .traffic_class, .fragment, .is_fragment, .dont_fragment
    );

    wire [3:0] mask = packet::align_mask(sa.cipher);
    wire [3:0] padding_now = (~total[3:0] - 4'd1) & mask;
    wire [16:0] esp_now = total + {13'd0, padding_now} + 17'd10
        + {12'd0, packet::iv_octets(sa.cipher)};
    wire [16:0] whole_now = esp_now + 17'd20
        + {11'd0, packet::esp_icv_octets(sa.cipher, sa.esp_integrity)};
    wire row_suits = sa.valid && sa.epoch == request.epoch && !sa.transport && !sa.v6
        && sa.esp_spi != 32'd0 && sa.ah_spi == 32'd0 && sa.udp_destination == 16'd0;
    wire packet_suits = request.operation == packet::ENCRYPT
        && request.ethertype == packet::ETHERTYPE_IPV4 && !malformed && version == 4'd4
        && size == 17'd20 && total == request.length;
    wire numbers_left = sa.esn ? sa.number < 64'hFFFF_FFFF_FFFF_FFFF
        : sa.number < 64'h0000_0000_FFFF_FFFF;

    logic suits;
    logic [3:0] padding;
    logic [16:0] octets, whole;
    logic [63:0] next_number;
    wire fits = (request.mtu == 16'd0 || whole <= {1'b0, request.mtu}) && !whole[16];

    wire [319:0] outer;
    outer_header outer_header (
        .v6(1'b0), .source(sa.source), .destination(sa.destination), .ttl(sa.ttl),
        .dscp_copy(sa.dscp_copy), .dscp(sa.dscp), .ecn_copy(sa.ecn_copy),
        .inner_traffic_class(traffic_class), .inner_dont_fragment(dont_fragment),
        .df_policy(request.df_policy), .protocol(packet::ESP), .payload(16'(whole - 17'd20)),
        .identification(sa.esp_spi[15:0] + next_number[15:0]), .header(outer)
    );

    // -- what comes of it -----------------------------------------------------------------------------
    assign number = next_number;
    always_ff @(posedge clk) begin
        if (weigh) begin
            suits <= FAST != 0 && row_suits && packet_suits && numbers_left;
            padding <= padding_now;
            octets <= esp_now;
            whole <= whole_now;
            next_number <= sa.number + 64'd1;
        end
        plan_valid <= goes_fast && !rst;
        number_write <= goes_fast && !rst;
        count_valid <= goes_fast && !rst;
        plan.outer <= outer[319:160];
        plan.spi <= sa.esp_spi;
        plan.number <= next_number;
        plan.sa_index <= request.sa_index;
        plan.cipher <= sa.cipher;
        plan.integrity <= sa.esp_integrity;
        plan.esn <= sa.esn;
        plan.padding <= padding;
        plan.octets <= octets;
        count.of_sa <= 1'b1;
        count.inbound <= 1'b0;
        count.sa_index <= request.sa_index;
        count.reason <= packet::OK;
        count.octets <= request.length;
    end

    wire unused = &{1'b0, head, request, v6, is_fragment, protocol, fragment, sa, outer[159:0]};
endmodule

`default_nettype wire
