"""What the IKE machines take and give: configuration, requests, datagrams and events.

The engine (`engine.py`) is sans-IO: `receive(datagram, now)`, `datagrams_to_send()`,
`next_timeout()`, `handle_timeout(now)`, `events()`. Times are seconds of one monotonic clock,
lifetimes seconds and kilobytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from ipsecplane.config import (
    Address,
    AddressRange,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
    Keepalive,
    Keyring,
    Network,
    TransformSet,
    Trustpoint,
)


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram; on port 4500 `payload` is without the non-ESP marker."""

    local: Address
    local_port: int
    remote: Address
    remote_port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ProxyIdentity:
    """One side of a Quick Mode identity: `show crypto ipsec sa` calls it ident (0 = any)."""

    network: Network
    protocol: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True)
class Phase2Policy:
    """What Quick Mode may agree on with a peer: one line of a crypto map entry's access list.

    `local`/`remote` are what we propose as initiator and the widest we accept as responder.
    `transform_sets` are in order of preference.
    """

    name: str  # "testtag1 10"
    entry: int  # number of the policy entry, unique in the router; the acquire's `value`
    peers: tuple[Address, ...]
    local: ProxyIdentity
    remote: ProxyIdentity
    transform_sets: tuple[TransformSet, ...]
    pfs_group: int | None = None
    lifetime_seconds: int = 3600
    lifetime_kilobytes: int = 4608000
    local_address: Address | None = None
    replay_window: int = 64
    isakmp_profile: str | None = None  # None = any
    tunnel: bool = False  # a tunnel interface's: SAs for all of it or none, and kept while unused


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """A client group with its names looked up: ranges of the pool, networks of the access list."""

    name: str
    key: str = field(repr=False)
    pool: tuple[AddressRange, ...] = ()
    split: tuple[IPv4Network, ...] = ()
    netmask: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    domain: str = ""
    banner: str = ""
    save_password: bool = False
    pfs: bool = False
    backup_servers: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """What a crypto map does for Easy VPN clients that come to one of `addresses`.

    `users` (passwords by name) are asked for; None = XAUTH is not done. `respond`: requests of
    mode configuration are answered; `initiate`: clients are configured without asking.
    """

    addresses: tuple[Address, ...]
    groups: tuple[GroupTerms, ...] = ()
    users: Mapping[str, str] | None = field(default=None, repr=False)
    respond: bool = False
    initiate: bool = False


@dataclass(frozen=True, slots=True)
class EzvpnClient:
    """An Easy VPN remote, as IKE sees it. Without user or password it has to be asked for them.

    `group` None: it proves itself by a certificate, whose organizational unit is its group.
    """

    name: str
    group: str | None = None
    key: str | None = field(default=None, repr=False)
    network_extension: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """Who has an address of a pool."""

    remote: Address
    remote_port: int
    group: str
    user: str


@dataclass(frozen=True, slots=True)
class ModeConfig:
    """What a server gave its client. `split`: only these networks are behind it; none = all."""

    address: IPv4Address | None = None
    netmask: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    domain: str = ""
    banner: str = ""
    save_password: bool = False
    pfs: bool = False
    backup_servers: tuple[IPv4Address, ...] = ()
    split: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True, slots=True)
class IkeConfig:
    """Configuration of an engine; a new value may replace it at any time (`reconfigure`)."""

    policies: tuple[IsakmpPolicy, ...] = ()
    keys: tuple[IsakmpKey, ...] = ()
    keyrings: tuple[Keyring, ...] = ()
    profiles: tuple[IsakmpProfile, ...] = ()
    peers: tuple[IsakmpPeer, ...] = ()  # with whom Phase 1 begins in aggressive mode
    identity: IkeIdentity | None = None  # ours, with pre-shared keys; None = our address
    aggressive_mode: bool = True  # off: neither begun nor answered
    phase2: tuple[Phase2Policy, ...] = ()
    trustpoints: tuple[Trustpoint, ...] = ()
    access: tuple[RemoteAccess, ...] = ()  # for clients of Easy VPN
    invalid_spi_recovery: bool = False
    nat_transparency: bool = True
    nat_keepalive: int = 0  # seconds; 0 = off
    keepalive: Keepalive | None = None  # None: peers are not asked whether they are there
    dead_peer_detection: bool = True  # off: as an IOS from before RFC 3706
    retransmit_interval: float = 10.0  # IOS: first retransmission after 10 s, five of them
    retransmit_limit: int = 5
    negotiation_limit: int = 64  # half-open main modes we answer at once
    dangling: bool = True  # IPsec SAs outlive their IKE SA
    accept_longer_lifetime: bool = False  # Phase 1: a peer's longer one is cut to ours, not refused
    strict_padding: bool = True  # off: for peers that pad IKE messages with anything but zeros
    commit_bit: bool = False  # as responder, set the commit bit and confirm with CONNECTED


