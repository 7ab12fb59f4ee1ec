// ICV and replay window of the fast receive path: compares, commits, and says how it ended.
//
// The commit follows the ICV in order, and judges again; its verdict goes before BAD_ICV, since the golden
// model, which takes packets one by one, would have refused the number first.
`default_nettype none

module decap_verdict #(
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    // In the order of the plans: whole numbers, ICVs received and computed (octet 0 in [255:248])
    input  wire                         number_valid,
    input  wire  [63:0]                 number,
    input  wire                         received_valid,
    input  wire  [255:0]                received,
    input  wire                         computed_valid,
    input  wire  [255:0]                computed,
    // Replay unit
    output wire                         commit_valid,
    output wire  [15:0]                 commit_sa,
    output wire  [63:0]                 commit_number,
    output wire                         commit_authentic,
    input  wire                         committed_valid,
    input  wire  [1:0]                  committed_verdict,
    // OK, BAD_ICV, REPLAYED or TOO_OLD
    output wire                         verdict_valid,
    output wire  [4:0]                  verdict,
    input  wire                         verdict_get
);
    wire plan_here, number_here, received_here, computed_here;
    wire [2:0] cipher, integrity;
    wire [255:0] received_now, computed_now;
    job_queue #(.WIDTH(22), .DEPTH(DEPTH)) plans (
        .clk, .rst, .put(plan_valid), .put_data({plan.sa_index, plan.cipher, plan.integrity}),
        .valid(plan_here), .data({commit_sa, cipher, integrity}), .get(commit_valid)
    );
    job_queue #(.WIDTH(64), .DEPTH(DEPTH)) numbers (
        .clk, .rst, .put(number_valid), .put_data(number), .valid(number_here),
        .data(commit_number), .get(commit_valid)
    );
    job_queue #(.WIDTH(256), .DEPTH(DEPTH)) receiveds (
        .clk, .rst, .put(received_valid), .put_data(received), .valid(received_here),
        .data(received_now), .get(commit_valid)
    );
    job_queue #(.WIDTH(256), .DEPTH(DEPTH), .THROUGH(1)) computeds (
        .clk, .rst, .put(computed_valid), .put_data(computed), .valid(computed_here),
        .data(computed_now), .get(commit_valid)
    );

    wire [5:0] size = packet::esp_icv_octets(cipher, integrity);
    wire [255:0] differ = (computed_now ^ received_now) >> {9'd256 - {size, 3'd0}};
    assign commit_valid = plan_here && number_here && computed_here && received_here;
    assign commit_authentic = differ == 256'd0;

    wire was_valid, was_right;
    job_queue #(.WIDTH(1), .DEPTH(DEPTH)) rights (
        .clk, .rst, .put(commit_valid), .put_data(commit_authentic), .valid(was_valid),
        .data(was_right), .get(committed_valid)
    );
    job_queue #(.WIDTH(5), .DEPTH(DEPTH), .THROUGH(1)) verdicts (
        .clk, .rst, .put(committed_valid),
        .put_data(committed_verdict == 2'd1 ? packet::REPLAYED
            : committed_verdict == 2'd2 ? packet::TOO_OLD
            : was_right ? packet::OK : packet::BAD_ICV),
        .valid(verdict_valid), .data(verdict), .get(verdict_get)
    );

    wire unused = &{1'b0, plan, was_valid};
endmodule

`default_nettype wire
