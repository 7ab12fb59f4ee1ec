// Looks up the SA of each DECRYPT, and sends the packet the fast way or the slow one.
//
// Fast: ESP with an ICV in tunnel mode over IPv4 without options, the SA's SPI, whole blocks. What is
// then still to be found out (replay, ICV, padding, inner packet) the fast path judges. Everything
// else goes to `decapsulate`, which looks again. The plan is there in the cycle behind the third beat, which
// brings the end of AES-GCM's IV: 3 cycles behind the first one, if the table answers in 2 (way_gate).
`default_nettype none

module decap_select #(
    // Beats that wait for the look-up: a power of two
    parameter int DEPTH = 16,
    // Packets in the fast path
    parameter int IN_FLIGHT = 16,
    // Octets of the longest packet for the fast path
    parameter int LONGEST = 2048,
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
    input  wire packet::inbound_t  sa_row,
    // Packets of the fast path, each behind its plan; `fast_over` when one has left
    output wire                     plan_valid,
    output wire packet::receive_plan_t plan,
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
    output wire                     idle
);
    wire packet::request_t request;
    wire [383:0] head;
    wire packet::inbound_t sa;
    wire weigh;
    logic suits;
    logic [16:0] octets;                // from SPI to the end of the ciphertext

    way_gate #(
        .HEAD(3), .ROW_W(packet::INBOUND_W), .DEPTH(DEPTH), .IN_FLIGHT(IN_FLIGHT)
    ) gate (
        .clk, .rst, .s_axis_tuser, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid,
        .s_axis_tready, .sa_read, .sa_index, .sa_found, .sa_row, .request, .head, .row(sa), .weigh,
        .suits, .goes_fast(plan_valid), .m_fast_tdata, .m_fast_tkeep, .m_fast_tlast,
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

    // Behind the outer header: SPI, number and IV
    wire [31:0] spi, low;
    wire [63:0] iv;
    assign {spi, low, iv} = head[383-160 -: 128];
    wire [5:0] icv_size = packet::esp_icv_octets(sa.cipher, sa.esp_integrity);
    wire [16:0] esp_now = total - 17'd20 - {11'd0, icv_size};
    wire [16:0] front_now = 17'd8 + {12'd0, packet::iv_octets(sa.cipher)};
    wire [16:0] cipher_now = esp_now - front_now;
    wire row_suits = sa.valid && sa.epoch == request.epoch && !sa.transport && !sa.udp
        && sa.esp_spi != 32'd0 && sa.ah_spi == 32'd0 && icv_size != 6'd0;
    wire packet_suits = request.operation == packet::DECRYPT
        && request.ethertype == packet::ETHERTYPE_IPV4 && !malformed && version == 4'd4
        && size == 17'd20 && total == request.length && !is_fragment && protocol == packet::ESP
        && total >= 17'd22 + front_now + {11'd0, icv_size} && spi == sa.esp_spi
        && (cipher_now[3:0] & packet::align_mask(sa.cipher)) == 4'd0
        && total <= 17'(LONGEST);

    always_ff @(posedge clk)
        if (weigh) begin
            suits <= FAST != 0 && row_suits && packet_suits;
            octets <= esp_now;
        end

    assign plan.sa_index = request.sa_index;
    assign plan.spi = sa.esp_spi;
    assign plan.low = low;
    assign plan.iv = iv;
    assign plan.told = request.number;
    assign plan.cipher = sa.cipher;
    assign plan.integrity = sa.esp_integrity;
    assign plan.esn = sa.esn;
    assign plan.urgent = |request.level;
    assign plan.mark = traffic_class[1:0];
    assign plan.length = request.length;
    assign plan.octets = octets;

    wire unused = &{1'b0, head, request, v6, fragment, dont_fragment, traffic_class, sa, cipher_now};
endmodule

`default_nettype wire
