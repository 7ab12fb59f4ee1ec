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
    output wire packet::job_t       job,
    output wire                     job_valid,
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

    localparam [4:0] IDLE = 5'd0, HEAD = 5'd1, HEAD_READ = 5'd2, LOOK = 5'd3, CHECK = 5'd4,
        CHECK_SA = 5'd5, CHAIN = 5'd6, CHAINED = 5'd7, FITTING = 5'd8, FIT = 5'd9, PLAN = 5'd10,
        OPTIONS = 5'd11, NUMBERS = 5'd12, PIECE = 5'd13, PIECE_WAIT = 5'd14, SEAL = 5'd15,
        SEALED = 5'd16, COMMIT = 5'd17, SEND = 5'd18, SENT = 5'd19, REFUSE = 5'd20, FINISH = 5'd21;

    logic [4:0] state;

    // -- the packet ------------------------------------------------------------------------------------
    // Class and number of the request are for others.
    // verilator lint_off UNUSEDSIGNAL
    packet::request_t request;
    // verilator lint_on UNUSEDSIGNAL
    packet::outbound_t sa;
    logic sa_there;
    wire [383:0] head;                  // of the packet to be cut or protected
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

    wire too_large = request.length > LARGEST;
    wire [4:0] first_look =
        packet::first_look(request.length, LARGEST, request.ethertype, version);

    // The cleartext packet's, kept while the protected one is cut.
    logic v6, dont_fragment;
    logic [7:0] traffic_class;
    // Transport mode: what is kept in front, the octet that names the protocol, the protocol
    logic [16:0] kept, pointer;
    logic [7:0] protocol;

    wire cutting = request.operation == packet::CUT;
    wire has_esp = sa.esp_spi != 32'd0;
    wire [31:0] spi = sa.ah_spi != 32'd0 ? sa.ah_spi : sa.esp_spi;

    // -- sizes of the piece in copy 1 --------------------------------------------------------------------
    logic [16:0] piece_total;
    wire packet::layout_t layout;
    encap_layout places (.home(HOME), .kept, .total(piece_total), .v6, .sa, .layout);
    wire [16:0] front_at = layout.front_at;
    wire [16:0] whole = layout.whole;
    wire too_long = layout.field > 17'h0FFFF;

    // The largest inner packet of a tunnel whose result fits the MTU; negative where none does.
    wire signed [18:0] room = 19'({3'd0, request.mtu}) - {2'd0, layout.overhead};
    wire signed [18:0] inner_limit = has_esp
        ? (room & ~{15'd0, packet::align_mask(sa.cipher)}) - 19'sd2 : room;

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
    wire packet::op_t head_op, chain_op, piece_op, seal_op;
    logic own_valid;
    wire head_valid, chain_valid, piece_valid, seal_valid, op_done;
    wire [127:0] q;
    wire [15:0] sum;

    always_comb begin
        op = own_op;
        if (head_valid) op = head_op;
        if (chain_valid) op = chain_op;
        if (piece_valid) op = piece_op;
        if (seal_valid) op = seal_op;
    end
    wire op_valid = own_valid || head_valid || chain_valid || piece_valid || seal_valid;

    wire unit_ready;
    packet_unit #(.ADDR_W(ADDR_W)) unit (
        .clk, .rst, .op_valid, .op, .op_ready(unit_ready), .done(op_done), .q, .sum,
        .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid, .s_axis_tready,
        .s_engine_tdata, .s_engine_tkeep, .s_engine_tlast, .s_engine_tvalid, .s_engine_tready,
        .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready,
        .m_engine_tdata, .m_engine_tkeep, .m_engine_tlast, .m_engine_tvalid, .m_engine_tready
    );

    logic head_go;
    wire head_done;
    head_read head_reader (
        .clk, .rst, .go(head_go), .ram(post), .base(post ? front_at : HOME),
        .op_valid(head_valid), .op(head_op), .op_done, .q, .done(head_done), .head
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

    logic seal_go;
    wire seal_done;
    wire [4:0] seal_reason;
    encap_seal seal (
        .clk, .rst, .go(seal_go), .sa, .sa_index, .layout, .number(this_number), .v6,
        .traffic_class, .dont_fragment, .df_policy(request.df_policy), .home(HOME), .pointer,
        .protocol, .op_valid(seal_valid), .op(seal_op), .op_done, .q, .sum, .job, .job_valid,
        .job_ready, .icv_valid, .icv, .done(seal_done), .reason(seal_reason)
    );

    // -- numbers ------------------------------------------------------------------------------------------
    wire [63:0] this_number = sa.number + {50'd0, post ? 14'd0 : nth} + 64'd1;
    wire [64:0] last_number = {1'b0, sa.number} + {51'd0, pieces};
    wire overflow = sa.esn ? last_number[64] : last_number > 65'h0_0000_0000_FFFF_FFFF;

    // -- sequencer -----------------------------------------------------------------------------------------
    logic waiting;                      // for a region operation
    logic [4:0] reason;
    logic of_sa;

    wire step = !waiting || op_done;
    assign idle = state == IDLE;
    assign sa_index = request.sa_index;

    task automatic start(input packet::op_t what);
        begin
            own_valid <= 1'b1;
            waiting <= 1'b1;
            own_op <= what;
        end
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
        head_go <= 1'b0;
        seal_go <= 1'b0;
        plan_go <= 1'b0;
        sa_read <= 1'b0;
        number_write <= 1'b0;
        count_valid <= 1'b0;
        if (op_done) waiting <= 1'b0;
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
                    nth <= 14'd0;
                    pieces <= 14'd1;
                    taken <= 17'd0;
                    kept <= 17'd0;
                    sa_there <= 1'b0;
                    sa_read <= 1'b1;
                    start(packet::store(HOME));
                    state <= HEAD;
                end
                HEAD: begin
                    head_go <= 1'b1;
                    state <= HEAD_READ;
                end
                HEAD_READ: if (head_done) state <= LOOK;
                LOOK: if (post) begin
                    length <= whole;
                    plan_go <= 1'b1;
                    state <= PLAN;
                end else if (sa_there) begin
                    state <= CHECK;
                end
                CHECK: begin
                    v6 <= v6_now;
                    dont_fragment <= dont_fragment_now;
                    traffic_class <= traffic_class_now;
                    piece_total <= total;
                    limit <= {1'b0, request.mtu};
                    if (first_look != packet::OK)
                        refuse(first_look, 1'b0);
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
                    state <= pieces == 14'd1 ? SEAL : PIECE;
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
                    state <= post || cutting ? SEND : SEAL;
                end
                // -- out -----------------------------------------------------------------------------------
                SEAL: begin
                    seal_go <= 1'b1;
                    state <= SEALED;
                end
                SEALED: if (seal_done) begin
                    state <= COMMIT;
                    if (seal_reason != packet::OK) begin
                        refuse(seal_reason, 1'b1);
                    end else if (cut_outer) begin
                        post <= 1'b1;
                        limit <= {1'b0, request.mtu};
                        state <= HEAD;
                    end
                end
                COMMIT: begin
                    number_write <= nth == 14'd0;
                    number <= post ? this_number : last_number[63:0];
                    state <= post ? PIECE : SEND;
                end
                SEND: begin
                    // Copy 0 if it is sent as it came, or holds a piece of the protected packet.
                    start(packet::send(!post && (!cutting || pieces != 14'd1),
                        post || cutting ? HOME : front_at,
                        post || (cutting && pieces != 14'd1) ? piece_octets
                            : cutting ? total : whole));
                    m_axis_tuser.none <= 1'b0;
                    m_axis_tuser.last <= last_piece;
                    m_axis_tuser.reason <= packet::OK;
                    m_axis_tuser.ethertype <= (cutting ? v6 : layout.v6)
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
                    start(packet::send(1'b0, HOME, too_large ? 17'd0 : request.length));
                    m_axis_tuser.none <= too_large;
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
        m_axis_tuser.urgent <= 1'b0;
        count.inbound <= 1'b0;
        count.sa_index <= request.sa_index;
        if (rst) begin
            state <= IDLE;
            waiting <= 1'b0;
            own_valid <= 1'b0;
            count_valid <= 1'b0;
            number_write <= 1'b0;
            sa_read <= 1'b0;
            chain_go <= 1'b0;
            piece_go <= 1'b0;
            head_go <= 1'b0;
            seal_go <= 1'b0;
            plan_go <= 1'b0;
        end
    end

    wire unused = &{1'b0, unit_ready, upper_offset, upper_protocol, upper_pointer};
endmodule

`default_nettype wire
