// The fast receive path: packets go to the engine while they come in, and what comes back is held
// until ICV and replay unit have said yes.
//
//   packet ─┬▶ ring ─▶ from SPI on ─▶ engine ─▶ plaintext ring ─▶ release ─▶ inner packet
//           └▶ ring of originals ──────────────────────────────▶ release ─▶ refused packet
//
// Each packet comes behind its plan (decap_select). The rings read at any octet, so nothing is shifted.
// AES-GCM starts with the first octets; the other ciphers' engine wants the ICV first, so they start
// when the packet is whole. The replay commit follows the ICV in order, and judges again; its verdict
// goes before BAD_ICV. From the ICV to the first beat released: 6 cycles.
`default_nettype none

module decap_fast #(
    // Octets of each ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two, at least the packets in flight
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    // Plans, and their packets
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    input  wire  [127:0]                s_axis_tdata,
    input  wire  [15:0]                 s_axis_tkeep,
    input  wire                         s_axis_tlast,
    input  wire                         s_axis_tvalid,
    output wire                         s_axis_tready,
    // Replay unit (as in `decapsulate`), rows by SA
    output wire                         check_valid,
    output wire  [15:0]                 check_sa,
    output wire  [31:0]                 check_low,
    output wire  [63:0]                 check_told,
    input  wire                         checked_valid,
    input  wire  [63:0]                 checked_number,
    output wire                         commit_valid,
    output wire  [15:0]                 commit_sa,
    output wire  [63:0]                 commit_number,
    output wire                         commit_authentic,
    input  wire                         committed_valid,
    input  wire  [1:0]                  committed_verdict,
    // Engine (as in `decapsulate`)
    output wire packet::job_t           job,
    output wire                         job_valid,
    input  wire                         job_ready,
    output wire                         job_number_valid,
    output wire  [63:0]                 job_number,
    output wire  [127:0]                m_engine_tdata,
    output wire  [15:0]                 m_engine_tkeep,
    output wire                         m_engine_tlast,
    output wire                         m_engine_tvalid,
    input  wire                         m_engine_tready,
    input  wire  [127:0]                s_engine_tdata,
    input  wire  [15:0]                 s_engine_tkeep,
    input  wire                         s_engine_tlast,
    input  wire                         s_engine_tvalid,
    output wire                         s_engine_tready,
    input  wire                         icv_valid,
    input  wire  [255:0]                icv,
    // Results
    output packet::result_t             m_axis_tuser,
    output wire  [127:0]                m_axis_tdata,
    output wire  [15:0]                 m_axis_tkeep,
    output wire                         m_axis_tlast,
    output wire                         m_axis_tvalid,
    input  wire                         m_axis_tready,
    // What is to be counted
    output logic                        count_valid,
    output packet::count_t              count,
    // A packet has left
    output wire                         over
);
    localparam int AT_W = ADDR_W + 1;   // ring addresses have a bit that tells full from empty
    typedef logic [AT_W-1:0] at_t;

    function automatic logic [4:0] octets_of(input logic [15:0] keep);
        octets_of = 5'd0;
        for (int i = 0; i < 16; i++) octets_of = octets_of + {4'd0, keep[i]};
    endfunction

    // -- packets in, to both rings ------------------------------------------------------------------------
    at_t written, freed, base;
    wire [4:0] in_octets = octets_of(s_axis_tkeep);
    wire at_t used = written - freed;
    assign s_axis_tready = used <= at_t'((1 << ADDR_W) - 32);
    wire take = s_axis_tvalid && s_axis_tready;

    // -- plans: to be fed, judged, committed, released ---------------------------------------------------------
    wire packet::receive_plan_t feed, judged, closing, leaving;
    wire at_t feed_base, leaving_base;
    wire feed_valid, judged_valid, closing_valid, leaving_valid;
    wire feed_next;
    wire judged_next, closing_next;
    localparam int W = packet::RECEIVE_PLAN_W;
    job_queue #(.WIDTH(W + AT_W), .DEPTH(DEPTH)) feeds (
        .clk, .rst, .put(plan_valid), .put_data({plan, base}), .valid(feed_valid),
        .data({feed, feed_base}), .get(feed_next)
    );
    job_queue #(.WIDTH(W), .DEPTH(DEPTH)) judges (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(judged_valid), .data(judged),
        .get(judged_next)
    );
    job_queue #(.WIDTH(W), .DEPTH(DEPTH)) closings (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(closing_valid), .data(closing),
        .get(closing_next)
    );
    job_queue #(.WIDTH(W + AT_W), .DEPTH(DEPTH)) leavings (
        .clk, .rst, .put(plan_valid), .put_data({plan, base}), .valid(leaving_valid),
        .data({leaving, leaving_base}), .get(over)
    );

    // -- replay check: for the whole number -------------------------------------------------------------------
    assign check_valid = plan_valid;
    assign check_sa = plan.sa_index;
    assign check_low = plan.low;
    assign check_told = plan.told;
    wire closing_number_valid, leaving_number_valid, job_taken;
    wire [63:0] leaving_number;
    assign job_number_valid = checked_valid;
    assign job_number = checked_number;
    job_queue #(.WIDTH(64), .DEPTH(DEPTH)) closing_numbers (
        .clk, .rst, .put(checked_valid), .put_data(checked_number),
        .valid(closing_number_valid), .data(commit_number), .get(closing_next)
    );
    job_queue #(.WIDTH(64), .DEPTH(DEPTH)) leaving_numbers (
        .clk, .rst, .put(checked_valid), .put_data(checked_number),
        .valid(leaving_number_valid), .data(leaving_number), .get(over)
    );

    // -- feed: SPI to ciphertext; the ICVs are read in the cycles that are left, ahead of it ------------------
    logic feeding;
    at_t feed_at;
    logic [16:0] feed_left;
    logic feed_word, feed_word_last, icv_word, icv_word_second;
    logic [4:0] feed_word_octets;
    logic icv_done;                     // of this packet
    wire feed_gcm = feed.cipher == packet::CIPHER_GCM;
    wire [127:0] feed_data;

    wire feed_taken = feed_word && m_engine_tready;
    wire free_port = !feed_word || m_engine_tready;
    wire at_t there = written - feed_at;
    // Negative where the octets are still to come
    wire feed_there = !there[AT_W-1] && there >= at_t'(feed_left < 17'd16 ? feed_left : 17'd16);
    wire feed_ask = feeding && free_port && feed_there;
    wire feed_last = feed_left <= 17'd16;

    wire at_t icv_base;
    wire [5:0] icv_octets;
    wire icv_wanted, icv_next;
    logic icv_second;                   // its second half is to be read
    job_queue #(.WIDTH(AT_W + 6), .DEPTH(DEPTH)) icvs (
        .clk, .rst, .put(plan_valid),
        .put_data({base + at_t'(20) + at_t'(plan.octets),
            packet::esp_icv_octets(plan.cipher, plan.integrity)}),
        .valid(icv_wanted), .data({icv_base, icv_octets}), .get(icv_next)
    );
    wire [ADDR_W-1:0] icv_at = icv_base[ADDR_W-1:0] + (icv_second ? ADDR_W'(16) : '0);
    wire at_t icv_behind = written - icv_base;
    wire icv_there = !icv_behind[AT_W-1] && icv_behind >= at_t'(icv_octets);
    wire icv_ask = icv_wanted && icv_there && free_port && !feed_ask;
    assign icv_next = icv_ask && (icv_second || icv_octets <= 6'd16);

    packet_ram #(.ADDR_W(ADDR_W)) ring (
        .clk, .rd_en(feed_ask || icv_ask),
        .rd_addr(feed_ask ? feed_at[ADDR_W-1:0] : icv_at), .wr_en(take),
        .wr_addr(written[ADDR_W-1:0]), .wr_count(in_octets), .wr_data(s_axis_tdata),
        .rd_data(feed_data)
    );

    // ICVs read less packets fed: the engine that wants the ICV first is not offered octets before
    // (they would hold the port).
    localparam int AHEAD_W = $clog2(DEPTH) + 2;
    logic [AHEAD_W-1:0] ahead;
    wire icv_known = ahead != '0 && !ahead[AHEAD_W-1];

    logic [127:0] engine_word;
    logic [15:0] engine_keep;
    always_comb
        for (int i = 0; i < 16; i++) begin
            engine_keep[i] = 5'(i) < feed_word_octets;
            engine_word[i*8 +: 8] = engine_keep[i] ? feed_data[i*8 +: 8] : 8'd0;
        end
    assign m_engine_tdata = engine_word;
    assign m_engine_tkeep = engine_keep;
    assign m_engine_tlast = feed_word_last;
    assign m_engine_tvalid = feed_word;

    // The ICV received: to be compared, and for the engine that wants it first
    logic [127:0] icv_half;
    logic icv_put;
    logic [255:0] icv_received;
    assign feed_next = feed_ask && feed_last;

    always_ff @(posedge clk) begin
        icv_put <= 1'b0;
        ahead <= ahead + AHEAD_W'(icv_next) - AHEAD_W'(feed_next);
        if (!feeding) begin
            feed_left <= feed.octets;
            feed_at <= feed_base + at_t'(20);
            feeding <= feed_valid && (feed_gcm || icv_known);
        end else if (feed_ask) begin
            feed_at <= feed_at + at_t'(16);
            feed_left <= feed_left - 17'd16;
            feeding <= !feed_last;
        end
        if (feed_ask) begin
            feed_word <= 1'b1;
            feed_word_last <= feed_last;
            feed_word_octets <= feed_last ? feed_left[4:0] : 5'd16;
        end else if (feed_taken) begin
            feed_word <= 1'b0;
        end
        if (icv_ask) icv_second <= !icv_next;
        icv_word <= icv_ask;
        icv_word_second <= icv_second;
        icv_done <= icv_next;
        if (icv_word && !icv_word_second) icv_half <= packet::reversed(feed_data);
        if (icv_word && icv_done) begin
            icv_put <= 1'b1;
            icv_received <= icv_word_second ? {icv_half, packet::reversed(feed_data)}
                : {packet::reversed(feed_data), 128'd0};
        end
        if (rst) begin
            feeding <= 1'b0;
            icv_second <= 1'b0;
            ahead <= '0;
            feed_word <= 1'b0;
            icv_word <= 1'b0;
            icv_put <= 1'b0;
        end
    end

    // -- jobs: one a plan, in order; behind the ICV where the engine wants it first -----------------------------
    wire packet::receive_plan_t order;
    wire order_valid, early_valid;
    wire [255:0] early_icv;
    wire order_gcm = order.cipher == packet::CIPHER_GCM;
    job_queue #(.WIDTH(W), .DEPTH(DEPTH), .THROUGH(1)) orders (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(order_valid), .data(order),
        .get(job_taken)
    );
    job_queue #(.WIDTH(256), .DEPTH(DEPTH)) early_icvs (
        .clk, .rst, .put(icv_put), .put_data(icv_received), .valid(early_valid),
        .data(early_icv), .get(early_valid && (early_gcm || job_taken))
    );
    // ICVs of AES-GCM come here too, and are not used: which ones they are
    wire early_gcm, early_kind_valid;
    job_queue #(.WIDTH(1), .DEPTH(DEPTH)) early_kinds (
        .clk, .rst, .put(plan_valid), .put_data(plan.cipher == packet::CIPHER_GCM),
        .valid(early_kind_valid), .data(early_gcm),
        .get(early_valid && (early_gcm || job_taken))
    );
    assign job_valid = order_valid && (order_gcm || (early_valid && !early_gcm));
    assign job_taken = job_valid && job_ready;
    assign job.hash = 1'b0;
    assign job.decrypt = 1'b1;
    assign job.sa_index = order.sa_index;
    assign job.cipher = order.cipher;
    assign job.integrity = order.integrity;
    assign job.esn = order.esn;
    assign job.iv = order.iv;
    assign job.octets = order.octets;
    assign job.icv = order_gcm ? 256'd0 : early_icv;

    // -- plaintext in: to its ring, and judged when it is whole ---------------------------------------------------
    at_t plain_written, plain_freed, plain_base;
    wire at_t plain_used = plain_written - plain_freed;
    assign s_engine_tready = plain_used <= at_t'((1 << ADDR_W) - 32);
    wire plain_take = s_engine_tvalid && s_engine_tready;
    wire [4:0] plain_octets = octets_of(s_engine_tkeep);
    wire [127:0] plain_word = packet::reversed(s_engine_tdata);

    logic [1:0] nth;
    logic [383:0] begins;               // the first three beats
    logic [127:0] ends;
    logic [4:0] ends_octets;
    logic [16:0] plain_length, whole_length;
    logic [7:0] run, run_before, run_now;
    logic whole;                        // a packet is in: judge it
    at_t whole_base;

    wire [7:0] top = plain_word[7:0];
    always_comb begin
        run_now = top;
        for (int i = 1; i < 16; i++)
            if (8'(i) < top && plain_word[8*i +: 8] != top - 8'(i)) run_now = 8'd0;
        if (top > 8'd16 && run != top - 8'd16) run_now = 8'd0;
    end

    wire [5:0] esp_front = 6'd8 + {1'b0, packet::iv_octets(judged.cipher)};
    wire [383:0] begins_shifted = begins << {esp_front, 3'd0};
    wire [4:0] inner_reason;
    wire inner_dummy, inner_v6;
    wire [16:0] inner_total;
    wire [127:0] inner_first;
    decap_inner inner (
        .octets(whole_length - {11'd0, esp_front}), .first(begins_shifted[383:256]), .last(ends),
        .last_octets(ends_octets), .run(run_before), .mark(judged.mark), .reason(inner_reason),
        .dummy(inner_dummy), .v6(inner_v6), .total(inner_total), .mended(inner_first)
    );
    assign judged_next = whole;

    always_ff @(posedge clk) begin
        whole <= 1'b0;
        if (plain_take) begin
            plain_written <= plain_written + at_t'(plain_octets);
            plain_length <= s_engine_tlast ? 17'd0 : plain_length + {12'd0, plain_octets};
            if (nth == 2'd0) begins[383:256] <= plain_word;
            if (nth == 2'd1) begins[255:128] <= plain_word;
            if (nth == 2'd2) begins[127:0] <= plain_word;
            nth <= s_engine_tlast ? 2'd0 : nth == 2'd3 ? 2'd3 : nth + 2'd1;
            run <= s_engine_tlast ? 8'd0 : run_now;
            if (s_engine_tlast) begin
                whole <= 1'b1;
                ends <= plain_word;
                ends_octets <= plain_octets;
                run_before <= run;
                whole_length <= plain_length + {12'd0, plain_octets};
                whole_base <= plain_base;
                plain_base <= plain_written + at_t'(plain_octets);
            end
        end
        if (rst) begin
            plain_written <= '0;
            plain_base <= '0;
            plain_length <= '0;
            nth <= 2'd0;
            run <= 8'd0;
            whole <= 1'b0;
        end
    end

    // -- the ICV: compare and commit ---------------------------------------------------------------------------------
    localparam int VERDICT_W = 5 + 1 + 1 + 17 + 128 + AT_W + 17;
    wire judged_there, out_judged_there, computed_valid, received_valid;
    wire [255:0] computed, received;
    job_queue #(.WIDTH(256), .DEPTH(DEPTH), .THROUGH(1)) computeds (
        .clk, .rst, .put(icv_valid), .put_data(icv), .valid(computed_valid), .data(computed),
        .get(closing_next)
    );
    job_queue #(.WIDTH(256), .DEPTH(DEPTH)) receiveds (
        .clk, .rst, .put(icv_put), .put_data(icv_received), .valid(received_valid),
        .data(received), .get(closing_next)
    );
    wire [5:0] closing_icv = packet::esp_icv_octets(closing.cipher, closing.integrity);
    wire icv_equal = ((computed ^ received) >> {9'd256 - {closing_icv, 3'd0}}) == 256'd0;
    assign closing_next = closing_valid && closing_number_valid && computed_valid && received_valid;
    assign commit_valid = closing_next;
    assign commit_sa = closing.sa_index;
    assign commit_authentic = icv_equal;

    wire was_right, was_valid;
    job_queue #(.WIDTH(1), .DEPTH(DEPTH)) rights (
        .clk, .rst, .put(closing_next), .put_data(icv_equal), .valid(was_valid), .data(was_right),
        .get(committed_valid)
    );
    wire out_verdict_valid;
    wire [4:0] out_verdict;
    job_queue #(.WIDTH(5), .DEPTH(DEPTH), .THROUGH(1)) verdicts (
        .clk, .rst, .put(committed_valid),
        .put_data(committed_verdict == 2'd1 ? packet::REPLAYED
            : committed_verdict == 2'd2 ? packet::TOO_OLD
            : was_right ? packet::OK : packet::BAD_ICV),
        .valid(out_verdict_valid), .data(out_verdict), .get(over)
    );

    // -- release -------------------------------------------------------------------------------------------------------
    wire [4:0] out_reason;
    wire out_dummy, out_v6;
    wire [16:0] out_total, out_length;
    wire [127:0] out_first;
    wire at_t out_base;
    job_queue #(.WIDTH(VERDICT_W), .DEPTH(DEPTH), .THROUGH(1)) inners (
        .clk, .rst, .put(whole),
        .put_data({inner_reason, inner_dummy, inner_v6, inner_total, inner_first,
            whole_base + at_t'(esp_front), whole_length - {11'd0, esp_front}}),
        .valid(out_judged_there),
        .data({out_reason, out_dummy, out_v6, out_total, out_first, out_base, out_length}),
        .get(over)
    );
    assign judged_there = out_judged_there && out_verdict_valid && leaving_valid
        && leaving_number_valid;

    wire [4:0] final_reason = out_verdict != packet::OK ? out_verdict : out_reason;
    wire refused = final_reason != packet::OK;
    logic sending, out_asking, out_word, out_word_last, out_word_first, out_refused;
    logic [4:0] out_word_octets;
    at_t out_at;
    logic [16:0] out_left;
    wire out_taken = out_word && m_axis_tready;
    wire out_ask = out_asking && (!out_word || out_taken);
    wire out_last = out_left <= 17'd16;
    wire [127:0] plain_data, original_data;
    assign over = out_taken && out_word_last;

    packet_ram #(.ADDR_W(ADDR_W)) plaintext (
        .clk, .rd_en(out_ask), .rd_addr(out_at[ADDR_W-1:0]), .wr_en(plain_take),
        .wr_addr(plain_written[ADDR_W-1:0]), .wr_count(plain_octets), .wr_data(s_engine_tdata),
        .rd_data(plain_data)
    );
    packet_ram #(.ADDR_W(ADDR_W)) originals (
        .clk, .rd_en(out_ask), .rd_addr(out_at[ADDR_W-1:0]), .wr_en(take),
        .wr_addr(written[ADDR_W-1:0]), .wr_count(in_octets), .wr_data(s_axis_tdata),
        .rd_data(original_data)
    );

    logic [127:0] out_data;
    logic [15:0] out_keep;
    wire [127:0] first_word = packet::reversed(out_first);
    always_comb
        for (int i = 0; i < 16; i++) begin
            out_keep[i] = 5'(i) < out_word_octets;
            out_data[i*8 +: 8] = !out_keep[i] ? 8'd0 : out_refused ? original_data[i*8 +: 8]
                : out_word_first ? first_word[i*8 +: 8] : plain_data[i*8 +: 8];
        end
    assign m_axis_tdata = out_data;
    assign m_axis_tkeep = out_keep;
    assign m_axis_tlast = out_word_last;
    assign m_axis_tvalid = out_word;

    always_ff @(posedge clk) begin
        count_valid <= 1'b0;
        if (judged_there && !sending) begin
            sending <= 1'b1;
            out_asking <= 1'b1;
            out_refused <= refused;
            out_word_first <= 1'b1;
            out_at <= refused ? leaving_base : out_base;
            out_left <= refused ? leaving.length : out_dummy ? 17'd0 : out_total;
            m_axis_tuser.none <= !refused && out_dummy;
            m_axis_tuser.reason <= final_reason;
            m_axis_tuser.ethertype <= refused || !out_v6
                ? packet::ETHERTYPE_IPV4 : packet::ETHERTYPE_IPV6;
            m_axis_tuser.spi <= leaving.spi;
            m_axis_tuser.number <= leaving_number;
            count_valid <= 1'b1;
            count.sa_index <= leaving.sa_index;
            count.reason <= final_reason;
            count.octets <= refused || out_dummy ? 17'd0 : out_total;
        end
        if (out_ask) begin
            out_at <= out_at + at_t'(16);
            out_left <= out_left - 17'd16;
            out_word_octets <= out_last ? out_left[4:0] : 5'd16;
            out_word_last <= out_last;
            if (out_last) out_asking <= 1'b0;
        end
        if (out_ask) out_word <= 1'b1;
        else if (out_taken) out_word <= 1'b0;
        if (out_taken) out_word_first <= 1'b0;
        if (over) begin
            sending <= 1'b0;
            freed <= leaving_base + at_t'(leaving.length);
            plain_freed <= out_base + at_t'(out_length);
        end
        m_axis_tuser.last <= 1'b1;
        count.of_sa <= 1'b1;
        count.inbound <= 1'b1;

        if (take) written <= written + at_t'(in_octets);
        if (plan_valid) base <= base + at_t'(plan.length);
        if (rst) begin
            written <= '0;
            base <= '0;
            freed <= '0;
            plain_freed <= '0;
            sending <= 1'b0;
            out_asking <= 1'b0;
            out_word <= 1'b0;
            count_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, feed, judged, judged_valid, closing, leaving, order, was_valid,
        early_kind_valid, begins_shifted[255:0], s_axis_tlast, out_length};
endmodule

`default_nettype wire
