// ENCRYPT and FRAGMENT, any packet: store, walk, compose (docs/decisions/rtl-accelerator.md).
//
// The golden model's `encapsulate.py` as a sequence of region operations. Copy 0 holds the packet as
// it came, from octet HOME on; a piece is composed in copy 1 with its payload at HOME and IPsec's
// headers in front, and goes through the engine in place. Cut after encryption, the copies change
// roles. Every refusal is found before a sequence number is used or an octet sent.
// One packet at a time; an ESP tunnel packet of n beats takes about 4 n + 120 cycles.
`default_nettype none

module encapsulate #(
    // Octets of each copy: 2 to the power of this; packets may have 512 less
    parameter int ADDR_W = 12
) (
    input  wire                     clk,
    input  wire                     rst,
    // Requests, with the IP packet
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // The row of the SA table; `sa_found` any time after `sa_read`, with the row
    output logic                    sa_read,
    output wire  [15:0]             sa_index,
    input  wire                     sa_found,
    input  wire packet::outbound_t  sa_row,
    // The last sequence number used, for the row
    output logic                    number_write,
    output logic [63:0]             number,
    // Engine: job, its octets, what comes back, and at last the ICV (octet 0 in [255:248])
    output packet::job_t            job,
    output logic                    job_valid,
    input  wire                     job_ready,
    output wire  [127:0]            m_engine_tdata,
    output wire  [15:0]             m_engine_tkeep,
    output wire                     m_engine_tlast,
    output wire                     m_engine_tvalid,
    input  wire                     m_engine_tready,
    input  wire  [127:0]            s_engine_tdata,
    input  wire  [15:0]             s_engine_tkeep,
    input  wire                     s_engine_tlast,
    input  wire                     s_engine_tvalid,
    output wire                     s_engine_tready,
    input  wire                     icv_valid,
    input  wire  [255:0]            icv,
    // Results
    output packet::result_t         m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // What is to be counted, and whether a packet is here
    output logic                    count_valid,
    output packet::count_t          count,
    output wire                     idle
);
    localparam [16:0] HOME = 17'd256;
    localparam [16:0] LARGEST = 17'((1 << ADDR_W) - 512);

    localparam [5:0] IDLE = 6'd0, HEAD0 = 6'd1, HEAD1 = 6'd2, HEAD2 = 6'd3, HEAD3 = 6'd4,
        CHECK = 6'd5, CHECK_SA = 6'd6, CHAIN = 6'd7, FIT = 6'd8, PLAN = 6'd9, OPTIONS = 6'd10,
        NUMBERS = 6'd11, PIECE = 6'd12, PIECE_WAIT = 6'd13, PAD = 6'd14, PAD_END = 6'd15,
        ESP_HEADER = 6'd16, CRYPT = 6'd17, ESP_ICV = 6'd18, ESP_ICV2 = 6'd19, UDP = 6'd20,
        FRONT = 6'd21, FRONT2 = 6'd22, FRONT3 = 6'd23, KEPT = 6'd24, KEPT_LENGTH = 6'd25,
        KEPT_SUM = 6'd26, KEPT_SUM2 = 6'd27, KEPT_SUM3 = 6'd28, BEHIND = 6'd29, AH = 6'd30,
        AH_ZERO = 6'd31, AH_HIGH = 6'd32, MUTE = 6'd33, HASH = 6'd34, AH_ICV = 6'd35,
        AH_ICV2 = 6'd36, UDP_SUM = 6'd37, UDP_SUM2 = 6'd38, UDP_SUM3 = 6'd39, READY = 6'd40,
        COMMIT = 6'd41, SEND = 6'd42, SENT = 6'd43, REFUSE = 6'd44, FINISH = 6'd45,
        CHAINED = 6'd46, FITTING = 6'd47, MUTED = 6'd48;

    logic [5:0] state;

    // -- the packet ------------------------------------------------------------------------------------
    // Class and number of the request are for others.
    // verilator lint_off UNUSEDSIGNAL
    packet::request_t request;
    // verilator lint_on UNUSEDSIGNAL
    packet::outbound_t sa;
    logic sa_there;
    logic [383:0] head;                 // of the packet to be cut or protected
    logic [16:0] length;                // octets of it that are there
    logic post;                         // the packet that is cut is the protected one

    wire malformed, v6_now, is_fragment, dont_fragment_now;
    wire [3:0] version;
    wire [16:0] size, total;
    wire [7:0] protocol_now, traffic_class_now;
    wire [15:0] fragment;

    parse_ip parse (
        .head, .length, .malformed, .version, .v6(v6_now), .size, .total, .protocol(protocol_now),
        .traffic_class(traffic_class_now), .fragment, .is_fragment,
        .dont_fragment(dont_fragment_now)
    );

    // The cleartext packet's, kept while the protected one is cut.
    logic v6, dont_fragment;
    logic [7:0] traffic_class;
    // Transport mode: what is kept in front, the octet that names the protocol, the protocol
    logic [16:0] kept, pointer;
    logic [7:0] protocol;

    wire cutting = request.operation == packet::CUT;
    wire has_esp = sa.esp_spi != 32'd0;
    wire has_ah = sa.ah_spi != 32'd0;
    wire has_udp = sa.udp_destination != 16'd0;
    wire carrier6 = sa.transport ? v6 : sa.v6;
    wire [31:0] spi = has_ah ? sa.ah_spi : sa.esp_spi;

    // -- sizes of the piece in copy 1 --------------------------------------------------------------------
    logic [16:0] piece_total;
    wire [3:0] mask = packet::align_mask(sa.cipher);
    wire [16:0] payload = piece_total - kept;
    wire [3:0] padding = (~payload[3:0] - 4'd1) & mask;  // -(payload + 2) modulo the alignment
    wire [5:0] icv_size = packet::esp_icv_octets(sa.cipher, sa.esp_integrity);
    wire [5:0] ah_icv_size = packet::icv_octets(sa.ah_integrity);
    wire [16:0] esp_front = has_esp ? 17'd8 + {12'd0, packet::iv_octets(sa.cipher)} : 17'd0;
    wire [16:0] plain = has_esp ? payload + {13'd0, padding} + 17'd2 : payload;
    wire [16:0] esp_icv = has_esp ? {11'd0, icv_size} : 17'd0;
    wire [16:0] udp_size = has_udp ? 17'd8 : 17'd0;
    wire [16:0] ah_size = has_ah ? {11'd0, packet::ah_octets(sa.ah_integrity, carrier6)} : 17'd0;
    wire [16:0] front_size = sa.transport ? kept : sa.v6 ? 17'd40 : 17'd20;

    wire [16:0] start_at = HOME + kept;
    wire [16:0] esp_at = start_at - esp_front;
    wire [16:0] udp_at = esp_at - udp_size;
    wire [16:0] ah_at = udp_at - ah_size;
    wire [16:0] front_at = ah_at - front_size;
    wire [16:0] icv_at = start_at + plain;
    wire [16:0] end_at = icv_at + esp_icv;
    wire [16:0] whole = end_at - front_at;
    wire [16:0] whole_field = carrier6 ? whole - 17'd40 : whole;
    wire too_long = whole_field > 17'h0FFFF;

    wire [16:0] overhead = front_size + ah_size + udp_size + esp_front + esp_icv;
    // The largest inner packet of a tunnel whose result fits the MTU; negative where none does.
    wire signed [18:0] room = 19'({3'd0, request.mtu})
        - {2'd0, overhead};
    wire signed [18:0] inner_limit = has_esp
        ? (room & ~{15'd0, mask}) - 19'sd2 : room;

    // -- pieces ------------------------------------------------------------------------------------------
    logic cut_outer;
    logic [13:0] pieces, nth;
    logic [16:0] limit, taken;          // octets of payload in earlier pieces
    logic plan_go;
    wire plan_done;
    wire [4:0] plan_reason;
    wire [13:0] plan_pieces, short_blocks, longer;

    fragment_plan plan_unit (
        .clk, .rst, .go(plan_go), .total, .size, .offset(fragment[12:0]), .limit,
        .done(plan_done), .reason(plan_reason), .pieces(plan_pieces), .short_blocks, .longer
    );

    wire last_piece = nth + 14'd1 == pieces;
    wire [13:0] blocks = nth < plan_pieces - longer ? short_blocks : short_blocks + 14'd1;
    wire [16:0] slice = last_piece ? total - size - taken : {blocks, 3'd0};
    wire [12:0] slice_offset = fragment[12:0] + taken[15:3];
    wire [15:0] slice_flags = {
        fragment[15:14], fragment[13] || !last_piece, slice_offset
    };

    // -- region operations ---------------------------------------------------------------------------------
    packet::op_t own_op, op;
    wire packet::op_t chain_op, piece_op, mute_op;
    logic own_valid;
    wire chain_valid, piece_valid, mute_valid;
    wire op_done;
    wire [127:0] q;
    wire [15:0] sum;

    always_comb begin
        op = own_op;
        if (chain_valid) op = chain_op;
        if (piece_valid) op = piece_op;
        if (mute_valid) op = mute_op;
    end
    wire op_valid = own_valid || chain_valid || piece_valid || mute_valid;

    wire unit_ready;
    packet_unit #(.ADDR_W(ADDR_W)) unit (
        .clk, .rst, .op_valid, .op, .op_ready(unit_ready), .done(op_done), .q, .sum,
        .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid, .s_axis_tready,
        .s_engine_tdata, .s_engine_tkeep, .s_engine_tlast, .s_engine_tvalid, .s_engine_tready,
        .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready,
        .m_engine_tdata, .m_engine_tkeep, .m_engine_tlast, .m_engine_tvalid, .m_engine_tready
    );

    logic chain_go;
    wire chain_done;
    wire [4:0] chain_reason;
    wire [16:0] place_offset, place_pointer, upper_offset, upper_pointer;
    wire [7:0] place_protocol, upper_protocol;
    parse_chain chain (
        .clk, .rst, .go(chain_go), .base(HOME), .total, .first(protocol_now),
        .op_valid(chain_valid), .op(chain_op), .op_done, .q, .done(chain_done),
        .reason(chain_reason), .upper_offset, .upper_protocol, .upper_pointer, .place_offset,
        .place_protocol, .place_pointer
    );

    logic piece_go, piece_check;
    wire piece_done;
    wire [4:0] piece_reason;
    wire [16:0] piece_octets;
    fragment_piece composer (
        .clk, .rst, .go(piece_go), .ram(post), .base(post ? front_at : HOME),
        .target(piece_check ? 17'd0 : HOME), .fixed(head[383:224]), .size,
        .first(!piece_check && nth == 14'd0), .flags(slice_flags),
        .octets(piece_check ? 17'd0 : slice), .from(size + taken), .op_valid(piece_valid),
        .op(piece_op), .op_done, .q, .sum, .done(piece_done), .reason(piece_reason),
        .total(piece_octets)
    );

    logic mute_go;
    wire mute_done;
    wire [4:0] mute_reason;
    ah_mute mute (
        .clk, .rst, .go(mute_go), .v6(carrier6), .base(front_at), .size(front_size),
        .op_valid(mute_valid), .op(mute_op), .op_done, .q, .done(mute_done), .reason(mute_reason)
    );

    // -- headers -------------------------------------------------------------------------------------------
    wire [63:0] this_number = sa.number + {50'd0, post ? 14'd0 : nth} + 64'd1;
    wire [64:0] last_number = {1'b0, sa.number} + {51'd0, pieces};
    wire overflow = sa.esn ? last_number[64] : last_number > 65'h0_0000_0000_FFFF_FFFF;

    wire [7:0] esp_next = sa.transport ? protocol : v6 ? packet::IPV6 : packet::IPIP;
    wire [7:0] udp_next = has_esp ? packet::ESP : esp_next;
    wire [7:0] ah_next = has_udp ? packet::UDP : udp_next;
    wire [7:0] front_next = has_ah ? packet::AH : ah_next;
    wire [15:0] udp_octets = 16'(end_at - udp_at);

    wire [319:0] outer;
    outer_header outer_header (
        .v6(sa.v6), .source(sa.source), .destination(sa.destination), .ttl(sa.ttl),
        .dscp_copy(sa.dscp_copy), .dscp(sa.dscp), .ecn_copy(sa.ecn_copy),
        .inner_traffic_class(traffic_class), .inner_dont_fragment(dont_fragment),
        .df_policy(request.df_policy), .protocol(front_next), .payload(16'(end_at - ah_at)),
        .identification(spi[15:0] + this_number[15:0]), .header(outer)
    );

    // -- sequencer -----------------------------------------------------------------------------------------
    logic waiting, job_waiting;         // for a region operation; for the engine
    logic [255:0] icv_kept;
    logic hashed;                       // AH's ICV is there, the front is written a second time
    logic [4:0] reason;
    logic of_sa;

    wire step = (!waiting || op_done) && (!job_waiting || icv_valid);
    assign idle = state == IDLE;
    assign sa_index = request.sa_index;

    task automatic start(
        input logic [3:0] code, input logic ram, input logic [16:0] addr, input logic [16:0] len,
        input logic [16:0] dst, input logic [127:0] data
    );
        begin
            own_valid <= 1'b1;
            waiting <= 1'b1;
            own_op.code <= code;
            own_op.ram <= ram;
            own_op.to <= 1'b1;
            own_op.addr <= addr;
            own_op.len <= len;
            own_op.dst <= dst;
            own_op.data <= data;
        end
    endtask

    // Write octets of copy 1.
    task automatic put(input logic [16:0] dst, input logic [16:0] len, input logic [127:0] data);
        start(packet::OP_WRITE, 1'b0, 17'd0, len, dst, data);
    endtask

    task automatic refuse(input logic [4:0] why, input logic by_sa);
        begin
            reason <= why;
            of_sa <= by_sa;
            state <= REFUSE;
        end
    endtask

    always_ff @(posedge clk) begin
        own_valid <= 1'b0;
        chain_go <= 1'b0;
        piece_go <= 1'b0;
        mute_go <= 1'b0;
        plan_go <= 1'b0;
        sa_read <= 1'b0;
        number_write <= 1'b0;
        count_valid <= 1'b0;
        if (op_done) waiting <= 1'b0;
        if (job_valid && job_ready) job_valid <= 1'b0;
        if (icv_valid) begin
            job_waiting <= 1'b0;
            icv_kept <= icv;
        end
        if (sa_found) begin
            sa <= sa_row;
            sa_there <= 1'b1;
        end

        if (step) begin
            case (state)
                IDLE: if (s_axis_tvalid) begin
                    request <= s_axis_tuser;
                    length <= s_axis_tuser.length;
                    post <= 1'b0;
                    cut_outer <= 1'b0;
                    hashed <= 1'b0;
                    nth <= 14'd0;
                    pieces <= 14'd1;
                    taken <= 17'd0;
                    kept <= 17'd0;
                    sa_there <= 1'b0;
                    sa_read <= 1'b1;
                    start(packet::OP_STORE, 1'b0, 17'd0, 17'd0, HOME, 128'd0);
                    state <= HEAD0;
                end
                HEAD0: begin
                    start(packet::OP_READ, post, post ? front_at : HOME, 17'd16, 17'd0, 128'd0);
                    state <= HEAD1;
                end
                HEAD1: begin
                    head[383:256] <= q;
                    start(packet::OP_READ, post, (post ? front_at : HOME) + 17'd16, 17'd16,
                        17'd0, 128'd0);
                    state <= HEAD2;
                end
                HEAD2: begin
                    head[255:128] <= q;
                    start(packet::OP_READ, post, (post ? front_at : HOME) + 17'd32, 17'd16,
                        17'd0, 128'd0);
                    state <= HEAD3;
                end
                HEAD3: begin
                    head[127:0] <= q;
                    if (post) begin
                        length <= whole;
                        plan_go <= 1'b1;
                        state <= PLAN;
                    end else if (sa_there) begin
                        state <= CHECK;
                    end
                end
                CHECK: begin
                    v6 <= v6_now;
                    dont_fragment <= dont_fragment_now;
                    traffic_class <= traffic_class_now;
                    piece_total <= total;
                    limit <= {1'b0, request.mtu};
                    if (request.length > LARGEST)
                        refuse(packet::TOO_BIG, 1'b0);
                    else if (request.ethertype != packet::ETHERTYPE_IPV4
                        && request.ethertype != packet::ETHERTYPE_IPV6)
                        refuse(packet::BAD_HEADER, 1'b0);
                    else if (length != 17'd0 && version
                        != (request.ethertype == packet::ETHERTYPE_IPV6 ? 4'd6 : 4'd4))
                        refuse(packet::MALFORMED_PACKET, 1'b0);
                    else if (!cutting)
                        state <= CHECK_SA;
                    else if (malformed)
                        refuse(packet::MALFORMED_PACKET, 1'b0);
                    else if (request.mtu == 16'd0 || total <= {1'b0, request.mtu})
                        state <= SEND;
                    else if (dont_fragment_now)
                        refuse(packet::TOO_BIG, 1'b0);
                    else begin
                        plan_go <= 1'b1;
                        state <= PLAN;
                    end
                end
                CHECK_SA: begin
                    state <= FITTING;
                    protocol <= protocol_now;
                    pointer <= 17'd9;
                    if (sa.transport) kept <= size;
                    if (!sa.valid)
                        refuse(packet::UNKNOWN_SA, 1'b0);
                    else if (sa.epoch != request.epoch)
                        refuse(packet::WRONG_EPOCH, 1'b1);
                    else if (malformed)
                        refuse(packet::MALFORMED_PACKET, 1'b1);
                    else if (sa.transport && is_fragment)
                        refuse(packet::FRAGMENT, 1'b1);
                    else if (sa.transport && v6) begin
                        chain_go <= 1'b1;
                        state <= CHAIN;
                    end
                end
                CHAIN: if (chain_done) state <= CHAINED;
                CHAINED: begin
                    kept <= place_offset;
                    protocol <= place_protocol;
                    pointer <= place_pointer;
                    state <= FITTING;
                    if (chain_reason != packet::OK) refuse(chain_reason, 1'b1);
                end
                FITTING: state <= FIT;
                FIT: begin
                    state <= NUMBERS;
                    if (request.mtu != 16'd0 && whole > {1'b0, request.mtu}) begin
                        if (v6 || (dont_fragment
                            && (sa.transport || request.df_policy != packet::DF_CLEAR)))
                            refuse(packet::TOO_BIG, 1'b1);
                        else if (sa.transport || (!request.prefragment && !sa.v6))
                            cut_outer <= 1'b1;
                        else if (inner_limit < 19'sd0)
                            refuse(packet::TOO_BIG, 1'b1);
                        else begin
                            limit <= inner_limit[16:0];
                            plan_go <= 1'b1;
                            state <= PLAN;
                        end
                    end
                end
                PLAN: if (plan_done) begin
                    piece_check <= 1'b1;
                    if (plan_reason != packet::OK)
                        refuse(plan_reason, !cutting);
                    else if (size != 17'd20) begin
                        piece_go <= 1'b1;
                        state <= OPTIONS;
                    end else begin
                        pieces <= plan_pieces;
                        state <= post ? COMMIT : cutting ? PIECE : NUMBERS;
                    end
                end
                OPTIONS: if (piece_done) begin
                    pieces <= plan_pieces;
                    state <= post ? COMMIT : cutting ? PIECE : NUMBERS;
                    if (piece_reason != packet::OK) refuse(piece_reason, !cutting);
                end
                NUMBERS: begin
                    state <= pieces == 14'd1 ? PAD : PIECE;
                    if (overflow)
                        refuse(packet::SEQUENCE_OVERFLOW, 1'b1);
                    else if (pieces == 14'd1 && too_long)
                        refuse(packet::TOO_BIG, 1'b1);
                end
                PIECE: begin
                    piece_check <= 1'b0;
                    piece_go <= 1'b1;
                    state <= PIECE_WAIT;
                end
                PIECE_WAIT: if (piece_done) begin
                    if (!post) piece_total <= piece_octets;
                    hashed <= 1'b0;
                    state <= post || cutting ? SEND : PAD;
                end
                // -- ESP -------------------------------------------------------------------------------
                PAD: begin
                    state <= FRONT;
                    if (has_esp) begin
                        put(icv_at - 17'd2 - {13'd0, padding}, {13'd0, padding},
                            128'h0102030405060708090A0B0C0D0E0F00);
                        state <= PAD_END;
                    end
                end
                PAD_END: begin
                    put(icv_at - 17'd2, 17'd2, {4'd0, padding, esp_next, 112'd0});
                    state <= ESP_HEADER;
                end
                ESP_HEADER: begin
                    put(esp_at, 17'd16 < esp_front ? 17'd16 : esp_front,
                        {sa.esp_spi, this_number[31:0], this_number});
                    state <= CRYPT;
                end
                CRYPT: begin
                    start(packet::OP_CRYPT, 1'b1, esp_at, icv_at - esp_at, esp_at, 128'd0);
                    job.hash <= 1'b0;
                    job.decrypt <= 1'b0;
                    job.sa_index <= request.sa_index;
                    job.cipher <= sa.cipher;
                    job.integrity <= sa.esp_integrity;
                    job.esn <= sa.esn;
                    job.iv <= this_number;
                    job.octets <= icv_at - esp_at;
                    job.icv <= 256'd0;
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    state <= ESP_ICV;
                end
                ESP_ICV: begin
                    // The ICV has come now, or before the last octet was back.
                    put(icv_at, icv_size > 6'd16 ? 17'd16 : esp_icv,
                        icv_valid ? icv[255:128] : icv_kept[255:128]);
                    state <= ESP_ICV2;
                end
                ESP_ICV2: begin
                    if (icv_size > 6'd16)
                        put(icv_at + 17'd16, esp_icv - 17'd16, icv_kept[127:0]);
                    state <= UDP;
                end
                UDP: begin
                    if (has_udp)
                        put(udp_at, 17'd8,
                            {sa.udp_source, sa.udp_destination, udp_octets, 80'd0});
                    state <= FRONT;
                end
                // -- the headers in front: made, or kept and mended --------------------------------------
                FRONT: begin
                    if (sa.transport) begin
                        start(packet::OP_COPY, 1'b0, HOME, kept, front_at, 128'd0);
                        state <= KEPT;
                    end else begin
                        put(front_at, 17'd16, outer[319:192]);
                        state <= FRONT2;
                    end
                end
                FRONT2: begin
                    put(front_at + 17'd16, sa.v6 ? 17'd16 : 17'd4, outer[191:64]);
                    state <= sa.v6 ? FRONT3 : BEHIND;
                end
                FRONT3: begin
                    put(front_at + 17'd32, 17'd8, {outer[63:0], 64'd0});
                    state <= BEHIND;
                end
                KEPT: begin
                    put(front_at + pointer, 17'd1, {front_next, 120'd0});
                    state <= KEPT_LENGTH;
                end
                KEPT_LENGTH: begin
                    put(front_at + (v6 ? 17'd4 : 17'd2), 17'd2, {whole_field[15:0], 112'd0});
                    state <= v6 ? BEHIND : KEPT_SUM;
                end
                KEPT_SUM: begin
                    put(front_at + 17'd10, 17'd2, 128'd0);
                    state <= KEPT_SUM2;
                end
                KEPT_SUM2: begin
                    start(packet::OP_SUM, 1'b1, front_at, kept, 17'd0, 128'd0);
                    state <= KEPT_SUM3;
                end
                KEPT_SUM3: begin
                    put(front_at + 17'd10, 17'd2, {~sum, 112'd0});
                    state <= BEHIND;
                end
                // -- what covers the front: AH, or UDP's checksum -----------------------------------------
                BEHIND: state <= has_ah && !hashed ? AH : has_udp && carrier6 ? UDP_SUM : READY;
                AH: begin
                    put(ah_at, 17'd12, {
                        ah_next, {2'd0, ah_size[7:2]} - 8'd2, 16'd0, sa.ah_spi,
                        this_number[31:0], 32'd0
                    });
                    state <= AH_ZERO;
                end
                AH_ZERO: begin
                    start(packet::OP_CLEAR, 1'b1, 17'd0, ah_size - 17'd12, ah_at + 17'd12, 128'd0);
                    state <= AH_HIGH;
                end
                AH_HIGH: begin
                    if (sa.esn) put(end_at, 17'd4, {this_number[63:32], 96'd0});
                    state <= MUTE;
                end
                MUTE: begin
                    mute_go <= 1'b1;
                    state <= MUTED;
                end
                MUTED: if (mute_done) begin
                    state <= HASH;
                    if (mute_reason != packet::OK) refuse(mute_reason, 1'b1);
                end
                HASH: begin
                    start(packet::OP_HASH, 1'b1, front_at,
                        end_at - front_at + (sa.esn ? 17'd4 : 17'd0), 17'd0, 128'd0);
                    job.hash <= 1'b1;
                    job.decrypt <= 1'b0;
                    job.sa_index <= request.sa_index;
                    job.integrity <= sa.ah_integrity;
                    job.iv <= this_number;
                    job.octets <= end_at - front_at + (sa.esn ? 17'd4 : 17'd0);
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    hashed <= 1'b1;
                    state <= AH_ICV;
                end
                AH_ICV: begin
                    put(ah_at + 17'd12, ah_icv_size > 6'd16 ? 17'd16 : {11'd0, ah_icv_size},
                        icv_valid ? icv[255:128] : icv_kept[255:128]);
                    state <= AH_ICV2;
                end
                AH_ICV2: begin
                    if (ah_icv_size > 6'd16)
                        put(ah_at + 17'd28, {11'd0, ah_icv_size} - 17'd16, icv_kept[127:0]);
                    state <= FRONT;
                end
                UDP_SUM: begin
                    start(packet::OP_SUM, 1'b1, front_at + 17'd8, 17'd32, 17'd0,
                        {112'd0, packet::plus(udp_octets, {8'd0, packet::UDP})});
                    state <= UDP_SUM2;
                end
                UDP_SUM2: begin
                    start(packet::OP_SUM, 1'b1, udp_at, end_at - udp_at, 17'd0, {112'd0, sum});
                    state <= UDP_SUM3;
                end
                UDP_SUM3: begin
                    put(udp_at + 17'd6, 17'd2, {&sum ? 16'hFFFF : ~sum, 112'd0});
                    state <= READY;
                end
                // -- out -----------------------------------------------------------------------------------
                READY: begin
                    state <= COMMIT;
                    if (cut_outer) begin
                        post <= 1'b1;
                        limit <= {1'b0, request.mtu};
                        state <= HEAD0;
                    end
                end
                COMMIT: begin
                    number_write <= nth == 14'd0;
                    number <= post ? this_number : last_number[63:0];
                    state <= post ? PIECE : SEND;
                end
                SEND: begin
                    // Copy 0 if it is sent as it came, or holds a piece of the protected packet.
                    start(packet::OP_SEND, !post && (!cutting || pieces != 14'd1),
                        post || cutting ? HOME : front_at,
                        post || (cutting && pieces != 14'd1) ? piece_octets
                            : cutting ? total : whole,
                        17'd0, 128'd0);
                    m_axis_tuser.none <= 1'b0;
                    m_axis_tuser.last <= last_piece;
                    m_axis_tuser.reason <= packet::OK;
                    m_axis_tuser.ethertype <= (cutting ? v6 : carrier6)
                        ? packet::ETHERTYPE_IPV6 : packet::ETHERTYPE_IPV4;
                    m_axis_tuser.spi <= cutting ? 32'd0 : spi;
                    m_axis_tuser.number <= cutting ? 64'd0 : this_number;
                    state <= SENT;
                end
                SENT: begin
                    nth <= nth + 14'd1;
                    taken <= taken + slice;
                    state <= PIECE;
                    if (last_piece) begin
                        count_valid <= !cutting;
                        count.of_sa <= 1'b1;
                        count.reason <= packet::OK;
                        count.octets <= request.length;
                        state <= FINISH;
                    end
                end
                REFUSE: begin
                    start(packet::OP_SEND, 1'b0, HOME,
                        request.length > LARGEST ? 17'd0 : request.length, 17'd0, 128'd0);
                    m_axis_tuser.none <= request.length > LARGEST;
                    m_axis_tuser.last <= 1'b1;
                    m_axis_tuser.reason <= reason;
                    m_axis_tuser.ethertype <= request.ethertype;
                    m_axis_tuser.spi <= of_sa ? spi : 32'd0;
                    m_axis_tuser.number <= 64'd0;
                    count_valid <= 1'b1;
                    count.of_sa <= of_sa;
                    count.reason <= reason;
                    count.octets <= 17'd0;
                    state <= FINISH;
                end
                FINISH: state <= IDLE;
                default: state <= IDLE;
            endcase
        end
        count.inbound <= 1'b0;
        count.sa_index <= request.sa_index;
        if (rst) begin
            state <= IDLE;
            waiting <= 1'b0;
            job_waiting <= 1'b0;
            job_valid <= 1'b0;
            own_valid <= 1'b0;
            count_valid <= 1'b0;
            number_write <= 1'b0;
            sa_read <= 1'b0;
            chain_go <= 1'b0;
            piece_go <= 1'b0;
            mute_go <= 1'b0;
            plan_go <= 1'b0;
        end
    end

    wire unused = &{1'b0, unit_ready, upper_offset, upper_protocol, upper_pointer};
endmodule

`default_nettype wire
