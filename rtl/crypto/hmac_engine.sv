// HMAC (RFC 2104) of one packet at a time, from precomputed states: one hash core and its control.
//
// The engine asks for what it needs in 64-octet beats and gets them some cycles later, in order:
//   INNER   the state after the key's ipad block, and how many beats the padded message has
//   HALF    SHA-384/512 only: first half of a block
//   BLOCK   a block, or its second half; the rounds begin
//   OUTER   the state after the key's opad block; the engine pads the inner digest itself
// It asks LEAD cycles before the core is done, so that a beat is there when the core needs it.
// Cycles a packet: 81 a block for SHA-1 and SHA-512, 65 for MD5 and SHA-256, and 2 to 5.
`default_nettype none

module hmac_engine #(
    // Hash: 1 MD5, 2 SHA-1, 3 SHA-256, 4 SHA-384 and SHA-512
    parameter int HASH = 2,
    // Width of a packet's number
    parameter int SLOT_W = 6,
    // Width of a count of beats
    parameter int COUNT_W = 11,
    // Cycles from a request that is taken to its beat, at least
    parameter int LEAD = 3
) (
    input  wire                clk,
    input  wire                rst,
    // A packet to be hashed; `job_384`: with SHA-384
    input  wire                job_valid,
    output wire                job_ready,
    input  wire  [SLOT_W-1:0]  job_slot,
    input  wire                job_384,
    // Requests
    output wire                ask_valid,
    input  wire                ask_ready,
    output wire  [SLOT_W-1:0]  ask_slot,
    output wire  [1:0]         ask_kind,
    output wire  [COUNT_W-1:0] ask_index,
    // Beats, octet 0 on the left
    input  wire                beat_valid,
    input  wire  [1:0]         beat_kind,
    input  wire  [511:0]       beat_data,
    input  wire  [COUNT_W-1:0] beat_count,
    // First 32 octets of the HMAC, octet 0 on the left; what a shorter one lacks is 0
    output logic               digest_valid,
    input  wire                digest_ready,
    output logic [SLOT_W-1:0]  digest_slot,
    output logic [255:0]       digest
);
    localparam logic [1:0] INNER = 2'd0, HALF = 2'd1, BLOCK = 2'd2, OUTER = 2'd3;
    localparam logic WIDE = HASH == 4;

    if (HASH < 1 || HASH > 4) begin : check_hash
        $fatal(1, "hmac_engine: HASH has to be 1 to 4");
    end

    logic active, started, is_384;
    logic waiting;                      // for the beat with which rounds begin
    logic final_;                       // the outer block is being worked on
    logic [SLOT_W-1:0] slot, final_slot;
    logic [COUNT_W-1:0] index, count;

    wire soon, done;
    wire [255:0] result;

    wire at_end = index != '0 && index == count;
    wire second = !WIDE || index[0];

    assign ask_slot = slot;
    assign ask_index = index;
    assign ask_kind = !started ? INNER : at_end ? OUTER : second ? BLOCK : HALF;
    // A new state overwrites the old digest, which by then has to have a place to go.
    assign ask_valid = active && soon && !waiting && (started || !digest_valid);
    assign job_ready = !active && soon && !waiting;

    wire asked = ask_valid && ask_ready;
    wire begins = beat_valid && (beat_kind == BLOCK || beat_kind == OUTER);

    always_ff @(posedge clk) begin
        if (job_valid && job_ready) begin
            active <= 1'b1;
            started <= 1'b0;
            slot <= job_slot;
            is_384 <= job_384;
            index <= '0;
        end
        if (asked) begin
            started <= 1'b1;
            if (started) index <= index + 1'b1;
            if (ask_kind == OUTER) active <= 1'b0;
            if (ask_kind == BLOCK || ask_kind == OUTER) waiting <= 1'b1;
        end
        if (begins) waiting <= 1'b0;
        if (beat_valid && beat_kind == INNER) count <= beat_count;

        if (digest_ready) digest_valid <= 1'b0;
        if (final_ && done && (!digest_valid || digest_ready)) begin
            digest_valid <= 1'b1;
            digest <= result;
            digest_slot <= final_slot;
            final_ <= 1'b0;
        end
        if (beat_valid && beat_kind == OUTER) begin
            final_ <= 1'b1;
            final_slot <= slot;
        end
        if (rst) begin
            active <= 1'b0;
            waiting <= 1'b0;
            final_ <= 1'b0;
            digest_valid <= 1'b0;
        end
    end

    // -- the core ----------------------------------------------------------------------------------
    wire set = beat_valid && (beat_kind == INNER || beat_kind == OUTER);
    wire load = begins;
    wire outer = beat_kind == OUTER;

    // The outer block's length field counts the opad block too.
    if (HASH == 1) begin : core
        wire [127:0] next;
        wire [511:0] block = outer ? {next, 8'h80, 312'd0, 64'h8002_0000_0000_0000} : beat_data;
        md5 #(.LEAD(LEAD)) hash (
            .clk, .rst, .set, .load, .state(beat_data[511:384]), .block, .soon, .done, .next
        );
        assign result = {next, 128'd0};
        wire unused = &{1'b0, is_384};
    end else if (HASH == 2) begin : core
        wire [159:0] next;
        wire [511:0] block = outer ? {next, 8'h80, 280'd0, 64'd672} : beat_data;
        sha1 #(.LEAD(LEAD)) hash (
            .clk, .rst, .set, .load, .state(beat_data[511:352]), .block, .soon, .done, .next
        );
        assign result = {next, 96'd0};
        wire unused = &{1'b0, is_384};
    end else if (HASH == 3) begin : core
        wire [255:0] next;
        wire [511:0] block = outer ? {next, 8'h80, 184'd0, 64'd768} : beat_data;
        sha256 #(.LEAD(LEAD)) hash (
            .clk, .rst, .set, .load, .state(beat_data[511:256]), .block, .soon, .done, .next
        );
        assign result = next;
        wire unused = &{1'b0, is_384};
    end else begin : core
        wire [511:0] next;
        wire [1023:0] closing = is_384
            ? {next[511:128], 8'h80, 504'd0, 128'd1408} : {next, 8'h80, 376'd0, 128'd1536};
        sha512 #(.LEAD(LEAD)) hash (
            .clk, .rst, .set, .half(beat_valid && beat_kind == HALF), .load, .state(beat_data),
            .block(outer ? closing : {beat_data, beat_data}), .soon, .done, .next
        );
        assign result = next[511:256];
        wire unused = &{1'b0, next};
    end
endmodule

`default_nettype wire
