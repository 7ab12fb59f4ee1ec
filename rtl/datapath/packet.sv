// What the datapath's modules say to each other: region operations, sideband, IP numbers.
//
// Words of 16 octets inside the sequencers have octet 0 in [127:120], as the RFCs draw them; streams
// and `packet_ram` have it in lane 0. `reversed` turns one into the other.
`default_nettype none

// No module uses all of these.
// verilator lint_off UNUSEDPARAM
package packet;

    // -- region operations (packet_unit) --------------------------------------------------------
    // `ram` is the copy that is read; `to` the one that is written.
    localparam logic [3:0] OP_READ = 4'd0;   // q = 16 octets at addr of ram
    localparam logic [3:0] OP_WRITE = 4'd1;  // len (0..16) octets of data to dst of to
    localparam logic [3:0] OP_COPY = 4'd2;   // len octets at addr of ram to dst of to
    localparam logic [3:0] OP_CLEAR = 4'd3;  // len octets at dst of to become 0
    localparam logic [3:0] OP_SUM = 4'd4;    // sum = data[15:0] + 16-bit words, end around carry
    localparam logic [3:0] OP_STORE = 4'd5;  // the packet on the input to dst of both copies
    localparam logic [3:0] OP_SEND = 4'd6;   // len octets at addr of ram to the output
    localparam logic [3:0] OP_CRYPT = 4'd7;  // len octets at addr of ram through the engine to dst
    localparam logic [3:0] OP_HASH = 4'd8;   // len octets at addr of ram to the engine

    typedef struct packed {
        logic [3:0]   code;
        logic         ram;
        logic         to;
        logic [16:0]  addr;
        logic [16:0]  len;
        logic [16:0]  dst;
        logic [127:0] data;
    } op_t;

    // Each of them with what it needs; the rest is 0. COPY goes to the other copy, CRYPT is in place and,
    // as HASH, of copy 1.
    function automatic op_t read(input logic ram, input logic [16:0] addr);
        read = {OP_READ, ram, 1'b0, addr, 17'd16, 17'd0, 128'd0};
    endfunction
    function automatic op_t write(
        input logic to, input logic [16:0] dst, input logic [16:0] len, input logic [127:0] data
    );
        write = {OP_WRITE, 1'b0, to, 17'd0, len, dst, data};
    endfunction
    function automatic op_t copy(
        input logic ram, input logic [16:0] addr, input logic [16:0] len, input logic [16:0] dst
    );
        copy = {OP_COPY, ram, !ram, addr, len, dst, 128'd0};
    endfunction
    function automatic op_t clear(input logic to, input logic [16:0] dst, input logic [16:0] len);
        clear = {OP_CLEAR, 1'b0, to, 17'd0, len, dst, 128'd0};
    endfunction
    function automatic op_t sum(
        input logic ram, input logic [16:0] addr, input logic [16:0] len, input logic [15:0] first
    );
        sum = {OP_SUM, ram, 1'b0, addr, len, 17'd0, 112'd0, first};
    endfunction
    function automatic op_t store(input logic [16:0] dst);
        store = {OP_STORE, 1'b0, 1'b0, 17'd0, 17'd0, dst, 128'd0};
    endfunction
    function automatic op_t send(input logic ram, input logic [16:0] addr, input logic [16:0] len);
        send = {OP_SEND, ram, 1'b0, addr, len, 17'd0, 128'd0};
    endfunction
    function automatic op_t crypt(input logic [16:0] addr, input logic [16:0] len);
        crypt = {OP_CRYPT, 1'b1, 1'b1, addr, len, addr, 128'd0};
    endfunction
    function automatic op_t hash(input logic [16:0] addr, input logic [16:0] len);
        hash = {OP_HASH, 1'b1, 1'b0, addr, len, 17'd0, 128'd0};
    endfunction

    // -- sideband ---------------------------------------------------------------------------------
    // With a request: the crypto header's fields that the engines need, and the packet's octets. Behind the
    // queues `level` is that of the packet's class: 1, 2 have priority.
    typedef struct packed {
        logic [1:0]  operation;
        logic [15:0] sa_index;
        logic [7:0]  level;
        logic [7:0]  qos_group;
        logic [15:0] mtu;
        logic [1:0]  df_policy;
        logic        prefragment;
        logic [15:0] ethertype;
        logic [31:0] epoch;
        logic [63:0] number;
        logic [16:0] length;
    } request_t;

    // With a result. `last`: no more results of this request; `none`: it has none, the one beat
    // has no octets; `urgent`: a received packet of priority, which may have overtaken others.
    typedef struct packed {
        logic        none;
        logic        last;
        logic        urgent;
        logic [4:0]  reason;
        logic [15:0] ethertype;
        logic [31:0] spi;
        logic [63:0] number;
    } result_t;

    // What is counted: a success (reason 0) with its octets, or a refusal. `of_sa`: in the name of
    // the row, else by reason only.
    typedef struct packed {
        logic        of_sa;
        logic        inbound;
        logic [15:0] sa_index;
        logic [4:0]  reason;
        logic [16:0] octets;
    } count_t;

    // -- SAs, without their keys -----------------------------------------------------------------------
    // Meanings are those of `p4/accelerator.p4`; IPv4 addresses stand in the low 32 bits.
    typedef struct packed {
        logic         valid;
        logic [31:0]  epoch;
        logic         transport;
        logic         v6;                // of the outer header
        logic [127:0] source;
        logic [127:0] destination;
        logic [7:0]   ttl;
        logic         dscp_copy;
        logic [5:0]   dscp;
        logic         ecn_copy;
        logic [31:0]  esp_spi;           // 0 = no ESP
        logic [31:0]  ah_spi;            // 0 = no AH
        logic [2:0]   cipher;
        logic [2:0]   esp_integrity;
        logic [2:0]   ah_integrity;
        logic         esn;
        logic [15:0]  udp_source;
        logic [15:0]  udp_destination;   // 0 = no UDP
        logic [63:0]  number;            // the last one used
    } outbound_t;

    typedef struct packed {
        logic        valid;
        logic [31:0] epoch;
        logic        transport;
        logic [31:0] esp_spi;
        logic [31:0] ah_spi;
        logic [2:0]  cipher;
        logic [2:0]  esp_integrity;
        logic [2:0]  ah_integrity;
        logic        esn;
        logic        udp;
    } inbound_t;

    // What the fast transmit path is to do with a packet: ESP in tunnel mode, IPv4 in IPv4.
    typedef struct packed {
        logic [159:0] outer;             // the outer header, octet 0 in [159:152]
        logic [31:0]  spi;
        logic [63:0]  number;
        logic [15:0]  sa_index;
        logic [2:0]   cipher;
        logic [2:0]   integrity;
        logic         esn;
        logic [3:0]   padding;           // octets
        logic [16:0]  octets;            // from SPI to the end of the ciphertext
    } plan_t;

    // What the fast receive path is to do with a packet: the same, the other way.
    typedef struct packed {
        logic [15:0]  sa_index;
        logic [31:0]  spi;
        logic [31:0]  low;               // of the sequence number
        logic [63:0]  iv;                // AES-GCM's
        logic [63:0]  told;
        logic [2:0]   cipher;
        logic [2:0]   integrity;
        logic         esn;
        logic         urgent;            // it may overtake others on its way out
        logic [1:0]   mark;              // the outer header's ECN field
        logic [16:0]  length;            // of the packet
        logic [16:0]  octets;            // from SPI to the end of the ciphertext
    } receive_plan_t;

    // A protected piece in the slow transmit path's copy 1 (encap_layout): addresses, octets.
    typedef struct packed {
        logic         v6;                // the outermost header
        logic [3:0]   padding;
        logic [16:0]  front_size;
        logic [16:0]  ah_size;
        logic [16:0]  esp_icv;
        logic [16:0]  front_at;
        logic [16:0]  ah_at;
        logic [16:0]  udp_at;
        logic [16:0]  esp_at;
        logic [16:0]  icv_at;            // the end of the ciphertext
        logic [16:0]  end_at;
        logic [16:0]  whole;
        logic [16:0]  field;             // total length, or IPv6's of the payload
        logic [16:0]  overhead;          // what comes to an inner packet, but for padding and trailer
    } layout_t;

    // What the fast receive path found in a packet when it was decrypted.
    typedef struct packed {
        logic [4:0]   reason;
        logic         dummy;
        logic         v6;
        logic [16:0]  total;             // octets of the inner packet
        logic [127:0] first;             // its first 16, as they are to leave
    } opened_t;

    // All that is to be known of it before it leaves, or is sent back as it came.
    typedef struct packed {
        logic         urgent;
        logic [4:0]   reason;
        logic [15:0]  sa_index;
        logic [31:0]  spi;
        logic [63:0]  number;
        logic [16:0]  length;            // as it came
        opened_t      inner;
    } known_t;

    // Bits of the structures that go through queues; yosys has no $bits of a type.
    localparam int JOB_W = 362;
    localparam int REQUEST_W = 182;
    localparam int RESULT_W = 120;
    localparam int PLAN_W = 300;
    localparam int RECEIVE_PLAN_W = 252;
    localparam int OPENED_W = 152;
    localparam int KNOWN_W = 287;
    localparam int INBOUND_W = 109;
    localparam int OUTBOUND_W = 477;
    localparam int LLQ_RULE_W = 93;

    // -- engines ---------------------------------------------------------------------------------------
    // What an engine is to do with the octets that follow. ESP: from SPI to the end of the ciphertext,
    // and as many come back; `hash`: AH's octets, nothing comes back. Then, job after job, the ICV as
    // the engine computes it, in both directions (0 where there is none). Keys are those of the row. The
    // sequence number goes beside it, since it may be known later: replay_unit infers its high half.
    typedef struct packed {
        logic         hash;
        logic         decrypt;
        logic [15:0]  sa_index;
        logic [2:0]   cipher;
        logic [2:0]   integrity;         // 0 = none, or the cipher's own
        logic         esn;
        logic [63:0]  iv;                // encrypt: the number; decrypt: AES-GCM's IV
        logic [16:0]  octets;
        logic [255:0] icv;               // decrypt: the one received, octet 0 in [255:248]
    } job_t;

    // What each of a path's two ways gives to what they share: job, octets for the engine, room for what
    // comes back; a result.
    typedef struct packed {
        job_t         job;
        logic         job_valid;
        logic [127:0] engine_tdata;
        logic [15:0]  engine_tkeep;
        logic         engine_tlast;
        logic         engine_tvalid;
        logic         engine_tready;
        result_t      tuser;
        logic [127:0] tdata;
        logic [15:0]  tkeep;
        logic         tlast;
        logic         tvalid;
    } way_t;

    // -- LLQ -------------------------------------------------------------------------------------------
    // What a class may do: the parameters of `queue_class` in `p4/accelerator.p4`.
    typedef struct packed {
        logic [1:0]  level;              // 1, 2 strictly first; 0: by weight
        logic [9:0]  weight;
        logic [15:0] limit;              // packets; 0 drops all
        logic [31:0] police_rate;        // 2^-16 octets a tick; 0 = not policed
        logic [31:0] police_burst;       // octets
        logic        conditional;        // policed only while packets wait
    } llq_rule_t;

    // A class without rules of its own.
    localparam llq_rule_t LLQ_DEFAULT = {2'd0, 10'd1, 16'd64, 32'd0, 32'd0, 1'b0};

    // What control tells the queues of both directions, besides when to take `rule` for `rule_class`.
    typedef struct packed {
        logic [47:0] tick;               // the time
        logic        gated;              // frames leave one by one, as control grants it
        logic [3:0]  rule_class;
        llq_rule_t   rule;
        logic        select_write;       // of eight entries of the class table
        logic [6:0]  select_at;
        logic [31:0] select_classes;
    } llq_setup_t;

    // What is counted at the queues: a packet has passed, and one was dropped, in one cycle at most
    // one of each.
    typedef struct packed {
        logic        passed;
        logic [3:0]  passed_class;
        logic [16:0] passed_octets;
        logic        dropped;
        logic [3:0]  dropped_class;
        logic        above_limit;        // else above its rate
        logic [16:0] dropped_octets;
    } llq_count_t;

    // -- numbers ------------------------------------------------------------------------------------
    localparam logic [1:0] ENCRYPT = 2'd1;
    localparam logic [1:0] DECRYPT = 2'd2;
    localparam logic [1:0] CUT = 2'd3;

    localparam logic [1:0] DF_COPY = 2'd0;
    localparam logic [1:0] DF_CLEAR = 2'd1;
    localparam logic [1:0] DF_SET = 2'd2;

    localparam logic [15:0] ETHERTYPE_IPV4 = 16'h0800;
    localparam logic [15:0] ETHERTYPE_IPV6 = 16'h86DD;

    localparam logic [7:0] HOP_BY_HOP = 8'd0;
    localparam logic [7:0] IPIP = 8'd4;
    localparam logic [7:0] TCP = 8'd6;
    localparam logic [7:0] UDP = 8'd17;
    localparam logic [7:0] IPV6 = 8'd41;
    localparam logic [7:0] ROUTING = 8'd43;
    localparam logic [7:0] FRAGMENT_HEADER = 8'd44;
    localparam logic [7:0] ESP = 8'd50;
    localparam logic [7:0] AH = 8'd51;
    localparam logic [7:0] NO_NEXT_HEADER = 8'd59;
    localparam logic [7:0] DESTINATION = 8'd60;

    // accelerator_id of the algorithms table
    localparam logic [2:0] CIPHER_NULL = 3'd1;
    localparam logic [2:0] CIPHER_DES = 3'd2;
    localparam logic [2:0] CIPHER_3DES = 3'd3;
    localparam logic [2:0] CIPHER_AES = 3'd4;
    localparam logic [2:0] CIPHER_GCM = 3'd5;

    // Reasons of the crypto header
    localparam logic [4:0] OK = 5'd0;
    localparam logic [4:0] BAD_HEADER = 5'd1;
    localparam logic [4:0] UNKNOWN_SA = 5'd2;
    localparam logic [4:0] WRONG_EPOCH = 5'd3;
    localparam logic [4:0] MALFORMED_PACKET = 5'd4;
    localparam logic [4:0] TRUNCATED = 5'd5;
    localparam logic [4:0] WRONG_PROTOCOL = 5'd6;
    localparam logic [4:0] WRONG_SPI = 5'd7;
    localparam logic [4:0] BAD_ICV = 5'd8;
    localparam logic [4:0] BAD_PADDING = 5'd9;
    localparam logic [4:0] BAD_NEXT_HEADER = 5'd10;
    localparam logic [4:0] BAD_LENGTH = 5'd11;
    localparam logic [4:0] REPLAYED = 5'd12;
    localparam logic [4:0] TOO_OLD = 5'd13;
    localparam logic [4:0] SEQUENCE_OVERFLOW = 5'd14;
    localparam logic [4:0] TOO_BIG = 5'd15;
    localparam logic [4:0] FRAGMENT = 5'd16;
    localparam logic [4:0] BAD_INNER = 5'd17;
    localparam logic [4:0] UNSUPPORTED = 5'd18;
    localparam logic [4:0] BAD_ECN = 5'd19;

    // -- functions ------------------------------------------------------------------------------------
    function automatic logic [127:0] reversed(input logic [127:0] word);
        for (int i = 0; i < 16; i++) reversed[i*8 +: 8] = word[(15-i)*8 +: 8];
    endfunction

    // Octets of a beat.
    function automatic logic [4:0] kept(input logic [15:0] keep);
        kept = 5'd0;
        for (int i = 0; i < 16; i++) kept = kept + {4'd0, keep[i]};
    endfunction

    // Why the slow paths refuse a packet before they look at its row, else OK: `largest` octets fit their
    // memory, and the request says what IP packet it is.
    function automatic logic [4:0] first_look(
        input logic [16:0] length, input logic [16:0] largest, input logic [15:0] ethertype,
        input logic [3:0] version
    );
        first_look = OK;
        if (length > largest)
            first_look = TOO_BIG;
        else if (ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6)
            first_look = BAD_HEADER;
        else if (length != 17'd0 && version != (ethertype == ETHERTYPE_IPV6 ? 4'd6 : 4'd4))
            first_look = MALFORMED_PACKET;
    endfunction

    // Sum with end around carry (RFC 1071).
    function automatic logic [15:0] plus(input logic [15:0] a, input logic [15:0] b);
        logic [16:0] total;
        total = {1'b0, a} + {1'b0, b};
        plus = total[15:0] + {15'd0, total[16]};
    endfunction

    // The eight 16-bit words of 16 octets (octet 0 in [127:120]), summed.
    function automatic logic [15:0] words(input logic [127:0] octets);
        logic [18:0] total;
        logic [16:0] folded;
        total = 19'd0;
        for (int i = 0; i < 8; i++) total = total + {3'd0, octets[i*16 +: 16]};
        folded = {1'b0, total[15:0]} + {14'd0, total[18:16]};
        words = folded[15:0] + {15'd0, folded[16]};
    endfunction

    // Octets of an integrity algorithm's ICV, by accelerator_id.
    function automatic logic [5:0] icv_octets(input logic [2:0] integrity);
        case (integrity)
            3'd1, 3'd2: icv_octets = 6'd12;
            3'd3: icv_octets = 6'd16;
            3'd4: icv_octets = 6'd24;
            3'd5: icv_octets = 6'd32;
            default: icv_octets = 6'd0;
        endcase
    endfunction

    // Octets of a cipher's IV.
    function automatic logic [4:0] iv_octets(input logic [2:0] cipher);
        case (cipher)
            CIPHER_DES, CIPHER_3DES, CIPHER_GCM: iv_octets = 5'd8;
            CIPHER_AES: iv_octets = 5'd16;
            default: iv_octets = 5'd0;
        endcase
    endfunction

    // Octets to whose multiple the plaintext is padded, less one: a mask.
    function automatic logic [3:0] align_mask(input logic [2:0] cipher);
        case (cipher)
            CIPHER_DES, CIPHER_3DES: align_mask = 4'd7;
            CIPHER_AES: align_mask = 4'd15;
            default: align_mask = 4'd3;
        endcase
    endfunction

    // Octets of the ICV of ESP.
    function automatic logic [5:0] esp_icv_octets(
        input logic [2:0] cipher, input logic [2:0] integrity
    );
        esp_icv_octets = cipher == CIPHER_GCM ? 6'd16 : icv_octets(integrity);
    endfunction

    // Octets of an AH: a multiple of 4 over IPv4, of 8 over IPv6 (RFC 4302 section 2.2).
    function automatic logic [5:0] ah_octets(input logic [2:0] integrity, input logic v6);
        logic [5:0] size;
        size = 6'd12 + icv_octets(integrity);
        ah_octets = v6 ? {size[5:3] + {2'd0, |size[2:0]}, 3'd0} : size;
    endfunction

endpackage
// verilator lint_on UNUSEDPARAM

`default_nettype wire
