// From frames to requests: Ethernet and crypto header come off, the IP packet is aligned to lane 0.
//
// Frames are kept in a ring until they have been sent on; so a request's sideband has the packet's
// length, and the ring takes frames in while others go out. Of each frame the prefix (Ethernet,
// crypto header, the octets carried untouched) goes to `frame_build`, then the IP packet to the
// engines. A malformed request goes to `frame_build` whole; what is no request is dropped. Both are
// counted as BAD_HEADER, as the golden model does it.
// A frame of n beats takes about n + 8 cycles; its request begins 12 cycles after its last beat.
`default_nettype none

module frame_parse #(
    // Octets of the ring: 2 to the power of this. A frame may have 64 less, else it is dropped
    parameter int ADDR_W = 12
) (
    input  wire                     clk,
    input  wire                     rst,
    // Frames
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Prefixes; tuser: the whole frame, to be answered with BAD_HEADER
    output wire                     m_prefix_tuser,
    output wire  [127:0]            m_prefix_tdata,
    output wire  [15:0]             m_prefix_tkeep,
    output wire                     m_prefix_tlast,
    output wire                     m_prefix_tvalid,
    input  wire                     m_prefix_tready,
    // Requests
    output wire packet::request_t   m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // Prefix or request belongs to the receive path
    output wire                     inbound,
    // What is to be counted
    output logic                    count_valid,
    output packet::count_t          count,
    // No frame is here, nor part of one
    output wire                     idle
);
    localparam int FRAMES = 8;
    localparam [16:0] PREFIX = 17'd46;

    if (ADDR_W < 7 || ADDR_W > 17) begin : check_addr_w
        $fatal(1, "ADDR_W has to be from 7 to 17");
    end

    // -- ring: frames in ---------------------------------------------------------------------------------
    logic [ADDR_W:0] written, start, freed;
    logic [ADDR_W:0] starts [FRAMES];
    logic [16:0] lengths [FRAMES];
    logic [3:0] put, got;
    logic [16:0] length;
    logic dropping;                     // the frame on its way in is longer than the ring

    wire [3:0] waiting = put - got;
    wire [ADDR_W:0] used = written - freed;
    wire room = used <= (ADDR_W+1)'((1 << ADDR_W) - 32);
    logic reading;                      // a frame is on its way out
    assign s_axis_tready = dropping || (room && !waiting[3]);
    wire take = s_axis_tvalid && s_axis_tready;

    logic [4:0] octets;
    always_comb begin
        octets = 5'd0;
        for (int i = 0; i < 16; i++) octets = octets + {4'd0, s_axis_tkeep[i]};
    end

    // -- ring: frames out ----------------------------------------------------------------------------------
    localparam [2:0] IDLE = 3'd0, HEAD = 3'd1, JUDGE = 3'd2, JUDGED = 3'd3, OUT_PREFIX = 3'd4,
        OUT_PACKET = 3'd5, FREE = 3'd6;
    logic [2:0] state;
    logic [1:0] heads;
    logic [383:0] head;
    logic [ADDR_W:0] at;
    logic [16:0] left, all;
    logic asking, word_valid, word_last;
    logic [4:0] word_count;
    logic whole;
    wire [127:0] read_data;

    wire sending = state == OUT_PREFIX || state == OUT_PACKET;
    wire word_taken = word_valid && (state == OUT_PREFIX ? m_prefix_tready : m_axis_tready);
    wire ask = state == HEAD || (sending && asking && (!word_valid || word_taken));
    wire ask_last = left <= 17'd16;

    packet_ram #(.ADDR_W(ADDR_W)) ring (
        .clk, .rd_en(ask), .rd_addr(at[ADDR_W-1:0]), .wr_en(take && !dropping),
        .wr_addr(written[ADDR_W-1:0]), .wr_count(octets), .wr_data(s_axis_tdata),
        .rd_data(read_data)
    );

    logic [127:0] word;
    logic [15:0] keep;
    always_comb
        for (int i = 0; i < 16; i++) begin
            keep[i] = 5'(i) < word_count;
            word[i*8 +: 8] = keep[i] ? read_data[i*8 +: 8] : 8'd0;
        end

    // The crypto header (docs/crypto-header.md)
    wire [255:0] crypto = head[383-14*8 -: 256];
    wire [3:0] operation = crypto[251:248];
    wire [7:0] reason = crypto[247:240];
    wire [7:0] l3_offset = crypto[183:176];
    wire is_request = head[383-12*8 -: 16] == 16'h88B5 && all >= PREFIX;
    wire well_formed = crypto[255:252] == 4'd1 && operation != 4'd0 && operation <= 4'd3
        && reason <= 8'd19 && crypto[191:190] != 2'd3;
    wire answered = is_request && !operation[3];
    wire [16:0] prefix = PREFIX + {9'd0, l3_offset};
    wire short = all < prefix;

    assign idle = waiting == 4'd0 && !reading && length == 17'd0;
    assign inbound = operation == 4'd2;
    assign m_axis_tuser.operation = operation[1:0];
    assign m_axis_tuser.sa_index = crypto[239:224];
    assign m_axis_tuser.level = crypto[223:216];
    assign m_axis_tuser.qos_group = crypto[215:208];
    assign m_axis_tuser.mtu = crypto[207:192];
    assign m_axis_tuser.df_policy = crypto[191:190];
    assign m_axis_tuser.prefragment = crypto[189];
    // An l3_offset beyond the frame is a bad header as well: no EtherType, no octets.
    assign m_axis_tuser.ethertype = short ? 16'd0 : crypto[175:160];
    assign m_axis_tuser.epoch = crypto[127:96];
    assign m_axis_tuser.number = crypto[63:0];
    assign m_axis_tuser.length = short ? 17'd0 : all - prefix;

    assign m_prefix_tuser = whole;
    assign m_prefix_tdata = word;
    assign m_prefix_tkeep = keep;
    assign m_prefix_tlast = word_last;
    assign m_prefix_tvalid = word_valid && state == OUT_PREFIX;
    assign m_axis_tdata = word;
    assign m_axis_tkeep = keep;
    assign m_axis_tlast = word_last;
    assign m_axis_tvalid = word_valid && state == OUT_PACKET;

    always_ff @(posedge clk) begin
        count_valid <= 1'b0;
        count <= '0;
        // -- in
        if (take) begin
            length <= s_axis_tlast ? 17'd0 : length + {12'd0, octets};
            if (!dropping) written <= written + (ADDR_W+1)'(octets);
            if (s_axis_tlast) begin
                dropping <= 1'b0;
                if (!dropping) begin
                    starts[put[2:0]] <= start;
                    lengths[put[2:0]] <= length + {12'd0, octets};
                    put <= put + 4'd1;
                    start <= written + (ADDR_W+1)'(octets);
                end
            end
        end else if (s_axis_tvalid && !room && waiting == 4'd0 && !reading) begin
            dropping <= 1'b1;
            written <= start;
            count_valid <= 1'b1;
            count.reason <= packet::TOO_BIG;
        end

        // -- out
        if (ask) begin
            at <= at + (ADDR_W+1)'(16);
            left <= left - 17'd16;
            word_count <= ask_last ? left[4:0] : 5'd16;
            word_last <= ask_last;
            if (ask_last) asking <= 1'b0;
        end
        if (sending && ask) word_valid <= 1'b1;
        else if (word_taken) word_valid <= 1'b0;

        case (state)
            IDLE: if (waiting != 4'd0) begin
                at <= starts[got[2:0]];
                all <= lengths[got[2:0]];
                heads <= 2'd0;
                reading <= 1'b1;
                state <= HEAD;
            end
            // Three words: the first comes while the second is asked for.
            HEAD: begin
                heads <= heads + 2'd1;
                head <= {head[255:0], packet::reversed(read_data)};
                if (heads == 2'd2) state <= JUDGE;
            end
            JUDGE: begin
                head <= {head[255:0], packet::reversed(read_data)};
                state <= JUDGED;
            end
            JUDGED: begin
                at <= starts[got[2:0]];
                asking <= 1'b1;
                whole <= !well_formed;
                left <= !well_formed || short ? all : prefix;
                state <= OUT_PREFIX;
                if (!is_request || !well_formed) begin
                    count_valid <= 1'b1;
                    count.reason <= packet::BAD_HEADER;
                    if (!answered) state <= FREE;
                end
            end
            OUT_PREFIX: if (word_taken && word_last) begin
                at <= starts[got[2:0]] + (ADDR_W+1)'(prefix);
                asking <= 1'b1;
                left <= short ? 17'd0 : all - prefix;
                state <= whole ? FREE : OUT_PACKET;
            end
            OUT_PACKET: if (word_taken && word_last) state <= FREE;
            FREE: begin
                freed <= starts[got[2:0]] + (ADDR_W+1)'(all);
                got <= got + 4'd1;
                reading <= 1'b0;
                state <= IDLE;
            end
            default: state <= IDLE;
        endcase

        if (rst) begin
            written <= '0;
            start <= '0;
            freed <= '0;
            put <= '0;
            got <= '0;
            length <= '0;
            dropping <= 1'b0;
            reading <= 1'b0;
            state <= IDLE;
            word_valid <= 1'b0;
            asking <= 1'b0;
            count_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, crypto, head};
endmodule

`default_nettype wire
