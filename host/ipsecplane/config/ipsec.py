"""IPsec: transform sets, crypto maps, profiles."""

from __future__ import annotations

from dataclasses import dataclass

from .addresses import Address


@dataclass(frozen=True, slots=True)
class TransformSet:
    """`crypto ipsec transform-set`: AH and ESP parts by algorithm name, None = not used."""

    name: str
    ah: str | None = None
    cipher: str | None = None
    cipher_key_size: int = 0  # bytes
    integrity: str | None = None
    transport: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How traffic is protected, whatever chose the traffic. None = the global value applies."""

    transform_sets: tuple[str, ...] = ()
    pfs_group: int | None = None
    lifetime_seconds: int | None = None
    lifetime_kilobytes: int | None = None
    replay_window: int | None = None  # 0 = disabled
    idle_time: int | None = None
    isakmp_profile: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class ReverseRoute:
    """`reverse-route`: routes to what is behind peers, by the peer or by `gateway`.

    They are there while there are SAs, or always if `static`.
    """

    static: bool = False
    gateway: Address | None = None
    distance: int = 1


@dataclass(frozen=True, slots=True)
class CryptoMapEntry(Protection):
    """One sequence number of a crypto map."""

    sequence: int
    peers: tuple[Address, ...] = ()
    default_peer: bool = False  # the first of `peers` is the default one
    idle_to_default: bool = False  # an idle peer's turn ends, the default peer's begins
    match_address: str | None = None
    dynamic: str | None = None  # this entry stands for a dynamic map of that name
    reverse_route: ReverseRoute | None = None
    reverse_distance: int | None = None  # `set reverse-route distance`
    pre_classify: bool = False  # output QoS goes by the header before encryption


@dataclass(frozen=True, slots=True)
class IpsecProfile(Protection):
    """`crypto ipsec profile`: how a tunnel interface is protected."""

    name: str
    responder_only: bool = False


@dataclass(frozen=True, slots=True)
class CryptoMap:
    """A crypto map set, or a dynamic one, whose entries need no peer and no access list.

    `local_address` is the interface of `crypto map NAME local-address`. The rest is for clients of
    Easy VPN: lists of AAA, and whether addresses are given when asked for (`respond`) or offered.
    """

    name: str
    entries: tuple[CryptoMapEntry, ...] = ()
    local_address: str | None = None
    version: int = 4  # of the packets that it protects
    client_authentication: str | None = None
    client_authorization: str | None = None
    client_respond: bool = False
    client_initiate: bool = False
