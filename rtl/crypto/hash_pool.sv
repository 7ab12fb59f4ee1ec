// A pool of HMAC engines that share one packet memory: any number of packets, any mix of hashes.
//
// Packets are known by slots. `open` gives a slot its key's states; `fill` says where the message
// is; `go` lets an engine have it, any time after. Digests come in any order. Engines of one hash
// share a queue, so that a packet goes to whichever is free first. All engines are fed by one
// reader that makes a 64-octet beat a cycle (an engine needs one in 65 to 81 cycles).
// Throughput: MD5, SHA1, SHA256, SHA512 engines work side by side; see hmac_engine for cycles.
`default_nettype none

module hash_pool #(
    // Engines of each hash; packets of a hash that has none are not to be given
    parameter int MD5 = 1,
    parameter int SHA1 = 1,
    parameter int SHA256 = 1,
    parameter int SHA512 = 1,
    // Slots: 2 to the power of this
    parameter int SLOT_W = 4,
    // Rows of 64 octets in the packet memory: 2 to the power of this
    parameter int ROW_W = 8
) (
    input  wire               clk,
    input  wire               rst,
    // States after the key's ipad and opad blocks, left aligned: inner and outer, one a cycle
    input  wire               open,
    input  wire               open_outer,
    input  wire  [SLOT_W-1:0] open_slot,
    input  wire  [511:0]      open_state,
    // The message: integrity algorithm (1 MD5, 2 SHA-1, 3 SHA-256, 4 SHA-384, 5 SHA-512), first row,
    // octets, ESN's high half (octets then has to be a multiple of 4), the first 8 octets
    input  wire               fill,
    input  wire  [SLOT_W-1:0] fill_slot,
    input  wire  [2:0]        fill_integrity,
    input  wire  [ROW_W-1:0]  fill_row,
    input  wire  [16:0]       fill_octets,
    input  wire               fill_esn,
    input  wire  [31:0]       fill_esn_high,
    input  wire  [63:0]       fill_head,
    // The message is complete
    input  wire               go,
    input  wire  [SLOT_W-1:0] go_slot,
    // Packet memory: row of 64 octets, octet 0 on the left, a cycle after mem_en
    output wire               mem_en,
    output wire  [ROW_W-1:0]  mem_row,
    input  wire  [511:0]      mem_data,
    // First 32 octets of the HMAC, octet 0 on the left
    output logic              digest_valid,
    output logic [SLOT_W-1:0] digest_slot,
    output logic [255:0]      digest
);
    localparam int N = MD5 + SHA1 + SHA256 + SHA512;
    localparam int COUNT_W = 12;
    localparam int LEAD = 3;
    localparam int SLOTS = 1 << SLOT_W;
    localparam logic [1:0] INNER = 2'd0, OUTER = 2'd3;

    if (N < 1 || N > 48) begin : check_engines
        $fatal(1, "hash_pool: 1 to 48 engines");
    end

    // -- queues, one a hash ---------------------------------------------------------------------------
    logic [2:0] integrities [SLOTS];
    always_ff @(posedge clk) if (fill) integrities[fill_slot] <= fill_integrity;
    wire [2:0] go_integrity = integrities[go_slot];

    wire [3:0] any, take;
    wire [3:0] [SLOT_W:0] head;
    for (genvar h = 0; h < 4; h++) begin : queue
        wire mine = h == 3 ? go_integrity >= 3'd4 : go_integrity == 3'(h + 1);
        hash_queue #(.DEPTH_W(SLOT_W), .WIDTH(SLOT_W + 1)) waiting (
            .clk, .rst, .put(go && mine), .put_data({go_integrity == 3'd4, go_slot}),
            .any(any[h]), .take(take[h]), .data(head[h])
        );
    end

    // -- engines --------------------------------------------------------------------------------------
    wire [N-1:0] idle, ask_valid, digests;
    wire [N-1:0] [SLOT_W-1:0] ask_slot, slots;
    wire [N-1:0] [1:0] ask_kind;
    wire [N-1:0] [COUNT_W-1:0] ask_index;
    wire [N-1:0] [255:0] values;
    logic [N-1:0] given, granted, taken;

    logic [N-1:0] beat_valid;
    logic [1:0] beat_kind;
    wire [511:0] beat;
    wire [COUNT_W-1:0] beat_count;

    for (genvar n = 0; n < N; n++) begin : engine
        localparam int H = n < MD5 ? 0 : n < MD5 + SHA1 ? 1 : n < MD5 + SHA1 + SHA256 ? 2 : 3;
        hmac_engine #(.HASH(H + 1), .SLOT_W(SLOT_W), .COUNT_W(COUNT_W), .LEAD(LEAD)) unit (
            .clk, .rst,
            .job_valid(given[n]), .job_ready(idle[n]),
            .job_slot(head[H][SLOT_W-1:0]), .job_384(head[H][SLOT_W]),
            .ask_valid(ask_valid[n]), .ask_ready(granted[n]), .ask_slot(ask_slot[n]),
            .ask_kind(ask_kind[n]), .ask_index(ask_index[n]),
            .beat_valid(beat_valid[n]), .beat_kind, .beat_data(beat), .beat_count,
            .digest_valid(digests[n]), .digest_ready(taken[n]), .digest_slot(slots[n]),
            .digest(values[n])
        );
    end

    // The lowest number goes first, everywhere: nobody asks again for dozens of cycles.
    logic [3:0] served;
    logic ask;
    logic [SLOT_W-1:0] slot;
    logic [1:0] kind;
    logic [COUNT_W-1:0] index;
    logic found;
    logic [SLOT_W-1:0] found_slot;
    logic [255:0] found_value;
    always_comb begin
        served = 4'd0;
        given = '0;
        ask = 1'b0;
        granted = '0;
        slot = '0;
        kind = INNER;
        index = '0;
        found = 1'b0;
        taken = '0;
        found_slot = '0;
        found_value = '0;
        for (int n = 0; n < N; n++) begin
            for (int h = 0; h < 4; h++) begin
                if (h == (n < MD5 ? 0 : n < MD5 + SHA1 ? 1 : n < MD5 + SHA1 + SHA256 ? 2 : 3)
                    && idle[n] && any[h] && !served[h]) begin
                    served[h] = 1'b1;
                    given[n] = 1'b1;
                end
            end
            if (ask_valid[n] && !ask) begin
                ask = 1'b1;
                granted[n] = 1'b1;
                slot = ask_slot[n];
                kind = ask_kind[n];
                index = ask_index[n];
            end
            if (digests[n] && !found) begin
                found = 1'b1;
                taken[n] = 1'b1;
                found_slot = slots[n];
                found_value = values[n];
            end
        end
    end
    assign take = served;

    always_ff @(posedge clk) begin
        digest_valid <= found && !rst;
        digest_slot <= found_slot;
        digest <= found_value;
    end

    // -- what a slot holds ----------------------------------------------------------------------------
    localparam int MESSAGE_W = ROW_W + 17 + 1 + 32 + 64 + 2;
    (* no_rw_check *) logic [511:0] states [2 * SLOTS];
    (* no_rw_check *) logic [MESSAGE_W-1:0] messages [SLOTS];
    logic [511:0] state;
    logic [MESSAGE_W-1:0] message;
    always_ff @(posedge clk) begin
        if (open) states[{open_outer, open_slot}] <= open_state;
        if (fill) messages[fill_slot] <= {
            fill_row, fill_octets, fill_esn, fill_esn_high, fill_head, fill_integrity >= 3'd4,
            fill_integrity == 3'd1
        };
        if (ask) state <= states[{kind == OUTER, slot}];
        if (ask) message <= messages[slot];
    end

    wire [ROW_W-1:0] row;
    wire [16:0] octets;
    wire esn, wide, little;
    wire [31:0] esn_high;
    wire [63:0] first;
    assign {row, octets, esn, esn_high, first, wide, little} = message;

    hash_pool_beat #(.ROW_W(ROW_W), .COUNT_W(COUNT_W)) maker (
        .clk, .rst, .ask, .ask_state(kind == INNER || kind == OUTER), .ask_index(index),
        .row, .octets, .esn, .esn_high, .head(first), .wide, .little, .state,
        .mem_en, .mem_row, .mem_data, .beat, .count(beat_count)
    );

    // Whose beat it is, and what.
    logic [N-1:0] granted1, granted2;
    logic [1:0] kind1, kind2;
    always_ff @(posedge clk) begin
        granted1 <= granted;
        granted2 <= granted1;
        beat_valid <= granted2;
        kind1 <= kind;
        kind2 <= kind1;
        beat_kind <= kind2;
        if (rst) begin
            granted1 <= '0;
            granted2 <= '0;
            beat_valid <= '0;
        end
    end
endmodule

`default_nettype wire
