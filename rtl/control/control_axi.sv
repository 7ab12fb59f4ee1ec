// An AXI4-Lite slave: one register access at a time, reads with a latency of one cycle.
//
// A write is given on as soon as address and data are there; a read's data is taken in the cycle
// after `read`. Every access is answered OKAY. Byte strobes are ignored: registers are written whole.
`default_nettype none

module control_axi #(
    // Bits of an address
    parameter int ADDRESS_W = 12
) (
    input  wire                   clk,
    input  wire                   rst,
    // AXI4-Lite
    input  wire  [ADDRESS_W-1:0]  s_axil_awaddr,
    input  wire                   s_axil_awvalid,
    output wire                   s_axil_awready,
    input  wire  [31:0]           s_axil_wdata,
    input  wire                   s_axil_wvalid,
    output wire                   s_axil_wready,
    output wire  [1:0]            s_axil_bresp,
    output logic                  s_axil_bvalid,
    input  wire                   s_axil_bready,
    input  wire  [ADDRESS_W-1:0]  s_axil_araddr,
    input  wire                   s_axil_arvalid,
    output wire                   s_axil_arready,
    output logic [31:0]           s_axil_rdata,
    output wire  [1:0]            s_axil_rresp,
    output logic                  s_axil_rvalid,
    input  wire                   s_axil_rready,
    // Registers
    output wire                   write,
    output wire  [ADDRESS_W-1:0]  write_address,
    output wire  [31:0]           write_data,
    output wire                   read,
    output wire  [ADDRESS_W-1:0]  read_address,
    input  wire  [31:0]           read_data
);
    logic reading;                      // read_data is there

    assign write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
    assign write_address = s_axil_awaddr;
    assign write_data = s_axil_wdata;
    assign s_axil_awready = write;
    assign s_axil_wready = write;
    assign s_axil_bresp = 2'b00;

    assign read = s_axil_arvalid && !reading && !s_axil_rvalid;
    assign read_address = s_axil_araddr;
    assign s_axil_arready = read;
    assign s_axil_rresp = 2'b00;

    always_ff @(posedge clk) begin
        reading <= read;
        if (s_axil_bready) s_axil_bvalid <= 1'b0;
        if (write) s_axil_bvalid <= 1'b1;
        if (s_axil_rready) s_axil_rvalid <= 1'b0;
        if (reading) begin
            s_axil_rvalid <= 1'b1;
            s_axil_rdata <= read_data;
        end
        if (rst) begin
            reading <= 1'b0;
            s_axil_bvalid <= 1'b0;
            s_axil_rvalid <= 1'b0;
        end
    end
endmodule

`default_nettype wire
