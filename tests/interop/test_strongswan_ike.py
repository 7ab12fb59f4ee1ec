"""IKEv1 with strongSwan: both roles, several suites, rekeying and deletion from either side."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeVar

import pytest
from ipsecplane.config import IsakmpKey, IsakmpPolicy, TransformSet
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import (
    Event,
    IkeConfig,
    InboundSasReady,
    IpsecSas,
    IpsecSasDeleted,
    IsakmpSaDeleted,
    IsakmpSaEstablished,
    LogMessage,
    NegotiationFailed,
    OutboundSasReady,
    Phase2Policy,
    ProxyIdentity,
)

from tests.interop.lab import Lab
from tests.interop.strongswan import Connection, StrongSwan, missing
from tests.interop.udp_pump import UdpPump

E = TypeVar("E", bound=Event)
WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"NOT RUN with strongSwan: {WHY_NOT}")

LEFT, RIGHT = ip_address("10.1.1.1"), ip_address("10.1.1.2")
OUR_NET, THEIR_NET = "10.0.1.0/24", "10.0.2.0/24"


@dataclass(frozen=True)
class Suite:
    """Our names and strongSwan's for the same algorithms."""

    id: str
    policy: IsakmpPolicy
    transform_set: TransformSet
    ike: str
    esp: str
    pfs_group: int | None = None


def esp(cipher: str, key_size: int, integrity: str | None) -> TransformSet:
    return TransformSet("t", None, cipher, key_size, integrity)


SUITES = [
    Suite(
        "aes-sha1-group14",
        IsakmpPolicy(1, "AES-CBC", 16, "SHA", "pre-share", 14),
        esp("AES-CBC", 16, "HMAC-SHA1-96"),
        "aes128-sha1-modp2048",
        "aes128-sha1",
    ),
    Suite(  # the guide's
        "des-sha1-group1",
        IsakmpPolicy(1, "DES-CBC", 8, "SHA", "pre-share", 1),
        esp("DES-CBC", 8, "HMAC-SHA1-96"),
        "des-sha1-modp768",
        "des-sha1",
    ),
    Suite(
        "3des-md5-group2-pfs2",
        IsakmpPolicy(1, "3DES-CBC", 24, "MD5", "pre-share", 2),
        esp("3DES-CBC", 24, "HMAC-MD5-96"),
        "3des-md5-modp1024",
        "3des-md5-modp1024",
        2,
    ),
    Suite(
        "aes256-sha256-ecp256-pfs",
        IsakmpPolicy(1, "AES-CBC", 32, "SHA256", "pre-share", 19),
        esp("AES-CBC", 32, "HMAC-SHA2-256-128"),
        "aes256-sha256-ecp256",
        "aes256-sha256-ecp256",
        19,
    ),
    Suite(
        "aes192-sha384-ecp384-pfs",
        IsakmpPolicy(1, "AES-CBC", 24, "SHA384", "pre-share", 20),
        esp("AES-CBC", 24, "HMAC-SHA2-384-192"),
        "aes192-sha384-ecp384",
        "aes192-sha384-ecp384",
        20,
    ),
    Suite(
        "aes256-sha512-ecp521-gcm-pfs",
        IsakmpPolicy(1, "AES-CBC", 32, "SHA512", "pre-share", 21),
        esp("AES-GCM", 32, None),
        "aes256-sha512-ecp521",
        "aes256gcm16-ecp521",
        21,
    ),
    Suite(
        "aes128-sha256-group5-pfs15",
        IsakmpPolicy(1, "AES-CBC", 16, "SHA256", "pre-share", 5),
        esp("AES-CBC", 16, "HMAC-SHA2-512-256"),
        "aes128-sha256-modp1536",
        "aes128-sha512-modp3072",
        15,
    ),
    Suite(
        "3des-sha1-group16-null",
        IsakmpPolicy(1, "3DES-CBC", 24, "SHA", "pre-share", 16),
        esp("NULL", 0, "HMAC-SHA1-96"),
        "3des-sha1-modp4096",
        "null-sha1",
    ),
]


def bound(port: int) -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((str(LEFT), port))
    return udp


