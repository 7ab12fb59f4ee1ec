"""IKEv1 with RSA signatures against strongSwan (`auth = pubkey`), both roles, both modes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ipsecplane.config import IkeIdentity, IsakmpPeer, IsakmpPolicy
from ipsecplane.ike.types import (
    ClientConnected,
    GroupTerms,
    LogMessage,
    OutboundSasReady,
    ProxyIdentity,
    RemoteAccess,
)

from tests.ike.authority import NOW, certificate, key, trustpoint
from tests.interop.strongswan import missing
from tests.interop.test_strongswan_ike import LEFT, RIGHT, SUITES, Peers, check_agreement

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"NOT RUN with strongSwan: {WHY_NOT}")

POLICY = IsakmpPolicy(1, "AES-CBC", 16, "SHA", "rsa-sig", 14)
OUR_NAME, THEIR_NAME = "O=ipsecplane, CN=left", "O=ipsecplane, CN=right"
# charon looks at the machine's clock: certificates for it are valid for longer than the tests.
LONG = {"begins": -3650.0, "ends": 36500.0}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def certified(
    stack: ExitStack,
    folder: Path,
    *,
    aggressive: bool,
    identity: IkeIdentity,
    by: str = "Roots",
    unit: str = "",
) -> Peers:
    """charon is certified by "Roots"; we by `by`."""
    peers = Peers(stack, folder, SUITES[0], wall_time=lambda at: NOW + timedelta(seconds=at))
    root = certificate("Roots", "Roots", authority=True, **LONG)
    theirs = certificate("right", "Roots", str(RIGHT), unit=unit, **LONG)
    secret = key("right").private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    pems = [one.public_bytes(Encoding.PEM) for one in (root, theirs)]
    peers.charon.credentials(*pems, secret)
    ours = OUR_NAME if identity.kind == "dn" else str(LEFT)
    peers.charon.load(
        replace(
            peers.connection,
            auth="pubkey",
            aggressive=aggressive,
            local_id=THEIR_NAME,
            remote_id=ours,
        )
    )
    own = trustpoint("left", str(LEFT), authority=by, **LONG)  # type: ignore[arg-type]
    begin = IsakmpPeer(ip_network(f"{RIGHT}/32"), aggressive_endpoint=identity)
    peers.engine.reconfigure(
        replace(
            peers.config,
            policies=(POLICY,),
            keys=(),
            trustpoints=(own,),
            identity=identity,
            peers=(begin,) if aggressive else (),
        ),
        peers.pump.now,
    )
    return peers


IDENTITIES = [IkeIdentity("dn", ""), IkeIdentity("address", str(LEFT))]


@pytest.mark.parametrize("aggressive", [False, True], ids=["main", "aggressive"])
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.kind)
def test_as_initiator(
    aggressive: bool, identity: IkeIdentity, tmp_path: Path, stack: ExitStack
) -> None:
    peers = certified(stack, tmp_path, aggressive=aggressive, identity=identity)
    peers.up()
    check_agreement(peers)
    assert "received end entity cert" in peers.charon.log
    assert "with RSA_EMSA_PKCS1_NULL successful" in peers.charon.log


@pytest.mark.parametrize("aggressive", [False, True], ids=["main", "aggressive"])
def test_as_responder(aggressive: bool, tmp_path: Path, stack: ExitStack) -> None:
    peers = certified(stack, tmp_path, aggressive=aggressive, identity=IDENTITIES[0])
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "10")
    peers.until_event(OutboundSasReady)
    peers.until(lambda: command.poll() is not None)
    assert command.returncode == 0, command.communicate()[0]
    check_agreement(peers)
    assert not peers.sas().initiator


def test_as_a_client_of_easy_vpn(tmp_path: Path, stack: ExitStack) -> None:
    """Its group is in its certificate; it asks for an address, and has SAs for that."""
    peers = certified(stack, tmp_path, aggressive=False, identity=IDENTITIES[0], unit="unity")
    peers.charon.load(
        replace(
            peers.connection,
            auth="pubkey",
            local_id="O=ipsecplane, OU=unity, CN=right",
            remote_id=OUR_NAME,
            local_ts="dynamic",
            asks_address=True,
        )
    )
    group = GroupTerms("unity", "", ((IPv4Address("10.9.0.1"), IPv4Address("10.9.0.9")),))
    config = replace(
        peers.engine._runtime.config,
        access=(RemoteAccess((LEFT,), (group,), None, respond=True),),
        phase2=(replace(peers.policy, remote=ProxyIdentity(ip_network("0.0.0.0/0"))),),
    )
    peers.engine.reconfigure(config, peers.pump.now)
    command = peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "10")
    peers.until_event(OutboundSasReady)
    peers.until(lambda: command.poll() is not None)
    assert command.returncode == 0, command.communicate()[0]
    (connected,) = peers.of(ClientConnected)
    assert (connected.group, str(connected.address)) == ("unity", "10.9.0.1")
    assert peers.charon_shows(r"local  '.*' @ \S+ \[10\.9\.0\.1\]", r"local  10\.9\.0\.1/32")
    check_agreement(peers)


def test_an_authority_that_we_do_not_know(tmp_path: Path, stack: ExitStack) -> None:
    peers = certified(stack, tmp_path, aggressive=False, identity=IDENTITIES[0], by="Elsewhere")
    peers.charon.start_swanctl("--initiate", "--child", "net", "--timeout", "3")
    peers.until(lambda: bool(peers.of(LogMessage)))
    assert peers.of(OutboundSasReady) == []
