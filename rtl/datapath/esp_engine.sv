// The engines of one direction behind one port: jobs and octets in, octets and ICVs out, in order.
//
// AES-GCM goes to esp_gcm, everything else to cbc_hmac. Each job's keys are read from the SA's row
// before its command; a job that finds the keys of its row here, since the row has just been looked up,
// begins at once. Which engine the octets of a job go to and come from stands in short queues,
// so both engines may be busy. ICVs are not held back: who sends jobs has room for theirs.
// Without CBC only jobs of AES-GCM may come.
`default_nettype none

module esp_engine #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // 0: AES-GCM only
    parameter int CBC = 1,
    // Hash engines of cbc_hmac
    parameter int MD5 = 1,
    parameter int SHA1 = 1,
    parameter int SHA256 = 1,
    parameter int SHA512 = 1,
    // Numbers that wait for their job: a power of two
    parameter int NUMBERS = 16,
    // Packets in flight in cbc_hmac, and rows of 64 octets: 2 to the power of these
    parameter int SLOT_W = 4,
    parameter int ROW_W = 8,
    // Rounds of DES in hardware: 1, 16 or 48
    parameter int DES_STAGES = 1,
    // Cycles of a step of AES-GCM's AES: 1 or 2
    parameter int GCM_ROUND_STAGES = 1
) (
    input  wire                     clk,
    input  wire                     rst,
    // Jobs, then their octets
    input  wire packet::job_t       job,
    input  wire                     job_valid,
    output wire                     job_ready,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // The sequence number of each job, in order: with its job, or later
    input  wire                     number_valid,
    input  wire  [63:0]             number,
    // Keys of a row; `key_found` some cycles after `key_read`, and also of rows that were looked up
    output logic                    key_read,
    output wire  [15:0]             key_index,
    input  wire                     key_found,
    input  wire  [15:0]             key_of,
    input  wire sa_keys::sa_keys_t  key_row,
    // Octets back, and the ICVs (octet 0 in [255:248])
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    output wire                     icv_valid,
    output wire  [255:0]            icv
);
    localparam [1:0] IDLE = 2'd0, KEYS = 2'd1, COMMAND = 2'd2;

    logic [1:0] state;
    packet::job_t held;
    sa_keys::sa_keys_t keys;
    logic keys_there;
    logic [15:0] keys_of;

    // A row does not change while a request that has looked it up is under way, so keys of the right
    // row are the right keys (sa_table).
    wire at_once = state == IDLE && job_valid && keys_there && keys_of == job.sa_index;
    wire commanding = at_once || state == COMMAND;
    wire packet::job_t now = state == IDLE ? job : held;
    wire to_gcm = CBC == 0 || (!now.hash && now.cipher == packet::CIPHER_GCM);
    wire gcm_ready, cbc_ready, cbc_may;
    wire given = commanding && queues_ready && (to_gcm ? gcm_ready : cbc_ready && cbc_may);
    assign job_ready = state == IDLE;
    assign key_index = held.sa_index;

    always_ff @(posedge clk) begin
        key_read <= 1'b0;
        // Written in the cycle in which a job takes what was there, too, so that the enable of so many
        // flip-flops is no matter of whether one does: which can put a job off that has just found them.
        if (key_found && state != COMMAND) begin
            keys <= key_row;
            keys_of <= key_of;
            keys_there <= 1'b1;
        end
        case (state)
            IDLE: begin
                held <= job;
                if (job_valid && (!at_once || (!given && key_found))) begin
                    key_read <= 1'b1;
                    state <= KEYS;
                end else if (job_valid && !given) state <= COMMAND;
            end
            KEYS: if (key_found && key_of == held.sa_index) state <= COMMAND;
            COMMAND: if (given) state <= IDLE;
            default: state <= IDLE;
        endcase
        if (rst) begin
            state <= IDLE;
            key_read <= 1'b0;
            keys <= '0;
            keys_there <= 1'b0;
        end
    end

    // -- numbers: AES-GCM's for the first octets, the other engine's for the command -------------------------
    wire number_here, gcm_number_due, gcm_number_ready;
    wire [63:0] number_now;
    assign cbc_may = number_here && !gcm_number_due;
    job_queue #(.WIDTH(64), .DEPTH(NUMBERS), .THROUGH(1)) numbers (
        .clk, .rst, .put(number_valid), .put_data(number), .valid(number_here), .data(number_now),
        .get(number_here && (gcm_number_due ? gcm_number_ready : given && !to_gcm))
    );

    // -- whose turn it is -----------------------------------------------------------------------------------
    localparam int IN_FLIGHT = 128;
    logic [7:0] in_flight;
    wire queues_ready = in_flight != 8'(IN_FLIGHT);
    wire in_valid, out_valid, icv_due, in_over, out_over, icv_over, in_first, out_first, icv_first;
    wire in_gcm = CBC == 0 || in_first;
    wire out_gcm = CBC == 0 || out_first;
    wire icv_gcm = CBC == 0 || icv_first;

    job_queue #(.WIDTH(1), .DEPTH(IN_FLIGHT)) ins (
        .clk, .rst, .put(given), .put_data(to_gcm), .valid(in_valid), .data(in_first), .get(in_over)
    );
    job_queue #(.WIDTH(1), .DEPTH(2 * IN_FLIGHT)) outs (
        .clk, .rst, .put(given && !now.hash), .put_data(to_gcm), .valid(out_valid),
        .data(out_first), .get(out_over)
    );
    job_queue #(.WIDTH(1), .DEPTH(IN_FLIGHT)) icvs (
        .clk, .rst, .put(given), .put_data(to_gcm), .valid(icv_due), .data(icv_first),
        .get(icv_over)
    );
    assign in_over = s_axis_tvalid && s_axis_tready && s_axis_tlast;
    assign out_over = m_axis_tvalid && m_axis_tready && m_axis_tlast;
    assign icv_over = icv_valid;
    // Counting ICVs keeps the queues from running over: octets come back before theirs, but for a few
    // packets of AES-GCM, which decrypts what it has hashed.
    always_ff @(posedge clk) begin
        in_flight <= in_flight + 8'(given) - 8'(icv_over);
        if (rst) in_flight <= '0;
    end

    // -- CBC, NULL, HMAC ---------------------------------------------------------------------------------------
    wire cbc_in_ready, cbc_out_valid, cbc_out_last, cbc_result_valid, cbc_ok, cbc_meta;
    wire [127:0] cbc_tdata;
    wire [15:0] cbc_tkeep;
    wire [255:0] cbc_icv;

    if (CBC != 0) begin : older
        wire wide_block = now.cipher == packet::CIPHER_AES;
        cbc_hmac #(
            .DECRYPT(DECRYPT), .MD5(MD5), .SHA1(SHA1), .SHA256(SHA256), .SHA512(SHA512),
            .SLOT_W(SLOT_W), .ROW_W(ROW_W), .DES_STAGES(DES_STAGES), .META_W(1)
        ) cbc (
            .clk, .rst, .cmd_valid(commanding && !to_gcm && queues_ready && cbc_may),
            .cmd_ready(cbc_ready), .cmd_hash(now.hash), .cmd_cipher(now.cipher),
            .cmd_integrity(now.integrity), .cmd_key_size(keys.key_size), .cmd_key(keys.key),
            .cmd_nonce(wide_block ? {keys.iv_seed, now.iv} : {keys.iv_seed ^ now.iv, 64'd0}),
            .cmd_esn(now.esn && !now.hash), .cmd_number_high(number_now[63:32]),
            .cmd_inner(now.hash ? keys.ah_inner : keys.esp_inner),
            .cmd_outer(now.hash ? keys.ah_outer : keys.esp_outer), .cmd_icv(now.icv),
            .cmd_meta(1'b0),
            .s_axis_tvalid(s_axis_tvalid && in_valid && !in_gcm), .s_axis_tready(cbc_in_ready),
            .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .result_valid(cbc_result_valid),
            .result_ready(icv_due && !icv_gcm), .result_ok(cbc_ok), .result_icv(cbc_icv),
            .result_meta(cbc_meta), .m_axis_tvalid(cbc_out_valid),
            .m_axis_tready(m_axis_tready && out_valid && !out_gcm), .m_axis_tdata(cbc_tdata),
            .m_axis_tkeep(cbc_tkeep), .m_axis_tlast(cbc_out_last)
        );
    end else begin : older
        assign cbc_ready = 1'b0;
        assign cbc_in_ready = 1'b0;
        assign {cbc_out_valid, cbc_tdata, cbc_tkeep, cbc_out_last} = '0;
        assign {cbc_result_valid, cbc_ok, cbc_icv, cbc_meta} = '0;
    end

    // -- AES-GCM ---------------------------------------------------------------------------------------------------
    wire gcm_in_ready, gcm_out_valid, gcm_out_last, gcm_result_valid;
    wire [127:0] gcm_tdata;
    wire [15:0] gcm_tkeep;
    wire [255:0] gcm_icv;

    esp_gcm #(.DECRYPT(DECRYPT), .AES_ROUND_STAGES(GCM_ROUND_STAGES)) gcm (
        .clk, .rst, .cmd_valid(commanding && to_gcm && queues_ready),
        .cmd_ready(gcm_ready), .cmd_job(now), .cmd_keys(keys), .number_valid(number_here),
        .number_ready(gcm_number_ready), .number(number_now), .number_due(gcm_number_due),
        .s_axis_tvalid(s_axis_tvalid && in_valid && in_gcm), .s_axis_tready(gcm_in_ready),
        .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .icv_valid(gcm_result_valid),
        .icv_ready(icv_due && icv_gcm), .icv(gcm_icv), .m_axis_tvalid(gcm_out_valid),
        .m_axis_tready(m_axis_tready && out_valid && out_gcm), .m_axis_tdata(gcm_tdata),
        .m_axis_tkeep(gcm_tkeep), .m_axis_tlast(gcm_out_last)
    );

    // -- together ----------------------------------------------------------------------------------------------------
    assign s_axis_tready = in_valid && (in_gcm ? gcm_in_ready : cbc_in_ready);
    assign m_axis_tdata = out_gcm ? gcm_tdata : cbc_tdata;
    assign m_axis_tkeep = out_gcm ? gcm_tkeep : cbc_tkeep;
    assign m_axis_tlast = out_gcm ? gcm_out_last : cbc_out_last;
    assign m_axis_tvalid = out_valid && (out_gcm ? gcm_out_valid : cbc_out_valid);
    assign icv_valid = icv_due && (icv_gcm ? gcm_result_valid : cbc_result_valid);
    assign icv = icv_gcm ? gcm_icv : cbc_icv;

    wire unused = &{1'b0, cbc_ok, cbc_meta, keys};
endmodule

`default_nettype wire
