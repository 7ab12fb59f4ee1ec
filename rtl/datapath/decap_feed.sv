// From the ring of packets to the engine: of each packet the octets from SPI to the end of the
// ciphertext, and its ICV aside.
//
// The ring reads at any octet, so nothing is shifted. ICVs are read in the cycles that are left, ahead of
// the octets where those of other packets are still on their way. AES-GCM gets octets as they come; the
// other ciphers' engine wants the ICV first, and is not offered octets before: they would hold the port.
`default_nettype none

module decap_feed #(
    // Octets of the ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    // Plans, and where in the ring their packets begin
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    input  wire  [ADDR_W:0]             plan_base,
    // Octets of packets, and where they go
    input  wire                         wr_en,
    input  wire  [ADDR_W:0]             wr_at,
    input  wire  [4:0]                  wr_count,
    input  wire  [127:0]                wr_data,
    // To the engine
    output wire  [127:0]                m_engine_tdata,
    output wire  [15:0]                 m_engine_tkeep,
    output wire                         m_engine_tlast,
    output wire                         m_engine_tvalid,
    input  wire                         m_engine_tready,
    // Each packet's ICV, octet 0 in [255:248]
    output logic                        icv_valid,
    output logic [255:0]                icv
);
    localparam int AT_W = ADDR_W + 1;
    typedef logic [AT_W-1:0] at_t;

    // -- octets: SPI to ciphertext ----------------------------------------------------------------------
    wire next_valid, next_gcm;
    wire [16:0] next_octets;
    wire at_t next_base;
    wire taken;                         // its last octets are being read
    job_queue #(.WIDTH(18 + AT_W), .DEPTH(DEPTH)) plans (
        .clk, .rst, .put(plan_valid),
        .put_data({plan.cipher == packet::CIPHER_GCM, plan.octets, plan_base + at_t'(20)}),
        .valid(next_valid), .data({next_gcm, next_octets, next_base}), .get(taken)
    );

    logic feeding;
    at_t at;
    logic [16:0] left;
    logic word, word_last;
    logic [4:0] word_octets;
    wire free_port = !word || m_engine_tready;
    wire at_t there = wr_at - at;
    // Negative where the octets are still to come
    wire all_there = !there[AT_W-1] && there >= at_t'(left < 17'd16 ? left : 17'd16);
    wire ask = feeding && free_port && all_there;
    wire last = left <= 17'd16;
    assign taken = ask && last;

    // -- ICVs ---------------------------------------------------------------------------------------------
    wire at_t plan_icv = plan_base + at_t'(20) + at_t'(plan.octets);
    wire icv_wanted, icv_over;
    wire at_t icv_base;
    wire [5:0] icv_octets;
    logic icv_second;                   // its second half is to be read
    job_queue #(.WIDTH(AT_W + 6), .DEPTH(DEPTH)) icvs (
        .clk, .rst, .put(plan_valid),
        .put_data({plan_icv, packet::esp_icv_octets(plan.cipher, plan.integrity)}),
        .valid(icv_wanted), .data({icv_base, icv_octets}), .get(icv_over)
    );
    wire [ADDR_W-1:0] icv_at = icv_base[ADDR_W-1:0] + (icv_second ? ADDR_W'(16) : '0);
    wire at_t icv_behind = wr_at - icv_base;
    wire icv_there = !icv_behind[AT_W-1] && icv_behind >= at_t'(icv_octets);
    wire icv_ask = icv_wanted && icv_there && free_port && !ask;
    assign icv_over = icv_ask && (icv_second || icv_octets <= 6'd16);

    // ICVs read less packets fed
    localparam int AHEAD_W = $clog2(DEPTH) + 2;
    logic [AHEAD_W-1:0] ahead;
    wire icv_known = ahead != '0 && !ahead[AHEAD_W-1];

    wire [127:0] data;
    packet_ram #(.ADDR_W(ADDR_W)) ring (
        .clk, .rd_en(ask || icv_ask), .rd_addr(ask ? at[ADDR_W-1:0] : icv_at), .wr_en,
        .wr_addr(wr_at[ADDR_W-1:0]), .wr_count, .wr_data, .rd_data(data)
    );

    logic [127:0] engine_word;
    logic [15:0] engine_keep;
    always_comb
        for (int i = 0; i < 16; i++) begin
            engine_keep[i] = 5'(i) < word_octets;
            engine_word[i*8 +: 8] = engine_keep[i] ? data[i*8 +: 8] : 8'd0;
        end
    assign m_engine_tdata = engine_word;
    assign m_engine_tkeep = engine_keep;
    assign m_engine_tlast = word_last;
    assign m_engine_tvalid = word;

    logic [127:0] icv_half;
    logic icv_word, word_second, word_ends;     // what has just been read
    always_ff @(posedge clk) begin
        ahead <= ahead + AHEAD_W'(icv_over) - AHEAD_W'(taken);
        if (!feeding) begin
            left <= next_octets;
            at <= next_base;
            feeding <= next_valid && (next_gcm || icv_known);
        end else if (ask) begin
            at <= at + at_t'(16);
            left <= left - 17'd16;
            feeding <= !last;
        end
        if (ask) begin
            word <= 1'b1;
            word_last <= last;
            word_octets <= last ? left[4:0] : 5'd16;
        end else if (m_engine_tready) begin
            word <= 1'b0;
        end

        if (icv_ask) icv_second <= !icv_over;
        icv_word <= icv_ask;
        word_second <= icv_second;
        word_ends <= icv_over;
        if (icv_word && !word_second) icv_half <= packet::reversed(data);
        icv_valid <= icv_word && word_ends;
        if (icv_word && word_ends)
            icv <= word_second ? {icv_half, packet::reversed(data)}
                : {packet::reversed(data), 128'd0};
        if (rst) begin
            feeding <= 1'b0;
            word <= 1'b0;
            ahead <= '0;
            icv_second <= 1'b0;
            icv_word <= 1'b0;
            icv_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, plan};
endmodule

`default_nettype wire
