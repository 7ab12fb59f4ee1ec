"""The crypto header: what travels between the pipeline and the crypto accelerator.

A frame to or from the accelerator is Ethernet (EtherType 0x88B5), this 32-byte header, `l3_offset`
octets that the accelerator carries through untouched, and the IP packet. Layout, big endian:

    octet  0  version (4 bits, = 1) | operation (4 bits)
           1  reason        0 = no error; see Reason
           2  sa_index      16 bits: row of the accelerator's SA table
           4  level         LLQ priority level: 0 none, 1, 2
           5  qos_group     qos-group 1..99, or queue 100... of an output policy's class; 0 = none
           6  mtu           16 bits: largest IP packet that may leave (0 = no limit)
           8  flags         DF policy (2 bits: 0 copy, 1 clear, 2 set) | pre-fragment (1) | 5 zero
           9  l3_offset
          10  ethertype     16 bits, of the IP packet that follows
          12  ingress_if    16 bits: interface by which the cleartext or the tunnel packet came in
          14  egress_if     16 bits, returned as given: what the pipeline needs again (class of the
                            output policy, or qos-group), and the interface that it chose
          16  epoch         32 bits: the SA's generation; the accelerator refuses another one
          20  spi           32 bits: in results, the SPI of the outermost IPsec header
          24  sequence      64 bits: in results, its sequence number (ESN: all 64 bits)

The same layout is `p4/include/crypto_header.p4`; a test holds the two together.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

ETHERTYPE: Final = 0x88B5
VERSION: Final = 1
LENGTH: Final = 32
_FORMAT: Final = struct.Struct(">BBHBBHBBHHHIIQ")


class Operation(IntEnum):
    """What is asked of the accelerator; results carry the request's code plus 8."""

    ENCRYPT = 1
    DECRYPT = 2
    FRAGMENT = 3  # plain IP fragmentation to `mtu`, no SA
    ENCRYPTED = 9
    DECRYPTED = 10
    FRAGMENTED = 11


class DfPolicy(IntEnum):
    """`crypto ipsec df-bit` (guide chapter 6)."""

    COPY = 0
    CLEAR = 1
    SET = 2


class Reason(IntEnum):
    """Why the accelerator refused a packet; every drop has one."""

    OK = 0
    BAD_HEADER = 1  # crypto header malformed
    UNKNOWN_SA = 2
    WRONG_EPOCH = 3
    MALFORMED_PACKET = 4  # IP header or lengths do not add up
    TRUNCATED = 5  # IPsec header, IV or ICV does not fit in the packet
    WRONG_PROTOCOL = 6  # not the IPsec protocol (or bundle) of this SA
    WRONG_SPI = 7
    BAD_ICV = 8
    BAD_PADDING = 9
    BAD_NEXT_HEADER = 10
    BAD_LENGTH = 11  # ciphertext is not a whole number of blocks
    REPLAYED = 12
    TOO_OLD = 13  # left of the replay window
    SEQUENCE_OVERFLOW = 14
    TOO_BIG = 15  # does not fit the MTU and may not be fragmented
    FRAGMENT = 16  # fragment where a whole packet is needed
    BAD_INNER = 17  # decrypted packet is not the IP packet its next header says
    UNSUPPORTED = 18  # algorithm of the SA is not in this accelerator
    BAD_ECN = 19  # congestion mark on a packet that is not ECN-capable (RFC 6040)


class CryptoHeaderError(ValueError):
    """Octets that are no crypto header; the text says which field."""


@dataclass(frozen=True, slots=True)
class CryptoHeader:
    """One crypto header; fields as in the module's layout."""

    operation: Operation
    sa_index: int = 0
    reason: Reason = Reason.OK
    level: int = 0
    qos_group: int = 0
    mtu: int = 0
    df_policy: DfPolicy = DfPolicy.COPY
    prefragment: bool = False
    l3_offset: int = 0
    ethertype: int = 0x0800
    ingress_if: int = 0
    egress_if: int = 0
    epoch: int = 0
    spi: int = 0
    sequence: int = 0

    def encode(self) -> bytes:
        return _FORMAT.pack(
            VERSION << 4 | self.operation,
            self.reason,
            self.sa_index,
            self.level,
            self.qos_group,
            self.mtu,
            self.df_policy << 6 | self.prefragment << 5,
            self.l3_offset,
            self.ethertype,
            self.ingress_if,
            self.egress_if,
            self.epoch,
            self.spi,
            self.sequence,
        )

    @classmethod
    def decode(cls, octets: bytes) -> CryptoHeader:
        """Read the first 32 octets. Raises CryptoHeaderError."""
        if len(octets) < LENGTH:
            raise CryptoHeaderError(f"crypto header: {len(octets)} octets, needs {LENGTH}")
        first, reason, sa, level, qos, mtu, flags, l3, ethertype, ing, egr, epoch, spi, seq = (
            _FORMAT.unpack_from(octets)
        )
        if first >> 4 != VERSION:
            raise CryptoHeaderError(f"crypto header: version {first >> 4}, expected {VERSION}")
        try:
            operation = Operation(first & 15)
        except ValueError:
            raise CryptoHeaderError(f"crypto header: operation {first & 15} unknown") from None
        try:
            why = Reason(reason)
        except ValueError:
            raise CryptoHeaderError(f"crypto header: reason {reason} unknown") from None
        try:
            df_policy = DfPolicy(flags >> 6)
        except ValueError:
            raise CryptoHeaderError(f"crypto header: DF policy {flags >> 6} unknown") from None
        return cls(
            operation, sa, why, level, qos, mtu, df_policy, bool(flags >> 5 & 1),
            l3, ethertype, ing, egr, epoch, spi, seq,
        )  # fmt: skip
