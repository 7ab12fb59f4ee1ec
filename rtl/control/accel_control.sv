// Between AXI4-Lite and the datapath: registers, SA tables with their keys, counters.
//
// An SA is written to a shadow, which nothing but this module reads, and put in force by INSTALL:
// what follows from its keys is derived, then look-ups of the direction wait until the requests that
// were answered have ended (`sa_lookup`), then row, keys, number and windows change. A row that is
// installed with the epoch that it has keeps number and windows. REMOVE writes zeros over row and
// keys; reset and FORGET over all of them (SAS cycles), before the first look-up is answered.
// There is no way from the keys to AXI4-Lite: only the engines' ports read them.
`default_nettype none

module accel_control #(
    // SAs each way: a power of two, at most 65536
    parameter int SAS = 1024,
    // For the register `size`: packet memories hold 2 to the power of this octets
    parameter int PACKET_W = 12,
    // For the register `features`: a bit for each algorithm built in
    parameter logic [7:0] CIPHERS = 8'h3E,
    parameter logic [7:0] INTEGRITIES = 8'h3E
) (
    input  wire                      clk,
    input  wire                      rst,
    // AXI4-Lite
    input  wire  [11:0]              s_axil_awaddr,
    input  wire                      s_axil_awvalid,
    output wire                      s_axil_awready,
    input  wire  [31:0]              s_axil_wdata,
    input  wire                      s_axil_wvalid,
    output wire                      s_axil_wready,
    output wire  [1:0]               s_axil_bresp,
    output wire                      s_axil_bvalid,
    input  wire                      s_axil_bready,
    input  wire  [11:0]              s_axil_araddr,
    input  wire                      s_axil_arvalid,
    output wire                      s_axil_arready,
    output wire  [31:0]              s_axil_rdata,
    output wire  [1:0]               s_axil_rresp,
    output wire                      s_axil_rvalid,
    input  wire                      s_axil_rready,
    // Transmit: rows, numbers, end of a request
    input  wire                      tx_sa_read,
    input  wire  [15:0]              tx_sa_index,
    output wire                      tx_sa_found,
    output wire packet::outbound_t   tx_sa_row,
    input  wire                      tx_number_write,
    input  wire  [63:0]              tx_number,
    input  wire                      tx_done,
    // Transmit engine: keys of a row that a request holds
    input  wire                      tx_key_read,
    input  wire  [15:0]              tx_key_index,
    output wire                      tx_key_found,
    output wire  [15:0]              tx_key_of,
    output wire sa_keys::sa_keys_t   tx_keys,
    // Receive: rows, end of a request
    input  wire                      rx_sa_read,
    input  wire  [15:0]              rx_sa_index,
    output wire                      rx_sa_found,
    output wire packet::inbound_t    rx_sa_row,
    input  wire                      rx_done,
    // Receive engine
    input  wire                      rx_key_read,
    input  wire  [15:0]              rx_key_index,
    output wire                      rx_key_found,
    output wire  [15:0]              rx_key_of,
    output wire sa_keys::sa_keys_t   rx_keys,
    // Replay windows
    output wire                      window_valid,
    input  wire                      window_ready,
    output wire  [$clog2(SAS)-1:0]   window_sa,
    output wire                      window_ah,
    output wire  [15:0]              window_size,
    output wire                      window_esn,
    output wire                      window_keep,
    // What is counted: of frames, of the transmit and of the receive path
    input  wire                      parse_count_valid,
    input  wire packet::count_t      parse_count,
    input  wire                      tx_count_valid,
    input  wire packet::count_t      tx_count,
    input  wire                      rx_count_valid,
    input  wire packet::count_t      rx_count,
    // Queues of the transmit [0] and of the receive path [1]; `llq_ready`: theirs are cleared too
    output wire packet::llq_setup_t  llq_setup,
    output wire  [1:0]               llq_rule_write,
    input  wire  [1:0]               llq_rule_ready,
    output wire  [1:0]               llq_grant,
    input  wire packet::llq_count_t  tx_llq_count,
    input  wire packet::llq_count_t  rx_llq_count,
    input  wire                      llq_ready,
    // For the register `status`
    input  wire                      in_flight,
    // Memories are cleared, SAs may be looked up
    output wire                      ready
);
    localparam int SA_W = $clog2(SAS);

    localparam [3:0] INSTALL = 4'd1, REMOVE = 4'd2, READ = 4'd3, FORGET = 4'd4;
    localparam [3:0] DONE = 4'd0, BAD_COMMAND = 4'd1, BAD_INDEX = 4'd2, LOCKED = 4'd3,
        NOT_READY = 4'd4;

    localparam [3:0] CLEAR = 4'd0, IDLE = 4'd1, DERIVE0 = 4'd2, DERIVE = 4'd3, DRAIN = 4'd4,
        LOOK = 4'd5, LOOK1 = 4'd6, LOOK2 = 4'd7, CHANGE = 4'd8, SCRUB = 4'd9, WINDOW = 4'd10,
        WINDOW_AH = 4'd11, TAKE = 4'd12, TAKEN = 4'd13, FLUSH = 4'd14,
        RINSE = 4'd15;

    // Bits of rows, an outbound one's without its number
    localparam int OUTBOUND_W = packet::OUTBOUND_W - 64;
    localparam int INBOUND_W = packet::INBOUND_W;

    if (SAS < 2 || SAS > 65536 || 1 << SA_W != SAS) begin : check_sas
        $fatal(1, "accel_control: SAS has to be a power of two, 2 to 65536");
    end

    // -- AXI4-Lite ---------------------------------------------------------------------------------
    wire write, read;
    wire [11:0] write_address, read_address;
    wire [31:0] write_data;
    logic [31:0] read_data;
    control_axi axi (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
        .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp,
        .s_axil_rvalid, .s_axil_rready,
        .write, .write_address, .write_data, .read, .read_address, .read_data
    );

    // -- command -----------------------------------------------------------------------------------
    // Bits between the fields
    // verilator lint_off UNUSEDSIGNAL
    registers_pkg::command_t asked, command;
    // verilator lint_on UNUSEDSIGNAL
    logic [3:0] state, error;
    logic [31:0] boot;
    logic [SA_W-1:0] walk;              // the row that is being cleared

    assign asked = write_data;
    wire commanded = write && write_address == registers_pkg::COMMAND;
    wire clearing = state == CLEAR;
    wire idle = state == IDLE;
    wire install = command.operation == INSTALL;
    wire inbound = command.inbound;
    wire [SA_W-1:0] row = clearing ? walk : command.sa_index[SA_W-1:0];
    assign ready = !clearing && state != RINSE && llq_ready;

    // -- shadow ------------------------------------------------------------------------------------
    wire registers_pkg::sa_t sa;
    wire sa_keys::sa_keys_t keys;
    wire [31:0] shadow_value;
    wire wipe = clearing || state == SCRUB;
    wire derived;
    control_shadow shadow (
        .clk, .rst, .write(write && idle), .address(write_address), .data(write_data), .wipe,
        .read_address, .value(shadow_value), .sa
    );
    control_derive derive (
        .clk, .rst, .go(state == DERIVE0), .wipe, .inbound, .sa, .done(derived), .keys
    );

    // -- rows, without the number that ends an outbound one -------------------------------------------
    // verilator lint_off UNUSEDSIGNAL
    packet::outbound_t outbound_row;    // its number comes from elsewhere
    // verilator lint_on UNUSEDSIGNAL
    packet::inbound_t inbound_row;
    always_comb begin
        outbound_row.valid = 1'b1;
        outbound_row.epoch = sa.epoch;
        outbound_row.transport = sa.transport;
        outbound_row.v6 = sa.outer_v6;
        outbound_row.source = sa.src;
        outbound_row.destination = sa.dst;
        outbound_row.ttl = sa.ttl;
        outbound_row.dscp_copy = sa.dscp_copy;
        outbound_row.dscp = sa.dscp;
        outbound_row.ecn_copy = sa.ecn_copy;
        outbound_row.esp_spi = sa.esp_spi;
        outbound_row.ah_spi = sa.ah_spi;
        outbound_row.cipher = sa.cipher;
        outbound_row.esp_integrity = sa.esp_integrity;
        outbound_row.ah_integrity = sa.ah_integrity;
        outbound_row.esn = sa.esn;
        outbound_row.udp_source = sa.udp_src;
        outbound_row.udp_destination = sa.udp_dst;
        outbound_row.number = 64'd0;
        inbound_row.valid = 1'b1;
        inbound_row.epoch = sa.epoch;
        inbound_row.transport = sa.transport;
        inbound_row.esp_spi = sa.esp_spi;
        inbound_row.ah_spi = sa.ah_spi;
        inbound_row.cipher = sa.cipher;
        inbound_row.esp_integrity = sa.esp_integrity;
        inbound_row.ah_integrity = sa.ah_integrity;
        inbound_row.esn = sa.esn;
        inbound_row.udp = sa.udp_encap;
    end

    wire change = clearing || state == CHANGE;
    wire rinse = state == RINSE;
    wire hold_all = clearing || rinse || state == FLUSH;
    wire hold_one = state == DRAIN || state == LOOK || state == LOOK1 || state == LOOK2
        || state == CHANGE || state == SCRUB || state == WINDOW || state == WINDOW_AH;
    logic keep;                         // the row has had this epoch before
    wire [OUTBOUND_W-1:0] new_outbound =
        install && !clearing ? outbound_row[OUTBOUND_W+63:64] : '0;
    wire [INBOUND_W-1:0] new_inbound = install && !clearing ? inbound_row : '0;

    wire [OUTBOUND_W-1:0] tx_row;
    wire [63:0] tx_last;
    wire tx_clear, rx_clear;
    assign tx_sa_row = {tx_row, tx_last};
    sa_table #(.SAS(SAS), .ROW_W(OUTBOUND_W)) outbound (
        .clk, .rst, .sa_read(tx_sa_read), .sa_index(tx_sa_index), .sa_found(tx_sa_found),
        .sa_row(tx_row), .sa_number(tx_last), .number_write(tx_number_write), .number(tx_number),
        .done(tx_done), .key_read(tx_key_read), .key_index(tx_key_index), .key_found(tx_key_found),
        .key_of(tx_key_of), .keys(tx_keys), .hold(hold_all || (hold_one && !inbound)), .clear(tx_clear), .at(row),
        .look(state == LOOK && !inbound), .change(change && (clearing || !inbound)),
        .keep(keep && !clearing), .new_row(new_outbound), .new_keys(keys),
        .scrub(rinse || (state == SCRUB && !inbound))
    );

    // verilator lint_off UNUSEDSIGNAL
    wire [63:0] rx_last;                // an inbound row has no number of its own
    // verilator lint_on UNUSEDSIGNAL
    wire [INBOUND_W-1:0] rx_row;
    assign rx_sa_row = rx_row;
    sa_table #(.SAS(SAS), .ROW_W(INBOUND_W), .NUMBERED(0)) inbound_table (
        .clk, .rst, .sa_read(rx_sa_read), .sa_index(rx_sa_index), .sa_found(rx_sa_found),
        .sa_row(rx_row), .sa_number(rx_last), .number_write(1'b0), .number(64'd0),
        .done(rx_done), .key_read(rx_key_read), .key_index(rx_key_index), .key_found(rx_key_found),
        .key_of(rx_key_of), .keys(rx_keys), .hold(hold_all || (hold_one && inbound)), .clear(rx_clear), .at(row),
        .look(state == LOOK && inbound), .change(change && (clearing || inbound)),
        .keep(keep && !clearing), .new_row(new_inbound), .new_keys(keys),
        .scrub(rinse || (state == SCRUB && inbound))
    );

    // -- windows -----------------------------------------------------------------------------------
    assign window_valid = state == WINDOW || state == WINDOW_AH;
    assign window_sa = row;
    assign window_ah = state == WINDOW_AH;
    assign window_size = install ? sa.window : 16'd0;
    assign window_esn = install && sa.esn;
    assign window_keep = keep;

    // -- counters ----------------------------------------------------------------------------------
    wire tx_taken, rx_taken, tx_take_ready, rx_take_ready;
    wire [39:0] tx_packets, rx_packets;
    wire [55:0] tx_octets, rx_octets;
    sa_counters #(.ROWS(SAS)) tx_counters (
        .clk, .rst, .add(tx_count_valid && tx_count.of_sa), .add_row(tx_count.sa_index[SA_W-1:0]),
        .add_reason(tx_count.reason), .add_octets(tx_count.octets),
        .take(state == TAKE && !inbound), .take_ready(tx_take_ready), .take_row(row),
        .take_reason(command.reason), .taken(tx_taken), .taken_packets(tx_packets),
        .taken_octets(tx_octets), .clear(clearing), .clear_row(row)
    );
    sa_counters #(.ROWS(SAS)) rx_counters (
        .clk, .rst, .add(rx_count_valid && rx_count.of_sa), .add_row(rx_count.sa_index[SA_W-1:0]),
        .add_reason(rx_count.reason), .add_octets(rx_count.octets),
        .take(state == TAKE && inbound), .take_ready(rx_take_ready), .take_row(row),
        .take_reason(command.reason), .taken(rx_taken), .taken_packets(rx_packets),
        .taken_octets(rx_octets), .clear(clearing), .clear_row(row)
    );

    wire [31:0] refusals;
    error_counters errors (
        .clk, .rst, .a_valid(parse_count_valid), .a(parse_count), .b_valid(tx_count_valid),
        .b(tx_count), .c_valid(rx_count_valid), .c(rx_count), .reason(read_address[6:2]),
        .count(refusals)
    );

    // -- queues ------------------------------------------------------------------------------------
    wire [31:0] llq_value;
    llq_control llq (
        .clk, .rst, .write, .address(write_address), .data(write_data), .read_address,
        .value(llq_value), .setup(llq_setup), .rule_write(llq_rule_write),
        .rule_ready(llq_rule_ready), .grant(llq_grant), .tx_count(tx_llq_count),
        .rx_count(rx_llq_count)
    );

    // -- sequencer ---------------------------------------------------------------------------------
    // What READ has found
    logic row_valid;
    logic [31:0] row_epoch;
    logic [63:0] row_number;
    logic [39:0] row_packets;
    logic [55:0] row_octets;

    wire seen_valid = inbound ? rx_sa_row.valid : tx_sa_row.valid;
    wire [31:0] seen_epoch = inbound ? rx_sa_row.epoch : tx_sa_row.epoch;
    // Who only looks need not wait until requests have ended, just until answers are out.
    logic [2:0] quiet;
    wire nobody = command.operation == READ ? quiet[2] : inbound ? rx_clear : tx_clear;

    always_ff @(posedge clk) begin
        if (write && write_address == registers_pkg::BOOT) boot <= write_data;
        quiet <= state == DRAIN ? {quiet[1:0], 1'b1} : 3'd0;
        case (state)
            CLEAR: begin
                walk <= walk + 1'b1;
                if (&walk) state <= RINSE;
            end
            RINSE: state <= IDLE;         // the outputs still had a key
            IDLE: begin
                keep <= 1'b0;
                if (commanded) begin
                    command <= asked;
                    error <= DONE;
                    if (asked.operation == FORGET) begin
                        walk <= '0;
                        state <= FLUSH;
                    end else if (17'(asked.sa_index) >= 17'(SAS))
                        error <= BAD_INDEX;
                    else if (asked.operation == INSTALL && boot == 32'd0)
                        error <= LOCKED;
                    else if (asked.operation == INSTALL)
                        state <= DERIVE0;
                    else if (asked.operation == REMOVE || asked.operation == READ)
                        state <= DRAIN;
                    else
                        error <= BAD_COMMAND;
                end
            end
            FLUSH: if (tx_clear && rx_clear) state <= CLEAR;
            DERIVE0: state <= DERIVE;
            DERIVE: if (derived) state <= DRAIN;
            DRAIN: if (nobody) state <= LOOK;
            LOOK: state <= LOOK1;
            LOOK1: state <= LOOK2;
            LOOK2: begin
                row_valid <= seen_valid;
                row_epoch <= seen_epoch;
                row_number <= inbound ? 64'd0 : tx_last;
                keep <= install && seen_valid && seen_epoch == sa.epoch;
                state <= command.operation == READ ? TAKE : CHANGE;
            end
            CHANGE: state <= SCRUB;
            SCRUB: state <= inbound ? WINDOW : IDLE;
            WINDOW: if (window_ready) state <= WINDOW_AH;
            WINDOW_AH: if (window_ready) state <= IDLE;
            TAKE: if (inbound ? rx_take_ready : tx_take_ready) state <= TAKEN;
            TAKEN: if (inbound ? rx_taken : tx_taken) begin
                row_packets <= inbound ? rx_packets : tx_packets;
                row_octets <= inbound ? rx_octets : tx_octets;
                state <= IDLE;
            end
            default: state <= CLEAR;
        endcase
        // Nothing is lost of a command that comes too early but the command.
        if (commanded && !idle) error <= NOT_READY;
        if (rst) begin
            state <= CLEAR;
            walk <= '0;
            boot <= 32'd0;
            error <= DONE;
            keep <= 1'b0;
        end
    end

    // -- registers that are read ---------------------------------------------------------------------
    registers_pkg::status_t status;
    registers_pkg::size_t size;
    registers_pkg::features_t features;
    always_comb begin
        status = '0;
        status.ready = ready;
        status.busy = !idle;
        status.in_flight = in_flight;
        status.error = error;
        size = '0;
        size.sas = 17'(SAS);
        size.packet_w = 5'(PACKET_W);
        features = '0;
        features.ciphers = CIPHERS;
        features.integrities = INTEGRITIES;
    end

    logic [63:0] cycles;
    logic [31:0] cycles_high;
    always_ff @(posedge clk) begin
        cycles <= rst ? 64'd0 : cycles + 64'd1;
        if (read && read_address == registers_pkg::CYCLES) cycles_high <= cycles[63:32];
        case (read_address)
            registers_pkg::ID: read_data <= registers_pkg::ID_VALUE;
            registers_pkg::VERSION: read_data <= registers_pkg::VERSION_VALUE;
            registers_pkg::SIZE: read_data <= size;
            registers_pkg::FEATURES: read_data <= features;
            registers_pkg::BOOT: read_data <= boot;
            registers_pkg::STATUS: read_data <= status;
            registers_pkg::CYCLES: read_data <= cycles[31:0];
            registers_pkg::CYCLES + 12'd4: read_data <= cycles_high;
            registers_pkg::ROW_STATUS: read_data <= {31'd0, row_valid};
            registers_pkg::ROW_EPOCH: read_data <= row_epoch;
            registers_pkg::ROW_NUMBER: read_data <= row_number[31:0];
            registers_pkg::ROW_NUMBER + 12'd4: read_data <= row_number[63:32];
            registers_pkg::ROW_PACKETS: read_data <= row_packets[31:0];
            registers_pkg::ROW_PACKETS + 12'd4: read_data <= {24'd0, row_packets[39:32]};
            registers_pkg::ROW_OCTETS: read_data <= row_octets[31:0];
            registers_pkg::ROW_OCTETS + 12'd4: read_data <= {8'd0, row_octets[55:32]};
            default: read_data <= read_address[11:7] == registers_pkg::ERROR[11:7] ? refusals
                : read_address[11] ? llq_value : shadow_value;
        endcase
    end

    // Counts of frames are never an SA's.
    wire unused = &{1'b0, tx_count, rx_count};
endmodule

`default_nettype wire
