// Gates the look-ups of one direction, so that a row can be changed while nobody uses it.
//
// A look-up is answered after LATENCY cycles (the tables'), or later while `hold`. `clear` says that
// all requests that were answered have ended: then nothing of the direction looks at a row, its
// keys, its number or its window until `hold` is taken back.
`default_nettype none

module sa_lookup #(
    // Cycles from `issue` to `found`
    parameter int LATENCY = 2,
    // Bits of the number of requests that are under way at once
    parameter int COUNT_W = 8
) (
    input  wire   clk,
    input  wire   rst,
    // The datapath asks, is answered, has ended
    input  wire   read,
    output wire   found,
    input  wire   done,
    // Read the tables now
    output wire   issue,
    // Keep look-ups waiting; none is answered and not ended
    input  wire   hold,
    output wire   clear
);
    logic waiting;
    logic [LATENCY-1:0] coming;
    logic [COUNT_W-1:0] under_way;

    assign issue = (read || waiting) && !hold;
    assign found = coming[LATENCY-1];
    assign clear = under_way == '0;

    always_ff @(posedge clk) begin
        waiting <= (read || waiting) && hold;
        coming <= LATENCY'({coming, issue});
        under_way <= under_way + {{COUNT_W-1{1'b0}}, issue} - {{COUNT_W-1{1'b0}}, done};
        if (rst) begin
            waiting <= 1'b0;
            coming <= '0;
            under_way <= '0;
        end
    end
endmodule

`default_nettype wire
