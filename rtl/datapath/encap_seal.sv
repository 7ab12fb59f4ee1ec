// Puts IPsec around a piece in copy 1, in place (encap_layout): ESP with its trailer, UDP, the headers in
// front, AH over it all, UDP's checksum over IPv6.
//
// The golden model's `encapsulate.py` from the payload on. Nothing is refused but what AH cannot predict.
`default_nettype none

module encap_seal (
    input  wire                     clk,
    input  wire                     rst,
    // Start; what follows stays until the end
    input  wire                     go,
    input  wire packet::outbound_t  sa,
    input  wire  [15:0]             sa_index,
    input  wire packet::layout_t    layout,
    input  wire  [63:0]             number,
    // Of the cleartext packet; df_policy is the request's
    input  wire                     v6,
    input  wire  [7:0]              traffic_class,
    input  wire                     dont_fragment,
    input  wire  [1:0]              df_policy,
    // Transport mode: the headers that are kept, the octet that names the protocol, the protocol
    input  wire  [16:0]             home,
    input  wire  [16:0]             pointer,
    input  wire  [7:0]              protocol,
    // Region operations
    output wire                     op_valid,
    output packet::op_t             op,
    input  wire                     op_done,
    input  wire  [127:0]            q,
    input  wire  [15:0]             sum,
    // Engine's jobs and ICVs
    output packet::job_t            job,
    output logic                    job_valid,
    input  wire                     job_ready,
    input  wire                     icv_valid,
    input  wire  [255:0]            icv,
    // The end: OK, or why it cannot be
    output logic                    done,
    output logic [4:0]              reason
);
    localparam [4:0] IDLE = 5'd0, PAD = 5'd1, PAD_END = 5'd2, ESP_HEADER = 5'd3, CRYPT =
        5'd4, ESP_ICV = 5'd5, ESP_ICV2 = 5'd6, UDP = 5'd7, FRONT = 5'd8, FRONT2 = 5'd9, FRONT3 =
        5'd10, KEPT = 5'd11, BEHIND = 5'd12, UDP_SUM = 5'd13, AH = 5'd14, PREPARE = 5'd15,
        PREPARED = 5'd16, HASH = 5'd17, AH_ICV = 5'd18, AH_ICV2 = 5'd19, FINISH = 5'd20;

    logic [4:0] state;

    wire has_esp = sa.esp_spi != 32'd0;
    wire has_ah = sa.ah_spi != 32'd0;
    wire has_udp = sa.udp_destination != 16'd0;
    wire [15:0] spi_end = has_ah ? sa.ah_spi[15:0] : sa.esp_spi[15:0];
    wire [4:0] iv_size = packet::iv_octets(sa.cipher);
    wire wide_icv = layout.esp_icv > 17'd16;
    wire [5:0] ah_icv_size = packet::icv_octets(sa.ah_integrity);
    wire wide_ah = ah_icv_size > 6'd16;

    wire [7:0] esp_next = sa.transport ? protocol : v6 ? packet::IPV6 : packet::IPIP;
    wire [7:0] udp_next = has_esp ? packet::ESP : esp_next;
    wire [7:0] ah_next = has_udp ? packet::UDP : udp_next;
    wire [7:0] front_next = has_ah ? packet::AH : ah_next;
    wire [15:0] udp_octets = 16'(layout.end_at - layout.udp_at);

    wire [319:0] outer;
    outer_header outer_header (
        .v6(sa.v6), .source(sa.source), .destination(sa.destination), .ttl(sa.ttl),
        .dscp_copy(sa.dscp_copy), .dscp(sa.dscp), .ecn_copy(sa.ecn_copy),
        .inner_traffic_class(traffic_class), .inner_dont_fragment(dont_fragment), .df_policy,
        .protocol(front_next), .payload(16'(layout.end_at - layout.ah_at)),
        .identification(spi_end + number[15:0]), .header(outer)
    );

    // -- region operations: its own, and those of its parts -----------------------------------------
    packet::op_t own_op;
    wire packet::op_t kept_op, ah_op, sum_op;
    logic own_valid, kept_go, ah_go, sum_go;
    wire kept_valid, ah_valid, sum_valid, kept_done, ah_done, sum_done;
    wire [4:0] ah_reason;
    wire [16:0] hashed_octets;
    always_comb begin
        op = own_op;
        if (kept_valid) op = kept_op;
        if (ah_valid) op = ah_op;
        if (sum_valid) op = sum_op;
    end
    assign op_valid = own_valid || kept_valid || ah_valid || sum_valid;

    kept_front keep_front (
        .clk, .rst, .go(kept_go), .v6, .base(home), .size(layout.front_size),
        .target(layout.front_at), .pointer, .protocol(front_next), .length(layout.field[15:0]),
        .op_valid(kept_valid), .op(kept_op), .op_done, .sum, .done(kept_done)
    );
    ah_prepare prepare (
        .clk, .rst, .go(ah_go), .v6(layout.v6), .base(layout.front_at), .size(layout.front_size),
        .ah_at(layout.ah_at), .cleared(layout.ah_size - 17'd12), .stop(layout.end_at),
        .esn(sa.esn), .high(number[63:32]), .op_valid(ah_valid), .op(ah_op), .op_done, .q,
        .done(ah_done), .reason(ah_reason), .octets(hashed_octets)
    );
    upper_sum udp_sum (
        .clk, .rst, .go(sum_go), .mend(1'b0), .v6(layout.v6), .front(layout.front_at),
        .base(layout.udp_at), .octets(layout.end_at - layout.udp_at), .protocol(packet::UDP),
        .op_valid(sum_valid), .op(sum_op), .op_done, .q, .sum, .done(sum_done)
    );

    // -- sequencer ------------------------------------------------------------------------------------
    logic waiting, job_waiting;         // for a region operation; for the engine
    logic [255:0] icv_kept;
    logic hashed;                       // AH's ICV is there, the front is written a second time
    wire step = (!waiting || op_done) && (!job_waiting || icv_valid);

    task automatic start(input packet::op_t what);
        begin
            own_valid <= 1'b1;
            waiting <= 1'b1;
            own_op <= what;
        end
    endtask
    task automatic put(input logic [16:0] dst, input logic [16:0] len, input logic [127:0] data);
        start(packet::write(1'b1, dst, len, data));
    endtask

    always_ff @(posedge clk) begin
        own_valid <= 1'b0;
        kept_go <= 1'b0;
        ah_go <= 1'b0;
        sum_go <= 1'b0;
        done <= 1'b0;
        if (op_done) waiting <= 1'b0;
        if (job_valid && job_ready) job_valid <= 1'b0;
        if (icv_valid) begin
            job_waiting <= 1'b0;
            icv_kept <= icv;
        end
        if (go) begin
            hashed <= 1'b0;
            reason <= packet::OK;
            state <= PAD;
        end else if (step) begin
            case (state)
                // -- ESP -------------------------------------------------------------------------------
                PAD: begin
                    state <= FRONT;
                    if (has_esp) begin
                        put(layout.icv_at - 17'd2 - {13'd0, layout.padding}, {13'd0, layout.padding},
                            128'h0102030405060708090A0B0C0D0E0F00);
                        state <= PAD_END;
                    end
                end
                PAD_END: begin
                    put(layout.icv_at - 17'd2, 17'd2, {4'd0, layout.padding, esp_next, 112'd0});
                    state <= ESP_HEADER;
                end
                ESP_HEADER: begin
                    put(layout.esp_at, 17'd8 + {12'd0, iv_size < 5'd8 ? iv_size : 5'd8},
                        {sa.esp_spi, number[31:0], number});
                    state <= CRYPT;
                end
                CRYPT: begin
                    start(packet::crypt(layout.esp_at, layout.icv_at - layout.esp_at));
                    job.hash <= 1'b0;
                    job.cipher <= sa.cipher;
                    job.integrity <= sa.esp_integrity;
                    job.esn <= sa.esn;
                    job.octets <= layout.icv_at - layout.esp_at;
                    job.icv <= 256'd0;
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    state <= ESP_ICV;
                end
                ESP_ICV: begin
                    // The ICV has come now, or before the last octet was back.
                    put(layout.icv_at, wide_icv ? 17'd16 : layout.esp_icv,
                        icv_valid ? icv[255:128] : icv_kept[255:128]);
                    state <= ESP_ICV2;
                end
                ESP_ICV2: begin
                    if (wide_icv)
                        put(layout.icv_at + 17'd16, layout.esp_icv - 17'd16, icv_kept[127:0]);
                    state <= UDP;
                end
                UDP: begin
                    if (has_udp)
                        put(layout.udp_at, 17'd8,
                            {sa.udp_source, sa.udp_destination, udp_octets, 80'd0});
                    state <= FRONT;
                end
                // -- the headers in front: made, or kept and mended --------------------------------------
                FRONT: begin
                    if (sa.transport) begin
                        kept_go <= 1'b1;
                        state <= KEPT;
                    end else begin
                        put(layout.front_at, 17'd16, outer[319:192]);
                        state <= FRONT2;
                    end
                end
                FRONT2: begin
                    put(layout.front_at + 17'd16, sa.v6 ? 17'd16 : 17'd4, outer[191:64]);
                    state <= sa.v6 ? FRONT3 : BEHIND;
                end
                FRONT3: begin
                    put(layout.front_at + 17'd32, 17'd8, {outer[63:0], 64'd0});
                    state <= BEHIND;
                end
                KEPT: if (kept_done) state <= BEHIND;
                // -- what covers the front: AH, or UDP's checksum -----------------------------------------
                BEHIND: begin
                    state <= FINISH;
                    if (has_ah && !hashed) begin
                        state <= AH;
                    end else if (has_udp && layout.v6) begin
                        sum_go <= 1'b1;
                        state <= UDP_SUM;
                    end
                end
                UDP_SUM: if (sum_done) state <= FINISH;
                AH: begin
                    put(layout.ah_at, 17'd12, {
                        ah_next, {2'd0, layout.ah_size[7:2]} - 8'd2, 16'd0, sa.ah_spi,
                        number[31:0], 32'd0
                    });
                    state <= PREPARE;
                end
                PREPARE: begin
                    ah_go <= 1'b1;
                    state <= PREPARED;
                end
                PREPARED: if (ah_done) begin
                    reason <= ah_reason;
                    state <= ah_reason == packet::OK ? HASH : FINISH;
                end
                HASH: begin
                    start(packet::hash(layout.front_at, hashed_octets));
                    job.hash <= 1'b1;
                    job.integrity <= sa.ah_integrity;
                    job.octets <= hashed_octets;
                    job_valid <= 1'b1;
                    job_waiting <= 1'b1;
                    hashed <= 1'b1;
                    state <= AH_ICV;
                end
                AH_ICV: begin
                    put(layout.ah_at + 17'd12, wide_ah ? 17'd16 : {11'd0, ah_icv_size},
                        icv_valid ? icv[255:128] : icv_kept[255:128]);
                    state <= AH_ICV2;
                end
                AH_ICV2: begin
                    if (wide_ah)
                        put(layout.ah_at + 17'd28, {11'd0, ah_icv_size} - 17'd16, icv_kept[127:0]);
                    state <= FRONT;
                end
                FINISH: begin
                    done <= 1'b1;
                    state <= IDLE;
                end
                default: state <= IDLE;
            endcase
        end
        job.decrypt <= 1'b0;
        job.sa_index <= sa_index;
        job.iv <= number;
        if (rst) begin
            state <= IDLE;
            waiting <= 1'b0;
            job_waiting <= 1'b0;
            job_valid <= 1'b0;
            own_valid <= 1'b0;
            kept_go <= 1'b0;
            ah_go <= 1'b0;
            sum_go <= 1'b0;
            done <= 1'b0;
        end
    end

    wire unused = &{1'b0, sa, layout};
endmodule

`default_nettype wire
