"""Made of rtl/control/registers.yaml by rtl/control/generate.py; do not edit."""

from __future__ import annotations

from typing import Final

from .regmap import Field, Register

# What this is, and how it does.
ID: Final = Register("id", 0x000, "ro", value=0x49505343)
VERSION: Final = Register("version", 0x004, "ro", value=0x1)
SIZE: Final = Register("size", 0x008, "ro")
SIZE_SAS: Final = Field(SIZE, "sas", 0, 17)
SIZE_PACKET_W: Final = Field(SIZE, "packet_w", 24, 5)
FEATURES: Final = Register("features", 0x00C, "ro")
FEATURES_CIPHERS: Final = Field(FEATURES, "ciphers", 0, 8)
FEATURES_INTEGRITIES: Final = Field(FEATURES, "integrities", 8, 8)
BOOT: Final = Register("boot", 0x010, "rw")
STATUS: Final = Register("status", 0x014, "ro")
STATUS_READY: Final = Field(STATUS, "ready", 0, 1)
STATUS_BUSY: Final = Field(STATUS, "busy", 1, 1)
STATUS_IN_FLIGHT: Final = Field(STATUS, "in_flight", 2, 1)
STATUS_ERROR: Final = Field(STATUS, "error", 4, 4)
COMMAND: Final = Register("command", 0x018, "wo")
COMMAND_SA_INDEX: Final = Field(COMMAND, "sa_index", 0, 16)
COMMAND_REASON: Final = Field(COMMAND, "reason", 16, 5)
COMMAND_INBOUND: Final = Field(COMMAND, "inbound", 24, 1)
COMMAND_OPERATION: Final = Field(COMMAND, "operation", 28, 4)
CYCLES: Final = Register("cycles", 0x01C, "ro", words=2)

# What the last READ has found.
ROW_STATUS: Final = Register("row_status", 0x040, "ro")
ROW_STATUS_VALID: Final = Field(ROW_STATUS, "valid", 0, 1)
ROW_EPOCH: Final = Register("row_epoch", 0x044, "ro")
ROW_NUMBER: Final = Register("row_number", 0x048, "ro", words=2)
ROW_PACKETS: Final = Register("row_packets", 0x050, "ro", words=2)
ROW_OCTETS: Final = Register("row_octets", 0x058, "ro", words=2)

# Refusals that no SA is to blame for, by reason.
ERROR: Final = Register("error", 0x080, "ro", count=32)

# The SA that INSTALL installs. Nothing of it is in force before.
SA_EPOCH: Final = Register("sa_epoch", 0x400, "rw")
SA_ESP_SPI: Final = Register("sa_esp_spi", 0x404, "rw")
SA_AH_SPI: Final = Register("sa_ah_spi", 0x408, "rw")
SA_FORM: Final = Register("sa_form", 0x40C, "rw")
SA_FORM_TRANSPORT: Final = Field(SA_FORM, "transport", 0, 1)
SA_FORM_ESN: Final = Field(SA_FORM, "esn", 1, 1)
SA_FORM_UDP_ENCAP: Final = Field(SA_FORM, "udp_encap", 2, 1)
SA_FORM_OUTER_V6: Final = Field(SA_FORM, "outer_v6", 3, 1)
SA_FORM_DSCP_COPY: Final = Field(SA_FORM, "dscp_copy", 4, 1)
SA_FORM_ECN_COPY: Final = Field(SA_FORM, "ecn_copy", 5, 1)
SA_FORM_CIPHER: Final = Field(SA_FORM, "cipher", 8, 3)
SA_FORM_KEY_WORDS: Final = Field(SA_FORM, "key_words", 12, 4)
SA_FORM_ESP_INTEGRITY: Final = Field(SA_FORM, "esp_integrity", 16, 3)
SA_FORM_AH_INTEGRITY: Final = Field(SA_FORM, "ah_integrity", 20, 3)
SA_FORM_DSCP: Final = Field(SA_FORM, "dscp", 24, 6)
SA_LIMITS: Final = Register("sa_limits", 0x410, "rw")
SA_LIMITS_TTL: Final = Field(SA_LIMITS, "ttl", 0, 8)
SA_LIMITS_WINDOW: Final = Field(SA_LIMITS, "window", 16, 16)
SA_UDP: Final = Register("sa_udp", 0x414, "rw")
SA_UDP_UDP_SRC: Final = Field(SA_UDP, "udp_src", 0, 16)
SA_UDP_UDP_DST: Final = Field(SA_UDP, "udp_dst", 16, 16)
SA_SRC: Final = Register("sa_src", 0x418, "rw", words=4)
SA_DST: Final = Register("sa_dst", 0x428, "rw", words=4)
SA_IV_SEED: Final = Register("sa_iv_seed", 0x438, "secret", words=2)
SA_SALT: Final = Register("sa_salt", 0x440, "secret")
SA_CIPHER_KEY: Final = Register("sa_cipher_key", 0x444, "secret", words=8)
SA_ESP_INNER: Final = Register("sa_esp_inner", 0x464, "secret", words=16)
SA_ESP_OUTER: Final = Register("sa_esp_outer", 0x4A4, "secret", words=16)
SA_AH_INNER: Final = Register("sa_ah_inner", 0x4E4, "secret", words=16)
SA_AH_OUTER: Final = Register("sa_ah_outer", 0x524, "secret", words=16)
