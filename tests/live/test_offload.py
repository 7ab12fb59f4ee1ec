"""Offloaded frames become what a wire would carry: checked with scapy, then with a real kernel."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.offload import NOTHING, OffloadError, finish
from ipsecsim.network.devices.raw import RawInterface
from ipsecsim.network.realtime import RealTimeLoop
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.interop.lab import Lab, Namespace, need

TCPV4, UDP_L4, TCPV6 = 1, 5, 4


def virtio(flags: int, kind: int, size: int, start: int, offset: int) -> bytes:
    return struct.pack("=BBHHHH", flags, kind, 0, size, start, offset)


def with_partial_checksum(packet: Packet, layer: type[Packet], field: int) -> tuple[bytes, int]:
    """The frame as a stack leaves it for hardware, and where its transport header starts."""
    frame = bytearray(bytes(packet))
    length = len(bytes(packet[layer]))
    start = len(frame) - length
    ip = packet[IPv6] if IPv6 in packet else packet[IP]
    family = socket.AF_INET6 if IPv6 in packet else socket.AF_INET
    pseudo = socket.inet_pton(family, ip.src) + socket.inet_pton(family, ip.dst)
    protocol = 6 if layer is TCP else 17
    pseudo += struct.pack(">II", length, protocol)
    total = sum(struct.unpack(f">{len(pseudo) // 2}H", pseudo))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    frame[start + field : start + field + 2] = total.to_bytes(2, "big")
    return bytes(frame), start


def recomputed(frame: bytes) -> bytes:
    """The same frame with all lengths and checksums by scapy."""
    packet = Ether(frame)
    for layer in (IP, IPv6, TCP, UDP):
        if layer in packet:
            for field in ("chksum", "len", "plen"):
                if field in {f.name for f in layer.fields_desc}:
                    packet[layer].delfieldval(field)
    return bytes(packet)


IPS = st.sampled_from(
    [IP(src="10.0.1.2", dst="10.0.2.2", id=65535), IPv6(src="fd00::1", dst="::2")]
)
TAGS = st.sampled_from([None, Dot1Q(vlan=7)])


def built(tag: Packet | None, *layers: Packet) -> Packet:
    packet: Packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    for layer in (*([tag] if tag is not None else []), *layers):
        packet /= layer
    return Ether(bytes(packet))


@given(IPS, TAGS, st.binary(max_size=200))
def test_a_partial_checksum_is_completed(ip: Packet, tag: Packet | None, data: bytes) -> None:
    packet = built(tag, ip, UDP(sport=1, dport=9999), Raw(data))
    frame, start = with_partial_checksum(packet, UDP, 6)
    assert finish(frame, virtio(1, 0, 0, start, 6)) == [bytes(packet)]


def test_a_complete_frame_passes_unchanged() -> None:
    assert finish(b"anything", NOTHING) == [b"anything"]
    assert finish(b"anything", virtio(2, 0, 0, 0, 0)) == [b"anything"]  # "the checksum is valid"


@given(IPS, TAGS, st.binary(min_size=1, max_size=400), st.integers(1, 150), st.integers(0, 0xFF))
def test_tcp_is_segmented(
    ip: Packet, tag: Packet | None, data: bytes, size: int, flags: int
) -> None:
    sequence = 0xFFFFFFF0
    options = [("MSS", 1460), ("NOP", None), ("NOP", None)]
    whole = built(tag, ip, TCP(seq=sequence, flags=flags, options=options), Raw(data))
    frame, start = with_partial_checksum(whole, TCP, 16)
    kind = TCPV6 if IPv6 in whole else TCPV4
    pieces = finish(frame, virtio(1, kind, size, start, 16))
    packets = [Ether(piece) for piece in pieces]
    assert [recomputed(piece) for piece in pieces] == pieces
    assert b"".join(bytes(p[TCP].payload) for p in packets) == data
    assert {len(bytes(p[TCP].payload)) for p in packets[:-1]} <= {size}
    assert [p[TCP].seq for p in packets] == [
        (sequence + at) & 0xFFFFFFFF for at in range(0, len(data), size)
    ]
    fin_psh, cwr = 0x09, 0x80
    for number, p in enumerate(packets):
        expected = flags
        if number < len(packets) - 1:
            expected &= ~fin_psh
        if number:
            expected &= ~cwr
        assert int(p[TCP].flags) & 0xFF == expected & 0xFF
    if IP in whole:
        assert [p[IP].id for p in packets] == [(65535 + n) & 0xFFFF for n in range(len(packets))]


@given(IPS, st.binary(min_size=1, max_size=400), st.integers(1, 150))
def test_udp_is_segmented(ip: Packet, data: bytes, size: int) -> None:
    whole = built(None, ip, UDP(sport=1, dport=9999), Raw(data))
    frame, start = with_partial_checksum(whole, UDP, 6)
    pieces = finish(frame, virtio(1, UDP_L4, size, start, 6))
    assert [recomputed(piece) for piece in pieces] == pieces
    assert [bytes(Ether(p)[UDP].payload) for p in pieces] == [
        data[at : at + size] for at in range(0, len(data), size)
    ]


@given(st.binary(max_size=80), st.binary(min_size=10, max_size=10))
def test_no_frame_and_no_header_surprises(frame: bytes, header: bytes) -> None:
    with contextlib.suppress(OffloadError):
        assert finish(frame, header)


# -- with a real kernel on the other end of a veth ------------------------------------------------


class Port:
    """A RawInterface on one end of a cable, in this process; a kernel's stack on the other."""

    def __init__(self, lab: Lab) -> None:
        self.far = lab.namespace("far")
        self.near = lab.namespace("near")
        lab.cable(self.near, "port0", self.far, "eth0")
        self.far.address("eth0", "10.9.0.1/24")
        self.far.run("ip", "neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0")
        self.loop = RealTimeLoop()
        self.frames: list[bytes] = []
        self.interface = self.near.inside(
            lambda: RawInterface("port0", self.loop, self.frames.append)
        )

    def until(self, condition: Callable[[], object]) -> None:
        assert self.loop.run_for(5, lambda: bool(condition())), "nothing came"

    def packets(self, kind: type[Packet]) -> list[Packet]:
        return [p for p in map(Ether, self.frames) if kind in p]

    def close(self) -> None:
        self.interface.close()
        self.loop.close()


