"""One IKE SA: its identity, keys, addresses and what runs under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ipsecplane.config import Address
from ipsecplane.ike import identities, messages
from ipsecplane.ike.constants import NAT_T_PORT, NO_COOKIE, XAUTH_METHODS
from ipsecplane.ike.keys import Phase1Keys
from ipsecplane.ike.messages import Message
from ipsecplane.ike.nat import NatState
from ipsecplane.ike.payloads import Header, Identification
from ipsecplane.ike.phase1 import Phase1Choice
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.timers import Timer
from ipsecplane.ike.types import Datagram, IsakmpSaView, IsakmpState, Phase2Policy

if TYPE_CHECKING:
    from ipsecplane.ike.dpd import DeadPeerDetection, PeersQuestions
    from ipsecplane.ike.easy_vpn import Side
    from ipsecplane.ike.nat_keepalive import NatKeepalive
    from ipsecplane.ike.phase1_exchange import Phase1Exchange
    from ipsecplane.ike.quick_mode import QuickMode


@dataclass(slots=True)
class Request:
    """A Quick Mode that somebody asked for; `attempts` counts the IKE SAs that died under it."""

    policy: Phase2Policy
    local: Address
    peer: Address
    replaces: int | None = None
    attempts: int = 0
    peer_port: int | None = None  # of a peer behind a NAT, where others may be too


@dataclass(slots=True)
class Work:
    """What waits for an IKE SA to be established."""

    requests: list[Request] = field(default_factory=list)
    invalid_spis: list[tuple[int, int]] = field(default_factory=list)  # (IP protocol, SPI)
    early: list[Datagram] = field(default_factory=list)  # Phase 2 messages that overtook Phase 1


class IsakmpSa:
    """State that Phase 1 fills in and Phase 2 uses. Addresses follow the peer through NATs."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        initiator: bool,
        local: Address,
        remote: Address,
        local_port: int,
        remote_port: int,
        cookie_i: bytes,
        cookie_r: bytes = NO_COOKIE,
        now: float,
    ) -> None:
        self.runtime = runtime
        self.initiator = initiator
        self.local = local
        self.remote = remote
        self.local_port = local_port
        self.remote_port = remote_port
        self.cookie_i = cookie_i
        self.cookie_r = cookie_r
        self.conn_id = 0
        self.state = IsakmpState.MM_NO_STATE
        self.deleted = False
        self.created_at = now
        self.established_at: float | None = None
        self.choice: Phase1Choice | None = None
        self.keys: Phase1Keys | None = None
        self.nat = NatState()
        self.last_block = b""  # of Phase 1's ciphertext
        self.peer_vendor_ids: set[bytes] = set()
        self.for_recovery = False  # started to tell the peer of an invalid SPI
        self.phase1: Phase1Exchange | None = None
        self.profile: str | None = None  # the name of the ISAKMP profile that it is under
        self.peer_identity: Identification | None = None  # as authenticated by Phase 1
        self.exchanges: dict[int, QuickMode] = {}
        self.used_message_ids: set[int] = {0}
        self.work = Work()
        self.timers: list[Timer] = []
        self.initial_contact = False  # the peer said that it has nothing else with us
        self.authenticated = False  # Phase 1 is done; it may be used once it is established
        self.client: Side | None = None  # Easy VPN, of whichever side
        self.assigned: IPv4Address | None = None  # by mode configuration, to the client
        self.dpd: DeadPeerDetection | None = None
        self.questions: PeersQuestions | None = None
        self.nat_keepalive: NatKeepalive | None = None

    @property
    def cookies(self) -> bytes:
        return self.cookie_i + self.cookie_r

    @property
    def established(self) -> bool:
        return self.established_at is not None and not self.deleted

    @property
    def negotiating(self) -> bool:
        return self.established_at is None and not self.deleted

    @property
    def xauth(self) -> bool:
        """Whether a user was, or is to be, asked for."""
        return self.choice is not None and self.choice.policy.authentication in XAUTH_METHODS

    @property
    def lifetime(self) -> int:
        return self.choice.lifetime if self.choice else 0

    def is_with(self, local: Address, remote: Address, port: int | None = None) -> bool:
        """Whether it is between these; `port` tells apart several peers behind one NAT."""
        return (self.local, self.remote) == (local, remote) and (
            port is None or not self.nat.peer_is_behind or port == self.remote_port
        )

    @property
    def handle(self) -> int:
        """What debug lines name it by, where IOS has an address in memory."""
        return 0x80000000 + self.conn_id

    def phase1_keys(self) -> Phase1Keys:
        """The keys of an SA that is past the key exchange."""
        assert self.keys is not None
        return self.keys

    def new_message_id(self) -> int:
        while True:
            message_id = int.from_bytes(self.runtime.nonzero_random(4))
            if message_id not in self.used_message_ids:
                self.used_message_ids.add(message_id)
                return message_id

    def send(self, message: bytes) -> None:
        role = "I" if self.initiator else "R"
        self.debug(
            f" sending packet to {self.remote} my_port {self.local_port} "
            f"peer_port {self.remote_port} ({role}) {self.state}"
        )
        self.runtime.send(self.peers_datagram(message))

    def peers_datagram(self, payload: bytes) -> Datagram:
        """A datagram of the peer's as it is seen here."""
        return Datagram(self.local, self.local_port, self.remote, self.remote_port, payload)

    def open_sealed(self, iv: bytes, header: Header, data: bytes) -> Message:
        """Decrypt a message of this SA; raises `PayloadError`."""
        strict = self.runtime.config.strict_padding
        return messages.open_sealed(self.phase1_keys(), iv, header, data, strict_padding=strict)

    def float_to_nat_port(self) -> None:
        """The initiator's move to port 4500 once a NAT is found (RFC 3947 section 4)."""
        if self.local_port != NAT_T_PORT:
            self.local_port = self.remote_port = NAT_T_PORT

    def debug(self, text: str) -> None:
        """A line of `debug crypto isakmp`; the parts of a transform carry no connection id."""
        if text.startswith("  ") or text.startswith(" transform"):
            self.runtime.debug(f"ISAKMP:{text}")
        else:
            self.runtime.debug(f"ISAKMP:({self.conn_id}):{text}")

    def trace_input(self, source: str, what: str, new: str = "IKE_P1_COMPLETE") -> None:
        """The debug lines after something happened to an SA that is up."""
        self.debug(f"Input = {source}, {what}")
        self.debug(f"Old State = IKE_P1_COMPLETE  New State = {new} ")

    def at(self, when: float, callback: Callable[[float], None]) -> None:
        """A timer that ends with the SA."""
        self.timers.append(self.runtime.timers.at(when, callback))

    def cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        self.stop_watches()

    def stop_watches(self) -> None:
        for watch in (self.dpd, self.nat_keepalive):
            if watch is not None:
                watch.stop()

    def view(self) -> IsakmpSaView:
        return IsakmpSaView(
            conn_id=self.conn_id,
            local=self.local,
            remote=self.remote,
            local_port=self.local_port,
            remote_port=self.remote_port,
            we_initiated=self.initiator,
            state=self.state,
            deleted=self.deleted,
            policy=self.choice.policy if self.choice else None,
            created_at=self.created_at,
            lifetime=self.lifetime,
            initiator_cookie=self.cookie_i,
            responder_cookie=self.cookie_r,
            encryption_key=self.keys.encryption_key if self.keys else b"",
            profile=self.profile,
            peer_identity=(
                identities.phase1_identity(self.peer_identity) if self.peer_identity else None
            ),
            capabilities=self._capabilities(),
        )

    def _capabilities(self) -> str:
        """As `show crypto isakmp sa detail` codes them."""
        keepalives = self.dpd.capability if self.dpd is not None else ""
        configured = "C" if self.assigned is not None else ""
        xauth = "X" if self.xauth else ""
        return configured + keepalives + ("N" if self.nat.detected else "") + xauth
