// The registers of low-latency queueing: time, rules and class table of the queues, their counters.
`default_nettype none

module llq_control (
    input  wire                      clk,
    input  wire                      rst,
    // A register is written
    input  wire                      write,
    input  wire  [11:0]              address,
    input  wire  [31:0]              data,
    // A register is read: `value`, 0 if it is none of these
    input  wire  [11:0]              read_address,
    output logic [31:0]              value,
    // The queues of the transmit [0] and of the receive path [1]
    output wire packet::llq_setup_t  setup,
    output wire  [1:0]               rule_write,
    input  wire  [1:0]               rule_ready,
    output logic [1:0]               grant,
    input  wire packet::llq_count_t  tx_count,
    input  wire packet::llq_count_t  rx_count
);
    // Bits between the fields
    // verilator lint_off UNUSEDSIGNAL
    registers_pkg::llq_rule_t rule;
    registers_pkg::llq_class_t written;
    registers_pkg::llq_grant_t granted;
    // verilator lint_on UNUSEDSIGNAL
    logic [15:0] limit;
    logic [31:0] rate, burst, tick_cycles, low, passed;
    logic [47:0] tick;
    logic [3:0] number;
    logic gated, select_write;
    logic [6:0] select_at;
    logic [31:0] select_classes;
    logic [1:0] waits;                  // for the queues to take the rules

    assign written = data;
    assign granted = data;
    wire selects = address[11:9] == registers_pkg::LLQ_SELECT[11:9];
    assign rule_write = waits;

    always_comb begin
        setup.tick = tick;
        setup.gated = gated;
        setup.rule_class = number;
        setup.rule.level = rule.level;
        setup.rule.weight = rule.weight;
        setup.rule.limit = limit;
        setup.rule.police_rate = rate;
        setup.rule.police_burst = burst;
        setup.rule.conditional = rule.conditional;
        setup.select_write = select_write;
        setup.select_at = select_at;
        setup.select_classes = select_classes;
    end

    always_ff @(posedge clk) begin
        passed <= passed + 32'd1;
        if (passed + 32'd1 >= tick_cycles) begin
            passed <= 32'd0;
            if (tick_cycles != 32'd0) tick <= tick + 48'd1;
        end
        waits <= waits & ~rule_ready;
        grant <= 2'b00;
        select_write <= write && selects;
        select_at <= address[8:2];
        select_classes <= data;
        if (write) case (address)
            registers_pkg::LLQ_TICK: tick_cycles <= data;
            registers_pkg::LLQ_TIME: low <= data;
            registers_pkg::LLQ_TIME + 12'd4: tick <= {data[15:0], low};
            registers_pkg::LLQ_MODE: gated <= data[0];
            registers_pkg::LLQ_GRANT: grant <= {granted.inbound, granted.outbound};
            // While rules wait, they stay.
            registers_pkg::LLQ_RULE: if (waits == 2'b00) rule <= data;
            registers_pkg::LLQ_LIMIT: if (waits == 2'b00) limit <= data[15:0];
            registers_pkg::LLQ_POLICE_RATE: if (waits == 2'b00) rate <= data;
            registers_pkg::LLQ_POLICE_BURST: if (waits == 2'b00) burst <= data;
            registers_pkg::LLQ_CLASS: if (waits == 2'b00) begin
                number <= written.class_id;
                waits <= 2'b11;
            end
            default: ;
        endcase
        if (rst) begin
            tick_cycles <= 32'd0;
            passed <= 32'd0;
            tick <= 48'd0;
            gated <= 1'b0;
            waits <= 2'b00;
            grant <= 2'b00;
            select_write <= 1'b0;
        end
    end

    // -- the packet that has left last -----------------------------------------------------------------
    registers_pkg::llq_last_t tx_last, rx_last;
    always_ff @(posedge clk) begin
        if (tx_count.passed) begin
            tx_last.turns <= tx_last.turns + 8'd1;
            tx_last.octets <= tx_count.passed_octets;
        end
        if (rx_count.passed) begin
            rx_last.turns <= rx_last.turns + 8'd1;
            rx_last.octets <= rx_count.passed_octets;
        end
        if (rst) begin
            tx_last <= '0;
            rx_last <= '0;
        end
    end

    // -- counters ----------------------------------------------------------------------------------
    logic [5:0] shown;
    logic shows_inbound;
    wire [31:0] tx_packets, rx_packets;
    wire [47:0] tx_octets, rx_octets;
    always_ff @(posedge clk)
        if (write && address == registers_pkg::LLQ_COUNT) {shows_inbound, shown} <= data[6:0];

    llq_counters tx_counters (
        .clk, .rst, .count(tx_count), .at(shown), .packets(tx_packets), .octets(tx_octets)
    );
    llq_counters rx_counters (
        .clk, .rst, .count(rx_count), .at(shown), .packets(rx_packets), .octets(rx_octets)
    );
    wire [31:0] packets = shows_inbound ? rx_packets : tx_packets;
    wire [47:0] octets = shows_inbound ? rx_octets : tx_octets;

    always_comb
        case (read_address)
            registers_pkg::LLQ_TICK: value = tick_cycles;
            registers_pkg::LLQ_TIME: value = tick[31:0];
            registers_pkg::LLQ_TIME + 12'd4: value = {16'd0, tick[47:32]};
            registers_pkg::LLQ_MODE: value = {31'd0, gated};
            registers_pkg::LLQ_RULE: value = rule;
            registers_pkg::LLQ_LIMIT: value = {16'd0, limit};
            registers_pkg::LLQ_POLICE_RATE: value = rate;
            registers_pkg::LLQ_POLICE_BURST: value = burst;
            registers_pkg::LLQ_CLASS: value = {waits != 2'b00, 27'd0, number};
            registers_pkg::LLQ_PACKETS: value = packets;
            registers_pkg::LLQ_OCTETS: value = octets[31:0];
            registers_pkg::LLQ_OCTETS + 12'd4: value = {16'd0, octets[47:32]};
            registers_pkg::LLQ_LAST: value = tx_last;
            registers_pkg::LLQ_LAST + 12'd4: value = rx_last;
            default: value = 32'd0;
        endcase
endmodule

`default_nettype wire
