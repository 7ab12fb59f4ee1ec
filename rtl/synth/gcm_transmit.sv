// A configuration for a small FPGA, measured by `make synth`: the transmit direction with AES-GCM.
//
//   frames ▶ frame_parse ▶ transmit_path ⇄ esp_engine (AES-GCM alone) ▶ frame_results ▶ frames
//                              sa_table
//
// SAs are written straight into the table. What is refused, cut and encapsulated is what the whole
// accelerator does; jobs of other ciphers must not come, so their SAs must not be installed.
`default_nettype none

module gcm_transmit #(
    // Octets of each packet memory: 2 to the power of this
    parameter int ADDR_W = 11,
    // SAs: a power of two
    parameter int SAS = 64
) (
    input  wire                     clk,
    input  wire                     rst,
    // Put an SA in force, keeping its number or not; wait for `clear` with `hold`
    input  wire                     hold,
    output wire                     clear,
    input  wire                     change,
    input  wire                     keep,
    input  wire  [$clog2(SAS)-1:0]  at,
    input  wire packet::outbound_t  new_row,
    input  wire sa_keys::sa_keys_t  new_keys,
    // Frames
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // What is to be counted
    output wire                     count_valid,
    output wire packet::count_t     count
);
    localparam int ROW_W = 413;         // of a row without its number

    wire packet::request_t request;
    wire prefix_tuser, prefix_tlast, prefix_tvalid, prefix_tready;
    wire request_tlast, request_tvalid, request_tready, inbound, parse_count_valid;
    wire [127:0] prefix_tdata, request_tdata;
    wire [15:0] prefix_tkeep, request_tkeep;
    wire packet::count_t parse_count;

    frame_parse #(.ADDR_W(ADDR_W)) parse (
        .clk, .rst, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast, .s_axis_tvalid, .s_axis_tready,
        .m_prefix_tuser(prefix_tuser), .m_prefix_tdata(prefix_tdata),
        .m_prefix_tkeep(prefix_tkeep), .m_prefix_tlast(prefix_tlast),
        .m_prefix_tvalid(prefix_tvalid), .m_prefix_tready(prefix_tready),
        .m_axis_tuser(request), .m_axis_tdata(request_tdata), .m_axis_tkeep(request_tkeep),
        .m_axis_tlast(request_tlast), .m_axis_tvalid(request_tvalid),
        .m_axis_tready(request_tready), .inbound, .count_valid(parse_count_valid),
        .count(parse_count)
    );

    wire sa_read, sa_found, number_write, done, idle, key_read, key_found;
    wire [15:0] sa_index, key_index;
    wire [ROW_W-1:0] row;
    wire [63:0] last, number;
    wire sa_keys::sa_keys_t keys;
    wire packet::outbound_t sa_row = {row, last};

    sa_table #(.SAS(SAS), .ROW_W(ROW_W)) sas (
        .clk, .rst, .sa_read, .sa_index, .sa_found, .sa_row(row), .sa_number(last), .number_write,
        .number, .done, .key_read, .key_index, .key_found, .keys, .hold, .clear, .at, .look(1'b0),
        .change, .keep, .new_row(new_row[ROW_W+63:64]), .new_keys, .scrub(1'b0)
    );

    wire packet::job_t job;
    wire job_valid, job_ready, icv_valid;
    wire [255:0] icv;
    wire [127:0] to_tdata, from_tdata, result_tdata;
    wire [15:0] to_tkeep, from_tkeep, result_tkeep;
    wire to_tlast, to_tvalid, to_tready, from_tlast, from_tvalid, from_tready;
    wire packet::result_t result;
    wire result_tlast, result_tvalid, result_tready, path_count_valid;
    wire packet::count_t path_count;

    transmit_path #(.ADDR_W(ADDR_W)) transmit (
        .clk, .rst, .s_axis_tuser(request), .s_axis_tdata(request_tdata),
        .s_axis_tkeep(request_tkeep), .s_axis_tlast(request_tlast),
        .s_axis_tvalid(request_tvalid), .s_axis_tready(request_tready), .sa_read, .sa_index,
        .sa_found, .sa_row, .number_write, .number, .job, .job_valid, .job_ready,
        .m_engine_tdata(to_tdata), .m_engine_tkeep(to_tkeep), .m_engine_tlast(to_tlast),
        .m_engine_tvalid(to_tvalid), .m_engine_tready(to_tready), .s_engine_tdata(from_tdata),
        .s_engine_tkeep(from_tkeep), .s_engine_tlast(from_tlast), .s_engine_tvalid(from_tvalid),
        .s_engine_tready(from_tready), .icv_valid, .icv, .m_axis_tuser(result),
        .m_axis_tdata(result_tdata), .m_axis_tkeep(result_tkeep), .m_axis_tlast(result_tlast),
        .m_axis_tvalid(result_tvalid), .m_axis_tready(result_tready),
        .count_valid(path_count_valid), .count(path_count), .idle, .done
    );

    esp_engine #(.DECRYPT(1'b0), .CBC(0)) engine (
        .clk, .rst, .job, .job_valid, .job_ready, .s_axis_tdata(to_tdata), .s_axis_tkeep(to_tkeep),
        .s_axis_tlast(to_tlast), .s_axis_tvalid(to_tvalid), .s_axis_tready(to_tready), .key_read,
        .key_index, .key_found, .key_row(keys), .m_axis_tdata(from_tdata),
        .m_axis_tkeep(from_tkeep), .m_axis_tlast(from_tlast), .m_axis_tvalid(from_tvalid),
        .m_axis_tready(from_tready), .icv_valid, .icv
    );

    frame_results results (
        .clk, .rst, .s_prefix_tuser(prefix_tuser), .s_prefix_tdata(prefix_tdata),
        .s_prefix_tkeep(prefix_tkeep), .s_prefix_tlast(prefix_tlast),
        .s_prefix_tvalid(prefix_tvalid), .s_prefix_tready(prefix_tready), .s_axis_tuser(result),
        .s_axis_tdata(result_tdata), .s_axis_tkeep(result_tkeep), .s_axis_tlast(result_tlast),
        .s_axis_tvalid(result_tvalid), .s_axis_tready(result_tready), .m_axis_tdata,
        .m_axis_tkeep, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready
    );

    assign count_valid = path_count_valid || parse_count_valid;
    assign count = path_count_valid ? path_count : parse_count;

    wire unused = &{1'b0, inbound, idle, new_row[63:0]};
endmodule

`default_nettype wire
