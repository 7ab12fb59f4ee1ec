// From results to frames: every result behind its request's prefix (docs/crypto-header.md).
//
// The prefix is kept until the last result of its request. Ethernet addresses are swapped, the crypto
// header gets operation, reason, EtherType, SPI and sequence number. A frame takes as many beats as it
// has; 3 cycles from a result's first beat to the frame's.
`default_nettype none

module frame_build (
    input  wire                     clk,
    input  wire                     rst,
    // Prefixes, in the order of their results; tuser: a whole frame, to be answered with BAD_HEADER
    input  wire                     s_prefix_tuser,
    input  wire  [127:0]            s_prefix_tdata,
    input  wire  [15:0]             s_prefix_tkeep,
    input  wire                     s_prefix_tlast,
    input  wire                     s_prefix_tvalid,
    output wire                     s_prefix_tready,
    // Results
    input  wire packet::result_t    s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Frames
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready
);
    localparam [1:0] LOAD = 2'd0, WAIT = 2'd1, EMIT = 2'd2, WHOLE = 2'd3;
    logic [1:0] state;

    // Up to 46 + 255 octets: 19 words
    logic [127:0] words [32];
    logic [15:0] last_keep;
    logic [4:0] loaded, nth;
    logic [1:0] passed;                 // words of a whole frame that have gone, up to 3

    // -- what is written over ------------------------------------------------------------------------------
    wire whole = state == WHOLE;
    wire [4:0] place = whole ? {3'd0, passed} : nth;
    wire [127:0] plain = packet::reversed(whole ? s_prefix_tdata : words[nth]);
    wire refused = s_axis_tuser.reason != packet::OK;
    logic [127:0] mended;
    always_comb begin
        mended = plain;
        case (place)
            5'd0: mended = {
                plain[79:32], plain[127:80], plain[31:16],
                whole ? plain[15:8] | 8'h08 : {4'd1, 4'd8 | plain[11:8]},
                whole ? {3'd0, packet::BAD_HEADER} : {3'd0, s_axis_tuser.reason}
            };
            5'd1: if (!whole) begin
                mended[76:72] = 5'd0;
                if (!refused) mended[63:48] = s_axis_tuser.ethertype;
            end
            5'd2: if (!whole) mended[111:16] = {s_axis_tuser.spi, s_axis_tuser.number};
            default: ;
        endcase
    end

    // -- prefix, then packet ---------------------------------------------------------------------------------
    wire prefix_last = nth == loaded;
    wire emit_valid = state == EMIT && s_axis_tvalid;
    wire [127:0] joined_data;
    wire [15:0] joined_keep;
    wire joined_last, joined_valid, joined_user, joined_over, prefix_taken, packet_ready;

    align_append join_packet (
        .clk, .rst,
        .s_a_tdata(packet::reversed(mended)), .s_a_tkeep(prefix_last ? last_keep : 16'hFFFF),
        .s_a_tlast(prefix_last), .s_a_tvalid(emit_valid), .s_a_tready(prefix_taken),
        .s_b_tdata(s_axis_tdata), .s_b_tkeep(s_axis_tkeep), .s_b_tlast(s_axis_tlast),
        .s_b_tvalid(s_axis_tvalid && state == EMIT), .s_b_tready(packet_ready),
        .s_tuser(1'b0), .s_over(joined_over),
        .m_axis_tdata(joined_data), .m_axis_tkeep(joined_keep), .m_axis_tlast(joined_last),
        .m_axis_tvalid(joined_valid), .m_axis_tuser(joined_user),
        .m_axis_tready(m_axis_tready && !whole)
    );

    assign m_axis_tdata = whole ? packet::reversed(mended) : joined_data;
    assign m_axis_tkeep = whole ? s_prefix_tkeep : joined_keep;
    assign m_axis_tlast = whole ? s_prefix_tlast : joined_last;
    assign m_axis_tvalid = whole ? s_prefix_tvalid : joined_valid;
    wire over = m_axis_tvalid && m_axis_tready && m_axis_tlast;

    wire nothing = state == WAIT && s_axis_tvalid && s_axis_tuser.none;
    assign s_axis_tready = packet_ready || nothing;
    assign s_prefix_tready = whole ? m_axis_tready : state == LOAD && !s_prefix_tuser;

    // The result's sideband may be gone when the last octets leave.
    logic last_result;

    always_ff @(posedge clk) begin
        case (state)
            LOAD: if (s_prefix_tvalid) begin
                if (s_prefix_tuser) begin
                    passed <= 2'd0;
                    state <= WHOLE;
                end else begin
                    words[nth] <= s_prefix_tdata;
                    nth <= nth + 5'd1;
                    if (s_prefix_tlast) begin
                        loaded <= nth;
                        last_keep <= s_prefix_tkeep;
                        nth <= 5'd0;
                        state <= WAIT;
                    end
                end
            end
            WAIT: if (s_axis_tvalid) begin
                last_result <= s_axis_tuser.last;
                if (!s_axis_tuser.none) state <= EMIT;
                else if (s_axis_tuser.last) state <= LOAD;
            end
            EMIT: begin
                if (prefix_taken) nth <= nth + 5'd1;
                if (over) begin
                    nth <= 5'd0;
                    state <= last_result ? LOAD : WAIT;
                end
            end
            default: begin
                if (m_axis_tvalid && m_axis_tready && passed != 2'd3) passed <= passed + 2'd1;
                if (over) state <= LOAD;
            end
        endcase
        if (rst) begin
            state <= LOAD;
            nth <= 5'd0;
        end
    end

    wire unused = &{1'b0, s_axis_tuser.urgent, joined_user, joined_over};

`ifdef FORMAL
`include "frame_build_properties.svh"
`endif
endmodule

`default_nettype wire
