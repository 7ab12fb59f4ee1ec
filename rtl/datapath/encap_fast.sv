// The fast transmit path: ESP around a stream of packets, beat by beat, no packet ever stored.
//
//   payload ─▶ ++ padding, trailer ─▶ SPI, number, IV ++ ─▶ engine ─▶ queue ─▶ ++ ICV ─┐
//                                                        out ◀─ outer header ++ ◀──────┘
//
// Each packet comes behind its plan (encap_select). The outer header leaves before the cipher has
// begun, 3 cycles after the plan. n octets out take n/16 beats; between packets there is no gap
// unless the engine makes one.
`default_nettype none

module encap_fast #(
    // Plans that wait: a power of two, at least the packets in flight
    parameter int DEPTH = 16
) (
    input  wire                     clk,
    input  wire                     rst,
    // Plans, and their packets
    input  wire                     plan_valid,
    input  wire packet::plan_t      plan,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Engine (as in `encapsulate`); the ICVs of several packets may come before they are sent
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
    output wire packet::result_t    m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // A packet has left
    output wire                     over
);
    // Each user of a plan has a queue of its own: it takes the plan at its own time.
    wire packet::plan_t order, front, tail, out;
    wire order_valid, front_valid, tail_valid, out_valid;
    wire job_taken, front_taken, tail_taken, out_taken;
    // Much hangs in the engine on the oldest job: it is in a register.
    job_queue #(.WIDTH(packet::PLAN_W), .DEPTH(DEPTH), .FRONT(1)) orders (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(order_valid), .data(order),
        .get(job_taken)
    );
    job_queue #(.WIDTH(packet::PLAN_W), .DEPTH(DEPTH)) fronts (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(front_valid), .data(front),
        .get(front_taken)
    );
    job_queue #(.WIDTH(packet::PLAN_W), .DEPTH(DEPTH)) tails (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(tail_valid), .data(tail),
        .get(tail_taken)
    );
    job_queue #(.WIDTH(packet::PLAN_W), .DEPTH(DEPTH)) outs (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(out_valid), .data(out),
        .get(out_taken)
    );

    // -- the job ----------------------------------------------------------------------------------------------
    assign job.hash = 1'b0;
    assign job.decrypt = 1'b0;
    assign job.sa_index = order.sa_index;
    assign job.cipher = order.cipher;
    assign job.integrity = order.integrity;
    assign job.esn = order.esn;
    assign job.iv = order.number;
    assign job.octets = order.octets;
    assign job.icv = 256'd0;
    assign job_valid = order_valid;
    assign job_taken = order_valid && job_ready;

    // -- payload ++ padding and trailer: up to 17 octets ------------------------------------------------------
    logic tail_second;
    wire [4:0] tail_octets = {1'b0, tail.padding} + 5'd2;
    logic [255:0] tail_word;
    always_comb begin
        // 1, 2, 3 ... and behind them the pad length and the next header
        tail_word = 256'd0;
        for (int i = 0; i < 17; i++) begin
            if (5'(i) < {1'b0, tail.padding}) tail_word[i*8 +: 8] = 8'(i + 1);
            if (5'(i) == {1'b0, tail.padding}) tail_word[i*8 +: 8] = {4'd0, tail.padding};
            if (5'(i) == {1'b0, tail.padding} + 5'd1) tail_word[i*8 +: 8] = packet::IPIP;
        end
    end
    wire tail_last = tail_second || tail_octets <= 5'd16;
    wire [15:0] tail_keep = tail_second ? 16'h0001
        : tail_octets > 5'd16 ? 16'hFFFF : ~(16'hFFFF << tail_octets);
    wire tail_ready, trailer_tlast, trailer_tvalid, trailer_tready, trailer_tuser;
    wire [127:0] trailer_tdata, plain_tdata;
    wire [15:0] trailer_tkeep, plain_tkeep;
    wire plain_tlast, plain_tvalid, plain_tready, plain_tuser, plain_over;
    assign tail_taken = tail_valid && tail_ready && tail_last;

    skid_buffer cut_trailer (
        .clk, .rst, .s_tvalid(tail_valid), .s_tready(tail_ready),
        .s_tdata(tail_second ? tail_word[255:128] : tail_word[127:0]), .s_tkeep(tail_keep),
        .s_tlast(tail_last), .s_tuser(1'b0), .m_tvalid(trailer_tvalid),
        .m_tready(trailer_tready), .m_tdata(trailer_tdata), .m_tkeep(trailer_tkeep),
        .m_tlast(trailer_tlast), .m_tuser(trailer_tuser)
    );
    align_append #(.CUT(1)) append_trailer (
        .clk, .rst, .s_a_tdata(s_axis_tdata), .s_a_tkeep(s_axis_tkeep), .s_a_tlast(s_axis_tlast),
        .s_a_tvalid(s_axis_tvalid), .s_a_tready(s_axis_tready), .s_b_tdata(trailer_tdata),
        .s_b_tkeep(trailer_tkeep), .s_b_tlast(trailer_tlast), .s_b_tvalid(trailer_tvalid),
        .s_b_tready(trailer_tready), .s_tuser(1'b0), .s_over(plain_over),
        .m_axis_tdata(plain_tdata), .m_axis_tkeep(plain_tkeep), .m_axis_tlast(plain_tlast),
        .m_axis_tvalid(plain_tvalid), .m_axis_tuser(plain_tuser), .m_axis_tready(plain_tready)
    );

    // -- SPI, sequence number and IV ++ ---------------------------------------------------------------------------
    logic front_second;
    wire [4:0] iv_size = packet::iv_octets(front.cipher);
    wire front_last = front_second || iv_size != 5'd16;
    wire front_ready, esp_tlast, esp_tvalid, esp_tready, esp_tuser;
    wire [127:0] esp_tdata;
    wire [15:0] esp_tkeep;
    wire engine_tuser, engine_over;
    assign front_taken = front_valid && front_ready && front_last;

    skid_buffer cut_front (
        .clk, .rst, .s_tvalid(front_valid), .s_tready(front_ready),
        .s_tdata(packet::reversed({front.spi, front.number[31:0], front.number})),
        .s_tkeep(front_second || iv_size == 5'd0 ? 16'h00FF : 16'hFFFF), .s_tlast(front_last),
        .s_tuser(1'b0), .m_tvalid(esp_tvalid), .m_tready(esp_tready), .m_tdata(esp_tdata),
        .m_tkeep(esp_tkeep), .m_tlast(esp_tlast), .m_tuser(esp_tuser)
    );
    align_append #(.CUT(1)) append_payload (
        .clk, .rst, .s_a_tdata(esp_tdata), .s_a_tkeep(esp_tkeep), .s_a_tlast(esp_tlast),
        .s_a_tvalid(esp_tvalid), .s_a_tready(esp_tready), .s_b_tdata(plain_tdata),
        .s_b_tkeep(plain_tkeep), .s_b_tlast(plain_tlast), .s_b_tvalid(plain_tvalid),
        .s_b_tready(plain_tready), .s_tuser(1'b0), .s_over(engine_over),
        .m_axis_tdata(m_engine_tdata), .m_axis_tkeep(m_engine_tkeep),
        .m_axis_tlast(m_engine_tlast), .m_axis_tvalid(m_engine_tvalid),
        .m_axis_tuser(engine_tuser), .m_axis_tready(m_engine_tready)
    );

    // -- ++ ICV: up to 32 octets --------------------------------------------------------------------------------
    wire icv_there, icv_ready;
    wire [255:0] icv_word;
    logic icv_second;
    // Its size: that of the packet which the ICV belongs to, the oldest one not yet so far.
    wire packet::plan_t sealed;
    wire sealed_valid;
    wire [5:0] icv_size = packet::esp_icv_octets(sealed.cipher, sealed.integrity);
    wire icv_last = icv_second || icv_size <= 6'd16;
    wire icv_valid_now = icv_there && sealed_valid;
    wire icv_taken = icv_valid_now && icv_ready && icv_last;
    wire [4:0] icv_octets = icv_second ? 5'(icv_size - 6'd16)
        : icv_size > 6'd16 ? 5'd16 : icv_size[4:0];
    wire [15:0] icv_keep = ~(16'hFFFF << icv_octets);

    job_queue #(.WIDTH(256), .DEPTH(DEPTH)) icvs (
        .clk, .rst, .put(icv_valid), .put_data(icv), .valid(icv_there), .data(icv_word),
        .get(icv_taken)
    );
    job_queue #(.WIDTH(packet::PLAN_W), .DEPTH(DEPTH)) seals (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(sealed_valid), .data(sealed),
        .get(icv_taken)
    );

    // Octets wait for the ICV before them, which takes its time, and the engine goes on.
    wire [127:0] done_tdata, body_tdata, icv_tdata, sealed_tdata;
    wire [15:0] done_tkeep, body_tkeep, icv_tkeep, sealed_tkeep;
    wire done_tlast, done_tvalid, done_tready, done_tuser;
    wire body_tlast, body_tvalid, body_tready, body_tuser;
    wire icv_tlast, icv_tvalid, icv_tready, icv_tuser;
    wire sealed_tlast, sealed_tvalid, sealed_tready, sealed_tuser, sealed_over;
    wire [5:0] done_level;
    fifo_stream #(.DEPTH(32)) done (
        .clk, .rst, .s_tvalid(s_engine_tvalid), .s_tready(s_engine_tready),
        .s_tdata(s_engine_tdata), .s_tkeep(s_engine_tkeep), .s_tlast(s_engine_tlast),
        .s_tuser(1'b0), .m_tvalid(done_tvalid), .m_tready(done_tready), .m_tdata(done_tdata),
        .m_tkeep(done_tkeep), .m_tlast(done_tlast), .m_tuser(done_tuser), .level(done_level)
    );
    skid_buffer cut_done (
        .clk, .rst, .s_tvalid(done_tvalid), .s_tready(done_tready), .s_tdata(done_tdata),
        .s_tkeep(done_tkeep), .s_tlast(done_tlast), .s_tuser(1'b0), .m_tvalid(body_tvalid),
        .m_tready(body_tready), .m_tdata(body_tdata), .m_tkeep(body_tkeep), .m_tlast(body_tlast),
        .m_tuser(body_tuser)
    );
    skid_buffer cut_icv (
        .clk, .rst, .s_tvalid(icv_valid_now), .s_tready(icv_ready),
        .s_tdata(packet::reversed(icv_second ? icv_word[127:0] : icv_word[255:128])),
        .s_tkeep(icv_keep), .s_tlast(icv_last), .s_tuser(1'b0), .m_tvalid(icv_tvalid),
        .m_tready(icv_tready), .m_tdata(icv_tdata), .m_tkeep(icv_tkeep), .m_tlast(icv_tlast),
        .m_tuser(icv_tuser)
    );
    align_append #(.CUT(1)) append_icv (
        .clk, .rst, .s_a_tdata(body_tdata), .s_a_tkeep(body_tkeep), .s_a_tlast(body_tlast),
        .s_a_tvalid(body_tvalid), .s_a_tready(body_tready), .s_b_tdata(icv_tdata),
        .s_b_tkeep(icv_tkeep), .s_b_tlast(icv_tlast), .s_b_tvalid(icv_tvalid),
        .s_b_tready(icv_tready), .s_tuser(1'b0), .s_over(sealed_over),
        .m_axis_tdata(sealed_tdata), .m_axis_tkeep(sealed_tkeep), .m_axis_tlast(sealed_tlast),
        .m_axis_tvalid(sealed_tvalid), .m_axis_tuser(sealed_tuser), .m_axis_tready(sealed_tready)
    );

    // -- outer header ++ --------------------------------------------------------------------------------------------
    logic outer_second;
    wire outer_ready;
    wire packet::result_t whole_tuser;
    wire [127:0] whole_tdata;
    wire [15:0] whole_tkeep;
    wire whole_tlast, whole_tvalid, whole_tready;
    // The plan stays until the last octet is on its way: its number is in the sideband.
    logic outer_sent;

    wire packet::result_t result;
    assign result.none = 1'b0;
    assign result.last = 1'b1;
    assign result.urgent = 1'b0;
    assign result.reason = packet::OK;
    assign result.ethertype = packet::ETHERTYPE_IPV4;
    assign result.spi = out.spi;
    assign result.number = out.number;

    align_append #(.CUT(1), .USER_W(packet::RESULT_W)) append_esp (
        .clk, .rst,
        .s_a_tdata(packet::reversed(outer_second ? {out.outer[31:0], 96'd0} : out.outer[159:32])),
        .s_a_tkeep(outer_second ? 16'h000F : 16'hFFFF), .s_a_tlast(outer_second),
        .s_a_tvalid(out_valid && !outer_sent), .s_a_tready(outer_ready),
        .s_b_tdata(sealed_tdata), .s_b_tkeep(sealed_tkeep), .s_b_tlast(sealed_tlast),
        .s_b_tvalid(sealed_tvalid), .s_b_tready(sealed_tready), .s_tuser(result),
        .s_over(out_taken), .m_axis_tdata(whole_tdata), .m_axis_tkeep(whole_tkeep),
        .m_axis_tlast(whole_tlast), .m_axis_tvalid(whole_tvalid), .m_axis_tuser(whole_tuser),
        .m_axis_tready(whole_tready)
    );
    skid_buffer #(.USER_W(packet::RESULT_W)) cut_out (
        .clk, .rst, .s_tvalid(whole_tvalid), .s_tready(whole_tready), .s_tdata(whole_tdata),
        .s_tkeep(whole_tkeep), .s_tlast(whole_tlast), .s_tuser(whole_tuser),
        .m_tvalid(m_axis_tvalid), .m_tready(m_axis_tready), .m_tdata(m_axis_tdata),
        .m_tkeep(m_axis_tkeep), .m_tlast(m_axis_tlast), .m_tuser(m_axis_tuser)
    );
    assign over = m_axis_tvalid && m_axis_tready && m_axis_tlast;

    always_ff @(posedge clk) begin
        if (tail_valid && tail_ready) tail_second <= !tail_last;
        if (front_valid && front_ready) front_second <= !front_last;
        if (icv_valid_now && icv_ready) icv_second <= !icv_last;
        if (out_valid && outer_ready) outer_second <= !outer_second;
        if (out_taken) outer_sent <= 1'b0;
        else if (outer_ready && outer_second) outer_sent <= 1'b1;
        if (rst) begin
            tail_second <= 1'b0;
            front_second <= 1'b0;
            icv_second <= 1'b0;
            outer_second <= 1'b0;
            outer_sent <= 1'b0;
        end
    end

    wire unused = &{1'b0, order.outer, order.spi, order.padding, front.outer, tail, out,
        sealed, front.sa_index, front.integrity, front.esn, front.padding, front.octets,
        trailer_tuser, plain_tuser, esp_tuser, engine_tuser, done_tuser, body_tuser, icv_tuser,
        sealed_tuser, plain_over, engine_over, sealed_over, done_level};
endmodule

`default_nettype wire
