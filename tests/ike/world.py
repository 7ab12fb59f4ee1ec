"""Two engines on a virtual wire that delays, loses, repeats and reorders; one virtual clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import count
from typing import TypeVar

from ipsecplane.config import Address, IsakmpKey, IsakmpPolicy, TransformSet
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import (
    Datagram,
    DebugMessage,
    Event,
    IkeConfig,
    InboundSasReady,
    IpsecSas,
    IpsecSasDeleted,
    IsakmpSaView,
    LogMessage,
    OutboundSasReady,
    Phase2Policy,
    ProtocolSa,
    ProxyIdentity,
)

A, B = ip_address("10.1.1.1"), ip_address("10.2.2.2")
GUIDE_POLICY = IsakmpPolicy(1, authentication="pre-share", lifetime=180)
MODERN_POLICY = IsakmpPolicy(1, "AES-CBC", 32, "SHA256", "pre-share", 19)
GUIDE_SET = TransformSet("auth2", "HMAC-SHA1-96", "DES-CBC", 8, "HMAC-SHA1-96")
AES_SET = TransformSet("aes", None, "AES-CBC", 16, "HMAC-SHA1-96")

EventType = TypeVar("EventType", bound=Event)
Tap = Callable[[Datagram, "World"], list[Datagram]]


def phase2(
    peer: Address,
    local: str,
    remote: str,
    *sets: TransformSet,
    pfs: int | None = None,
    entry: int = 1,
    seconds: int = 3600,
    kilobytes: int = 4608000,
) -> Phase2Policy:
    return Phase2Policy(
        f"testtag1 {entry * 10}",
        entry,
        (peer,),
        ProxyIdentity(ip_network(local)),
        ProxyIdentity(ip_network(remote)),
        sets or (GUIDE_SET,),
        pfs_group=pfs,
        lifetime_seconds=seconds,
        lifetime_kilobytes=kilobytes,
    )


def config(
    peer: Address,
    *policies: Phase2Policy,
    isakmp: tuple[IsakmpPolicy, ...] = (MODERN_POLICY,),
    secret: str = "1234",
) -> IkeConfig:
    key = IsakmpKey(secret, ip_network(str(peer)))
    return IkeConfig(policies=isakmp, keys=(key,), phase2=policies, invalid_spi_recovery=True)


@dataclass
class Node:
    """One engine with all that it reported, and the SAs that an agent would have installed."""

    address: Address
    engine: Engine
    events: list[Event] = field(default_factory=list)
    inbound: dict[tuple[int, int], IpsecSas] = field(default_factory=dict)
    outbound: dict[tuple[int, int], IpsecSas] = field(default_factory=dict)

    def of(self, kind: type[EventType]) -> list[EventType]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def logs(self) -> list[str]:
        return [f"%{e.facility}-{e.severity}-{e.mnemonic}: {e.text}" for e in self.of(LogMessage)]

    @property
    def debugs(self) -> str:
        return "\n".join(event.text for event in self.of(DebugMessage))

    def take_events(self) -> None:
        for event in self.engine.events():
            self.events.append(event)
            if isinstance(event, InboundSasReady):
                for part in parts(event.sas):
                    self.inbound[part.protocol, part.inbound_spi] = event.sas
            elif isinstance(event, OutboundSasReady):
                for part in parts(event.sas):
                    self.outbound[part.protocol, part.outbound_spi] = event.sas
            elif isinstance(event, IpsecSasDeleted):
                for spi in event.outbound:
                    self.remove(spi)

    def remove(self, outbound: tuple[int, int]) -> None:
        """Both directions of the SAs that send to an SPI, installed completely or not."""
        for key, sas in list(self.inbound.items()):
            if outbound in [(p.protocol, p.outbound_spi) for p in parts(sas)]:
                del self.inbound[key]
        for key, sas in list(self.outbound.items()):
            if outbound in [(p.protocol, p.outbound_spi) for p in parts(sas)]:
                del self.outbound[key]

    def live(self) -> list[IsakmpSaView]:
        return [sa for sa in self.engine.isakmp_sas() if not sa.deleted]


def parts(sas: IpsecSas) -> list[ProtocolSa]:
    return [part for part in (sas.ah, sas.esp) if part is not None]


class World:
    """`tap`, when set, sees each datagram and says what goes on instead of it."""

    def __init__(
        self,
        a: IkeConfig,
        b: IkeConfig,
        *,
        seed: int = 0,
        latency: float = 0.01,
        jitter: float = 0.0,
        loss: float = 0.0,
        repeat: float = 0.0,
        start: datetime = datetime(2003, 3, 24, tzinfo=UTC),
    ) -> None:
        def wall_time(now: float) -> datetime:
            return start + timedelta(seconds=now)

        self.now = 0.0
        self.random = random.Random(seed)
        self.configs = (a, b)
        engines = [
            Engine(
                config,
                random_bytes=random.Random(seed * 2 + number).randbytes,
                wall_time=wall_time,
            )
            for number, config in enumerate(self.configs, start=1)
        ]
        self.a, self.b = Node(A, engines[0]), Node(B, engines[1])
        self.latency, self.jitter, self.loss, self.repeat = latency, jitter, loss, repeat
        self.tap: Tap | None = None
        self.sent: list[Datagram] = []
        self._wire: list[tuple[float, int, Datagram]] = []
        self._order = count()

    @property
    def nodes(self) -> tuple[Node, Node]:
        return self.a, self.b

    def initiate(self, node: Node, policy: Phase2Policy, replaces: int | None = None) -> None:
        node.engine.initiate(
            policy, local=node.address, peer=policy.peers[0], now=self.now, replaces=replaces
        )
        self.flush()

    def flush(self) -> None:
        """Take all engines' output and put it on the wire."""
        for node in self.nodes:
            node.take_events()
            for datagram in node.engine.datagrams_to_send():
                self.sent.append(datagram)
                for out in self.tap(datagram, self) if self.tap else [datagram]:
                    self.put(out)

    def put(self, datagram: Datagram) -> None:
        copies = 2 if self.random.random() < self.repeat else 1
        for _ in range(copies):
            if self.random.random() >= self.loss:
                delay = self.latency + self.random.random() * self.jitter
                heapq.heappush(self._wire, (self.now + delay, next(self._order), datagram))

    def deliver(self, datagram: Datagram) -> None:
        """Hand a datagram over as if it had arrived now."""
        for node in self.nodes:
            if datagram.remote == node.address:
                node.engine.receive(turned(datagram), self.now)
        self.flush()

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while True:
            times = [node.engine.next_timeout() for node in self.nodes]
            times += [self._wire[0][0]] if self._wire else []
            due = min((t for t in times if t is not None), default=None)
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            while self._wire and self._wire[0][0] <= self.now:
                self.deliver(heapq.heappop(self._wire)[2])
            for node in self.nodes:
                node.engine.handle_timeout(self.now)
            self.flush()
        self.now = end

    def settle(self) -> None:
        """Long enough for an undisturbed negotiation, too short for any retransmission."""
        self.run(5.0)


