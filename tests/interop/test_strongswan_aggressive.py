"""IKEv1 aggressive mode with strongSwan, both roles, by address and by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from ipsecplane.config import IkeIdentity, IsakmpKey, IsakmpPeer
from ipsecplane.ike.types import OutboundSasReady

from tests.interop.strongswan import missing
from tests.interop.test_strongswan_ike import RIGHT, SUITES, Peers, check_agreement

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"NOT RUN with strongSwan: {WHY_NOT}")

NAMES = [
    ("address", None, ""),
    ("fqdn", IkeIdentity("fqdn", "branch.example.com"), "fqdn:branch.example.com"),
    ("user-fqdn", IkeIdentity("user-fqdn", "me@example.com"), "userfqdn:me@example.com"),
    ("key-id", IkeIdentity("key-id", "unity"), "keyid:unity"),
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(("identity", "theirs"), [n[1:] for n in NAMES], ids=[n[0] for n in NAMES])
def test_as_initiator(
    identity: IkeIdentity | None, theirs: str, tmp_path: Path, stack: ExitStack
) -> None:
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.charon.load(replace(peers.connection, aggressive=True, remote_id=theirs))
    entry = IsakmpPeer(
        ip_network(f"{RIGHT}/32"), aggressive_password="1234", aggressive_endpoint=identity
    )
    peers.engine.reconfigure(replace(peers.config, keys=(), peers=(entry,)), peers.pump.now)
    peers.up()
    check_agreement(peers)
    assert "parsed AGGRESSIVE request 0 [ SA KE No ID" in peers.charon.log
    assert peers.engine.isakmp_sas()[0].remote_port == 4500, "encap = yes looks like a NAT"


@pytest.mark.parametrize(("identity", "theirs"), [n[1:] for n in NAMES], ids=[n[0] for n in NAMES])
def test_as_responder(
    identity: IkeIdentity | None, theirs: str, tmp_path: Path, stack: ExitStack
) -> None:
    peers = Peers(stack, tmp_path, SUITES[0])
    peers.charon.load(replace(peers.connection, aggressive=True, local_id=theirs))
    if identity is not None:
        key = IsakmpKey("1234", ip_network("255.255.255.255/32"), hostname=identity.value)
        peers.engine.reconfigure(replace(peers.config, keys=(key,)), peers.pump.now)
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "10")
    peers.until_event(OutboundSasReady)
    peers.until(lambda: command.poll() is not None)
    assert command.returncode == 0, command.communicate()[0]
    check_agreement(peers)
    assert not peers.sas().initiator
    assert "parsed AGGRESSIVE response 0 [ SA KE No ID HASH" in peers.charon.log