@pytest.fixture
def port() -> Any:
    need()
    with Lab() as lab:
        made = Port(lab)
        yield made
        made.close()


def test_a_kernels_udp_arrives_with_its_checksum(port: Port) -> None:
    sender = port.far.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sender.sendto(b"hello" * 20, ("10.9.0.2", 4242))
    port.until(lambda: port.packets(UDP))
    frame = next(f for f in port.frames if UDP in Ether(f))
    assert Ether(frame)[UDP].chksum != 0
    assert recomputed(frame) == frame


def test_a_kernels_tcp_arrives_in_segments(port: Port) -> None:
    """The port answers the handshake by hand; what the kernel then sends at once is one frame."""

    def send() -> None:
        with port.far.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as stream:
            stream.settimeout(5)
            stream.connect(("10.9.0.2", 80))
            stream.sendall(bytes(range(256)) * 50)
            time.sleep(0.1)

    thread = threading.Thread(target=send)
    thread.start()
    port.until(lambda: port.packets(TCP))
    syn = port.packets(TCP)[0]
    answer = Ether(src=syn.dst, dst=syn.src) / IP(src=syn[IP].dst, dst=syn[IP].src)
    answer /= TCP(
        sport=80, dport=syn[TCP].sport, flags="SA", seq=100, ack=syn[TCP].seq + 1, window=65535,
        options=[("MSS", 1000)],
    )  # fmt: skip
    port.frames.clear()
    port.interface.send(bytes(answer))
    port.until(lambda: sum(len(p[TCP].payload) for p in port.packets(TCP)) >= 9000)
    thread.join()
    for frame in port.frames:
        if TCP in Ether(frame):
            assert recomputed(frame) == frame
            assert len(frame) <= 1054
    data = b"".join(
        bytes(p[TCP].payload) for p in sorted(port.packets(TCP), key=lambda p: int(p[TCP].seq))
    )
    assert data.startswith(bytes(range(256)) * 30)


def test_vlan_tags_survive_and_own_frames_are_not_seen(port: Port) -> None:
    sender = port.far.inside(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    with sender:
        sender.bind(("eth0", 0))
        tagged = bytes(
            Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:77")  # to nobody: promiscuous
            / Dot1Q(vlan=42, prio=5)
            / IP(src="10.9.0.1", dst="10.9.0.2")
            / UDP()
            / Raw(bytes(60))
        )
        port.interface.send(bytes(Ether(dst="02:00:00:00:00:01", type=0x1234) / Raw(bytes(50))))
        sender.send(tagged)
        port.until(lambda: tagged in port.frames)
    assert not [f for f in port.frames if f[12:14] == b"\x12\x34"]


def test_send_reaches_the_kernel(port: Port) -> None:
    receiver: socket.socket = port.far.inside(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    )
    with receiver:
        receiver.bind(("10.9.0.1", 7000))
        receiver.settimeout(5)
        mac = port.far.mac("eth0")
        port.interface.send(
            bytes(Ether(dst=mac) / IP(src="10.9.0.2", dst="10.9.0.1") / UDP(dport=7000) / b"hi")
        )
        assert receiver.recv(100) == b"hi"


def refused(namespace: Namespace, device: str) -> str:
    loop = RealTimeLoop()
    try:
        with pytest.raises(DeviceError) as caught:
            namespace.inside(lambda: RawInterface(device, loop, lambda frame: None))
        return str(caught.value)
    finally:
        loop.close()


def test_what_cannot_be_used_is_named(port: Port) -> None:
    assert refused(port.near, "veth9") == (
        "interface veth9: no such device; this machine has lo, port0"
    )
    assert "no such device" in refused(port.near, "port0" + 20 * "x")
    port.near.run("ip", "link", "set", "port0", "down")
    assert refused(port.near, "port0") == (
        "interface port0: is down (bring it up: ip link set port0 up)"
    )
    assert port.interface.mtu == 1500
    assert port.interface.address is None


def test_an_interface_that_goes_down_or_away_harms_nothing(port: Port) -> None:
    port.near.run("ip", "link", "set", "port0", "down")
    port.interface.send(bytes(60))
    assert port.interface.dropped == 1
    port.loop.run_for(0.05)
    port.near.run("ip", "link", "set", "port0", "up")
    port.frames.clear()
    sender = port.far.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    port.loop.run_for(0.2)
    sender.sendto(b"again", ("10.9.0.2", 4242))
    port.until(lambda: port.packets(UDP))
    port.near.run("ip", "link", "del", "port0")
    port.loop.run_for(0.05)
    before = port.loop.now
    port.loop.run_for(0.1)  # waits, rather than spinning on a dead socket
    assert port.loop.now - before >= 0.1
    port.interface.send(bytes(60))
    assert port.interface.dropped == 2
