// Packet memory of 8-octet words in banks: writes one or two words, reads a word of each bank.
//
// Both from any word on, so that a cipher's blocks, which begin 8 octets into an ESP packet, need no
// shifter. Octets of words stand as in a number, octet 0 on the left. Latency 1 cycle; read data is
// held until the next read.
`default_nettype none

module cbc_memory #(
    // Banks: 2, 4 or 8 words are read at once
    parameter int BANKS = 2,
    // Words held: 2 to the power of this
    parameter int WORD_W = 8
) (
    input  wire                 clk,
    // Write the left word of wr_data at wr_at with wr_en[1], the right one behind it with wr_en[0]
    input  wire  [1:0]          wr_en,
    input  wire  [WORD_W-1:0]   wr_at,
    input  wire  [127:0]        wr_data,
    // Read from rd_at on
    input  wire                 rd_en,
    input  wire  [WORD_W-1:0]   rd_at,
    output wire  [BANKS*64-1:0] rd_data
);
    localparam int BANK_W = $clog2(BANKS);
    localparam int ROW_W = WORD_W - BANK_W;

    if (BANKS != 2 && BANKS != 4 && BANKS != 8) begin : check_banks
        $fatal(1, "cbc_memory: BANKS has to be 2, 4 or 8");
    end

    wire [WORD_W-1:0] wr_at2 = wr_at + 1'b1;
    wire [BANK_W-1:0] first_bank = wr_at[BANK_W-1:0], second_bank = wr_at2[BANK_W-1:0];

    logic [BANK_W-1:0] turn;
    always_ff @(posedge clk) if (rd_en) turn <= rd_at[BANK_W-1:0];

    wire [BANKS-1:0] [63:0] word;       // by bank
    for (genvar b = 0; b < BANKS; b++) begin : bank
        (* no_rw_check *) logic [63:0] words [1 << ROW_W];
        logic [63:0] q;

        wire first = wr_en[1] && first_bank == BANK_W'(b);
        wire second = wr_en[0] && second_bank == BANK_W'(b);
        wire [ROW_W-1:0] wr_row = first ? wr_at[WORD_W-1:BANK_W] : wr_at2[WORD_W-1:BANK_W];
        // A bank left of the first word reads in the next row.
        wire [ROW_W-1:0] rd_row = ROW_W'((rd_at + WORD_W'(BANKS - 1 - b)) >> BANK_W);

        always_ff @(posedge clk) begin
            if (first || second) words[wr_row] <= first ? wr_data[127:64] : wr_data[63:0];
            if (rd_en) q <= words[rd_row];
        end
        assign word[b] = q;
    end

    // Word i of the result stands in bank turn + i.
    for (genvar i = 0; i < BANKS; i++) begin : order
        wire [BANK_W-1:0] from = turn + BANK_W'(i);
        assign rd_data[(BANKS-1-i)*64 +: 64] = word[from];
    end
endmodule

`default_nettype wire