class Peers:
    """An engine on real sockets and a charon, on both ends of a veth pair."""

    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        suite: Suite,
        secret: str = "1234",
        wall_time: Callable[[float], datetime] = lambda _: datetime.now(UTC),
    ) -> None:
        lab = stack.enter_context(Lab())
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.cable(left, "eth0", right, "eth0")
        left.address("eth0", f"{LEFT}/24")
        right.address("eth0", f"{RIGHT}/24")
        right.address("lo", "10.0.2.2/24")
        self.connection = Connection(
            str(RIGHT), str(LEFT), THEIR_NET, OUR_NET, secret, suite.ike, suite.esp
        )
        self.charon = StrongSwan(right, folder, log_level=4)
        self.charon.start(self.connection)
        self.policy = Phase2Policy(
            "map 10",
            1,
            (RIGHT,),
            ProxyIdentity(ip_network(OUR_NET)),
            ProxyIdentity(ip_network(THEIR_NET)),
            (suite.transform_set,),
            pfs_group=suite.pfs_group,
        )
        self.config = IkeConfig(
            policies=(suite.policy,),
            keys=(IsakmpKey("1234", ip_network(f"{RIGHT}/32")),),
            phase2=(self.policy,),
            retransmit_interval=1.0,
        )
        self.engine = Engine(self.config, random_bytes=os.urandom, wall_time=wall_time)
        self.pump = UdpPump(
            self.engine, [left.inside(lambda port=port: bound(port)) for port in (500, 4500)]
        )
        stack.callback(self.pump.close)

    def initiate(self) -> None:
        self.engine.initiate(self.policy, local=LEFT, peer=RIGHT, now=self.pump.now)

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        if not self.pump.run_until(condition, seconds):
            raise AssertionError(
                "\n".join(str(event) for event in self.pump.events) + self.charon.log[-5000:]
            )

    def until_event(self, kind: type[Event], count: int = 1) -> None:
        self.until(lambda: len(self.of(kind)) >= count)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.pump.events if isinstance(event, kind)]

    def sas(self) -> IpsecSas:
        return [event.sas for event in self.pump.events if isinstance(event, OutboundSasReady)][-1]

    def charon_shows(self, *patterns: str) -> bool:
        listed = self.charon.sas()
        return all(re.search(pattern, listed) for pattern in patterns)

    def up(self) -> None:
        """As initiator, both phases."""
        self.initiate()
        self.until_event(OutboundSasReady)
        self.until(lambda: self.charon_shows("ESTABLISHED", "INSTALLED"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def logged_keys(log: str, label: str) -> list[bytes]:
    """Keys that charon derived, as its log dumps them at level 4."""
    found: list[bytes] = []
    lines = log.splitlines()
    for at, line in enumerate(lines):
        match = re.search(label + r" => (\d+) bytes", line)
        if match is None:
            continue
        data = b""
        for dump in lines[at + 1 :]:
            hexes = re.search(r"\d+: ((?:[0-9A-F]{2} )+)", dump)
            if hexes is None or len(data) >= int(match[1]):
                break
            data += bytes.fromhex(hexes[1])
        found.append(data[: int(match[1])])
    return found


def check_agreement(peers: Peers) -> None:
    """SPIs crosswise, and the very keys that charon derived, for both directions."""
    part = peers.sas().esp
    assert part is not None
    assert peers.sas().udp_encapsulation
    assert peers.charon_shows(f"in +{part.outbound_spi:08x}", f"out +{part.inbound_spi:08x}")
    log = peers.charon.log
    ours, theirs = ("initiator", "responder")
    if not peers.sas().initiator:
        ours, theirs = theirs, ours
    for kind, outbound, inbound in (
        (
            "encryption",
            part.outbound_cipher_key + part.outbound_salt,
            part.inbound_cipher_key + part.inbound_salt,
        ),
        ("integrity", part.outbound_integrity_key, part.inbound_integrity_key),
    ):
        if outbound:
            assert logged_keys(log, f"{kind} {ours} key")[-1:] == [outbound]
            assert logged_keys(log, f"{kind} {theirs} key")[-1:] == [inbound]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.id)
def test_as_initiator(suite: Suite, tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, suite)
    peers.up()
    check_agreement(peers)
    assert [type(e) for e in peers.pump.events if not hasattr(e, "text")] == [
        IsakmpSaEstablished,
        InboundSasReady,
        OutboundSasReady,
    ]
    assert peers.engine.isakmp_sas()[0].remote_port == 4500


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.id)
def test_as_responder(suite: Suite, tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, suite)
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "10")
    peers.until_event(OutboundSasReady)
    peers.until(lambda: command.poll() is not None)
    assert command.returncode == 0, command.communicate()[0]
    check_agreement(peers)
    assert not peers.sas().initiator


