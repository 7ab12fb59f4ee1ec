// The SA that is being written: registers that become an SA all at once.
//
// What is secret reads 0 here as everywhere, and is wiped as soon as it is not needed.
`default_nettype none

module control_shadow (
    input  wire                      clk,
    input  wire                      rst,
    // A register is written
    input  wire                      write,
    input  wire  [11:0]              address,
    input  wire  [31:0]              data,
    // Set what is secret to 0
    input  wire                      wipe,
    // A register is read: `value`, 0 if it is secret or none of these
    input  wire  [11:0]              read_address,
    output logic [31:0]              value,
    output wire registers_pkg::sa_t  sa
);
    localparam int WORDS = registers_pkg::SA_WORDS;
    localparam [WORDS-1:0] SECRET = registers_pkg::SA_SECRET;

    logic [WORDS*32-1:0] words;
    assign sa = words;

    always_ff @(posedge clk) begin
        for (int i = 0; i < WORDS; i++) begin
            if (write && address == registers_pkg::SA_EPOCH + 12'(4*i)) words[i*32 +: 32] <= data;
            if (rst || (wipe && SECRET[i])) words[i*32 +: 32] <= 32'd0;
        end
    end

    always_comb begin
        value = 32'd0;
        for (int i = 0; i < WORDS; i++)
            if (!SECRET[i] && read_address == registers_pkg::SA_EPOCH + 12'(4*i))
                value = words[i*32 +: 32];
    end
endmodule

`default_nettype wire
