// GHASH of AES-GCM's packets (NIST SP 800-38D section 7.1): beats in, and behind each packet's last one
// the block of lengths.
//
// Which power of H a beat is multiplied by depends on how many come behind it (ghash), so a packet's
// lengths are told before its beats. A packet takes a cycle for each of its beats and one more. The hash is
// there 9 cycles after the last beat.
`default_nettype none

module gcm_hash #(
    // Packets told of whose hash was not taken: a power of two
    parameter int PACKETS = 8
) (
    input  wire           clk,
    input  wire           rst,
    // A packet to come: octets of additional data and of the rest, H^1 in [127:0] ... H^8
    input  wire           put,
    input  wire  [16:0]   aad_octets,
    input  wire  [16:0]   octets,
    input  wire  [1023:0] powers,
    // Its beats, while ready: blocks padded with zeros; one without octets is not hashed
    output wire           ready,
    input  wire           beat,
    input  wire  [127:0]  beat_block,
    input  wire           beat_empty,
    input  wire           beat_last,
    // Its hash
    output wire           hash_valid,
    output wire  [127:0]  hash,
    input  wire           get
);
    localparam int COUNT_W = 15;

    function automatic logic [COUNT_W-1:0] blocks(input logic [16:0] count);
        blocks = COUNT_W'((18'd15 + {1'b0, count}) >> 4);
    endfunction

    wire now_valid;
    wire [16:0] now_aad_octets, now_octets;
    wire [1023:0] now_powers;
    logic open;                         // beats of a packet are due
    logic closing;                      // the block of lengths is due
    job_queue #(.WIDTH(1024 + 34), .DEPTH(PACKETS)) packets (
        .clk, .rst, .put, .put_data({aad_octets, octets, powers}), .valid(now_valid),
        .data({now_aad_octets, now_octets, now_powers}), .get(closing)
    );
    assign ready = open;

    // How many blocks come behind the next one, and so which power it needs: all registers, and a packet's
    // are there when the one before it is closed.
    logic [COUNT_W-1:0] behind;
    logic more;                         // 8 or more
    wire counted;
    wire [COUNT_W-1:0] count;
    wire opens = counted && !open;
    job_queue #(.WIDTH(COUNT_W), .DEPTH(PACKETS)) counts (
        .clk, .rst, .put, .put_data(blocks(aad_octets) + blocks(octets)), .valid(counted),
        .data(count), .get(opens)
    );
    wire [COUNT_W-1:0] behind_next = !open ? count : beat_last ? '0
        : behind - COUNT_W'(!beat_empty);
    wire [2:0] exponent = more ? 3'd7 : behind[2:0];        // less one

    logic in_valid, in_more, in_last;
    logic [127:0] in_block, in_power;
    always_ff @(posedge clk) begin
        in_valid <= (closing || (beat && !beat_empty)) && !rst;
        in_more <= more;
        in_last <= closing;
        in_block <= closing ? {44'd0, now_aad_octets, 3'd0, 44'd0, now_octets, 3'd0} : beat_block;
        in_power <= now_powers[{exponent, 7'd0} +: 128];
        if (opens || beat) begin
            behind <= behind_next;
            more <= behind_next[COUNT_W-1:3] != '0;
        end
        if (opens) open <= 1'b1;
        if (beat && beat_last) open <= 1'b0;
        closing <= beat && beat_last;
        if (rst) begin
            open <= 1'b0;
            closing <= 1'b0;
        end
    end

    wire summed;
    wire [127:0] sum;
    ghash sums (
        .clk, .rst, .in_valid, .in_block, .in_power, .in_more, .in_last, .out_valid(summed),
        .out_hash(sum)
    );
    job_queue #(.WIDTH(128), .DEPTH(PACKETS), .THROUGH(1)) hashes (
        .clk, .rst, .put(summed), .put_data(sum), .valid(hash_valid), .data(hash), .get
    );
    wire unused = &{1'b0, now_valid};
endmodule

`default_nettype wire
