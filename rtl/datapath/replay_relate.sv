// How a sequence number lies to the highest one seen, as far as the replay window asks.
//
// Combinational. A window is a ring of BLOCKS words of WORD bits: number n has bit n % WORD of the
// word in slot n / WORD % BLOCKS. `block` is n / WORD, a turn n / WINDOW_MAX.
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
    // number > highest. The rest, but for same_slot, holds only then. By how much, and whether by
    // WINDOW_MAX or more: then `ahead` is the remainder
    output wire                                  newer,
    output wire  [$clog2(WINDOW_MAX)-1:0]        ahead,
    output wire                                  beyond,
    // Both have the same slot
    output wire                                  same_slot,
    // In another block; that many blocks on that it is a whole turn of the ring (the same slot again),
    // or that much or more
    output wire                                  leaves,
    output wire                                  turn,
    output wire                                  over,
    // Unless over: slots of the blocks from the one after the highest's to the number's
    output wire  [WINDOW_MAX/WORD-1:0]           passed
);
    localparam int COUNT_W = $clog2(WINDOW_MAX);
    localparam int BIT_W = $clog2(WORD);
    localparam int BLOCKS = WINDOW_MAX / WORD;
    localparam int SLOT_W = $clog2(BLOCKS);
    localparam int TURN_W = 64 - COUNT_W;

    wire [TURN_W-1:0] turns = sequence_number[63:COUNT_W];
    wire [TURN_W-1:0] highest_turns = highest[63:COUNT_W];
    wire [SLOT_W-1:0] slot = sequence_number[BIT_W +: SLOT_W];
    wire [SLOT_W-1:0] highest_slot = highest[BIT_W +: SLOT_W];
    wire [SLOT_W-1:0] slots = slot - highest_slot;

    // The number's turn is the one after the highest's: a + ~b is 0 if each bit of the sum without carries
    // is what the bits to its right carry, which are then either both there or differ.
    wire [TURN_W-1:0] sum = turns ^ ~highest_turns;
    wire [TURN_W-1:0] carry = {turns[TURN_W-2:0] | ~highest_turns[TURN_W-2:0], 1'b0};
    wire next_turn = sum == carry;
    wire same_turn = turns == highest_turns;

    assign newer = sequence_number > highest;
    assign ahead = sequence_number[COUNT_W-1:0] - highest[COUNT_W-1:0];
    assign beyond = !same_turn
        && !(next_turn && sequence_number[COUNT_W-1:0] < highest[COUNT_W-1:0]);
    assign same_slot = slot == highest_slot;
    assign leaves = !same_turn || !same_slot;
    assign turn = next_turn && same_slot;
    assign over = !same_turn && !(next_turn && slot < highest_slot);

    for (genvar i = 0; i < BLOCKS; i++) begin : ring
        // Blocks from the highest's to the one that takes slot i next.
        wire [SLOT_W-1:0] until_slot = SLOT_W'(i) - highest_slot;
        assign passed[i] = until_slot != 0 && until_slot <= slots;
    end
endmodule

`default_nettype wire
