// The way out of cbc_hmac: results and packets in the order of their slots, each when it is done.
//
// While one packet goes out the next is looked up and its ICV compared, so that beats follow each
// other without gaps. A packet that failed gives one beat without octets; one that was hashed only,
// none. Latency: 3 cycles from `done` to the result and the first beat.
`default_nettype none

module cbc_release #(
    // Compare ICVs
    parameter logic DECRYPT = 1'b0,
    // Slots: 2 to the power of this
    parameter int SLOT_W = 4,
    // Rows of 64 octets in the packet memory: 2 to the power of this
    parameter int ROW_W = 8,
    // Width of what goes along with a packet
    parameter int META_W = 16
) (
    input  wire                   clk,
    input  wire                   rst,
    // With the command: hash only, integrity algorithm (0 none), the ICV received, meta
    input  wire                   open,
    input  wire  [SLOT_W-1:0]     open_slot,
    input  wire                   open_hash,
    input  wire  [2:0]            open_integrity,
    input  wire  [255:0]          open_icv,
    input  wire  [META_W-1:0]     open_meta,
    // With the packet's end: whole blocks, first row, octets, the first 8 of them
    input  wire                   fill,
    input  wire  [SLOT_W-1:0]     fill_slot,
    input  wire                   fill_whole,
    input  wire  [ROW_W-1:0]      fill_row,
    input  wire  [16:0]           fill_octets,
    input  wire  [63:0]           fill_head,
    // The HMAC's first 32 octets
    input  wire                   digest_valid,
    input  wire  [SLOT_W-1:0]     digest_slot,
    input  wire  [255:0]          digest,
    // Which slots are through; slots given out, given back; rows given back
    input  wire  [(1<<SLOT_W)-1:0] done,
    input  wire  [SLOT_W:0]       opened,
    output logic [SLOT_W:0]       released,
    output logic [ROW_W:0]        freed,
    // Packet memory: 16 octets a cycle after mem_en, held
    output wire                   mem_en,
    output wire  [ROW_W+2:0]      mem_at,
    input  wire  [127:0]          mem_data,
    // Result
    output logic                  result_valid,
    input  wire                   result_ready,
    output logic                  result_ok,
    output logic [255:0]          result_icv,
    output logic [META_W-1:0]     result_meta,
    // Packet out
    output logic                  m_axis_tvalid,
    input  wire                   m_axis_tready,
    output wire  [127:0]          m_axis_tdata,
    output wire  [15:0]           m_axis_tkeep,
    output logic                  m_axis_tlast
);
    localparam int SLOTS = 1 << SLOT_W;
    localparam int OPEN_W = 1 + 3 + 256 + META_W;
    localparam int FILL_W = 1 + ROW_W + 17 + 64;

    // -- what the slots hold --------------------------------------------------------------------------
    (* no_rw_check *) logic [OPEN_W-1:0] commands [SLOTS];
    (* no_rw_check *) logic [FILL_W-1:0] packets [SLOTS];
    (* no_rw_check *) logic [255:0] digests [SLOTS];
    logic [OPEN_W-1:0] command;
    logic [FILL_W-1:0] packet_;
    logic [255:0] hash;

    logic [SLOT_W:0] looked_up;         // slots that have been looked up
    logic found;                        // the next packet to go out is here
    wire take;
    wire [SLOT_W-1:0] slot = looked_up[SLOT_W-1:0];
    wire look_up = looked_up != opened && done[slot] && (!found || take);

    always_ff @(posedge clk) begin
        if (open) commands[open_slot] <= {open_hash, open_integrity, open_icv, open_meta};
        if (fill) packets[fill_slot] <= {fill_whole, fill_row, fill_octets, fill_head};
        if (digest_valid) digests[digest_slot] <= digest;
        if (look_up) command <= commands[slot];
        if (look_up) packet_ <= packets[slot];
        if (look_up) hash <= digests[slot];
    end

    wire hash_only, whole;
    wire [2:0] integrity;
    wire [255:0] received;
    wire [META_W-1:0] meta;
    wire [ROW_W-1:0] row;
    wire [16:0] octets;
    wire [63:0] head;
    assign {hash_only, integrity, received, meta} = command;
    assign {whole, row, octets, head} = packet_;

    // Octets of the ICV (RFC 2403, 2404, 4868).
    logic [255:0] mask;
    always_comb begin
        case (integrity)
            3'd0: mask = '0;
            3'd1, 3'd2: mask = {{96{1'b1}}, 160'd0};
            3'd3: mask = {{128{1'b1}}, 128'd0};
            3'd4: mask = {{192{1'b1}}, 64'd0};
            default: mask = '1;
        endcase
    end
    wire [255:0] icv = hash & mask;
    wire right = whole && (!DECRYPT || ((received ^ hash) & mask) == '0);

    // -- out --------------------------------------------------------------------------------------------
    logic sending;                      // beats are still to be read
    logic first, empty, read_empty, read_first;
    logic [ROW_W+2:0] at;
    logic [16:0] left, read_left;
    logic [63:0] send_head, read_head;
    logic [ROW_W:0] rows, send_rows;    // rows the packet takes

    assign rows = octets == '0 ? (ROW_W + 1)'(1) : (ROW_W + 1)'((octets + 17'd63) >> 6);

    wire end_of_read;
    assign take = found && (!result_valid || result_ready) && (!sending || end_of_read);

    // A beat is read when there is a place for it.
    wire place = !m_axis_tvalid || m_axis_tready;
    assign mem_en = sending && place;
    assign mem_at = at;
    wire last_beat = left <= 17'd16 || empty;
    assign end_of_read = mem_en && last_beat;

    always_ff @(posedge clk) begin
        if (look_up) looked_up <= looked_up + 1'b1;
        if (look_up) found <= 1'b1;
        else if (take) found <= 1'b0;

        if (result_ready) result_valid <= 1'b0;
        if (take) begin
            result_valid <= 1'b1;
            result_ok <= right;
            result_icv <= icv;
            result_meta <= meta;
        end

        if (mem_en) begin
            first <= 1'b0;
            at <= at + (ROW_W + 3)'(2);
            left <= left - 17'd16;
        end
        if (end_of_read) sending <= 1'b0;
        if (take && !hash_only) begin
            sending <= 1'b1;
            first <= 1'b1;
            empty <= !right || octets == '0;
            at <= {row, 3'd0};
            left <= octets;
            send_head <= head;
            send_rows <= rows;
        end

        // Slot and rows are free when the packet has been read (or there is nothing to read).
        if (end_of_read) begin
            released <= released + 1'b1;
            freed <= freed + send_rows;
        end
        if (take && hash_only) begin
            released <= released + ((SLOT_W + 1)'(1) + {{SLOT_W{1'b0}}, end_of_read});
            freed <= freed + rows + (end_of_read ? send_rows : '0);
        end

        if (place) m_axis_tvalid <= sending;
        if (mem_en) begin
            m_axis_tlast <= last_beat;
            read_first <= first;
            read_empty <= empty;
            read_left <= left;
            read_head <= send_head;
        end
        if (rst) begin
            looked_up <= '0;
            found <= 1'b0;
            result_valid <= 1'b0;
            sending <= 1'b0;
            released <= '0;
            freed <= '0;
            m_axis_tvalid <= 1'b0;
        end
    end

    wire [127:0] beat = {read_first ? read_head : mem_data[127:64], mem_data[63:0]};
    for (genvar i = 0; i < 16; i++) begin : lane
        assign m_axis_tkeep[i] = !read_empty && read_left > 17'(i);
        assign m_axis_tdata[i*8 +: 8] = m_axis_tkeep[i] ? beat[(15-i)*8 +: 8] : 8'd0;
    end
endmodule

`default_nettype wire
