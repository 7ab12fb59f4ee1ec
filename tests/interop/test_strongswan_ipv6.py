"""IKEv1 over IPv6 with strongSwan: what a tunnel interface negotiates, as either role.

Its key is in a keyring under an ISAKMP profile (guide chapter 9).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from ipsecplane.config import (
    IdentityMatch,
    IkeIdentity,
    IsakmpKey,
    IsakmpPolicy,
    IsakmpProfile,
    Keyring,
    TransformSet,
)
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import IkeConfig, IpsecSas, OutboundSasReady, Phase2Policy, ProxyIdentity

from tests.interop.lab import Lab
from tests.interop.strongswan import Connection, StrongSwan, missing
from tests.interop.udp_pump import UdpPump

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"NOT RUN with strongSwan: {WHY_NOT}")

LEFT, RIGHT = ip_address("2001:db8::1"), ip_address("2001:db8::2")
ALL = ProxyIdentity(ip_network("::/0"))


class Peers:
    """An engine on real sockets and a charon, on both ends of a veth pair."""

    def __init__(self, stack: ExitStack, folder: Path, self_identity: IkeIdentity | None) -> None:
        lab = stack.enter_context(Lab())
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.cable(left, "eth0", right, "eth0")
        left.address("eth0", f"{LEFT}/64")
        right.address("eth0", f"{RIGHT}/64")
        name = f"{self_identity.kind}:{self_identity.value}" if self_identity else ""
        connection = Connection(
            str(RIGHT), str(LEFT), "::/0", "::/0", "s3cret",
            "aes128-sha256-modp2048", "aes128-sha256", remote_id=name,
        )  # fmt: skip
        self.charon = StrongSwan(right, folder, log_level=1)
        self.charon.start(connection)
        self.policy = Phase2Policy(
            "Tunnel0-head-0 65537",
            1,
            (RIGHT,),
            ALL,
            ALL,
            (TransformSet("t", None, "AES-CBC", 16, "HMAC-SHA2-256-128"),),
            local_address=LEFT,
            isakmp_profile="prof",
            tunnel=True,
        )
        match = IdentityMatch("address", network=ip_network(f"{RIGHT}/128"))
        config = IkeConfig(
            policies=(IsakmpPolicy(1, "AES-CBC", 16, "SHA256", "pre-share", 14),),
            keyrings=(Keyring("ring", (IsakmpKey("s3cret", ip_network("2001:db8::/64")),)),),
            profiles=(IsakmpProfile("prof", self_identity, (match,), ("ring",)),),
            phase2=(self.policy,),
            retransmit_interval=1.0,
        )
        self.engine = Engine(config, random_bytes=os.urandom, wall_time=lambda _: datetime.now(UTC))
        self.pump = UdpPump(
            self.engine, [left.inside(lambda port=port: bound(port)) for port in (500, 4500)]
        )
        stack.callback(self.pump.close)

    def sas(self) -> IpsecSas:
        def ready() -> list[IpsecSas]:
            return [e.sas for e in self.pump.events if isinstance(e, OutboundSasReady)]

        if not self.pump.run_until(lambda: bool(ready())):
            raise AssertionError(f"{self.pump.events} {self.charon.log[-5000:]}")
        return ready()[-1]


def bound(port: int) -> socket.socket:
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind((str(LEFT), port))
    return udp


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def check(peers: Peers, sas: IpsecSas) -> None:
    assert (sas.local_identity, sas.remote_identity) == (ALL, ALL)
    assert sas.esp is not None
    shown = peers.charon.sas()
    assert f"{sas.esp.outbound_spi:08x}" in shown
    assert f"{sas.esp.inbound_spi:08x}" in shown
    (ike,) = peers.engine.isakmp_sas()
    assert ike.profile == "prof"
    assert ike.peer_identity == IkeIdentity("address", str(RIGHT))


@pytest.mark.parametrize(
    "identity", [None, IkeIdentity("fqdn", "vti.example.com")], ids=["address", "fqdn"]
)
def test_as_initiator(identity: IkeIdentity | None, tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, identity)
    peers.engine.initiate(peers.policy, local=LEFT, peer=RIGHT, now=peers.pump.now)
    sas = peers.sas()
    peers.pump.run_until(lambda: "INSTALLED" in peers.charon.sas())
    check(peers, sas)


def test_as_responder(tmp_path: Path, stack: ExitStack) -> None:
    peers = Peers(stack, tmp_path, None)
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "10")
    sas = peers.sas()
    peers.pump.run_until(lambda: command.poll() is not None)
    assert command.returncode == 0, command.communicate()[0]
    assert not sas.initiator
    check(peers, sas)
