"""The outer IP header of a tunnel, and what decapsulation does to the inner one.

DSCP is copied or set; ECN follows RFC 6040: normal mode where the SA copies it (else outer
Not-ECT, its compatibility mode) on the way in, its figure 4 on the way out. DF is chapter 6's.
"""

from __future__ import annotations

from ipsecplane.targets.crypto_header import DfPolicy, Reason

from . import ip
from .ip import IpHeader
from .refusal import Refused
from .sa import Outer

_NOT_ECT, _ECT1, _ECT0, _CE = 0, 1, 2, 3


def outer_traffic_class(outer: Outer, inner: int) -> int:
    """DSCP and ECN of the outer header."""
    dscp = inner & 0xFC if outer.dscp is None else outer.dscp << 2
    return dscp | (inner & 3 if outer.ecn_copy else _NOT_ECT)


def outer_header(
    outer: Outer,
    inner: IpHeader,
    df_policy: DfPolicy,
    protocol: int,
    payload: int,
    identification: int,
) -> bytes:
    """The IP header in front of `payload` octets that protect `inner`.

    Copying DF from IPv6 means to set it: its routers never fragment. Raises Refused TOO_BIG when
    the total length cannot be written.
    """
    if payload + (20 if outer.version == 4 else 0) > 0xFFFF:
        raise Refused(Reason.TOO_BIG, f"{payload} octets behind an IPv{outer.version} header")
    traffic_class = outer_traffic_class(outer, inner.traffic_class)
    if outer.version == 6:
        return ip.ipv6_header(
            outer.source,
            outer.destination,
            protocol,
            payload,
            traffic_class=traffic_class,
            hop_limit=outer.ttl,
        )
    return ip.ipv4_header(
        outer.source,
        outer.destination,
        protocol,
        payload,
        traffic_class=traffic_class,
        ttl=outer.ttl,
        identification=identification,
        dont_fragment=inner.dont_fragment
        if df_policy is DfPolicy.COPY
        else df_policy is DfPolicy.SET,
    )


def inner_packet(outer: IpHeader, next_header: int, payload: bytes) -> bytes:
    """The packet that a tunnel carried: without traffic-flow padding, ECN as RFC 6040 says.

    Raises Refused BAD_NEXT_HEADER, BAD_INNER or BAD_ECN.
    """
    if next_header not in (ip.IPIP, ip.IPV6):
        raise Refused(Reason.BAD_NEXT_HEADER, f"tunnel mode: next header {next_header}")
    try:
        inner = ip.parse(payload)
    except Refused as refused:
        raise Refused(Reason.BAD_INNER, f"inner packet: {refused}") from None
    if (inner.version == 4) != (next_header == ip.IPIP):
        raise Refused(
            Reason.BAD_INNER, f"inner packet is IPv{inner.version}, next header {next_header}"
        )
    packet = payload if len(payload) == inner.total else payload[: inner.total]
    mark, inner_mark = outer.traffic_class & 3, inner.traffic_class & 3
    if mark == _CE and inner_mark == _NOT_ECT:
        raise Refused(Reason.BAD_ECN, "congestion mark on a packet that is not ECN-capable")
    new = inner_mark
    if inner_mark in (_ECT0, _ECT1) and mark == _CE:
        new = _CE
    elif inner_mark == _ECT0 and mark == _ECT1:
        new = _ECT1
    if new == inner_mark:
        return packet
    return ip.with_traffic_class(packet, inner, inner.traffic_class & 0xFC | new)
