// The fast receive path's way out: the inner packet, or what came, once everything is known (decap_order).
//
// Nothing of the plaintext's ring leaves before its packet's verdict is here: ICV and replay unit have said
// yes. A refusal sends what came, which never was decrypted. From the verdict to the first beat: 2 cycles.
`default_nettype none

module decap_release #(
    // Octets of each ring: 2 to the power of this
    parameter int ADDR_W = 12,
    // Plans that wait: a power of two
    parameter int DEPTH = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    // Plans, and where in the ring of originals their packets begin
    input  wire                         plan_valid,
    input  wire packet::receive_plan_t  plan,
    input  wire  [ADDR_W:0]             plan_base,
    // Octets that came, and up to where that ring is free again
    input  wire                         came_en,
    input  wire  [ADDR_W:0]             came_at,
    input  wire  [4:0]                  came_count,
    input  wire  [127:0]                came_data,
    output wire  [ADDR_W:0]             came_freed,
    // Plaintext, the same
    input  wire                         plain_en,
    input  wire  [ADDR_W:0]             plain_at,
    input  wire  [4:0]                  plain_count,
    input  wire  [127:0]                plain_data,
    output wire  [ADDR_W:0]             plain_freed,
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
    // Results
    output packet::result_t             m_axis_tuser,
    output wire  [127:0]                m_axis_tdata,
    output wire  [15:0]                 m_axis_tkeep,
    output wire                         m_axis_tlast,
    output wire                         m_axis_tvalid,
    input  wire                         m_axis_tready,
    // What is to be counted
    output logic                        count_valid,
    output packet::count_t              count,
    // A packet has left
    output wire                         over
);
    localparam int AT_W = ADDR_W + 1;
    typedef logic [AT_W-1:0] at_t;

    wire next_valid, begins;
    wire packet::known_t next;
    wire at_t base, inner_at;
    decap_order #(.ADDR_W(ADDR_W), .DEPTH(DEPTH)) order (
        .clk, .rst, .plan_valid, .plan, .plan_base, .came_at, .number_valid, .number, .opened_valid,
        .opened, .opened_at, .opened_end, .verdict_valid, .verdict, .verdict_get, .next_valid, .next,
        .next_base(base), .next_inner(inner_at), .begins, .over, .came_freed, .plain_freed
    );

    wire refused = next.reason != packet::OK;
    wire nothing = !refused && next.inner.dummy;
    logic sending, asking, word, word_last, word_first, of_original;
    logic [4:0] word_octets;
    at_t at;
    logic [16:0] left;
    wire taken = word && m_axis_tready;
    wire ask = asking && (!word || taken);
    wire last = left <= 17'd16;
    assign begins = next_valid && !sending;
    assign over = taken && word_last;

    wire [127:0] plain_word, came_word;
    packet_ram #(.ADDR_W(ADDR_W)) plaintext (
        .clk, .rd_en(ask), .rd_addr(at[ADDR_W-1:0]), .wr_en(plain_en),
        .wr_addr(plain_at[ADDR_W-1:0]), .wr_count(plain_count), .wr_data(plain_data),
        .rd_data(plain_word)
    );
    packet_ram #(.ADDR_W(ADDR_W)) originals (
        .clk, .rd_en(ask), .rd_addr(at[ADDR_W-1:0]), .wr_en(came_en),
        .wr_addr(came_at[ADDR_W-1:0]), .wr_count(came_count), .wr_data(came_data),
        .rd_data(came_word)
    );

    logic [127:0] out_word;
    logic [15:0] out_keep;
    logic [127:0] first_word;
    always_comb
        for (int i = 0; i < 16; i++) begin
            out_keep[i] = 5'(i) < word_octets;
            out_word[i*8 +: 8] = !out_keep[i] ? 8'd0 : of_original ? came_word[i*8 +: 8]
                : word_first ? first_word[i*8 +: 8] : plain_word[i*8 +: 8];
        end
    assign m_axis_tdata = out_word;
    assign m_axis_tkeep = out_keep;
    assign m_axis_tlast = word_last;
    assign m_axis_tvalid = word;

    always_ff @(posedge clk) begin
        count_valid <= 1'b0;
        if (begins) begin
            sending <= 1'b1;
            asking <= 1'b1;
            of_original <= refused;
            word_first <= 1'b1;
            first_word <= packet::reversed(next.inner.first);
            at <= refused ? base : inner_at;
            left <= refused ? next.length : nothing ? 17'd0 : next.inner.total;
            m_axis_tuser.none <= nothing;
            m_axis_tuser.urgent <= next.urgent;
            m_axis_tuser.reason <= next.reason;
            m_axis_tuser.ethertype <= refused || !next.inner.v6
                ? packet::ETHERTYPE_IPV4 : packet::ETHERTYPE_IPV6;
            m_axis_tuser.spi <= next.spi;
            m_axis_tuser.number <= next.number;
            count_valid <= 1'b1;
            count.sa_index <= next.sa_index;
            count.reason <= next.reason;
            count.octets <= refused || nothing ? 17'd0 : next.inner.total;
        end
        if (ask) begin
            at <= at + at_t'(16);
            left <= left - 17'd16;
            word_octets <= last ? left[4:0] : 5'd16;
            word_last <= last;
            if (last) asking <= 1'b0;
        end
        if (ask) word <= 1'b1;
        else if (taken) word <= 1'b0;
        if (taken) word_first <= 1'b0;
        if (over) sending <= 1'b0;
        m_axis_tuser.last <= 1'b1;
        count.of_sa <= 1'b1;
        count.inbound <= 1'b1;
        if (rst) begin
            sending <= 1'b0;
            asking <= 1'b0;
            word <= 1'b0;
            count_valid <= 1'b0;
        end
    end

    wire unused = &{1'b0, plain_at[ADDR_W], next.inner.reason};
endmodule

`default_nettype wire
