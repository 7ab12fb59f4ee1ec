// Which packet the fast receive path lets go next, once everything about it is known.
//
//   plans, numbers, inner packets, verdicts ─▶ known, in the order of the plans ─┬─▶ of priority ─▶ next
//                                                                               └─▶ others wait ─┘
//
// A packet of priority goes as soon as it is known; the others wait for their turn aside, in order, where it
// overtakes them. One that is still on its way here is worth a pause: no other packet begins to leave that
// would still leave when it is known. When that is can be told if only AES-GCM is on its way: as many
// cycles after its last octet as it takes SOON octets to leave. And it must have room to come in whole, or it
// would wait for those that wait for it.
//
// The rings are freed in the order of the plans: up to the oldest packet that is here.
`default_nettype none

module decap_order #(
    // Octets of each ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    // Plans, and where in the ring of originals their packets begin; where octets are written to it
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    input  wire  [ADDR_W:0]             plan_base,
    input  wire  [ADDR_W:0]             came_at,
    // In the order of the plans: whole numbers; what was inside, and where it begins and ends; verdicts
    input  wire                         number_valid,
    input  wire  [63:0]                 number,
    input  wire                         opened_valid,
    input  wire packet::opened_t        opened,
    input  wire  [ADDR_W:0]             opened_at,
    input  wire  [ADDR_W:0]             opened_end,
    input  wire                         verdict_valid,
    input  wire  [4:0]                  verdict,
    output wire                         verdict_get,
    // What goes next, where it came and where its inside begins; it begins to go, it has left
    output wire                         next_valid,
    output wire packet::known_t         next,
    output wire  [ADDR_W:0]             next_base,
    output wire  [ADDR_W:0]             next_inner,
    input  wire                         begins,
    input  wire                         over,
    // Up to where the rings are free again
    output logic [ADDR_W:0]             came_freed,
    output logic [ADDR_W:0]             plain_freed
);
    localparam int AT_W = ADDR_W + 1;
    typedef logic [AT_W-1:0] at_t;
    localparam [16:0] SOON = 17'd19 * 17'd16;

    // An address in the ring, and the longest packet with what waits before it, differ by less than half of at_t.
    if (ADDR_W < 10) begin : check_addr_w
        $fatal(1, "decap_order: ADDR_W has to be at least 10");
    end

    // -- known, in the order of the plans ---------------------------------------------------------------
    wire plan_here, number_here, opened_here, first_gcm;
    wire first_urgent;
    wire [15:0] sa_index;
    wire [31:0] spi;
    wire [16:0] length;
    wire [63:0] number_now;
    wire packet::opened_t inner;
    wire at_t base, inner_at, inner_end;
    wire plan_gcm = plan.cipher == packet::CIPHER_GCM;
    job_queue #(.WIDTH(67 + AT_W), .DEPTH(DEPTH)) plans (
        .clk, .rst, .put(plan_valid),
        .put_data({plan.urgent, plan_gcm, plan.sa_index, plan.spi, plan.length, plan_base}),
        .valid(plan_here),
        .data({first_urgent, first_gcm, sa_index, spi, length, base}),
        .get(verdict_get)
    );
    job_queue #(.WIDTH(64), .DEPTH(DEPTH)) numbers (
        .clk, .rst, .put(number_valid), .put_data(number), .valid(number_here),
        .data(number_now), .get(verdict_get)
    );
    job_queue #(.WIDTH(packet::OPENED_W + 2 * AT_W), .DEPTH(DEPTH), .THROUGH(1)) inners (
        .clk, .rst, .put(opened_valid), .put_data({opened, opened_at, opened_end}),
        .valid(opened_here), .data({inner, inner_at, inner_end}), .get(verdict_get)
    );
    wire [4:0] reason = verdict != packet::OK ? verdict : inner.reason;
    wire packet::known_t first = {first_urgent, reason, sa_index, spi, number_now, length, inner};
    wire known = plan_here && number_here && opened_here && verdict_valid;

    // -- the others wait -----------------------------------------------------------------------------------
    wire urgent = known && first_urgent;
    wire waits, pause;
    wire packet::known_t waiting;
    wire at_t waiting_base, waiting_inner, waiting_plain;
    at_t came_end, plain_end;           // of the last packet that was known
    job_queue #(.WIDTH(packet::KNOWN_W + 3 * AT_W), .DEPTH(DEPTH), .THROUGH(1)) others (
        .clk, .rst, .put(known && !first_urgent), .put_data({first, base, inner_at, plain_end}),
        .valid(waits), .data({waiting, waiting_base, waiting_inner, waiting_plain}),
        .get(begins && !urgent)
    );
    assign verdict_get = known && (!first_urgent || begins);

    assign next_valid = urgent || (waits && !pause);
    assign next = urgent ? first : waiting;
    assign next_base = urgent ? base : waiting_base;
    assign next_inner = urgent ? inner_at : waiting_inner;

    // -- a pause for one that comes ------------------------------------------------------------------------
    wire comes;
    wire at_t its_end;
    job_queue #(.WIDTH(AT_W), .DEPTH(DEPTH)) urgents (
        .clk, .rst, .put(plan_valid && plan.urgent), .put_data(plan_base + at_t'(plan.length)),
        .valid(comes), .data(its_end), .get(begins && urgent)
    );
    logic [$clog2(DEPTH):0] others_come;        // packets on their way that are not AES-GCM's
    wire at_t missing = its_end - came_at;      // negative if it is all there
    wire at_t to_come = missing[AT_W-1] ? '0 : missing;
    wire at_t room = its_end - came_freed;
    wire fits = room <= at_t'((1 << ADDR_W) - 32);
    assign pause = comes && others_come == '0 && fits && waiting.length > SOON + 17'(to_come);
    always_ff @(posedge clk)
        others_come <= rst ? '0 : others_come + ($clog2(DEPTH)+1)'(plan_valid && !plan_gcm)
            - ($clog2(DEPTH)+1)'(verdict_get && !first_gcm);

    // -- what is free ----------------------------------------------------------------------------------------
    always_ff @(posedge clk) begin
        if (verdict_get) begin
            came_end <= base + at_t'(length);
            plain_end <= inner_end;
        end
        if (over) begin
            came_freed <= waits ? waiting_base : came_end;
            plain_freed <= waits ? waiting_plain : plain_end;
        end
        if (rst) begin
            came_end <= '0;
            plain_end <= '0;
            came_freed <= '0;
            plain_freed <= '0;
        end
    end

    wire unused = &{1'b0, plan};
endmodule

`default_nettype wire
