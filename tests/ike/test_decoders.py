"""Our messages read by decoders that are not ours: scapy's ISAKMP layer, Wireshark's dissector."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ipsecplane.config import IsakmpPolicy
from ipsecplane.ike import messages
from ipsecplane.ike.payloads import Header
from ipsecplane.ike.types import OutboundSasReady
from scapy.layers.inet import IP, UDP
from scapy.layers.isakmp import (
    ISAKMP,
    ISAKMP_payload_Hash,
    ISAKMP_payload_ID,
    ISAKMP_payload_KE,
    ISAKMP_payload_Nonce,
    ISAKMP_payload_SA,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import wrpcap

from tests.ike.world import (
    AES_SET,
    A,
    B,
    World,
    config,
    guide_world,
    modern_world,
    parts,
    phase2,
)


def negotiate(wire: World) -> World:
    policy = wire.a.engine._runtime.config.phase2[0]
    wire.initiate(wire.a, policy)
    wire.settle()
    return wire


def opened_quick_mode(wire: World) -> bytes:
    """QM1 with its payloads in clear and the encryption flag taken back."""
    sa = next(iter(wire.a.engine._phase1))
    data = wire.sent[6].payload
    header = Header.decode(data)
    keys = sa.phase1_keys()
    message = messages.open_sealed(
        keys, keys.phase2_iv(sa.last_block, header.message_id), header, data
    )
    return message.data[:19] + b"\0" + message.data[20:]


def test_scapy_reads_the_first_message() -> None:
    packet = ISAKMP(negotiate(guide_world()[0]).sent[0].payload)
    assert packet.exch_type == 2
    assert packet.resp_cookie == bytes(8)
    transforms = packet[ISAKMP_payload_SA].prop[0].trans
    assert transforms[0].transforms == [
        ("Encryption", "DES-CBC"),
        ("Hash", "SHA"),
        ("GroupDesc", "768MODPgr"),
        ("Authentication", "PSK"),
        ("LifeType", "Seconds"),
        ("LifeDuration", 180),
    ]


def test_scapy_reads_several_policies() -> None:
    isakmp = (
        IsakmpPolicy(10, "AES-CBC", 32, "SHA256", "pre-share", 14),
        IsakmpPolicy(20, "3DES-CBC", 24, "MD5", "pre-share", 2, 3600),
    )
    a, b = phase2(B, "10.0.0.1", "10.0.2.2"), phase2(A, "10.0.2.2", "10.0.0.1")
    wire = negotiate(World(config(B, a, isakmp=isakmp), config(A, b, isakmp=isakmp)))
    proposal = ISAKMP(wire.sent[0].payload)[ISAKMP_payload_SA].prop[0]
    assert proposal.trans_nb == 2
    first, second = (dict(t.transforms) for t in _transforms(proposal))
    assert first["Encryption"] == "AES-CBC"
    assert first["KeyLength"] == 256
    assert first["Hash"] == "SHA2-256"
    assert first["GroupDesc"] == "2048MODPgr"
    assert first["LifeDuration"] == 86400
    assert second["Encryption"] == "3DES-CBC"
    assert second["Hash"] == "MD5"


def _transforms(proposal: Packet) -> list[Packet]:
    return _layers(proposal.trans[0])


def test_scapy_reads_the_key_exchange() -> None:
    third = ISAKMP(negotiate(guide_world()[0]).sent[2].payload)
    assert len(third[ISAKMP_payload_KE].ke) == 96
    assert len(third[ISAKMP_payload_Nonce].nonce) == 20


def test_scapy_reads_quick_mode() -> None:
    wire = negotiate(modern_world()[0])
    packet = ISAKMP(opened_quick_mode(wire))
    assert packet.exch_type == 32
    assert len(packet[ISAKMP_payload_Hash].hash) == 32
    proposal = packet[ISAKMP_payload_SA].prop[0]
    esp = wire.a.of(OutboundSasReady)[0].sas.esp
    assert esp is not None
    assert proposal.proto == 3
    assert esp.inbound_spi.to_bytes(4) == proposal.SPI
    identities = [layer for layer in _layers(packet) if isinstance(layer, ISAKMP_payload_ID)]
    assert [layer.IDtype for layer in identities] == [4, 4]


def _layers(packet: Packet) -> list[Packet]:
    found = []
    while packet:
        found.append(packet)
        packet = packet.payload
    return found


def write_capture(wire: World, path: Path) -> None:
    frames = []
    for number, datagram in enumerate(wire.sent):
        marker = bytes(4) if datagram.local_port == 4500 else b""
        frame = (
            Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            / IP(src=str(datagram.local), dst=str(datagram.remote))
            / UDP(sport=datagram.local_port, dport=datagram.remote_port)
            / (marker + datagram.payload)
        )
        frame.time = number
        frames.append(frame)
    wrpcap(str(path), frames)


def dissect(wire: World, path: Path, *fields: str) -> list[list[str]]:
    """tshark's fields, a row a message, with the key table made from what the engine shows."""
    write_capture(wire, path)
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=;"]
    for view in wire.a.engine.isakmp_sas():
        cookie, key = view.initiator_cookie.hex(), view.encryption_key.hex()
        command += ["-o", f"uat:ikev1_decryption_table:{cookie},{key}"]
    for field in (*fields, "_ws.malformed"):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split(";") for line in done.stdout.splitlines()]
    assert all(row[-1] == "" for row in rows), done.stdout
    return [row[:-1] for row in rows]


needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="NOT RUN with Wireshark's dissector: no tshark"
)


@needs_tshark
@pytest.mark.parametrize(
    "isakmp",
    [
        IsakmpPolicy(1, "DES-CBC", 8, "SHA", "pre-share", 1, 180),
        IsakmpPolicy(1, "3DES-CBC", 24, "MD5", "pre-share", 2),
        IsakmpPolicy(1, "AES-CBC", 16, "SHA", "pre-share", 14),
        IsakmpPolicy(1, "AES-CBC", 32, "SHA256", "pre-share", 19),
    ],
    ids=lambda policy: f"{policy.encryption}{policy.key_size}",
)
def test_wireshark_decrypts_everything(isakmp: IsakmpPolicy, tmp_path: Path) -> None:
    a = phase2(B, "10.0.0.1", "10.0.2.2", pfs=2)
    b = phase2(A, "10.0.2.2", "10.0.0.1", pfs=2)
    wire = World(config(B, a, isakmp=(isakmp,)), config(A, b, isakmp=(isakmp,)))
    negotiate(wire)
    sas = wire.a.of(OutboundSasReady)[0].sas
    wire.a.engine.notify_invalid_spi(B, A, 51, 0x1214F0D, wire.now)
    wire.flush()
    wire.a.engine.delete_sas(sas, wire.now)
    wire.a.engine.delete_isakmp(None, wire.now)
    wire.flush()
    rows = dissect(
        wire,
        tmp_path / "ike.pcap",
        "isakmp.exchangetype",
        "isakmp.typepayload",
        "isakmp.spi",
        "isakmp.id.data.ipv4_addr",
        "isakmp.delete.spi",
    )
    kinds = [(row[0], row[1]) for row in rows]
    assert kinds[4] == ("2", "5,8,11"), "identification, hash, INITIAL-CONTACT"
    assert kinds[5] == ("2", "5,8")
    assert kinds[6][1].startswith("8,1,2,3,2,3"), "hash, SA with two proposals"
    assert kinds[6] == kinds[7] == ("32", "8,1,2,3,2,3,10,4,5,5")
    assert kinds[8] == ("32", "8")
    assert kinds[9:] == [("5", "8,11"), ("5", "8,12,12"), ("5", "8,12")]
    ours = [f"{part.inbound_spi:08x}" for part in parts(sas)]
    theirs = [f"{part.outbound_spi:08x}" for part in parts(sas)]
    assert rows[6][2].split(",") == ours
    assert rows[7][2].split(",") == theirs
    assert rows[6][3].split(",") == ["10.0.0.1", "10.0.2.2"]
    assert rows[9][2] == "01214f0d"
    assert rows[10][4].split(",") == ours


@needs_tshark
def test_wireshark_names_what_we_offer(tmp_path: Path) -> None:
    """Attributes of both phases by their registry names."""
    wire = negotiate(modern_world(AES_SET, pfs=14)[0])
    write_capture(wire, tmp_path / "ike.pcap")
    view = wire.a.engine.isakmp_sas()[0]
    key = f"{view.initiator_cookie.hex()},{view.encryption_key.hex()}"
    text = subprocess.run(
        ["tshark", "-r", str(tmp_path / "ike.pcap"), "-V", "-O", "isakmp",
         "-o", f"uat:ikev1_decryption_table:{key}"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    for expected in (
        "Encryption-Algorithm: AES-CBC",
        "Key-Length: 256",
        "Hash-Algorithm: SHA2-256",
        "Group-Description: 256-bit random ECP group",
        "Authentication-Method: Pre-shared key",
        "Vendor ID: RFC 3947 Negotiation of NAT-Traversal in the IKE",
        "Vendor ID: RFC 3706 DPD (Dead Peer Detection)",
        "NAT-D (RFC 3947)",
        "INITIAL-CONTACT",
        "Transform ID: AES (12)",
        "Encapsulation-Mode: Tunnel",
        "Authentication-Algorithm: HMAC-SHA",
        "SA-Life-Type: Kilobytes",
        "Group-Description: 2048 bit MODP group",
        "10.0.1.0/255.255.255.0",
    ):
        assert expected in text, expected
