// One step of AES on a block and its key schedule: the first round key, or a round. Latency 1 cycle.
//
// Steps are 0 to 14, whatever the key size. Encrypting, step 0 adds the first round key, step n is
// round n, and what is left after the last round passes untouched. Decrypting, step 14 - n is what
// undoes round n, so that with smaller keys the first steps are the idle ones.
`default_nettype none

module aes_step #(
    // Decrypt rather than encrypt
    parameter logic DECRYPT = 1'b0,
    // Width of what goes along with a block
    parameter int TAG_W = 8
) (
    input  wire              clk,
    input  wire              rst,
    // In: the step to be done; keys are those of the round and of the one before, the key as it is
    // in step 0 of encryption
    input  wire              in_valid,
    input  wire  [3:0]       in_step,
    input  wire  [TAG_W-1:0] in_tag,
    input  wire  [1:0]       in_size,
    input  wire  [255:0]     in_keys,
    input  wire  [127:0]     in_block,
    // Out: the step to be done next
    output logic             out_valid,
    output logic [3:0]       out_step,
    output logic [TAG_W-1:0] out_tag,
    output logic [1:0]       out_size,
    output logic [255:0]     out_keys,
    output logic [127:0]     out_block
);
    wire [3:0] last = aes::rounds(in_size);
    wire [3:0] round = DECRYPT ? 4'd14 - in_step : in_step;
    wire idle = round > last;

    always_ff @(posedge clk) begin
        out_valid <= in_valid && !rst;
        if (in_valid) begin
            out_step <= in_step + 4'd1;
            out_tag <= in_tag;
            out_size <= in_size;
        end
    end

    if (DECRYPT) begin : direction
        always_ff @(posedge clk) begin
            if (in_valid) begin
                out_keys <= idle ? in_keys : aes::keys_before(in_keys, in_size, round);
                if (idle) out_block <= in_block;
                else if (round == last) out_block <= in_block ^ in_keys[127:0];
                else out_block <= aes::decrypted(in_block, in_keys[127:0], round == 4'd0);
            end
        end
    end else begin : direction
        always_ff @(posedge clk) begin
            if (in_valid) begin
                out_keys <= aes::keys_after(in_keys, in_size, round);
                if (idle) out_block <= in_block;
                else if (round == 4'd0) out_block <= in_block ^ in_keys[255:128];
                else out_block <= aes::encrypted(in_block, in_keys[127:0], round == last);
            end
        end
    end
endmodule

`default_nettype wire
