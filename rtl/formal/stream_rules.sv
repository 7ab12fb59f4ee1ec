// What may be relied on at an AXI4-Stream, for proofs: asserted, or assumed where ASSUME is 1.
//
// Once valid is up, valid and payload stay until the beat is taken (ARM IHI 0051A section 2.2).
// PACKETS adds rtl/README.md, "Conventions": tkeep is contiguous from lane 0 and all ones but in a
// packet's last beat, a packet without octets is one beat.
`default_nettype none

module stream_rules #(
    // Width of tdata: whole octets
    parameter int DATA_W = 128,
    // Width of tuser
    parameter int USER_W = 1,
    parameter bit ASSUME = 1'b0,
    parameter bit PACKETS = 1'b0
) (
    input  wire                   clk,
    input  wire                   started,      // the cycle of the reset is over
    input  wire                   tvalid,
    input  wire                   tready,
    input  wire  [DATA_W-1:0]     tdata,
    input  wire  [DATA_W/8-1:0]   tkeep,
    input  wire                   tlast,
    input  wire  [USER_W-1:0]     tuser,
    // A packet has begun and not ended; a beat was not taken the cycle before
    output logic                  begun,
    output logic                  held
);
    localparam int BEAT_W = DATA_W + DATA_W / 8 + 1 + USER_W;
    wire [BEAT_W-1:0] beat = {tuser, tlast, tkeep, tdata};

    logic [BEAT_W-1:0] held_beat;

    always_ff @(posedge clk) begin
        held <= started && tvalid && !tready;
        held_beat <= beat;
        if (!started) begun <= 1'b0;
        else if (tvalid && tready) begun <= !tlast;
    end

    wire stays = !held || (tvalid && beat == held_beat);
    wire keeps = (tkeep >> 1 & ~tkeep) == '0 && (tlast || &tkeep) && (tkeep != '0 || !begun);
    wire follows = stays && (!PACKETS || !tvalid || keeps);

    if (ASSUME) begin : given
        always_comb assume (follows);
    end else begin : to_show
        always_ff @(posedge clk) if (started) assert (follows);
    end
endmodule

`default_nettype wire
