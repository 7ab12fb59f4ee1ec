"""Every way of damage has its own reason, and nothing at all raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import CryptoHeader, Operation, Reason
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment

R = Reason


def inner(n: int = 30) -> bytes:
    return bytes(IP(src="10.0.0.1", dst="10.0.2.2", id=3) / UDP(sport=1, dport=2) / bytes(n))


def flip(packet: bytes, bit: int) -> bytes:
    changed = bytearray(packet)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


SUITES = [
    ("AES-GCM", ""), ("AES-CBC", "HMAC-SHA1-96"), ("DES-CBC", "HMAC-MD5-96"),
    ("NULL", "HMAC-SHA2-256-128"),
]  # fmt: skip


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("esn", [False, True])
def test_any_flipped_bit_of_esp(rig: Any, tunnel: Any, suite: tuple[str, str], esn: bool) -> None:
    """From the SPI on every bit is protected, and each field has its reason."""
    rig.install(tunnel(*suite, esn=esn))
    rig.store.outbound[1].sa.sequence = 100
    rig.store.inbound[1].sa.esp_window.accept(100)
    sealed = rig.seal(inner())
    for bit in range(160, len(sealed) * 8):
        at = bit // 8 - 20
        if at < 4:
            expected = {R.WRONG_SPI}
        elif at < 8:  # another number: a low one is old or seen, else the ICV tells
            expected = {R.BAD_ICV, R.TOO_OLD, R.REPLAYED}
        else:
            expected = {R.BAD_ICV}
        assert rig.refusal(flip(sealed, bit)) in expected, bit
    assert rig.refusal(sealed) is R.OK


@pytest.mark.parametrize("esp", [("", ""), ("DES-CBC", "HMAC-SHA1-96")])
@pytest.mark.parametrize("outer", [4, 6])
def test_any_flipped_bit_of_ah(rig: Any, tunnel: Any, esp: tuple[str, str], outer: int) -> None:
    """AH protects the outer header as well, but for what routers may change."""
    rig.install(tunnel(*esp, "HMAC-SHA1-96", outer=outer))
    rig.store.outbound[1].sa.sequence = 100
    rig.store.inbound[1].sa.ah_window.accept(100)
    sealed = rig.seal(inner())
    size = 20 if outer == 4 else 40
    mutable = {1, 6, 7, 8, 10, 11} if outer == 4 else {1, 2, 3, 7}
    for bit in range(len(sealed) * 8):
        reason = rig.refusal(flip(sealed, bit))
        at = bit // 8
        if at < size and (at in mutable or (outer == 6 and at == 0 and bit % 8 >= 4)):
            # Passing is right here; this was no replay before, so take it out of the window.
            assert reason in {R.OK, R.FRAGMENT}, bit
            rig.store.inbound[1].sa.ah_window._seen &= ~1
            rig.store.inbound[1].sa.esp_window._seen &= ~1
        elif at < size:
            expected = {R.BAD_ICV, R.MALFORMED_PACKET, R.WRONG_PROTOCOL, R.TRUNCATED}
            if at == 0:  # the header's length: AH is looked for elsewhere
                expected |= {R.WRONG_SPI, R.BAD_LENGTH}
            assert reason in expected, bit
        else:
            field = at - size
            expected = {R.BAD_ICV}
            if field == 1:
                expected = {R.BAD_LENGTH}
            elif 4 <= field < 8:
                expected = {R.WRONG_SPI}
            elif 8 <= field < 12:
                expected |= {R.TOO_OLD, R.REPLAYED}
            assert reason in expected, bit
    assert rig.refusal(sealed) is R.OK


def test_congestion_mark_on_not_ect(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM"))
    marked = bytearray(rig.seal(inner()))
    marked[1] |= 3
    assert rig.refusal(bytes(marked)) is R.BAD_ECN


def test_truncation(rig: Any, tunnel: Any) -> None:
    """Shorter packets whose headers agree: first the ICV fails, then there is no room for one."""
    bundle = ("DES-CBC", "", "HMAC-SHA1-96")
    for number, suite in enumerate((*SUITES[:2], bundle), 1):
        rig.install(tunnel(*suite), number)
        sealed = rig.seal(inner(), index=number)
        reasons = set()
        for length in range(20, len(sealed)):
            header = sealed[:2] + length.to_bytes(2, "big") + sealed[4:20]
            reasons.add(rig.refusal(header + sealed[20:length], index=number))
            # A packet that ends before its header says so is malformed.
            assert rig.refusal(sealed[:length], index=number) is R.MALFORMED_PACKET
        assert {R.TRUNCATED, R.BAD_ICV} <= reasons <= {R.TRUNCATED, R.BAD_ICV, R.BAD_LENGTH}


def remade(rig: Any, tunnel: Any, trailer: bytes, payload: bytes, transport: bool = False) -> R:
    """The reason for an authentic ESP packet with this plaintext."""
    sa = tunnel("NULL", "HMAC-SHA1-96", transport=transport)
    rig.install(sa, kind="MODIFY" if 1 in rig.store.outbound else "INSERT")
    rig.store.inbound[1].sa.esp_window._seen = 1
    rig.store.inbound[1].sa.esp_window.highest = 0
    transform = rig.store.outbound[1].sa.esp.transform
    sealed = transform.seal(sa.esp_spi, 5, payload + trailer)
    return rig.refusal(bytes(IP(src="10.1.1.1", dst="10.2.2.2", proto=50) / sealed))


def test_plaintext_checks(rig: Any, tunnel: Any) -> None:
    packet = inner(26)  # 54 octets: with the trailer a multiple of 4
    assert remade(rig, tunnel, bytes((0, 4)), packet) is R.OK
    assert remade(rig, tunnel, bytes((1, 2, 3, 4, 4, 4)), packet) is R.OK
    assert remade(rig, tunnel, bytes((1, 2, 3, 5, 4, 4)), packet) is R.BAD_PADDING
    assert remade(rig, tunnel, bytes((200, 4)), packet) is R.BAD_PADDING
    assert remade(rig, tunnel, bytes((1, 1, 4)), packet) is R.BAD_LENGTH
    assert remade(rig, tunnel, bytes((0, 17)), packet) is R.BAD_NEXT_HEADER
    assert remade(rig, tunnel, bytes((0, 41)), packet) is R.BAD_INNER
    assert remade(rig, tunnel, bytes((0, 4)), packet[:50]) is R.BAD_INNER
    assert remade(rig, tunnel, bytes((0, 4)), b"") is R.BAD_LENGTH
    assert remade(rig, tunnel, bytes((1, 2, 2, 4)), b"") is R.BAD_INNER
    # Traffic-flow padding behind the inner packet is cut (RFC 4303 section 2.7).
    assert remade(rig, tunnel, bytes(8) + bytes((0, 4)), packet) is R.OK


def test_traffic_flow_padding_is_cut(rig: Any, tunnel: Any) -> None:
    sa = rig.install(tunnel("AES-GCM"))
    transform = rig.store.outbound[1].sa.esp.transform
    sealed = transform.seal(sa.esp_spi, 5, inner(26) + bytes(40) + bytes((0, 4)))
    assert rig.open(bytes(IP(proto=50) / sealed)) == inner(26)


@pytest.mark.parametrize("transport", [False, True])
def test_dummy_packets_vanish(rig: Any, tunnel: Any, transport: bool) -> None:
    """RFC 4303 section 2.6: authentic, counted, and nothing comes out; once only."""
    sa = rig.install(tunnel("AES-GCM", transport=transport))
    transform = rig.store.outbound[1].sa.esp.transform
    sealed = transform.seal(sa.esp_spi, 5, bytes(38) + bytes((0, 59)))
    dummy = bytes(IP(src="10.1.1.1", dst="10.2.2.2", proto=50) / sealed)
    assert rig.decrypt(dummy) == []
    assert rig.refusal(dummy) is R.REPLAYED
    assert rig.store.inbound[1].entry.packets == 1


def test_wrong_protocol_and_fragments(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96"), 1)
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96", udp=True), 2)
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96"), 3)
    rig.install(tunnel(ah="HMAC-SHA1-96"), 4)
    packets = {n: rig.seal(inner(), index=n) for n in (1, 2, 3, 4)}
    for index in packets:
        for other, packet in packets.items():
            if index in (3, 4) and other in (3, 4):
                continue  # both start with AH
            if index != other:
                assert rig.refusal(packet, index=index) is R.WRONG_PROTOCOL
    ike = bytes(IP() / UDP(sport=4500, dport=4500) / bytes(40))
    assert rig.refusal(ike, index=2) is R.WRONG_PROTOCOL
    first = bytes(IP(flags="MF", proto=50) / bytes(64))
    assert rig.refusal(first) is R.FRAGMENT
    later = bytes(IPv6(src="::1", dst="::2") / IPv6ExtHdrFragment(nh=50, offset=3) / bytes(64))
    assert rig.refusal(later) is R.FRAGMENT
    runt = bytes(IP() / UDP(sport=4500, dport=4500) / b"\xff")
    assert rig.refusal(runt, index=2) is R.TRUNCATED


def test_transport_takes_no_fragments(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM", transport=True))
    for packet in (
        bytes(IP(frag=5) / bytes(64)),
        bytes(IPv6(src="::1", dst="::2") / IPv6ExtHdrFragment(nh=17, m=1) / bytes(64)),
    ):
        (answer,) = rig.encrypt(packet)
        assert (answer.reason, answer.packet) == (R.FRAGMENT, packet)


def test_who_is_asked(rig: Any, tunnel: Any) -> None:
    """Unknown SA, wrong epoch: for both directions, the packet comes back."""
    rig.install(tunnel("AES-GCM"))
    for operation in (Operation.ENCRYPT, Operation.DECRYPT):
        for options, reason in (
            ({"index": 9}, R.UNKNOWN_SA),
            ({"epoch": 8}, R.WRONG_EPOCH),
        ):
            (answer,) = rig.send(operation, inner(), **options)
            assert (answer.reason, answer.packet) == (reason, inner())
    (answer,) = rig.send(Operation.ENCRYPT, b"")
    assert answer.reason is R.MALFORMED_PACKET
    (answer,) = rig.send(Operation.ENCRYPT, bytes((0x45,)) + bytes(5), carried=b"abcdef")
    assert answer.reason is R.MALFORMED_PACKET


def test_malformed_requests(rig: Any) -> None:
    process = rig.accelerator.process
    ethernet = bytes.fromhex("02000000000102000000000288b5")
    header = CryptoHeader(Operation.ENCRYPT).encode()
    for first in (0x21, 0x10, 0x14):  # version 2, operations 0 and 4
        (answer,) = process(ethernet + bytes((first,)) + header[1:] + b"x", 0.0)
        assert answer[14:16] == bytes((first | 8, R.BAD_HEADER))
        assert answer[46:] == b"x"
        assert answer[:12] == ethernet[6:12] + ethernet[:6]
    (answer,) = process(ethernet + header[:9] + b"\x09" + header[10:] + b"short", 0.0)
    assert answer[15] == R.BAD_HEADER
    (answer,) = process(ethernet + header[:10] + b"\x08\x06" + header[12:] + inner(), 0.0)
    assert answer[15] == R.BAD_HEADER
    # What is no request is not answered: other frames, runts, results.
    result = CryptoHeader(Operation.ENCRYPTED).encode()
    assert process(ethernet + result + inner(), 0.0) == []
    assert process(ethernet[:12] + b"\x08\x00" + header + inner(), 0.0) == []
    assert process(b"", 0.0) == process(ethernet + header[:-1], 0.0) == []


@given(
    octets=st.binary(max_size=200),
    start=st.sampled_from((0, 14, 15, 24, 46, 66)),
    operation=st.sampled_from((1, 2, 3)),
    index=st.integers(1, 5),
)
@settings(max_examples=400)
def test_any_octets(loaded: Any, octets: bytes, start: int, operation: int, index: int) -> None:
    """A valid beginning of some length, then anything: answers or silence, never an exception."""
    header = CryptoHeader(Operation(operation), index, epoch=7, mtu=100).encode()
    ip = bytes.fromhex("4500ffff00000000403200000a0101010a020202")
    frame = (bytes(12) + b"\x88\xb5" + header + ip)[:start] + octets
    for answer in loaded.accelerator.process(frame, 0.0):
        # A malformed header comes back as it was, but for operation and reason.
        assert answer[14] & 8
        if answer[15] != R.BAD_HEADER:
            CryptoHeader.decode(answer[14:])


@given(data=st.data())
@settings(max_examples=300)
def test_mutated_packets(loaded: Any, data: st.DataObject) -> None:
    """Valid packets with a few octets changed, cut or added: an answer with some reason."""
    index = data.draw(st.integers(1, 5))
    packet = bytearray(loaded.samples[index])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packet) - 1))
        match data.draw(st.sampled_from(("set", "cut", "add"))):
            case "set":
                packet[at] = data.draw(st.integers(0, 255))
            case "cut":
                del packet[max(at, 1) :]
            case "add":
                packet[at:at] = data.draw(st.binary(max_size=8))
    operation = data.draw(st.sampled_from((1, 2, 3)))
    version = packet[0] >> 4
    header = CryptoHeader(
        Operation(operation), index, epoch=7, mtu=data.draw(st.sampled_from((0, 60, 100, 1500))),
        ethertype=0x86DD if version == 6 else 0x0800, prefragment=data.draw(st.booleans()),
    )  # fmt: skip
    frame = bytes(12) + b"\x88\xb5" + header.encode() + bytes(packet)
    for answer in loaded.accelerator.process(frame, 0.0):
        CryptoHeader.decode(answer[14:])


@pytest.fixture(scope="module")
def loaded(rig_class: Any, tunnel: Any) -> Any:
    rig = rig_class()
    rig.install(tunnel("AES-GCM", esn=True), 1)
    rig.install(tunnel("DES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96"), 2)
    rig.install(tunnel("AES-CBC", "HMAC-SHA2-256-128", transport=True, udp=True), 3)
    rig.install(tunnel(ah="HMAC-SHA1-96", transport=True, esn=True, window=0), 4)
    rig.install(tunnel("3DES-CBC", outer=6), 5)
    rig.samples = {n: rig.seal(inner(), index=n) for n in range(1, 6)}
    return rig
