// Looks up the SA of each DECRYPT, and sends the packet the fast way or the slow one.
//
// Fast: ESP with an ICV in tunnel mode over IPv4 without options, the SA's SPI, whole blocks. What is
// then still to be found out (replay, ICV, padding, inner packet) the fast path judges. Everything
// else goes to `decapsulate`, which looks again. A packet goes a way only when the other one is empty.
//
// A packet's row is looked up with its first beat, and its plan is there with what the third one brings,
// the end of AES-GCM's IV: 3 cycles behind the first beat, if the table answers in 2. One look-up at a
// time: a packet every 5 cycles.
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
    // The row of the SA table, which stays until the request has ended
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
    output packet::request_t        m_slow_tuser,
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
    localparam [2:0] IDLE = 3'd0, LOOK = 3'd1, DECIDE = 3'd2, REST = 3'd3, DRAIN = 3'd4,
        SLOW = 3'd5;
    localparam int COUNT_W = $clog2(IN_FLIGHT) + 1;

    logic [2:0] state;
    logic [COUNT_W-1:0] in_flight;

    // -- beats in -------------------------------------------------------------------------------------------
    packet::request_t request;
    logic [255:0] head;
    logic [31:0] iv_end;
    logic [1:0] beats;                  // seen; 3 for more
    logic ended;                        // the last one was seen
    logic row_there;

    wire hold_ready, hold_valid, hold_last, hold_user, hold_taken;
    wire [127:0] hold_data;
    wire [15:0] hold_keep;
    wire [$clog2(DEPTH):0] level;

    wire begins = state == IDLE && slow_idle;
    wire goes_on = state != IDLE && !ended;
    wire in_valid = s_axis_tvalid && (begins || goes_on);
    assign s_axis_tready = hold_ready && (begins || goes_on);
    wire taken = in_valid && hold_ready;

    fifo_stream #(.DEPTH(DEPTH)) hold (
        .clk, .rst, .s_tvalid(in_valid), .s_tready(hold_ready), .s_tdata(s_axis_tdata),
        .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast), .s_tuser(1'b0), .m_tvalid(hold_valid),
        .m_tready(hold_taken), .m_tdata(hold_data), .m_tkeep(hold_keep), .m_tlast(hold_last),
        .m_tuser(hold_user), .level
    );

    // -- is it a packet for the fast path? --------------------------------------------------------------------
    wire malformed, v6, is_fragment, dont_fragment;
    wire [3:0] version;
    wire [16:0] size, total;
    wire [7:0] protocol, traffic_class;
    wire [15:0] fragment;
    parse_ip parse (
        .head({head, 128'd0}), .length(request.length), .malformed, .version, .v6, .size, .total,
        .protocol, .traffic_class, .fragment, .is_fragment, .dont_fragment
    );

    // Behind the outer header: SPI and number
    wire [31:0] spi = head[95:64];
    wire [31:0] low = head[63:32];
    wire packet::inbound_t sa = sa_row;
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

    logic suits;
    logic [16:0] octets;
    wire fast = FAST != 0 && suits;

    // -- beats out --------------------------------------------------------------------------------------------
    // Packets in `hold` are those of one way. Of the fast way there may be several.
    logic [COUNT_W-1:0] decided;        // whose beats have not all left
    wire fast_open = decided != '0;
    assign slow = state == SLOW;
    assign m_fast_tdata = hold_data;
    assign m_fast_tkeep = hold_keep;
    assign m_fast_tlast = hold_last;
    assign m_fast_tvalid = hold_valid && fast_open;
    assign m_slow_tuser = request;
    assign m_slow_tdata = hold_data;
    assign m_slow_tkeep = hold_keep;
    assign m_slow_tlast = hold_last;
    assign m_slow_tvalid = hold_valid && slow;
    assign hold_taken = (fast_open && m_fast_tready) || (slow && m_slow_tready);
    wire fast_left = fast_open && hold_valid && m_fast_tready && hold_last;

    wire room = in_flight != (COUNT_W)'(IN_FLIGHT);
    assign plan_valid = state == DECIDE && fast && room;
    assign plan.sa_index = request.sa_index;
    assign plan.spi = sa.esp_spi;
    assign plan.low = low;
    assign plan.iv = {head[31:0], iv_end};
    assign plan.told = request.number;
    assign plan.cipher = sa.cipher;
    assign plan.integrity = sa.esp_integrity;
    assign plan.esn = sa.esn;
    assign plan.mark = traffic_class[1:0];
    assign plan.length = request.length;
    assign plan.octets = octets;

    assign sa_read = state == IDLE && taken;
    assign sa_index = state == IDLE ? s_axis_tuser.sa_index : request.sa_index;
    assign idle = state == IDLE && slow_idle && in_flight == '0;

    wire [127:0] beat = packet::reversed(s_axis_tdata);
    always_ff @(posedge clk) begin
        if (taken) begin
            if (state == IDLE) head[255:128] <= beat;
            else if (beats == 2'd1) head[127:0] <= beat;
            else if (beats == 2'd2) iv_end <= beat[127:96];
            beats <= state == IDLE ? 2'd1 : beats == 2'd3 ? 2'd3 : beats + 2'd1;
            ended <= s_axis_tlast;
        end
        if (sa_found) row_there <= 1'b1;

        case (state)
            IDLE: if (taken) begin
                request <= s_axis_tuser;
                row_there <= 1'b0;
                state <= LOOK;
            end
            // The third beat is here or is being taken, or there is none.
            LOOK: if ((row_there || sa_found) && (beats == 2'd3 || (beats == 2'd2 && taken) || ended))
            begin
                suits <= row_suits && packet_suits;
                octets <= esp_now;
                state <= DECIDE;
            end
            DECIDE: if (!fast) state <= DRAIN;
            else if (room) state <= ended || (taken && s_axis_tlast) ? IDLE : REST;
            // The rest of a long packet
            REST: if (ended || (taken && s_axis_tlast)) state <= IDLE;
            DRAIN: if (in_flight == '0) state <= SLOW;
            default: if (hold_valid && hold_last && m_slow_tready) state <= IDLE;
        endcase

        in_flight <= in_flight + (COUNT_W)'(plan_valid) - (COUNT_W)'(fast_over);
        decided <= decided + (COUNT_W)'(plan_valid) - (COUNT_W)'(fast_left);
        if (rst) begin
            state <= IDLE;
            in_flight <= '0;
            decided <= '0;
            ended <= 1'b1;
        end
    end

    wire unused = &{1'b0, hold_user, level, v6, fragment, dont_fragment, traffic_class, sa, cipher_now};
endmodule

`default_nettype wire
