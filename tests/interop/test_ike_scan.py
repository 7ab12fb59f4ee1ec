"""ike-scan against a responder on loopback: an enumerator's view of our first answer."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from ipsecplane.config import IsakmpKey, IsakmpPolicy
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import IkeConfig

from tests.interop.udp_pump import UdpPump

pytestmark = pytest.mark.skipif(
    shutil.which("ike-scan") is None, reason="NOT RUN with ike-scan: it is not installed"
)

POLICIES = (
    IsakmpPolicy(10, "AES-CBC", 32, "SHA", "pre-share", 14),
    IsakmpPolicy(20, "3DES-CBC", 24, "MD5", "pre-share", 2),
    IsakmpPolicy(30, "DES-CBC", 8, "SHA", "pre-share", 1),
)


class Responder:
    def __init__(self) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.port: int = udp.getsockname()[1]
        key = IsakmpKey("1234", ip_network("127.0.0.0/8"))
        self.config = IkeConfig(policies=POLICIES, keys=(key,))
        self.engine = Engine(self.config, random_bytes=os.urandom)
        self.pump = UdpPump(self.engine, [udp])

    def scan(self, *arguments: str) -> str:
        """What ike-scan prints about us."""
        command = ["ike-scan", f"--dport={self.port}", "--sport=0", "--retry=1", "--nodns"]
        process = subprocess.Popen(
            [*command, *arguments, "127.0.0.1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert self.pump.run_until(lambda: process.poll() is not None, 10)
        finally:
            process.kill()
        return process.communicate()[0]


@pytest.fixture
def responder() -> Iterator[Responder]:
    responder = Responder()
    yield responder
    responder.pump.close()


def offered(output: str) -> set[str]:
    """The attributes in ike-scan's line."""
    sa = re.search(r"SA=\((.*)\)", output)
    assert sa is not None, output
    return set(sa[1].split())


@pytest.mark.parametrize(
    ("transform", "shown"),
    [
        ("7/256,2,1,14", "Enc=AES KeyLength=256 Hash=SHA1 Group=14:modp2048 Auth=PSK"),
        ("5,1,1,2", "Enc=3DES Hash=MD5 Auth=PSK Group=2:modp1024"),
        ("1,2,1,1", "Enc=DES Hash=SHA1 Auth=PSK Group=1:modp768"),
    ],
)
def test_handshake(responder: Responder, transform: str, shown: str) -> None:
    output = responder.scan("--lifetime=3600", f"--trans={transform}")
    assert "Main Mode Handshake returned" in output
    assert set(shown.split()) <= offered(output)
    assert "LifeDuration(4)=0x00000e10" in output, "echoed in the form that it came in"
    assert "VID=afcad71368a1f1c96b8696fc77570100 (Dead Peer Detection v1.0)" in output


def test_its_default_proposals(responder: Responder) -> None:
    """Eight transforms; of those that fit one of our policies, our first priority is taken."""
    output = responder.scan()
    assert {"Enc=3DES", "Hash=MD5", "Group=2:modp1024", "Auth=PSK"} <= offered(output)


def test_refusal(responder: Responder) -> None:
    output = responder.scan("--trans=7/128,2,1,5")
    assert "Notify message 14 (NO-PROPOSAL-CHOSEN)" in output


def test_nat_traversal_is_answered_with_one_version(responder: Responder) -> None:
    output = responder.scan(
        "--trans=5,1,1,2",
        "--vendor=4a131c81070358455c5728f20e95452f",
        "--vendor=90cb80913ebb696e086381b5ec427b1f",
    )
    assert "VID=4a131c81070358455c5728f20e95452f (RFC 3947 NAT-T)" in output
    assert "90cb80913ebb696e086381b5ec427b1f" not in output


def test_aggressive_mode(responder: Responder) -> None:
    """Key by address; the answer holds the proof from which a weak key could be guessed."""
    output = responder.scan(
        "--aggressive", "--trans=5,1,1,2", "--dhgroup=2", "--id=test", "--multiline"
    )
    assert "Aggressive Mode Handshake returned" in output
    assert "KeyExchange(128 bytes)" in output
    assert "ID(Type=ID_IPV4_ADDR, Value=127.0.0.1)" in output
    assert "Hash(16 bytes)" in output
    assert "VID=afcad71368a1f1c96b8696fc77570100 (Dead Peer Detection v1.0)" in output


def test_aggressive_mode_in_a_group_of_no_policy(responder: Responder) -> None:
    output = responder.scan("--aggressive", "--trans=5,1,1,5", "--dhgroup=5", "--id=test")
    assert "Notify message 14 (NO-PROPOSAL-CHOSEN)" in output


def test_aggressive_mode_disabled(responder: Responder) -> None:
    responder.engine.reconfigure(replace(responder.config, aggressive_mode=False), 0.0)
    output = responder.scan("--aggressive", "--trans=5,1,1,2", "--dhgroup=2", "--id=test")
    assert "Notify message 7 (INVALID-EXCHANGE-TYPE)" in output
