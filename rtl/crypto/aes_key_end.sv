// The end of AES's key schedule, with which decryption begins: the keys of the last two rounds.
//
// A round a cycle: done 10, 12 or 14 cycles after `go`.
`default_nettype none

module aes_key_end (
    input  wire          clk,
    input  wire          rst,
    // Begin: size 0 is 128 bits, 1 is 192, 2 is 256; the key left aligned
    input  wire          go,
    input  wire  [1:0]   key_size,
    input  wire  [255:0] key,
    // Pulse: `keys` holds, until the next `go`, the last round's key on the right
    output logic         done,
    output logic [255:0] keys
);
    logic busy;
    logic [1:0] size;
    logic [3:0] round;

    always_ff @(posedge clk) begin
        done <= 1'b0;
        if (go) begin
            busy <= 1'b1;
            size <= key_size;
            round <= 4'd0;
            keys <= key;
        end else if (busy) begin
            keys <= {
                round == 4'd0 ? keys[255:128] : keys[127:0],
                aes::key_after(
                    aes::rest_after(keys, size, round),
                    32'(aes::substitution_ended(aes::substitution_begun(
                        {96'd0, aes::word_after(keys, size, round)}
                    ))),
                    size, round
                )
            };
            round <= round + 4'd1;
            if (round + 4'd1 == aes::rounds(size)) begin
                busy <= 1'b0;
                done <= 1'b1;
            end
        end
        if (rst) begin
            busy <= 1'b0;
            done <= 1'b0;
            keys <= '0;
        end
    end
endmodule

`default_nettype wire
