// Region operations on a packet that is held twice: copy 0 as it came, copy 1 as it is to be.
//
// One operation at a time (packet.sv lists them); addresses are octets, anything unaligned. READ and WRITE take
// 3 cycles from op_valid to done, the others 3 and one for each 16 octets; SEND, CRYPT and HASH as
// the streams allow. Streams: octet 0 in lane 0, tkeep full but on the last beat; SEND of no octets
// is one beat with tkeep 0.
`default_nettype none

module packet_unit #(
    // Octets of each copy: 2 to the power of this, at most 17
    parameter int ADDR_W = 12
) (
    input  wire                clk,
    input  wire                rst,
    // One operation; taken while op_ready
    input  wire                op_valid,
    input  wire packet::op_t   op,
    output wire                op_ready,
    // The operation is over. q: octets of READ (octet 0 in [127:120]), sum: of SUM
    output logic               done,
    output logic [127:0]       q,
    output logic [15:0]        sum,
    // The packet to store
    input  wire  [127:0]       s_axis_tdata,
    input  wire  [15:0]        s_axis_tkeep,
    input  wire                s_axis_tlast,
    input  wire                s_axis_tvalid,
    output wire                s_axis_tready,
    // What comes back from the engine
    input  wire  [127:0]       s_engine_tdata,
    input  wire  [15:0]        s_engine_tkeep,
    input  wire                s_engine_tlast,
    input  wire                s_engine_tvalid,
    output wire                s_engine_tready,
    // The packet to send
    output wire  [127:0]       m_axis_tdata,
    output wire  [15:0]        m_axis_tkeep,
    output wire                m_axis_tlast,
    output wire                m_axis_tvalid,
    input  wire                m_axis_tready,
    // What the engine is to work on
    output wire  [127:0]       m_engine_tdata,
    output wire  [15:0]        m_engine_tkeep,
    output wire                m_engine_tlast,
    output wire                m_engine_tvalid,
    input  wire                m_engine_tready
);
    if (ADDR_W > 17) begin : check_addr_w
        $fatal(1, "ADDR_W has to be at most 17");
    end

    logic active;                       // an operation is under way
    // The addresses count in registers of their own.
    // verilator lint_off UNUSEDSIGNAL
    packet::op_t now;
    // verilator lint_on UNUSEDSIGNAL
    logic reading;                      // words of the source are still to be asked for
    logic returning;                    // words for the destination are still to come in
    logic [16:0] rd_addr, rd_left, wr_addr;
    logic full;                         // STORE has come to the memory's end

    // -- source: a word asked for, then a word there -------------------------------------------------
    logic word_valid, word_last;
    logic [4:0] word_count;
    logic word_taken;

    wire to_output = now.code == packet::OP_SEND;
    wire to_engine = now.code == packet::OP_CRYPT || now.code == packet::OP_HASH;
    wire ask = reading && (!word_valid || word_taken);
    wire ask_last = rd_left <= 17'd16;

    wire [127:0] read0, read1;
    logic [127:0] word;                 // lane order, octets beyond the region are 0
    logic [15:0] word_keep;

    always_comb begin
        for (int i = 0; i < 16; i++) begin
            word_keep[i] = 5'(i) < word_count;
            word[i*8 +: 8] = word_keep[i] && now.code != packet::OP_CLEAR
                ? (now.ram ? read1[i*8 +: 8] : read0[i*8 +: 8]) : 8'd0;
        end
    end

    always_comb begin
        word_taken = word_valid;
        if (to_output) word_taken = word_valid && m_axis_tready;
        if (to_engine) word_taken = word_valid && m_engine_tready;
    end

    assign m_axis_tdata = word;
    assign m_axis_tkeep = word_keep;
    assign m_axis_tlast = word_last;
    assign m_axis_tvalid = word_valid && to_output;
    assign m_engine_tdata = word;
    assign m_engine_tkeep = word_keep;
    assign m_engine_tlast = word_last;
    assign m_engine_tvalid = word_valid && to_engine;

    // -- destination ----------------------------------------------------------------------------------
    wire storing = active && now.code == packet::OP_STORE;
    assign s_axis_tready = storing && returning;
    assign s_engine_tready = active && now.code == packet::OP_CRYPT && returning;

    wire [127:0] in_data = storing ? s_axis_tdata : s_engine_tdata;
    wire [15:0] in_keep = storing ? s_axis_tkeep : s_engine_tkeep;
    wire in_last = storing ? s_axis_tlast : s_engine_tlast;
    wire in_taken = storing ? s_axis_tvalid && s_axis_tready : s_engine_tvalid && s_engine_tready;

    logic [4:0] in_count;
    always_comb begin
        in_count = 5'd0;
        for (int i = 0; i < 16; i++) in_count = in_count + {4'd0, in_keep[i]};
    end

    wire moving = now.code == packet::OP_COPY || now.code == packet::OP_CLEAR;
    logic write, write0, write1;
    logic [4:0] write_count;
    logic [127:0] write_data;
    always_comb begin
        write = 1'b0;
        write_count = word_count;
        write_data = word;
        if (in_taken) begin
            write = !full;
            write_count = in_count;
            write_data = in_data;
        end else if (active && now.code == packet::OP_WRITE) begin
            write = 1'b1;
            write_count = now.len[4:0];
            write_data = packet::reversed(now.data);
        end else if (moving) begin
            write = word_valid;
        end
        write0 = write && (storing || !now.to);
        write1 = write && (storing || now.to);
    end

    packet_ram #(.ADDR_W(ADDR_W)) copy0 (
        .clk, .rd_en(ask), .rd_addr(rd_addr[ADDR_W-1:0]), .wr_en(write0),
        .wr_addr(wr_addr[ADDR_W-1:0]), .wr_count(write_count), .wr_data(write_data),
        .rd_data(read0)
    );
    packet_ram #(.ADDR_W(ADDR_W)) copy1 (
        .clk, .rd_en(ask), .rd_addr(rd_addr[ADDR_W-1:0]), .wr_en(write1),
        .wr_addr(wr_addr[ADDR_W-1:0]), .wr_count(write_count), .wr_data(write_data),
        .rd_data(read1)
    );

    // -- the operation ----------------------------------------------------------------------------------
    assign op_ready = !active;

    wire sources = op.code != packet::OP_WRITE && op.code != packet::OP_STORE;
    wire returns = op.code == packet::OP_STORE || op.code == packet::OP_CRYPT;
    wire source_over = word_taken && word_last;
    wire return_over = in_taken && in_last;
    // Everything read has been taken and, where there is a way back, it has ended.
    wire over = active && (now.code == packet::OP_WRITE
        || (!reading && (!word_valid || source_over) && (!returning || return_over)));

    always_ff @(posedge clk) begin
        if (op_valid && op_ready) begin
            active <= 1'b1;
            now <= op;
            reading <= sources;
            returning <= returns;
            rd_addr <= op.addr;
            rd_left <= op.code == packet::OP_READ ? 17'd16 : op.len;
            wr_addr <= op.dst;
            full <= 1'b0;
            if (op.code == packet::OP_SUM) sum <= op.data[15:0];
        end

        if (ask) begin
            rd_addr <= rd_addr + 17'd16;
            rd_left <= rd_left - 17'd16;
            word_count <= ask_last ? rd_left[4:0] : 5'd16;
            word_last <= ask_last;
            if (ask_last) reading <= 1'b0;
        end
        if (ask) word_valid <= 1'b1;
        else if (word_taken) word_valid <= 1'b0;

        if (active && now.code == packet::OP_READ && word_valid) q <= packet::reversed(word);
        if (active && now.code == packet::OP_SUM && word_valid)
            sum <= packet::plus(sum, packet::words(packet::reversed(word)));

        if (write && (in_taken || moving)) begin
            wr_addr <= wr_addr + {12'd0, write_count};
            // The last 64 octets are never reached, so a full memory cannot run over.
            if (storing && wr_addr[ADDR_W-1:6] == '1) full <= 1'b1;
        end

        if (return_over) returning <= 1'b0;
        done <= over;
        if (over) active <= 1'b0;
        if (rst) begin
            active <= 1'b0;
            reading <= 1'b0;
            returning <= 1'b0;
            word_valid <= 1'b0;
            done <= 1'b0;
        end
    end
endmodule

`default_nettype wire
