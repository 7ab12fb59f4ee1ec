"""Checksums against scapy, hashes against their definitions, both against BMv2."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ipsecsim.switch import hashes
from scapy.layers.inet import IP, UDP
from scapy.utils import checksum

from tests.switch.targets import Both, run_frame

UNCHECKED, PLAIN, TTL, PORT = 1, 0, 2, 3


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both("checksums")
    yield pair
    pair.close()


def datagram(payload: bytes = b"odd", **ip: Any) -> bytes:
    return bytes(IP(**ip) / UDP(sport=1000, dport=2000) / payload)


@dataclass(frozen=True, slots=True)
class Hashes:
    crc16: int
    crc32: int
    csum16: int
    xor16: int
    identity: int
    bounded: int
    wrong: int

    @classmethod
    def of(cls, frame: bytes) -> Hashes:
        return cls(*struct.unpack("!HIHHIHB", frame[4:21]))


def _answer(both: Both, test: int, packet: bytes) -> tuple[Hashes, bytes]:
    ((port, frame),) = both.one(run_frame(test, packet))
    assert port == 2
    return Hashes.of(frame), frame[21:]


@pytest.mark.parametrize("payload", [b"", b"odd", b"even", bytes(1000), b"\xff" * 33])
def test_udp_and_ip_checksums(both: Both, payload: bytes) -> None:
    packet = datagram(src="10.1.2.3", dst="10.4.5.6", payload=payload)
    assert _answer(both, PLAIN, packet)[0].wrong == 0
    assert _answer(both, TTL, packet)[1] == datagram(
        src="10.1.2.3", dst="10.4.5.6", ttl=63, payload=payload
    )
    sent = IP(_answer(both, PORT, packet)[1])
    changed = IP(packet)
    changed[UDP].dport = 4500
    del changed[UDP].chksum
    assert bytes(sent) == bytes(changed)


def test_damage_is_found(both: Both) -> None:
    packet = datagram(payload=b"some payload")
    for at in (8, 12, 19, 21, 30, len(packet) - 1):
        damaged = packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1 :]
        answer, sent = _answer(both, PLAIN, damaged)
        assert answer.wrong == 1
        assert sent == damaged, "verification changes nothing"
    without = packet[:26] + b"\0\0" + packet[28:-1] + b"?"
    assert _answer(both, PLAIN, without)[0].wrong == 0, "UDP checksum 0 is no checksum"


def test_conditions(both: Both) -> None:
    wrong = datagram(chksum=0x1234)
    assert _answer(both, PLAIN, wrong)[0].wrong == 1
    answer, sent = _answer(both, UNCHECKED, wrong)
    assert (answer.wrong, sent) == (0, wrong)


def test_hashes(both: Both) -> None:
    packet = datagram(src="192.168.7.9", dst="10.0.0.1", ttl=17)
    src, dst = packet[12:16], packet[16:20]
    got, _ = _answer(both, PLAIN, packet)
    assert got.crc32 == zlib.crc32(src + packet[6:8] + packet[20:22])
    # src, four bits of version, dst: bits are laid end to end and filled up with zeros.
    shifted = (int.from_bytes(dst, "big") << 4 | 4 << 36).to_bytes(5, "big")
    assert got.csum16 == checksum(src + shifted)
    words = struct.unpack("!4H", src + dst)
    assert got.xor16 == words[0] ^ words[1] ^ words[2] ^ words[3] ^ 17 << 8
    assert got.identity == 17 << 8 | 17
    assert got.bounded == 100 + zlib.crc32(src + dst) % 10


def test_checksum_of_a_header_that_is_not_there(both: Both) -> None:
    packet = bytes(IP(src="1.2.3.4", proto=50)) + b"no UDP here"
    # BMv2's hashes see what the packet before left in the header: the embedded switch alone.
    (frame,) = both.embedded.run([(1, run_frame(TTL, packet))])[2]
    got, sent = Hashes.of(frame), frame[21:]
    assert got.wrong == 0
    assert sent == bytes(IP(src="1.2.3.4", proto=50, ttl=63)) + b"no UDP here"


def test_random_packets_as_bmv2(both: Both) -> None:
    rng = random.Random(7)
    frames = []
    for number in range(200):
        packet = bytearray(datagram(payload=rng.randbytes(rng.randrange(50))))
        packet[12:20] = rng.randbytes(8)
        if rng.random() < 0.5:
            packet[8] = rng.randrange(256)
        frames.append((1, run_frame(rng.randrange(4), bytes(packet), number=number)))
    assert len(both.run(frames)[2]) == 200


# -- the functions -----------------------------------------------------------------------------

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The check values of the CRC catalogue.
        ("crc16", 0xBB3D),
        ("crc32", 0xCBF43926),
        ("crcCCITT", 0x29B1),
        ("crc8_custom", 0xF4),
        # xxHash's specification: XXH64 with seed 0.
        ("xxh64", 0x8CB841DB40E6AE83),
    ],
)
def test_check_values(name: str, expected: int) -> None:
    assert hashes.HASHES[name](CHECK) == expected


def test_xxh64_of_nothing_and_of_much() -> None:
    assert hashes.xxh64(b"") == 0xEF46DB3751D8E999
    assert hashes.xxh64(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0", b"\xff\xff", b"\x01", b"abc", bytes(20)])
def test_csum16(data: bytes) -> None:
    assert hashes.csum16(data) == checksum(data)
