// Low-latency queueing in front of a path: requests wait here by class (guide chapter 8).
//
//   frames ▶ class ▶ limit, police ▶ llq_cells ▶ priority first, the rest by weight ▶ path
//                                       llq_scheduler
//
// A frame is what `frame_parse` gives: a prefix, then its request. It is judged when it is whole, and
// leaves when the path can begin another one: so a packet of priority waits for the one that has
// begun, and no longer. A packet that is dropped leaves no trace but its count.
//
// The memory is shared. A frame finds it full if one of the largest size would not fit (beyond
// the limit of its class, so to speak), and if its class has no priority, while less than a quarter
// is free: what is not urgent does not take priority's room.
//
// A frame of n beats takes n + 3 cycles on its way out, and n + 4 on its way in, n + 8 where it is
// policed; with a request of less than 4 beats as much more as it lacks.
`default_nettype none

module llq #(
    // Cells of 8 beats: 2 to the power of this
    parameter int HANDLE_W = 10,
    // Octets of the largest request: 2 to the power of this
    parameter int ADDR_W = 12
) (
    input  wire                     clk,
    input  wire                     rst,
    // Tables and time; `rule_write` waits for `rule_ready`
    input  wire packet::llq_setup_t setup,
    input  wire                     rule_write,
    output wire                     rule_ready,
    // If frames leave one by one: the next one may
    input  wire                     grant,
    // Frames in: prefix, then request
    input  wire  [127:0]            s_prefix_tdata,
    input  wire  [15:0]             s_prefix_tkeep,
    input  wire                     s_prefix_tlast,
    input  wire                     s_prefix_tvalid,
    output wire                     s_prefix_tready,
    input  wire packet::request_t   s_axis_tuser,
    input  wire  [127:0]            s_axis_tdata,
    input  wire  [15:0]             s_axis_tkeep,
    input  wire                     s_axis_tlast,
    input  wire                     s_axis_tvalid,
    output wire                     s_axis_tready,
    // Frames out, likewise. `path_ready`: the path could take a request; when it cannot, none is
    // chosen for it. Both bring the level of the class
    input  wire                     path_ready,
    output wire  [1:0]              m_prefix_tuser,
    output wire  [127:0]            m_prefix_tdata,
    output wire  [15:0]             m_prefix_tkeep,
    output wire                     m_prefix_tlast,
    output wire                     m_prefix_tvalid,
    input  wire                     m_prefix_tready,
    output packet::request_t        m_axis_tuser,
    output wire  [127:0]            m_axis_tdata,
    output wire  [15:0]             m_axis_tkeep,
    output wire                     m_axis_tlast,
    output wire                     m_axis_tvalid,
    input  wire                     m_axis_tready,
    // A packet has joined its queue; what is to be counted
    output logic                    kept,
    output packet::llq_count_t      count,
    // The tables are empty, as after reset; no frame goes, or will go without a grant
    output wire                     ready,
    output wire                     idle
);
    // Data, octets of it, end of a prefix or a packet
    localparam int WORD_W = 128 + 5 + 1;
    // Cells of the largest frame: a prefix of 19 beats, and the request
    localparam int LARGEST = (19 + (1 << (ADDR_W - 4)) + 7) / 8 + 2;
    localparam int RESERVE = 1 << (HANDLE_W - 2);

    if (RESERVE < LARGEST) begin : check_room
        $fatal(1, "llq: a quarter of the cells has to hold a frame");
    end

    // -- tables: cleared after reset -----------------------------------------------------------------
    logic [7:0] walk;
    wire clearing = !walk[7];
    wire cells_ready;
    wire set_ready;
    logic [packet::LLQ_RULE_W-1:0] rules [16];
    logic [31:0] classes [128];

    assign ready = !clearing && cells_ready;
    wire set = clearing || (rule_write && rule_ready);
    wire [3:0] set_class = clearing ? walk[3:0] : setup.rule_class;
    wire packet::llq_rule_t set_rule = clearing ? packet::LLQ_DEFAULT : setup.rule;

    always_ff @(posedge clk) begin
        walk <= rst ? 8'd0 : clearing ? walk + 8'd1 : walk;
        if (set) rules[set_class] <= set_rule;
        if (clearing || setup.select_write)
            classes[clearing ? walk[6:0] : setup.select_at] <=
                clearing ? 32'd0 : setup.select_classes;
    end

    // -- frames in -----------------------------------------------------------------------------------
    localparam [2:0] PREFIX = 3'd0, REQUEST = 3'd1, SELECT = 3'd2, RULES = 3'd3, COMPARE = 3'd4,
        DECIDE = 3'd5, ACT = 3'd6;
    logic [2:0] state;
    logic begun, swallow;               // within a frame; which finds no room
    packet::request_t request;
    logic [2:0] looked_up;              // `request`, `entries`, `eight` are there
    logic [31:0] entries, eight;        // of the class table
    logic [3:0] number;                 // the class
    // verilator lint_off UNUSEDSIGNAL
    packet::llq_rule_t found;           // rate and burst are for `police`
    // verilator lint_on UNUSEDSIGNAL

    wire [HANDLE_W:0] free;
    wire [HANDLE_W-1:0] handle;
    wire full = free < (HANDLE_W+1)'(LARGEST);

    assign s_prefix_tready = ready && state == PREFIX;
    assign s_axis_tready = state == REQUEST;
    wire take_prefix = s_prefix_tvalid && s_prefix_tready;
    wire take_request = s_axis_tvalid && s_axis_tready;
    wire no_room = begun ? swallow : full;
    wire [15:0] keep = state == PREFIX ? s_prefix_tkeep : s_axis_tkeep;
    logic [4:0] octets;
    always_comb begin
        octets = 5'd0;
        for (int i = 0; i < 16; i++) octets = octets + {4'd0, keep[i]};
    end

    // Levels above 2 are all one row of the class table.
    wire [1:0] level = |request.level[7:2] ? 2'd3 : request.level[1:0];
    wire [9:0] selector = {level, request.qos_group};

    // -- judged, all at once when police has answered --------------------------------------------------
    wire put_ready, empty, answer, conforms;
    wire [HANDLE_W:0] waiting;
    // Of the cycle before; a packet that was taken in it holds `put_ready` back
    logic policed, at_limit, scarce;
    logic keeps;                        // the verdict
    wire above_limit = swallow || at_limit || (scarce && found.level == 2'd0);
    wire above_rate = policed && !conforms && (!found.conditional || !empty);
    wire decide = state == DECIDE && put_ready && (!policed || answered || answer);
    wire put = state == ACT && keeps;
    wire acts = state == ACT && (!keeps || put_ready);

    logic answered;
    llq_police police (
        .clk, .rst, .tick(setup.tick), .set, .set_class, .set_rate(set_rule.police_rate),
        .set_burst(set_rule.police_burst), .ask(state == RULES), .ask_class(number),
        .ask_size(request.length), .answer, .conforms, .spend(put && acts && policed && conforms)
    );
    // Rules do not change while a packet is held to them.
    assign rule_ready = ready && set_ready && (state == PREFIX || state == REQUEST || state == SELECT);

    always_ff @(posedge clk) begin
        entries <= classes[selector[9:3]];
        eight <= entries;
        looked_up[2:1] <= looked_up[1:0];
        policed <= found.police_rate != 32'd0;
        at_limit <= 17'(waiting) >= {1'b0, found.limit};
        scarce <= free < (HANDLE_W+1)'(RESERVE);
        kept <= put && acts;
        count.dropped <= decide && (above_limit || above_rate);
        if (take_prefix || take_request) begin
            begun <= 1'b1;
            swallow <= no_room;
        end
        if (take_request) request <= s_axis_tuser;
        if (state == REQUEST || state == SELECT) number <= eight[{selector[2:0], 2'd0} +: 4];
        if (answer) answered <= 1'b1;
        case (state)
            PREFIX: if (take_prefix && s_prefix_tlast) state <= REQUEST;
            REQUEST: if (take_request) begin
                looked_up[0] <= 1'b1;
                if (s_axis_tlast) begin
                    begun <= 1'b0;
                    state <= looked_up[2] ? RULES : SELECT;
                end
            end
            SELECT: if (looked_up[2]) state <= RULES;
            RULES: begin
                found <= rules[number];
                answered <= 1'b0;
                state <= COMPARE;
            end
            COMPARE: state <= DECIDE;
            DECIDE: if (decide) begin
                keeps <= !above_limit && !above_rate;
                state <= ACT;
            end
            default: if (acts) begin
                looked_up <= 3'b000;
                state <= PREFIX;
            end
        endcase
        count.dropped_class <= number;
        count.above_limit <= above_limit;
        count.dropped_octets <= request.length;
        if (rst) begin
            state <= PREFIX;
            begun <= 1'b0;
            looked_up <= 3'b000;
            kept <= 1'b0;
            count.dropped <= 1'b0;
        end
    end

    // -- waiting -------------------------------------------------------------------------------------
    wire next_valid;
    wire [3:0] next_class;
    wire [1:0] next_level;
    wire [HANDLE_W-1:0] next_handle;
    wire [16:0] next_size;
    logic busy, granted;
    wire leaves;                        // the last beat of a frame
    // A rule that is written waits for no packet, and none goes meanwhile.
    wire start = next_valid && path_ready && !busy && (!setup.gated || granted) && !rule_write;

    llq_scheduler #(.HANDLE_W(HANDLE_W)) scheduler (
        .clk, .rst, .set, .set_ready, .set_class, .set_level(set_rule.level),
        .set_weight(set_rule.weight), .put, .put_ready, .put_class(number), .put_handle(handle),
        .put_size(request.length), .put_waiting(waiting), .empty, .next_valid, .next_class,
        .next_level, .next_handle, .next_size, .take(start)
    );

    logic [packet::REQUEST_W-1:0] requests [1 << HANDLE_W];
    packet::request_t request_out;
    logic [1:0] level_out;
    always_ff @(posedge clk) begin
        if (put) requests[handle] <= request;
        if (start) begin
            request_out <= requests[next_handle];
            level_out <= next_level;
        end
    end

    // -- frames out ----------------------------------------------------------------------------------
    wire word_valid, word_end, frame_end;
    wire [4:0] word_octets;
    wire [127:0] word_data;
    logic in_prefix;
    wire word_taken = word_valid && (in_prefix ? m_prefix_tready : m_axis_tready);
    assign leaves = word_taken && frame_end;

    llq_cells #(.HANDLE_W(HANDLE_W), .WIDTH(WORD_W)) cells (
        .clk, .rst, .put((take_prefix || take_request) && !no_room),
        .put_word({state == REQUEST ? s_axis_tlast : s_prefix_tlast, octets,
            state == REQUEST ? s_axis_tdata : s_prefix_tdata}),
        .keep(put && acts), .drop(acts && !keeps), .handle, .free,
        .start, .start_handle(next_handle), .got_valid(word_valid),
        .got_word({word_end, word_octets, word_data}), .got_last(frame_end), .get(word_taken),
        .ready(cells_ready)
    );

    wire [15:0] word_keep;
    for (genvar i = 0; i < 16; i++) begin : lane
        assign word_keep[i] = 5'(i) < word_octets;
    end
    assign m_prefix_tuser = level_out;
    assign m_prefix_tdata = word_data;
    assign m_prefix_tkeep = word_keep;
    assign m_prefix_tlast = word_end;
    assign m_prefix_tvalid = word_valid && in_prefix;
    always_comb begin
        m_axis_tuser = request_out;
        m_axis_tuser.level = {6'd0, level_out};
    end
    assign m_axis_tdata = word_data;
    assign m_axis_tkeep = word_keep;
    assign m_axis_tlast = word_end;
    assign m_axis_tvalid = word_valid && !in_prefix;

    wire held = setup.gated && !granted && !grant;
    assign idle = !busy && (empty || held) && state == PREFIX && !begun && !s_prefix_tvalid;

    always_ff @(posedge clk) begin
        if (word_taken && word_end) in_prefix <= !in_prefix;
        if (leaves) busy <= 1'b0;
        if (start) busy <= 1'b1;
        if (start) granted <= 1'b0;
        if (grant) granted <= 1'b1;
        count.passed <= start && !rst;
        count.passed_class <= next_class;
        count.passed_octets <= next_size;
        if (rst) begin
            busy <= 1'b0;
            granted <= 1'b0;
            in_prefix <= 1'b1;
        end
    end

endmodule

`default_nettype wire