@dataclass(frozen=True, slots=True)
class ProtocolSa:
    """One protocol (50 ESP, 51 AH) of a negotiated pair; keys as the accelerator takes them."""

    protocol: int
    inbound_spi: int
    outbound_spi: int
    cipher: str | None
    integrity: str | None
    inbound_cipher_key: bytes = field(default=b"", repr=False)
    outbound_cipher_key: bytes = field(default=b"", repr=False)
    inbound_salt: bytes = field(default=b"", repr=False)
    outbound_salt: bytes = field(default=b"", repr=False)
    inbound_integrity_key: bytes = field(default=b"", repr=False)
    outbound_integrity_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class IpsecSas:
    """What one Quick Mode negotiated: a pair of SAs, or two pairs (the AH+ESP bundle)."""

    id: int  # unique in the engine
    policy: Phase2Policy
    local: Address
    remote: Address
    local_port: int
    remote_port: int
    local_identity: ProxyIdentity
    remote_identity: ProxyIdentity
    transform_set: TransformSet  # what was agreed
    esp: ProtocolSa | None
    ah: ProtocolSa | None
    udp_encapsulation: bool
    transport: bool
    lifetime_seconds: int
    lifetime_kilobytes: int
    pfs_group: int | None
    initiator: bool
    isakmp_conn_id: int
    established_at: float
    peer_is_behind_nat: bool = False
    # Source and destination of the peer's packets where it made them, if a NAT changed them on the
    # way and transport mode lets their checksums cover them (RFC 3947 section 5.2)
    peers_view: tuple[Address, Address] | None = None


class IsakmpState(StrEnum):
    """As `show crypto isakmp sa` prints them: MM_ in main, AG_ in aggressive mode, CONF_ after."""

    MM_NO_STATE = "MM_NO_STATE"
    MM_SA_SETUP = "MM_SA_SETUP"
    MM_KEY_EXCH = "MM_KEY_EXCH"
    MM_KEY_AUTH = "MM_KEY_AUTH"
    AG_NO_STATE = "AG_NO_STATE"
    AG_INIT_EXCH = "AG_INIT_EXCH"
    AG_AUTH = "AG_AUTH"
    CONF_XAUTH = "CONF_XAUTH"
    CONF_ADDR = "CONF_ADDR"
    QM_IDLE = "QM_IDLE"


@dataclass(frozen=True, slots=True)
class IsakmpSaView:
    """An IKE SA as shown; `initiator` addresses give src/dst as IOS prints them."""

    conn_id: int
    local: Address
    remote: Address
    local_port: int
    remote_port: int
    we_initiated: bool
    state: IsakmpState
    deleted: bool
    policy: IsakmpPolicy | None
    created_at: float
    lifetime: int
    initiator_cookie: bytes
    responder_cookie: bytes
    # Phase 1 key in Wireshark's form (IKEv1 decryption table); b"" until known
    encryption_key: bytes = field(repr=False)
    profile: str | None = None  # ISAKMP profile
    peer_identity: IkeIdentity | None = None  # as the peer has proved it
    capabilities: str = ""  # D: DPD runs, K: IOS keepalives run, N: NAT traversal


class Event:
    """Base of what an engine reports."""


@dataclass(frozen=True, slots=True)
class IsakmpSaEstablished(Event):
    conn_id: int


@dataclass(frozen=True, slots=True)
class IsakmpSaDeleted(Event):
    conn_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class InboundSasReady(Event):
    """Install the inbound half now: the peer may send as soon as it has our last message."""

    sas: IpsecSas


@dataclass(frozen=True, slots=True)
class OutboundSasReady(Event):
    """The exchange is complete (commit bit respected): outbound traffic may use the pair."""

    sas: IpsecSas


@dataclass(frozen=True, slots=True)
class IpsecSasDeleted(Event):
    """The peer deleted, or refused the SPI of (`invalid_spi`), SAs we send to: (protocol, SPI)."""

    remote: Address
    outbound: tuple[tuple[int, int], ...]
    invalid_spi: bool = False
    remote_port: int | None = None  # where several peers may be behind one address


@dataclass(frozen=True, slots=True)
class NegotiationFailed(Event):
    """An initiated exchange ended without result: the acquire may be tried again."""

    remote: Address
    entry: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class XauthRequested(Event):
    """The server of an Easy VPN remote asks for a user that the configuration does not name."""

    client: str
    message: str


@dataclass(frozen=True, slots=True)
class ClientConfigured(Event):
    """An Easy VPN remote is let in: its IKE SA is up, IPsec SAs may be negotiated."""

    client: str
    local: Address
    remote: Address
    config: ModeConfig


@dataclass(frozen=True, slots=True)
class ClientEnded(Event):
    """The IKE SA of an Easy VPN remote is gone, or never came up."""

    client: str
    remote: Address
    reason: str
    configured: bool


@dataclass(frozen=True, slots=True)
class ClientConnected(Event):
    """A client was given its configuration by us."""

    conn_id: int
    group: str
    user: str
    remote: Address
    remote_port: int
    address: IPv4Address | None


@dataclass(frozen=True, slots=True)
class PeerDead(Event):
    """Nobody answers at `remote`; its SAs are gone (IKE's) or follow as `IpsecSasDeleted`."""

    local: Address
    remote: Address
    remote_port: int


@dataclass(frozen=True, slots=True)
class PeerMoved(Event):
    """A NAT gave the peer another address or port (authenticated); `sas` has its SAs' ids."""

    remote: Address
    remote_port: int
    new_remote: Address
    new_port: int
    sas: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LogMessage(Event):
    """A syslog message in IOS's form: facility, severity, mnemonic, text."""

    facility: str
    severity: int
    mnemonic: str
    text: str


@dataclass(frozen=True, slots=True)
class DebugMessage(Event):
    """A line of `debug crypto isakmp` or `debug crypto ipsec`."""

    topic: str  # "isakmp" | "ipsec"
    text: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters of an engine by name ("malformed", "no_proposal", ...)."""

    counts: dict[str, int] = field(default_factory=dict)
