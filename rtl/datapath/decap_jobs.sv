// The engine's jobs of the fast receive path: one a plan, in order.
//
// AES-GCM's goes at once; the other ciphers' engine wants the ICV that was received, so theirs wait for it.
`default_nettype none

module decap_jobs #(
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    // The ICVs received, in the order of the plans
    input  wire                         icv_valid,
    input  wire  [255:0]                icv,
    // Jobs
    output wire packet::job_t           job,
    output wire                         job_valid,
    input  wire                         job_ready
);
    wire packet::receive_plan_t now;
    wire now_valid, icv_here;
    wire [255:0] icv_now;
    wire gcm = now.cipher == packet::CIPHER_GCM;
    wire taken = job_valid && job_ready;
    job_queue #(.WIDTH(packet::RECEIVE_PLAN_W), .DEPTH(DEPTH), .THROUGH(1)) plans (
        .clk, .rst, .put(plan_valid), .put_data(plan), .valid(now_valid), .data(now), .get(taken)
    );

    // Every packet's ICV comes, but only some wait here.
    wire next_valid, next_gcm;
    job_queue #(.WIDTH(1), .DEPTH(DEPTH)) kinds (
        .clk, .rst, .put(plan_valid), .put_data(plan.cipher == packet::CIPHER_GCM),
        .valid(next_valid), .data(next_gcm), .get(icv_valid)
    );
    job_queue #(.WIDTH(256), .DEPTH(DEPTH)) icvs (
        .clk, .rst, .put(icv_valid && !next_gcm), .put_data(icv), .valid(icv_here),
        .data(icv_now), .get(taken && !gcm)
    );

    assign job_valid = now_valid && (gcm || icv_here);
    assign job.hash = 1'b0;
    assign job.decrypt = 1'b1;
    assign job.sa_index = now.sa_index;
    assign job.cipher = now.cipher;
    assign job.integrity = now.integrity;
    assign job.esn = now.esn;
    assign job.iv = now.iv;
    assign job.octets = now.octets;
    assign job.icv = gcm ? 256'd0 : icv_now;

    wire unused = &{1'b0, now, next_valid};
endmodule

`default_nettype wire
