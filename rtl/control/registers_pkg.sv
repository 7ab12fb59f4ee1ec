// Made of rtl/control/registers.yaml by rtl/control/generate.py; do not edit.
`default_nettype none

// No module uses all of these.
// verilator lint_off UNUSEDPARAM
package registers_pkg;

    localparam int ADDRESS_W = 12;

    // -- device: What this is, and how it does.
    localparam [11:0] ID = 12'h000;
    localparam [31:0] ID_VALUE = 32'h49505343;
    localparam [11:0] VERSION = 12'h004;
    localparam [31:0] VERSION_VALUE = 32'h00000002;
    localparam [11:0] SIZE = 12'h008;
    localparam [11:0] FEATURES = 12'h00C;
    localparam [11:0] BOOT = 12'h010;
    localparam [11:0] STATUS = 12'h014;
    localparam [11:0] COMMAND = 12'h018;
    localparam [11:0] CYCLES = 12'h01C;
    typedef struct packed {
        logic [2:0] unused_29;
        logic [4:0] packet_w;
        logic [6:0] unused_17;
        logic [16:0] sas;
    } size_t;
    typedef struct packed {
        logic [15:0] unused_16;
        logic [7:0] integrities;
        logic [7:0] ciphers;
    } features_t;
    typedef struct packed {
        logic [23:0] unused_8;
        logic [3:0] error;
        logic unused_3;
        logic in_flight;
        logic busy;
        logic ready;
    } status_t;
    typedef struct packed {
        logic [3:0] operation;
        logic [2:0] unused_25;
        logic inbound;
        logic [2:0] unused_21;
        logic [4:0] reason;
        logic [15:0] sa_index;
    } command_t;

    // -- row: What the last READ has found.
    localparam [11:0] ROW_STATUS = 12'h040;
    localparam [11:0] ROW_EPOCH = 12'h044;
    localparam [11:0] ROW_NUMBER = 12'h048;
    localparam [11:0] ROW_PACKETS = 12'h050;
    localparam [11:0] ROW_OCTETS = 12'h058;
    typedef struct packed {
        logic [30:0] unused_1;
        logic valid;
    } row_status_t;

    // -- errors: Refusals that no SA is to blame for, by reason.
    localparam [11:0] ERROR = 12'h080;
    localparam int ERROR_COUNT = 32;

    // -- sa: The SA that INSTALL installs. Nothing of it is in force before.
    localparam [11:0] SA_EPOCH = 12'h400;
    localparam [11:0] SA_ESP_SPI = 12'h404;
    localparam [11:0] SA_AH_SPI = 12'h408;
    localparam [11:0] SA_FORM = 12'h40C;
    localparam [11:0] SA_LIMITS = 12'h410;
    localparam [11:0] SA_UDP = 12'h414;
    localparam [11:0] SA_SRC = 12'h418;
    localparam [11:0] SA_DST = 12'h428;
    localparam [11:0] SA_IV_SEED = 12'h438;
    localparam [11:0] SA_SALT = 12'h440;
    localparam [11:0] SA_CIPHER_KEY = 12'h444;
    localparam [11:0] SA_ESP_INNER = 12'h464;
    localparam [11:0] SA_ESP_OUTER = 12'h4A4;
    localparam [11:0] SA_AH_INNER = 12'h4E4;
    localparam [11:0] SA_AH_OUTER = 12'h524;
    localparam int SA_WORDS = 89;
    localparam [88:0] SA_SECRET =
        89'b11111111111111111111111111111111111111111111111111111111111111111111111111100000000000000;
    typedef struct packed {
        logic [511:0] ah_outer;
        logic [511:0] ah_inner;
        logic [511:0] esp_outer;
        logic [511:0] esp_inner;
        logic [255:0] cipher_key;
        logic [31:0] salt;
        logic [63:0] iv_seed;
        logic [127:0] dst;
        logic [127:0] src;
        logic [15:0] udp_dst;
        logic [15:0] udp_src;
        logic [15:0] window;
        logic [7:0] unused_8;
        logic [7:0] ttl;
        logic [1:0] unused_30;
        logic [5:0] dscp;
        logic unused_23;
        logic [2:0] ah_integrity;
        logic unused_19;
        logic [2:0] esp_integrity;
        logic [3:0] key_words;
        logic unused_11;
        logic [2:0] cipher;
        logic [1:0] unused_6;
        logic ecn_copy;
        logic dscp_copy;
        logic outer_v6;
        logic udp_encap;
        logic esn;
        logic transport;
        logic [31:0] ah_spi;
        logic [31:0] esp_spi;
        logic [31:0] epoch;
    } sa_t;

    // -- llq: Low-latency queueing in front of both paths; every class has a queue in each.
    localparam [11:0] LLQ_TICK = 12'h800;
    localparam [11:0] LLQ_TIME = 12'h804;
    localparam [11:0] LLQ_MODE = 12'h80C;
    localparam [11:0] LLQ_GRANT = 12'h810;
    localparam [11:0] LLQ_RULE = 12'h814;
    localparam [11:0] LLQ_LIMIT = 12'h818;
    localparam [11:0] LLQ_POLICE_RATE = 12'h81C;
    localparam [11:0] LLQ_POLICE_BURST = 12'h820;
    localparam [11:0] LLQ_CLASS = 12'h824;
    localparam [11:0] LLQ_COUNT = 12'h828;
    localparam [11:0] LLQ_PACKETS = 12'h82C;
    localparam [11:0] LLQ_OCTETS = 12'h830;
    localparam [11:0] LLQ_LAST = 12'h838;
    localparam int LLQ_LAST_COUNT = 2;
    typedef struct packed {
        logic [30:0] unused_1;
        logic gated;
    } llq_mode_t;
    typedef struct packed {
        logic [29:0] unused_2;
        logic inbound;
        logic outbound;
    } llq_grant_t;
    typedef struct packed {
        logic [14:0] unused_17;
        logic conditional;
        logic [1:0] unused_14;
        logic [9:0] weight;
        logic [1:0] unused_2;
        logic [1:0] level;
    } llq_rule_t;
    typedef struct packed {
        logic busy;
        logic [26:0] unused_4;
        logic [3:0] class_id;
    } llq_class_t;
    typedef struct packed {
        logic [24:0] unused_7;
        logic inbound;
        logic drops;
        logic [3:0] class_id;
        logic above_limit;
    } llq_count_t;
    typedef struct packed {
        logic [7:0] turns;
        logic [6:0] unused_17;
        logic [16:0] octets;
    } llq_last_t;

    // -- llq_classes: The class of each level and qos-group, eight to a register.
    localparam [11:0] LLQ_SELECT = 12'hA00;
    localparam int LLQ_SELECT_COUNT = 128;

endpackage
// verilator lint_on UNUSEDPARAM

`default_nettype wire