def test_their_rekeying(tmp_path: Path, stack: ExitStack) -> None:
    """Of the child and of the IKE SA (which strongSwan does by a new main mode)."""
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.up()
    first = peers.sas()
    peers.charon.start_swanctl("--rekey", "--child", "net")
    peers.until_event(OutboundSasReady, 2)
    second = peers.sas()
    assert second.id != first.id
    assert not second.initiator
    peers.until(lambda: check_spis(peers, second))
    peers.charon.start_swanctl("--rekey", "--ike", "peer")
    peers.until_event(IsakmpSaEstablished, 2)
    assert len([sa for sa in peers.engine.isakmp_sas() if not sa.deleted]) >= 1


def check_spis(peers: Peers, sas: IpsecSas) -> bool:
    part = sas.esp
    assert part is not None
    return peers.charon_shows(f"in +{part.outbound_spi:08x}", f"out +{part.inbound_spi:08x}")


def test_our_rekeying(tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.up()
    first = peers.sas()
    peers.engine.initiate(
        peers.policy, local=LEFT, peer=RIGHT, now=peers.pump.now, replaces=first.id
    )
    peers.until_event(OutboundSasReady, 2)
    peers.until(lambda: check_spis(peers, peers.sas()))
    peers.engine.delete_sas(first, peers.pump.now)
    assert first.esp is not None
    old = f"{first.esp.outbound_spi:08x}"
    peers.until(lambda: not peers.charon_shows(old))
    assert check_spis(peers, peers.sas())


def test_they_delete(tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.up()
    part = peers.sas().esp
    assert part is not None
    peers.charon.start_swanctl("--terminate", "--child", "net")
    peers.until_event(IpsecSasDeleted)
    deleted = IpsecSasDeleted(RIGHT, ((50, part.outbound_spi),), remote_port=4500)
    assert peers.of(IpsecSasDeleted) == [deleted]
    peers.charon.start_swanctl("--terminate", "--ike", "peer")
    peers.until_event(IsakmpSaDeleted)
    assert [sa.deleted for sa in peers.engine.isakmp_sas()] == [True]


def test_we_delete(tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.up()
    peers.engine.delete_sas(peers.sas(), peers.pump.now)
    peers.until(lambda: not peers.charon_shows("INSTALLED"))
    assert peers.charon_shows("ESTABLISHED")
    assert peers.engine.delete_isakmp(None, peers.pump.now)
    peers.until(lambda: not peers.charon_shows("peer"))


def test_invalid_spi_is_understood(tmp_path: Path, stack: ExitStack) -> None:
    """strongSwan parses and authenticates our notification (it only logs it)."""
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.up()
    peers.engine.notify_invalid_spi(RIGHT, LEFT, 50, 0xC0FFEE00, peers.pump.now)
    peers.until(lambda: "received INVALID_SPI" in peers.charon.log)


def test_dead_peer_detection(tmp_path: Path, stack: ExitStack) -> None:
    """charon asks with R-U-THERE (RFC 3706) and is answered."""
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.charon.load(replace(peers.connection, dpd="1s"))
    peers.up()
    peers.until(lambda: "N(DPD_ACK)" in peers.charon.log)


@pytest.mark.parametrize("we_initiate", [True, False])
def test_wrong_key(we_initiate: bool, tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, SUITES[0], secret="other")
    if we_initiate:
        peers.initiate()
        peers.until(lambda: "could not decrypt payloads" in peers.charon.log)
        assert peers.of(IsakmpSaEstablished) == []
        return
    peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "3")
    text = "IKE message from 10.1.1.2 failed its sanity check or is malformed"
    expected = LogMessage("CRYPTO", 4, "IKMP_BAD_MESSAGE", text)
    peers.until(lambda: expected in peers.of(LogMessage))


def test_no_common_policy(tmp_path: Path, stack: ExitStack) -> None:
    """Phase 1: theirs is refused; Phase 2: their refusal ends our quick mode at once."""
    other = Suite(
        "mismatch", SUITES[1].policy, SUITES[0].transform_set, SUITES[0].ike, SUITES[0].esp
    )
    peers = Peers(stack, tmp_path, other)
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "5")
    peers.until(lambda: "NO_PROPOSAL_CHOSEN" in peers.charon.log)
    peers.until(lambda: command.poll() is not None)
    assert command.returncode != 0


def test_no_common_transform(tmp_path: Path, stack: ExitStack) -> None:
    other = Suite(
        "mismatch2", SUITES[0].policy, SUITES[2].transform_set, SUITES[0].ike, SUITES[0].esp
    )
    peers = Peers(stack, tmp_path, other)
    peers.initiate()
    peers.until_event(NegotiationFailed)
    assert peers.of(NegotiationFailed) == [
        NegotiationFailed(RIGHT, 1, "peer sent NO_PROPOSAL_CHOSEN")
    ]
