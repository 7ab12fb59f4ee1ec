// What the fast transmit path has still to send, and whether it is enough: then a queue in front of the path
// lets the next packet go later, and chooses it later, with what has come by then.
//
// Frames get longer on their way, so packets that follow each other fill whatever holds beats in the path; what
// waits there has been chosen. ENOUGH beats take the time in which a packet comes from the queue to its first
// octets out of the cipher: with less the port out would stand still.
//
// It is known of AES-GCM only when packets leave; with others in the path it is never enough.
`default_nettype none

module backlog #(
    // Packets in the path: a power of two
    parameter int DEPTH = 16,
    // Beats
    parameter int ENOUGH = 34
) (
    input  wire                     clk,
    input  wire                     rst,
    // A packet is on its way; a beat leaves, the last one of a packet
    input  wire                     plan_valid,
    input  wire packet::plan_t      plan,
    input  wire                     leaves,
    input  wire                     over,
    // No packet has to come
    output logic                    crowded
);
    localparam int COUNT_W = $clog2(DEPTH) + 1;
    localparam int BEATS_W = 13 + COUNT_W;

    wire plan_gcm = plan.cipher == packet::CIPHER_GCM;
    wire out_valid, out_gcm;
    job_queue #(.WIDTH(1), .DEPTH(DEPTH)) kinds (
        .clk, .rst, .put(plan_valid), .put_data(plan_gcm), .valid(out_valid), .data(out_gcm),
        .get(over)
    );

    // Outer header, what is from SPI to ciphertext, ICV; rounded up
    wire [17:0] octets = {1'b0, plan.octets} + 18'd51;
    logic [13:0] coming;
    logic [BEATS_W-1:0] beats;          // of AES-GCM's packets
    logic [COUNT_W-1:0] others;         // packets of other ciphers

    always_ff @(posedge clk) begin
        coming <= plan_valid && plan_gcm ? octets[17:4] : '0;
        beats <= beats + BEATS_W'(coming) - BEATS_W'(leaves && out_gcm);
        others <= others + COUNT_W'(plan_valid && !plan_gcm) - COUNT_W'(over && !out_gcm);
        crowded <= others == '0 && beats > BEATS_W'(ENOUGH);
        if (rst) begin
            coming <= '0;
            beats <= '0;
            others <= '0;
            crowded <= 1'b0;
        end
    end

    wire unused = &{1'b0, plan, octets[3:0], out_valid};
endmodule

`default_nettype wire
