"""Why the pipeline punts a packet to the host, or drops it.

The numbers are those of `p4/include/reasons.p4` (a test holds the two together): the `reason`
field of the packet-in header, and the index of the `drops` counter and of `punt_meter`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Reason(IntEnum):
    """The number that a packet leaves the pipeline's decision with; 0 is a forwarded packet."""

    NONE = 0

    # Punts: the packet goes to the host in a packet-in.
    LOCAL = 1  # for the router itself (IKE, ICMP, decrypted or in the clear)
    ARP = 2
    ND = 3  # IPv6 neighbour and router discovery
    REASSEMBLE = 4  # a fragment of a packet that the router itself has to put together
    INVALID_SPI = 5  # no inbound SA; value = SPI, protocol = 50 or 51
    ACQUIRE = 6  # policy asks for an SA that is not there; value = policy entry
    GLEAN = 7  # next hop's MAC address is not known
    TTL_EXPIRED = 8
    FRAG_NEEDED = 9  # too big, and may not be fragmented; value = the MTU to tell the sender
    NO_ROUTE = 10
    SA_ERROR = 11  # the accelerator refused; crypto_reason says why, value = SPI
    INNER_POLICY = 12  # decrypted, but not what this SA may carry
    NOT_IPSEC = 13  # in the clear, but policy asks for IPsec
    REPLAYED = 14  # sequence number seen before; value = SPI
    TOO_OLD = 15  # left of the replay window; value = SPI
    NAT_FLOW = 20  # to be translated, and not yet decided to what; value = rule

    # Drops: counted only.
    UNKNOWN_INTERFACE = 32  # no interface for this port and VLAN
    NOT_MY_MAC = 33
    BAD_IP_HEADER = 34
    BAD_CHECKSUM = 35
    SPD_DISCARD = 36
    ROUTE_DISCARD = 37
    BUNDLE_INNER_ALONE = 38  # the ESP of an AH+ESP bundle, without its AH
    NAT_KEEPALIVE = 39
    SA_OUT_MISSING = 40  # policy names an SA that has no `sa_out` row
    SA_IN_MISSING = 41
    WRONG_ENCAPSULATION = 42  # ESP in UDP on a plain SA, or the other way round
    UNSUPPORTED_ETHERTYPE = 43
    EGRESS_UNKNOWN = 44  # route to an interface that has no `interface_out` row
    PUNT_RATE_EXCEEDED = 45
    PARSER_ERROR = 46

    @property
    def is_punt(self) -> bool:
        """Whether packets of this reason go to the host (unless the punt meter is red)."""
        return Reason.NONE < self < Reason.UNKNOWN_INTERFACE


COUNTER_SIZE: Final = 64
"""Rows of the `drops` counter and of `punt_meter`."""
