// AES-GCM as ESP has it (RFC 4106): jobs and octets from SPI to the end of the ciphertext in, the same
// octets and the ICV out.
//
// The first beat is SPI, number and IV. It is no ciphertext, and what of it is authenticated is SPI and
// number, with ESN (RFC 4106 section 5) the number of 64 bits: so it waits for that, and nothing else does.
// Encryption puts the IV in: the number, which no SA uses twice. A `skid_buffer` parts this from the cipher,
// so that no path goes from the job to the key stream.
`default_nettype none

module esp_gcm #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Steps of AES in hardware: 15 or 1
    parameter int AES_STAGES = 15,
    // Cycles of such a step: 1, or of 15 steps 2
    parameter int AES_ROUND_STAGES = 1,
    // Beats that wait for the cipher: a power of two, more than the latency of AES
    parameter int BEATS = 32 * AES_ROUND_STAGES
) (
    input  wire                     clk,
    input  wire                     rst,
    // Jobs with their keys
    input  wire                     cmd_valid,
    output wire                     cmd_ready,
    input  wire packet::job_t       cmd_job,
    input  wire sa_keys::sa_keys_t  cmd_keys,
    // The number of the job whose first octets are due; `number_due` while there is such a job
    input  wire                     number_valid,
    output wire                     number_ready,
    input  wire  [63:0]             number,
    output wire                     number_due,
    // Octets, after their job
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    // ICVs, octet 0 in [255:248]
    output wire                     icv_valid,
    input  wire                     icv_ready,
    output wire  [255:0]            icv,
    // Octets back
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast
);
    localparam int PACKETS = 8;         // aes_gcm has no more between command and ICV

    wire taken = cmd_valid && cmd_ready;
    wire [16:0] octets = cmd_job.octets < 17'd16 ? 17'd0 : cmd_job.octets - 17'd16;

    // -- octets to be encrypted wait for the cipher -----------------------------------------------------
    wire beat_valid, beat_ready, beat_last;
    wire [127:0] beat;
    wire [15:0] beat_keep;
    if (DECRYPT) begin : queue
        assign beat_valid = s_axis_tvalid;
        assign s_axis_tready = beat_ready;
        assign {beat, beat_keep, beat_last} = {s_axis_tdata, s_axis_tkeep, s_axis_tlast};
    end else begin : queue
        wire user;
        wire [$clog2(BEATS):0] level;
        fifo_stream #(.DEPTH(BEATS)) beats (
            .clk, .rst, .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready),
            .s_tdata(s_axis_tdata), .s_tkeep(s_axis_tkeep), .s_tlast(s_axis_tlast),
            .s_tuser(1'b0), .m_tvalid(beat_valid), .m_tready(beat_ready), .m_tdata(beat),
            .m_tkeep(beat_keep), .m_tlast(beat_last), .m_tuser(user), .level
        );
        wire unused = &{1'b0, user, level};
    end

    // -- the first beat -------------------------------------------------------------------------------
    logic first;
    wire esn, cut_ready;
    wire may = !first || (number_due && number_valid);
    assign beat_ready = cut_ready && may;
    assign number_ready = beat_valid && cut_ready && first && number_due;
    job_queue #(.WIDTH(1), .DEPTH(PACKETS)) due (
        .clk, .rst, .put(taken), .put_data(cmd_job.esn), .valid(number_due), .data(esn),
        .get(number_ready && number_valid)
    );
    always_ff @(posedge clk) begin
        if (beat_valid && beat_ready) first <= beat_last;
        if (rst) first <= 1'b1;
    end

    wire [31:0] spi, low;
    wire [63:0] iv_place;
    assign {spi, low, iv_place} = packet::reversed(beat);
    wire [127:0] hashed = esn ? {spi, number[63:32], low, 32'd0} : {spi, low, 64'd0};
    wire [127:0] given = first && !DECRYPT ? packet::reversed({spi, low, number}) : beat;

    wire gcm_valid, gcm_ready, gcm_last, gcm_aad;
    wire [127:0] gcm_beat, gcm_hashed;
    wire [15:0] gcm_keep;
    skid_buffer #(.USER_W(129)) cut (
        .clk, .rst, .s_tvalid(beat_valid && may), .s_tready(cut_ready), .s_tdata(given),
        .s_tkeep(beat_keep), .s_tlast(beat_last), .s_tuser({first, hashed}), .m_tvalid(gcm_valid),
        .m_tready(gcm_ready), .m_tdata(gcm_beat), .m_tkeep(gcm_keep), .m_tlast(gcm_last),
        .m_tuser({gcm_aad, gcm_hashed})
    );

    wire [127:0] tag;
    aes_gcm #(
        .DECRYPT(DECRYPT), .AES_STAGES(AES_STAGES), .AES_ROUND_STAGES(AES_ROUND_STAGES),
        .AHEAD(BEATS)
    ) gcm (
        .clk, .rst, .cmd_valid, .cmd_ready, .cmd_key_size(cmd_keys.key_size),
        .cmd_key(cmd_keys.key), .cmd_salt(cmd_keys.salt), .cmd_iv(cmd_job.iv), .cmd_powers(cmd_keys.powers),
        .cmd_aad_octets(cmd_job.esn ? 17'd12 : 17'd8), .cmd_octets(octets),
        .s_axis_tvalid(gcm_valid), .s_axis_tready(gcm_ready), .s_axis_tdata(gcm_beat),
        .s_axis_tkeep(gcm_keep), .s_axis_tlast(gcm_last), .s_axis_aad(gcm_aad),
        .s_axis_hashed(gcm_hashed), .icv_valid, .icv_ready, .icv(tag),
        .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast
    );
    assign icv = {tag, 128'd0};

    // Of jobs and keys only what GCM has.
    wire unused = &{1'b0, cmd_job, cmd_keys, iv_place};
endmodule

`default_nettype wire
