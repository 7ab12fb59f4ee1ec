// What comes back from the engine on the fast receive path: where it goes in the ring of plaintext, and
// what is to be said of each packet when it is whole.
//
// Padding, next header and inner packet are judged by its first 16 octets, its last beat, and what `run`
// keeps of the beats between (decap_inner). The verdict comes a cycle after the last beat.
`default_nettype none

module decap_plain #(
    // Octets of the ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    // From the engine
    input  wire  [127:0]                s_engine_tdata,
    input  wire  [15:0]                 s_engine_tkeep,
    input  wire                         s_engine_tlast,
    input  wire                         s_engine_tvalid,
    output wire                         s_engine_tready,
    // To the ring; up to where it is free again
    output wire                         wr_en,
    output logic [ADDR_W:0]             wr_at,
    output wire  [4:0]                  wr_count,
    input  wire  [ADDR_W:0]             freed,
    // A packet is whole: where its plaintext begins and ends
    output logic                        opened_valid,
    output wire packet::opened_t        opened,
    output wire  [ADDR_W:0]             opened_at,
    output wire  [ADDR_W:0]             opened_end
);
    localparam int AT_W = ADDR_W + 1;
    typedef logic [AT_W-1:0] at_t;

    wire now_valid;
    wire [2:0] cipher;
    wire [1:0] mark;
    job_queue #(.WIDTH(5), .DEPTH(DEPTH)) plans (
        .clk, .rst, .put(plan_valid), .put_data({plan.cipher, plan.mark}), .valid(now_valid),
        .data({cipher, mark}), .get(opened_valid)
    );

    wire at_t used = wr_at - freed;
    assign s_engine_tready = used <= at_t'((1 << ADDR_W) - 32);
    assign wr_en = s_engine_tvalid && s_engine_tready;
    assign wr_count = packet::kept(s_engine_tkeep);
    wire [127:0] word = packet::reversed(s_engine_tdata);

    at_t base, whole_base;
    logic [1:0] nth;
    logic [383:0] begins;               // the first three beats
    logic [127:0] ends;
    logic [4:0] ends_octets;
    logic [16:0] length, whole_length;
    logic [7:0] run, run_before, run_now;

    wire [7:0] top = word[7:0];
    always_comb begin
        run_now = top;
        for (int i = 1; i < 16; i++)
            if (8'(i) < top && word[8*i +: 8] != top - 8'(i)) run_now = 8'd0;
        if (top > 8'd16 && run != top - 8'd16) run_now = 8'd0;
    end

    wire [5:0] front = 6'd8 + {1'b0, packet::iv_octets(cipher)};
    wire [383:0] shifted = begins << {front, 3'd0};
    wire [16:0] octets = whole_length - {11'd0, front};
    decap_inner inner (
        .octets, .first(shifted[383:256]), .last(ends), .last_octets(ends_octets),
        .run(run_before), .mark, .reason(opened.reason), .dummy(opened.dummy), .v6(opened.v6),
        .total(opened.total), .mended(opened.first)
    );
    assign opened_at = whole_base + at_t'(front);
    assign opened_end = whole_base + at_t'(whole_length);

    always_ff @(posedge clk) begin
        opened_valid <= wr_en && s_engine_tlast && !rst;
        if (wr_en) begin
            wr_at <= wr_at + at_t'(wr_count);
            length <= s_engine_tlast ? 17'd0 : length + {12'd0, wr_count};
            if (nth == 2'd0) begins[383:256] <= word;
            if (nth == 2'd1) begins[255:128] <= word;
            if (nth == 2'd2) begins[127:0] <= word;
            nth <= s_engine_tlast ? 2'd0 : nth == 2'd3 ? 2'd3 : nth + 2'd1;
            run <= s_engine_tlast ? 8'd0 : run_now;
            if (s_engine_tlast) begin
                ends <= word;
                ends_octets <= wr_count;
                run_before <= run;
                whole_length <= length + {12'd0, wr_count};
                whole_base <= base;
                base <= wr_at + at_t'(wr_count);
            end
        end
        if (rst) begin
            wr_at <= '0;
            base <= '0;
            length <= '0;
            nth <= 2'd0;
            run <= 8'd0;
        end
    end

    wire unused = &{1'b0, plan, now_valid, shifted[255:0]};
endmodule

`default_nettype wire
