// HMAC's key (RFC 2104) made into the two states that the engines start from, when an SA is installed.
//
// The states are those after the key's ipad and opad block; 132 to 166 cycles for both, by one hash
// core of each kind that is wanted.
`default_nettype none

module hmac_states #(
    // Which hashes there are; a request for one that is not there gives states of 0
    parameter logic MD5 = 1'b1,
    parameter logic SHA1 = 1'b1,
    parameter logic SHA256 = 1'b1,
    parameter logic SHA512 = 1'b1
) (
    input  wire          clk,
    input  wire          rst,
    // Integrity algorithm (1 MD5, 2 SHA-1, 3 SHA-256, 4 SHA-384, 5 SHA-512), and its key: up to 64
    // octets, left aligned, the rest 0
    input  wire          in_valid,
    output wire          in_ready,
    input  wire  [2:0]   in_integrity,
    input  wire  [511:0] in_key,
    // Both states, left aligned; the key is forgotten when they are taken
    output wire          out_valid,
    input  wire          out_ready,
    output logic [511:0] out_inner,
    output logic [511:0] out_outer
);
    // Initial values: RFC 1321 section 3.3, FIPS 180-4 section 5.3
    localparam logic [127:0] MD5_INITIAL = 128'h0123456789abcdef_fedcba9876543210;
    localparam logic [159:0] SHA1_INITIAL = 160'h67452301efcdab89_98badcfe10325476_c3d2e1f0;
    localparam logic [255:0] SHA256_INITIAL = {
        128'h6a09e667bb67ae853c6ef372a54ff53a,
        128'h510e527f9b05688c1f83d9ab5be0cd19
    };
    localparam logic [511:0] SHA384_INITIAL = {
        256'hcbbb9d5dc1059ed8_629a292a367cd507_9159015a3070dd17_152fecd8f70e5939,
        256'h67332667ffc00b31_8eb44a8768581511_db0c2e0d64f98fa7_47b5481dbefa4fa4
    };
    localparam logic [511:0] SHA512_INITIAL = {
        256'h6a09e667f3bcc908_bb67ae8584caa73b_3c6ef372fe94f82b_a54ff53a5f1d36f1,
        256'h510e527fade682d1_9b05688c2b3e6c1f_1f83d9abfb41bd6b_5be0cd19137e2179
    };

    localparam logic [1:0] IDLE = 2'd0, LOAD = 2'd1, WORK = 2'd2, DONE = 2'd3;

    logic [1:0] state;
    logic outer;                        // the second of the two blocks
    logic [2:0] integrity;
    logic [511:0] key;

    wire load = state == LOAD;
    wire [511:0] pad = {64{outer ? 8'h5c : 8'h36}};
    wire [511:0] block = key ^ pad;

    wire [3:0] done;
    wire [3:0] [511:0] result;
    wire [1:0] which = integrity == 3'd1 ? 2'd0 : integrity == 3'd2 ? 2'd1
        : integrity == 3'd3 ? 2'd2 : 2'd3;

    assign in_ready = state == IDLE;
    assign out_valid = state == DONE;

    always_ff @(posedge clk) begin
        case (state)
            IDLE: if (in_valid) begin
                state <= LOAD;
                outer <= 1'b0;
                integrity <= in_integrity;
                key <= in_key;
            end
            LOAD: state <= WORK;
            WORK: if (done[which]) begin
                if (outer) out_outer <= result[which];
                else out_inner <= result[which];
                outer <= 1'b1;
                state <= outer ? DONE : LOAD;
            end
            default: if (out_ready) begin
                state <= IDLE;
                key <= '0;
                out_inner <= '0;
                out_outer <= '0;
            end
        endcase
        if (rst) begin
            state <= IDLE;
            key <= '0;
            out_inner <= '0;
            out_outer <= '0;
        end
    end

    if (MD5) begin : with_md5
        wire [127:0] next;
        wire soon;
        md5 core (
            .clk, .rst, .set(load), .load, .state(MD5_INITIAL),
            .block(block), .soon, .done(done[0]), .next
        );
        assign result[0] = {next, 384'd0};
        wire unused = &{1'b0, soon};
    end else begin : without_md5
        assign done[0] = 1'b1;
        assign result[0] = '0;
    end
    if (SHA1) begin : with_sha1
        wire [159:0] next;
        wire soon;
        sha1 core (
            .clk, .rst, .set(load), .load, .state(SHA1_INITIAL),
            .block(block), .soon, .done(done[1]), .next
        );
        assign result[1] = {next, 352'd0};
        wire unused = &{1'b0, soon};
    end else begin : without_sha1
        assign done[1] = 1'b1;
        assign result[1] = '0;
    end
    if (SHA256) begin : with_sha256
        wire [255:0] next;
        wire soon;
        sha256 core (
            .clk, .rst, .set(load), .load, .state(SHA256_INITIAL),
            .block(block), .soon, .done(done[2]), .next
        );
        assign result[2] = {next, 256'd0};
        wire unused = &{1'b0, soon};
    end else begin : without_sha256
        assign done[2] = 1'b1;
        assign result[2] = '0;
    end
    if (SHA512) begin : with_sha512
        wire [511:0] next;
        wire soon;
        sha512 core (
            .clk, .rst, .set(load), .half(1'b0), .load,
            .state(integrity == 3'd4 ? SHA384_INITIAL : SHA512_INITIAL), .block({block, pad}), .soon, .done(done[3]), .next
        );
        assign result[3] = next;
        wire unused = &{1'b0, soon};
    end else begin : without_sha512
        assign done[3] = 1'b1;
        assign result[3] = '0;
    end
endmodule

`default_nettype wire
