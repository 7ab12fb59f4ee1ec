// DECRYPT, any packet: store, walk, verify, restore (docs/decisions/rtl-accelerator.md).
//
// The golden model's `decapsulate.py` as a sequence of region operations: packet and header formats,
// replay check, ICV, replay commit, padding, next header, inner packet (RFC 4303 section 3.4). Copy 0
// holds the packet as it came, from octet HOME on, and is what a refusal sends; AH is muted and
// verified, ESP decrypted in place, in copy 1. Nothing of copy 1 leaves before ICV and commit said
// yes. One packet at a time; an ESP tunnel packet of n beats takes about 3 n + 90 cycles.
`default_nettype none

module decapsulate #(
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
    input  wire packet::inbound_t   sa_row,
    // Replay: check the low half of a number, `told` may be the whole one; then commit it. Verdict
    // 0 OK, 1 REPLAYED, 2 TOO_OLD. `replay_ah`: of the bundle's two windows, AH's
    output logic                    check_valid,
    output wire                     replay_ah,
    output wire  [31:0]             check_low,
    output wire  [63:0]             check_told,
    input  wire                     checked_valid,
    input  wire  [1:0]              checked_verdict,
    input  wire  [63:0]             checked_number,
    output logic                    commit_valid,
    output wire  [63:0]             commit_number,
    output logic                    commit_authentic,
    input  wire                     committed_valid,
    input  wire  [1:0]              committed_verdict,
    // Engine: job, its octets, what comes back, and at last the ICV (octet 0 in [255:248])
    output packet::job_t            job,
    output logic                    job_valid,
    input  wire                     job_ready,
    output wire                     job_number_valid,
    output wire  [63:0]             job_number,
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
    localparam [1:0] REPLAY_OK = 2'd0, REPLAY_SEEN = 2'd1;

    localparam [4:0] IDLE = 5'd0, HEAD = 5'd1, HEAD_READ = 5'd2, LOOK = 5'd3, CHECK = 5'd4,
        CHECK_SA = 5'd5, CHAIN = 5'd6, CHAINED = 5'd7, BEGIN = 5'd8, UDP = 5'd9, MARKER = 5'd10,
        AH = 5'd11, AH_HEADER = 5'd12, AH_REPLAY = 5'd13, AH_ICV = 5'd14, AH_ICV2 = 5'd15,
        PREPARED = 5'd16, HASH = 5'd17, COMPARE = 5'd18, COMMITTED = 5'd19, ESP_READ = 5'd20,
        ESP = 5'd21, ESP_HEADER = 5'd22, ESP_REPLAY = 5'd23, ESP_ICV = 5'd24, ESP_ICV2 = 5'd25,
        CRYPT = 5'd26, DECRYPTED = 5'd27, STRIPPED = 5'd28, RESTORED = 5'd29, REFUSE = 5'd30,
        FINISH = 5'd31;

    logic [4:0] state;

    // -- the packet ---------------------------------------------------------------
    // Of the request's fields a DECRYPT needs few.
    // verilator lint_off UNUSEDSIGNAL
    packet::request_t request;
    // verilator lint_on UNUSEDSIGNAL
    packet::inbound_t sa;
    logic sa_there;
    wire [383:0] head;

    wire malformed, v6_now, is_fragment, dont_fragment;
    wire [3:0] version;
    wire [16:0] size, total;
    wire [7:0] protocol_now, traffic_class;
    wire [15:0] fragment;
    parse_ip parse (
        .head, .length(request.length), .malformed, .version, .v6(v6_now), .size, .total, .protocol(protocol_now),
        .traffic_class, .fragment, .is_fragment, .dont_fragment
    );

    wire too_large = request.length > LARGEST;
    wire [4:0] first_look =
        packet::first_look(request.length, LARGEST, request.ethertype, version);

    logic v6;                           // the packet that came
    logic [1:0] mark;                   // its ECN field
    logic [16:0] front, pointer;        // octets of its headers, and the octet that names `protocol`
    logic [7:0] protocol;               // of what starts at `at`
    logic [16:0] at, stop;              // in copy 1: what is left to be opened
    wire [16:0] left = stop - at;

    wire has_esp = sa.esp_spi != 32'd0;
    wire has_ah = sa.ah_spi != 32'd0;

    wire [5:0] icv_size = packet::esp_icv_octets(sa.cipher, sa.esp_integrity);
    logic in_ah;

    // -- AH --------------------------------------------------------------------------------------------------
    logic [16:0] ah_size;
    wire [5:0] ah_icv_size = packet::icv_octets(sa.ah_integrity);
    logic [127:0] words;                // the IPsec header under way
    wire [8:0] ah_words = {1'b0, words[119:112]} + 9'd2;
    wire [16:0] ah_said = {6'd0, ah_words, 2'd0};
    wire ah_bad_size = ah_said != {11'd0, packet::ah_octets(sa.ah_integrity, v6)}
        && ah_said != {11'd0, packet::ah_octets(sa.ah_integrity, 1'b1)};
    wire [5:0] compared = in_ah ? ah_icv_size : icv_size;
    wire icv_equal = ((icv_now ^ icv_received) >> {9'd256 - {compared, 3'd0}}) == 256'd0;
    logic [255:0] icv_now, icv_received;

    // -- ESP -------------------------------------------------------------------------------------------------
    wire [16:0] esp_front = 17'd8 + {12'd0, packet::iv_octets(sa.cipher)};
    wire [16:0] esp_least = esp_front + 17'd2 + {11'd0, icv_size};
    wire [16:0] icv_at = stop - {11'd0, icv_size};
    wire [16:0] cipher_octets = icv_at - at - esp_front;
    wire bad_length = (cipher_octets[3:0] & packet::align_mask(sa.cipher)) != 4'd0;
    // -- region operations -----------------------------------------------------------------------------------
    packet::op_t own_op, op;
    wire packet::op_t head_op, chain_op, ah_op, strip_op, restore_op;
    logic own_valid;
    wire head_valid, chain_valid, ah_valid, strip_valid, restore_valid, op_done;
    wire [127:0] q;
    wire [15:0] sum;

    always_comb begin
        op = own_op;
        if (head_valid) op = head_op;
        if (chain_valid) op = chain_op;
        if (ah_valid) op = ah_op;
        if (strip_valid) op = strip_op;
        if (restore_valid) op = restore_op;
    end
    wire op_valid = own_valid || head_valid || chain_valid || ah_valid || strip_valid
        || restore_valid;

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
        .clk, .rst, .go(head_go), .ram(1'b1), .base(HOME),
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

    logic ah_go;
    wire ah_done;
    wire [4:0] ah_reason;
    wire [16:0] hashed;
    ah_prepare prepare (
        .clk, .rst, .go(ah_go), .v6, .base(HOME), .size(front), .ah_at(at),
        .cleared({11'd0, ah_icv_size}), .stop, .esn(sa.esn), .high(number[63:32]),
        .op_valid(ah_valid), .op(ah_op), .op_done, .q, .done(ah_done), .reason(ah_reason),
        .octets(hashed)
    );

    logic strip_go;
    wire strip_done, strip_right;
    wire [16:0] strip_stop;
    wire [7:0] strip_next;
    esp_strip strip (
        .clk, .rst, .go(strip_go), .base(at + esp_front), .stop(icv_at), .op_valid(strip_valid),
        .op(strip_op), .op_done, .q, .done(strip_done), .right(strip_right),
        .inner_stop(strip_stop), .next_header(strip_next)
    );

    logic restore_go;
    wire restore_done, dummy, out_v6;
    wire [4:0] restore_reason;
    wire [16:0] out_at, out_octets;
    decap_restore restore (
        .clk, .rst, .go(restore_go), .sa, .home(HOME), .front, .pointer, .v6, .mark, .protocol,
        .at, .stop, .op_valid(restore_valid), .op(restore_op), .op_done, .q, .sum,
        .done(restore_done), .reason(restore_reason), .dummy, .out_at, .out_octets, .out_v6
    );

    // -- sequencer -------------------------------------------------------------------------------------------
    logic waiting, job_waiting, replay_waiting;
    logic [1:0] verdict;                // of the commit
    wire [1:0] committed = committed_valid ? committed_verdict : verdict;
    logic [63:0] number;                // of the header under way
    logic [31:0] spi_shown;
    logic [63:0] number_shown;
    logic [4:0] reason;
    logic of_sa;

    wire step = (!waiting || op_done) && (!job_waiting || icv_valid)
        && (!replay_waiting || checked_valid || committed_valid);
    assign idle = state == IDLE;
    assign sa_index = request.sa_index;
    assign replay_ah = in_ah;
    assign check_low = in_ah ? words[63:32] : words[95:64];
    assign check_told = request.number;
    assign commit_number = number;
    assign job_number_valid = job_valid && job_ready;
    assign job_number = number;

    task automatic start(input packet::op_t what);
        begin
            own_valid <= 1'b1;
            waiting <= 1'b1;
            own_op <= what;
        end
    endtask

    // Read 16 octets of copy 1.
    task automatic get(input logic [16:0] addr);
        start(packet::read(1'b1, addr));
    endtask

    task automatic refuse(input logic [4:0] why, input logic by_sa);
        begin
            reason <= why;
            of_sa <= by_sa;
            state <= REFUSE;
        end
    endtask

    function automatic logic [4:0] replay_reason(input logic [1:0] said);
        replay_reason = said == REPLAY_SEEN ? packet::REPLAYED : packet::TOO_OLD;
    endfunction

    always_ff @(posedge clk) begin
        own_valid <= 1'b0;
        chain_go <= 1'b0;
        head_go <= 1'b0;
        ah_go <= 1'b0;
        strip_go <= 1'b0;
        restore_go <= 1'b0;
        sa_read <= 1'b0;
        check_valid <= 1'b0;
        commit_valid <= 1'b0;
        count_valid <= 1'b0;
        if (op_done) waiting <= 1'b0;
        if (job_valid && job_ready) job_valid <= 1'b0;
        if (icv_valid) begin
            job_waiting <= 1'b0;
            icv_now <= icv;
        end
        if (checked_valid || committed_valid) replay_waiting <= 1'b0;
        if (checked_valid) number <= checked_number;
        if (committed_valid) verdict <= committed_verdict;
        if (sa_found) begin
            sa <= sa_row;
            sa_there <= 1'b1;
        end

        if (step) begin
            case (state)
                IDLE: if (s_axis_tvalid) begin
                    request <= s_axis_tuser;
                    sa_there <= 1'b0;
                    sa_read <= 1'b1;
                    spi_shown <= 32'd0;
                    number_shown <= 64'd0;
                    start(packet::store(HOME));
                    state <= HEAD;
                end
                HEAD: begin
                    head_go <= 1'b1;
                    state <= HEAD_READ;
                end
                HEAD_READ: if (head_done) state <= LOOK;
                LOOK: if (sa_there) state <= CHECK;
                CHECK: begin
                    v6 <= v6_now;
                    mark <= traffic_class[1:0];
                    front <= size;
                    pointer <= 17'd9;
                    protocol <= protocol_now;
                    stop <= HOME + total;
                    state <= CHECK_SA;
                    if (first_look != packet::OK)
                        refuse(first_look, 1'b0);
                end
                CHECK_SA: begin
                    state <= BEGIN;
                    if (!sa.valid)
                        refuse(packet::UNKNOWN_SA, 1'b0);
                    else if (sa.epoch != request.epoch)
                        refuse(packet::WRONG_EPOCH, 1'b1);
                    else if (malformed)
                        refuse(packet::MALFORMED_PACKET, 1'b1);
                    else if (is_fragment)
                        refuse(packet::FRAGMENT, 1'b1);
                    else if (v6) begin
                        chain_go <= 1'b1;
                        state <= CHAIN;
                    end
                end
                CHAIN: if (chain_done) state <= CHAINED;
                CHAINED: begin
                    front <= upper_offset;
                    pointer <= upper_pointer;
                    protocol <= upper_protocol;
                    state <= BEGIN;
                    if (chain_reason != packet::OK) refuse(chain_reason, 1'b1);
                end
                BEGIN: begin
                    at <= HOME + front;
                    in_ah <= has_ah;
                    get(HOME + front);
                    state <= sa.udp ? UDP : has_ah ? AH : ESP;
                end
                // -- ESP in UDP (RFC 3948) -------------------------------------------------------------
                UDP: begin
                    protocol <= packet::ESP;
                    at <= at + 17'd8;
                    stop <= at + {1'b0, q[95:80]};
                    state <= MARKER;
                    if (protocol != packet::UDP)
                        refuse(packet::WRONG_PROTOCOL, 1'b1);
                    else if (left < 17'd8)
                        refuse(packet::TRUNCATED, 1'b1);
                    else if (q[95:80] < 16'd8 || {1'b0, q[95:80]} > left)
                        refuse(packet::MALFORMED_PACKET, 1'b1);
                end
                MARKER: begin
                    get(at);
                    state <= ESP;
                    // Behind the UDP header, which is still in q
                    if (left >= 17'd4 && q[63:32] == 32'd0)
                        refuse(packet::WRONG_PROTOCOL, 1'b1);
                end
                // -- AH --------------------------------------------------------------------------------
                AH: begin
                    words <= q;
                    state <= AH_HEADER;
                    if (protocol != packet::AH)
                        refuse(packet::WRONG_PROTOCOL, 1'b1);
                    else if (left < 17'd12)
                        refuse(packet::TRUNCATED, 1'b1);
                end
                AH_HEADER: begin
                    ah_size <= ah_said;
                    state <= AH_REPLAY;
                    if (words[95:64] != sa.ah_spi)
                        refuse(packet::WRONG_SPI, 1'b1);
                    else if (ah_bad_size)
                        refuse(packet::BAD_LENGTH, 1'b1);
                    else if (left < ah_said)
                        refuse(packet::TRUNCATED, 1'b1);
                    else begin
                        check_valid <= 1'b1;
                        replay_waiting <= 1'b1;
                    end
                end
                AH_REPLAY: begin
                    spi_shown <= sa.ah_spi;
                    number_shown <= checked_number;
                    if (checked_verdict != REPLAY_OK)
                        refuse(replay_reason(checked_verdict), 1'b1);
                    else begin
                        get(at + 17'd12);
                        state <= AH_ICV;
                    end
                end
                AH_ICV: begin
                    icv_received[255:128] <= q;
                    get(at + 17'd28);
                    state <= AH_ICV2;
                end
                AH_ICV2: begin
                    icv_received[127:0] <= q;
                    ah_go <= 1'b1;
                    state <= PREPARED;
                end
                PREPARED: if (ah_done) begin
                    state <= HASH;
                    if (ah_reason != packet::OK) refuse(ah_reason, 1'b1);
                end
                HASH: begin
                    start(packet::hash(HOME, hashed));
                    job.hash <= 1'b1;
                    job.integrity <= sa.ah_integrity;
                    job.octets <= hashed;
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    state <= COMPARE;
                end
                COMPARE: if (!job_waiting) begin
                    if (!icv_equal)
                        refuse(packet::BAD_ICV, 1'b1);
                    else begin
                        commit_valid <= 1'b1;
                        replay_waiting <= 1'b1;
                        state <= COMMITTED;
                    end
                end
                COMMITTED: begin
                    in_ah <= 1'b0;
                    if (in_ah) begin
                        protocol <= words[127:120];
                        at <= at + ah_size;
                    end
                    if (committed != REPLAY_OK) begin
                        refuse(replay_reason(committed), 1'b1);
                    end else if (!in_ah) begin
                        strip_go <= 1'b1;
                        state <= STRIPPED;
                    end else if (has_esp) begin
                        state <= ESP_READ;
                    end else begin
                        restore_go <= 1'b1;
                        state <= RESTORED;
                    end
                end
                // -- ESP -------------------------------------------------------------------------------
                ESP_READ: begin
                    get(at);
                    state <= ESP;
                end
                ESP: begin
                    words <= q;
                    state <= ESP_HEADER;
                    if (protocol != packet::ESP)
                        refuse(packet::WRONG_PROTOCOL, 1'b1);
                    else if (left < esp_least)
                        refuse(packet::TRUNCATED, 1'b1);
                end
                ESP_HEADER: begin
                    state <= ESP_REPLAY;
                    if (words[127:96] != sa.esp_spi)
                        refuse(packet::WRONG_SPI, 1'b1);
                    else begin
                        check_valid <= 1'b1;
                        replay_waiting <= 1'b1;
                    end
                end
                ESP_REPLAY: begin
                    if (!has_ah) begin
                        spi_shown <= sa.esp_spi;
                        number_shown <= checked_number;
                    end
                    state <= ESP_ICV;
                    get(icv_at);
                    // Numbers that no ICV of ESP's own protects prove nothing.
                    if (icv_size != 6'd0 && checked_verdict != REPLAY_OK)
                        refuse(replay_reason(checked_verdict), 1'b1);
                    else if (bad_length)
                        refuse(packet::BAD_LENGTH, 1'b1);
                end
                ESP_ICV: begin
                    icv_received[255:128] <= q;
                    get(icv_at + 17'd16);
                    state <= ESP_ICV2;
                end
                ESP_ICV2: begin
                    icv_received[127:0] <= q;
                    state <= CRYPT;
                end
                CRYPT: begin
                    start(packet::crypt(at, icv_at - at));
                    job.hash <= 1'b0;
                    job.integrity <= sa.esp_integrity;
                    job.octets <= icv_at - at;
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    state <= DECRYPTED;
                end
                DECRYPTED: begin
                    strip_go <= icv_size == 6'd0;
                    state <= icv_size != 6'd0 ? COMPARE : STRIPPED;
                end
                STRIPPED: if (strip_done) begin
                    protocol <= strip_next;
                    at <= at + esp_front;
                    stop <= strip_stop;
                    if (!strip_right) begin
                        refuse(packet::BAD_PADDING, 1'b1);
                    end else begin
                        restore_go <= 1'b1;
                        state <= RESTORED;
                    end
                end
                // -- out -------------------------------------------------------------------------------
                RESTORED: if (restore_done) begin
                    if (restore_reason != packet::OK) begin
                        refuse(restore_reason, 1'b1);
                    end else begin
                        start(packet::send(1'b1, out_at, dummy ? 17'd0 : out_octets));
                        m_axis_tuser.none <= dummy;
                        m_axis_tuser.reason <= packet::OK;
                        m_axis_tuser.ethertype <= out_v6
                            ? packet::ETHERTYPE_IPV6 : packet::ETHERTYPE_IPV4;
                        count_valid <= 1'b1;
                        count.of_sa <= 1'b1;
                        count.reason <= packet::OK;
                        count.octets <= dummy ? 17'd0 : out_octets;
                        state <= FINISH;
                    end
                end
                REFUSE: begin
                    start(packet::send(1'b0, HOME, too_large ? 17'd0 : request.length));
                    m_axis_tuser.none <= too_large;
                    m_axis_tuser.reason <= reason;
                    m_axis_tuser.ethertype <= request.ethertype;
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
        m_axis_tuser.last <= 1'b1;
        m_axis_tuser.urgent <= |request.level;
        m_axis_tuser.spi <= spi_shown;
        m_axis_tuser.number <= number_shown;
        count.inbound <= 1'b1;
        count.sa_index <= request.sa_index;
        commit_authentic <= 1'b1;
        job.decrypt <= 1'b1;
        job.sa_index <= request.sa_index;
        job.cipher <= sa.cipher;
        job.esn <= sa.esn;
        job.iv <= words[63:0];
        job.icv <= icv_received;
        if (rst) begin
            state <= IDLE;
            waiting <= 1'b0;
            job_waiting <= 1'b0;
            replay_waiting <= 1'b0;
            job_valid <= 1'b0;
            own_valid <= 1'b0;
            chain_go <= 1'b0;
            head_go <= 1'b0;
            ah_go <= 1'b0;
            strip_go <= 1'b0;
            restore_go <= 1'b0;
            sa_read <= 1'b0;
            check_valid <= 1'b0;
            commit_valid <= 1'b0;
            count_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, unit_ready, place_offset, place_protocol, place_pointer, dont_fragment,
        fragment, traffic_class, cipher_octets[16:4]};
endmodule

`default_nettype wire
