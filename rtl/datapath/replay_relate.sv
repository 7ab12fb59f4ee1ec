// How a sequence number lies to the highest one seen, as far as the replay window asks.
//
// Combinational. A window is a ring of BLOCKS words of WORD bits: number n has bit n % WORD of the
// word in slot n / WORD % BLOCKS. `block` is n / WORD.
`default_nettype none

module replay_relate #(
    // Bits of the ring: a power of two
    parameter int WINDOW_MAX = 1024,
    // Bits of a word: a power of two
    parameter int WORD = 64
) (
    // The number, and the highest one that it is compared with
    input  wire  [63:0]                          sequence_number,
    input  wire  [63:0]                          highest,
    // number > highest; then the distance, WINDOW_MAX if it is that or more
    output logic                                 newer,
    output logic [$clog2(WINDOW_MAX):0]          ahead,
    // Otherwise how far it is behind, WINDOW_MAX if it is that or more
    output logic [$clog2(WINDOW_MAX):0]          behind,
    // Both have the same slot
    output logic                                 same_slot,
    // Newer, and in another block; that many blocks on that it is a whole turn of the ring
    // (the same slot again) or more
    output logic                                 leaves,
    output logic                                 turn,
    output logic                                 beyond,
    // Slots of the blocks from the one after the highest's to the number's: all if a turn or more
    output logic [WINDOW_MAX/WORD-1:0]           passed,
    // Bits of a word after the highest's bit
    output logic [WORD-1:0]                      after_highest
);
    localparam int COUNT_W = $clog2(WINDOW_MAX);
    localparam int BIT_W = $clog2(WORD);
    localparam int BLOCKS = WINDOW_MAX / WORD;
    localparam int SLOT_W = $clog2(BLOCKS);

    logic [63:0] forward;
    logic [64:0] back;
    logic [63-BIT_W:0] blocks;

    always_comb begin
        forward = sequence_number - highest;
        back = {1'b0, highest} - {1'b0, sequence_number};
        newer = back[64];
        ahead = |forward[63:COUNT_W] ? {1'b1, {COUNT_W{1'b0}}} : {1'b0, forward[COUNT_W-1:0]};
        behind = |back[63:COUNT_W] ? {1'b1, {COUNT_W{1'b0}}} : {1'b0, back[COUNT_W-1:0]};

        blocks = sequence_number[63:BIT_W] - highest[63:BIT_W];
        same_slot = blocks[SLOT_W-1:0] == 0;
        leaves = newer && blocks != 0;
        turn = newer && blocks[63-BIT_W:SLOT_W] == 1 && same_slot;
        beyond = newer && blocks[63-BIT_W:SLOT_W] != 0 && !turn;
    end

    for (genvar i = 0; i < BLOCKS; i++) begin : slots
        // Blocks from the highest's to the one that takes slot i next: 0 stands for a whole turn.
        wire [SLOT_W-1:0] until_slot = SLOT_W'(i) - highest[BIT_W +: SLOT_W];
        assign passed[i] = turn || beyond
            || (leaves && until_slot != 0 && until_slot <= blocks[SLOT_W-1:0]);
    end

    assign after_highest = {{(WORD - 1){1'b1}}, 1'b0} << highest[BIT_W-1:0];
endmodule

`default_nettype wire