def turned(datagram: Datagram) -> Datagram:
    """From the sender's view to the receiver's."""
    return Datagram(
        datagram.remote,
        datagram.remote_port,
        datagram.local,
        datagram.local_port,
        datagram.payload,
    )


def altered(datagram: Datagram, payload: bytes) -> Datagram:
    return replace(datagram, payload=payload)


def check_pair(one: IpsecSas, other: IpsecSas) -> None:
    """Both ends of a negotiation agree: SPIs and keys crosswise, everything else equal."""
    for mine, theirs in zip(parts(one), parts(other), strict=True):
        assert (mine.protocol, mine.cipher, mine.integrity) == (
            theirs.protocol,
            theirs.cipher,
            theirs.integrity,
        )
        assert mine.inbound_spi == theirs.outbound_spi
        assert mine.outbound_spi == theirs.inbound_spi
        for name in ("cipher_key", "salt", "integrity_key"):
            assert getattr(mine, f"inbound_{name}") == getattr(theirs, f"outbound_{name}")
            assert getattr(mine, f"outbound_{name}") == getattr(theirs, f"inbound_{name}")
    assert one.local_identity == other.remote_identity
    assert one.remote_identity == other.local_identity
    for name in (
        "lifetime_seconds",
        "lifetime_kilobytes",
        "pfs_group",
        "transport",
        "udp_encapsulation",
    ):
        assert getattr(one, name) == getattr(other, name), name


def check_consistent(world: World) -> None:
    """Whoever sends to an SPI, the peer has it installed."""
    for node, peer in ((world.a, world.b), (world.b, world.a)):
        for (protocol, spi), sas in node.outbound.items():
            assert (protocol, spi) in peer.inbound, f"{node.address} sends to SPI {spi:#x} in vain"
            check_pair(sas, peer.inbound[protocol, spi])


def guide_world(**options: float) -> tuple[World, Phase2Policy, Phase2Policy]:
    """The guide's routers A and B (chapter 3)."""
    a = phase2(B, "10.0.0.1", "10.0.2.2")
    b = phase2(A, "10.0.2.2", "10.0.0.1")
    world = World(
        config(B, a, isakmp=(GUIDE_POLICY,)),
        config(A, b, isakmp=(GUIDE_POLICY,)),
        **options,  # type: ignore[arg-type]
    )
    return world, a, b


def modern_world(
    *sets: TransformSet, pfs: int | None = None, **options: float
) -> tuple[World, Phase2Policy, Phase2Policy]:
    """Fast algorithms, for tests of behaviour."""
    chosen = sets or (AES_SET,)
    a = phase2(B, "10.0.1.0/24", "10.0.2.0/24", *chosen, pfs=pfs)
    b = phase2(A, "10.0.2.0/24", "10.0.1.0/24", *chosen, pfs=pfs)
    world = World(config(B, a), config(A, b), **options)  # type: ignore[arg-type]
    return world, a, b
