"""Random SAs and packets for the datapath's benches, and what the golden model makes of them.

Everything comes from one seeded generator, so a run can be repeated.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITIES, INTEGRITY
from ipsecplane.ipsec.overhead import esp_alignment, esp_padding
from ipsecplane.targets.crypto_header import (
    CryptoHeader,
    CryptoHeaderError,
    DfPolicy,
    Operation,
)
from ipsecsim.accelerator import ip
from ipsecsim.accelerator.encapsulate import encrypt
from ipsecsim.accelerator.frontend import REQUESTS
from ipsecsim.accelerator.refusal import Refused
from ipsecsim.accelerator.sa import EncryptSa

from tests.accelerator.conftest import ETHERNET, Rig, Tunnel

SUITES: Final = (
    ("AES-GCM", ""), ("AES-CBC", "HMAC-SHA1-96"), ("AES-CBC", "HMAC-SHA2-256-128"),
    ("AES-CBC", ""), ("DES-CBC", "HMAC-SHA1-96"), ("DES-CBC", "HMAC-MD5-96"), ("DES-CBC", ""),
    ("3DES-CBC", "HMAC-SHA2-512-256"), ("NULL", "HMAC-SHA1-96"), ("NULL", "HMAC-SHA2-384-192"),
    ("NULL", ""),
)  # fmt: skip
_ROUTING: Final = 43


@dataclass(frozen=True, slots=True)
class Request:
    """What goes in: the crypto header's fields, and the IP packet."""

    header: CryptoHeader
    packet: bytes

    @property
    def frame(self) -> bytes:
        return ETHERNET + self.header.encode() + self.packet


@dataclass(frozen=True, slots=True)
class Result:
    """What comes back; `packet` None = the request has no result."""

    reason: int
    ethertype: int
    spi: int
    sequence: int
    last: bool
    packet: bytes | None


def random_sa(random: Random, *, suites: tuple[tuple[str, str], ...] = SUITES) -> Tunnel:
    """Any SA that the accelerator takes."""
    cipher, integrity = random.choice(suites)
    ah = random.choice(["", "", *(i.name for i in INTEGRITIES)])
    if random.random() < 0.15 and ah:
        cipher = integrity = ""
    if cipher == "NULL" and not integrity and not ah:
        integrity = "HMAC-SHA1-96"
    udp = not ah and random.random() < 0.4
    key_sizes = CIPHER[cipher].key_sizes if cipher else (0,)
    key_size = random.choice(key_sizes)
    number = random.randbytes
    extra = {"dscp_copy": random.getrandbits(1), "dscp": 0, "ecn_copy": random.getrandbits(1)}
    if not extra["dscp_copy"]:
        extra["dscp"] = random.getrandbits(6)
    sa = Tunnel(
        cipher,
        integrity,
        ah,
        key_size,
        transport=random.random() < 0.4,
        outer=random.choice((4, 4, 6)),
        esn=random.random() < 0.4,
        udp=udp,
        window=random.choice((0, 64, 64, 128, 256, 512, 1024)),
        epoch=random.getrandbits(32),
        cipher_key=number(key_size),
        salt=number(CIPHER[cipher].salt_size) if cipher else b"",
        integrity_key=number(INTEGRITY[integrity].key_size) if integrity else b"",
        ah_key=number(INTEGRITY[ah].key_size) if ah else b"",
        esp_spi=random.randint(256, 2**32 - 1),
        ah_spi=random.randint(256, 2**32 - 1),
        extra=extra,
    )
    if not sa.transport:
        sa.extra["ttl"] = random.randint(1, 255)
    sa.extra["iv_seed"] = random.getrandbits(64) if cipher else 0
    return sa


def make_fast(random: Random, sa: Tunnel) -> None:
    """Change `sa` into one for the fast paths: ESP with an ICV, tunnel mode over IPv4."""
    sa.transport, sa.outer, sa.ah, sa.ah_key, sa.udp = False, 4, "", b"", False
    sa.src, sa.dst = "10.1.1.1", "10.2.2.2"
    sa.extra.setdefault("ttl", 9)
    if not sa.cipher or (sa.cipher != "AES-GCM" and not sa.integrity):
        sa.cipher, sa.cipher_key, sa.salt = "AES-GCM", random.randbytes(16), b"salt"
        sa.integrity, sa.integrity_key = "", b""


# -- packets ---------------------------------------------------------------------------------------


def _ipv4_options(random: Random) -> bytes:
    options = b""
    for _ in range(random.randint(1, 4)):
        kind = random.choice((1, 7, 68, 130, 131, 137, 148, 149, 133, 200, 0))
        if kind <= 1:
            options += bytes((kind,))
        elif kind == 148:
            options += bytes.fromhex("94040000")
        else:
            octets = random.randint(1, 9)
            pointer = random.choice((4, 8, octets + 3, 255))
            options += bytes((kind, octets + 2, pointer)) + random.randbytes(octets - 1)
    options = options[:40]
    if random.random() < 0.9:  # no option cut short
        while options and not _whole(options):
            options = options[:-1]
    return options + bytes(-len(options) % 4)


def _whole(options: bytes) -> bool:
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
        else:
            if at + 1 >= len(options) or at + options[at + 1] > len(options):
                return False
            at += options[at + 1]
    return True


def ipv4(random: Random, size: int) -> bytes:
    """An IPv4 packet with `size` octets of payload, correct most of the time."""
    options = _ipv4_options(random) if random.random() < 0.3 else b""
    flags = random.choice((0, 0, ip.DF, ip.DF))
    if random.random() < 0.1:
        flags |= random.choice((ip.MF, 0)) | random.getrandbits(random.randint(1, 13))
    protocol = random.choice((ip.TCP, ip.UDP, 1, 253))
    total = 20 + len(options) + size
    header = bytearray(
        struct.pack(
            ">BBHHHBBH",
            0x45 + len(options) // 4,
            random.getrandbits(8) if random.random() < 0.5 else 0,
            total,
            random.getrandbits(16),
            flags,
            random.randint(1, 255),
            protocol,
            0,
        )
        + random.randbytes(8)
        + options
    )
    header[10:12] = ip.checksum(header).to_bytes(2, "big")
    return bytes(header) + _upper(random, protocol, size)


def _upper(random: Random, protocol: int, size: int) -> bytes:
    octets = bytearray(random.randbytes(size))
    if protocol == ip.UDP and size >= 8 and random.random() < 0.3:
        octets[6:8] = b"\0\0"
    return bytes(octets)


def _ipv6_options(random: Random) -> bytes:
    octets = b""
    for _ in range(random.randint(0, 3)):
        kind = random.choice((0, 1, 5, 0x3E, 0xC2, 0x26))
        data = random.randbytes(random.randint(0, 20))
        octets += b"\0" if kind == 0 else bytes((kind, len(data))) + data
    if random.random() < 0.07:
        octets += b"\x05\xff"
    room = -(len(octets) + 2) % 8
    return octets + (
        b"\0" if room == 1 else bytes((1, room - 2)) + bytes(room - 2) if room else b""
    )


def ipv6(random: Random, size: int) -> bytes:
    """An IPv6 packet with `size` octets behind its extension headers."""
    chain = []
    if random.random() < 0.4:
        for kind in random.sample((0, 60, _ROUTING, 60, 44, 0), random.randint(1, 4)):
            chain.append(kind)
        if random.random() < 0.8:
            chain = [kind for kind in chain if kind != 44]
    last = random.choice((ip.TCP, ip.UDP, 58, 59))
    octets = b""
    for number, kind in enumerate(chain):
        following = chain[number + 1] if number + 1 < len(chain) else last
        if kind == _ROUTING:
            addresses = random.randint(0, 3)
            left = random.choice((0, addresses, random.randint(0, addresses + 1)))
            body = bytes((random.choice((0, 0, 2, 4)), left)) + bytes(4)
            body += random.randbytes(16 * addresses)
        elif kind == 44:
            body = random.randbytes(6)
        else:
            body = _ipv6_options(random)
        octets += bytes((following, (len(body) + 2) // 8 - 1)) + body
    traffic_class = random.getrandbits(8) if random.random() < 0.5 else 0
    word = 6 << 28 | traffic_class << 20 | random.getrandbits(20)
    first = chain[0] if chain else last
    header = struct.pack(">IHBB", word, len(octets) + size, first, random.randint(1, 255))
    return header + random.randbytes(32) + octets + _upper(random, last, size)


def random_size(random: Random) -> int:
    """Payload octets: short ones, and now and then a full frame."""
    return random.choice(
        (random.randint(0, 40), random.randint(0, 200), random.randint(0, 200), 1400)
    )


def random_packet(random: Random) -> bytes:
    """Any IP packet; some are malformed, some have octets behind their end."""
    size = random_size(random)
    packet = ipv4(random, size) if random.random() < 0.6 else ipv6(random, size)
    return spoilt(random, packet, 0.08)


def spoilt(random: Random, packet: bytes, share: float) -> bytes:
    """`packet`, or with the probability `share` something close to it."""
    if random.random() >= share or not packet:
        return packet
    match random.randint(0, 3):
        case 0:
            return packet[: random.randint(0, len(packet))]
        case 1:
            return packet + random.randbytes(random.randint(1, 40))
        case 2:
            at = random.randrange(min(len(packet), 60))
            return packet[:at] + random.randbytes(1) + packet[at + 1 :]
    at = random.randrange(len(packet))
    return packet[:at] + bytes((packet[at] ^ 1 << random.randrange(8),)) + packet[at + 1 :]


def shortened(random: Random, packet: bytes) -> bytes:
    """Fewer octets, and a header that says so."""
    if len(packet) < 40:
        return packet
    octets = bytearray(packet[: random.randint(20, min(len(packet), 120))])
    if octets[0] >> 4 == 4:
        octets[2:4] = len(octets).to_bytes(2, "big")
    else:
        octets[4:6] = max(0, len(octets) - 40).to_bytes(2, "big")
    return bytes(octets)


def rerouted(packet: bytes) -> bytes:
    """With AH right behind an IPv6 header: a routing header between them of type 4, for which AH
    cannot be checked. Other packets as they are."""
    if len(packet) < 40 or packet[0] >> 4 != 6 or packet[6] != ip.AH:
        return packet
    routing = bytes((ip.AH, 2, 4, 1)) + bytes(20)
    length = int.from_bytes(packet[4:6], "big") + len(routing)
    head = packet[:4] + length.to_bytes(2, "big") + bytes((_ROUTING,)) + packet[7:40]
    return head + routing + packet[40:]


# -- requests --------------------------------------------------------------------------------------


def ethertype(random: Random, packet: bytes) -> int:
    if random.random() < 0.02:
        return random.choice((0x0800, 0x86DD, 0x0806))
    return 0x86DD if packet and packet[0] >> 4 == 6 else 0x0800


def outbound_request(
    random: Random, sas: dict[int, Tunnel], packet: bytes | None = None
) -> Request:
    """ENCRYPT or FRAGMENT, now and then of an SA that is not there."""
    packet = random_packet(random) if packet is None else packet
    index = random.choice(list(sas))
    epoch = sas[index].epoch
    if random.random() < 0.02:
        index, epoch = random.choice(((99, epoch), (index, epoch ^ 1)))
    mtu = random.choice((0, 0, 1500, len(packet), random.randint(0, 300)))
    header = CryptoHeader(
        Operation.FRAGMENT if random.random() < 0.15 else Operation.ENCRYPT,
        index,
        level=random.randint(0, 2),
        qos_group=random.randint(0, 99),
        mtu=mtu,
        df_policy=random.choice(tuple(DfPolicy)),
        prefragment=bool(random.getrandbits(1)),
        ethertype=ethertype(random, packet),
        epoch=epoch,
    )
    return Request(header, packet)


class Peer:
    """Makes packets for the inbound SAs: right ones, old ones, damaged ones."""

    def __init__(self, random: Random, rig: Rig, sas: dict[int, Tunnel]) -> None:
        self.random = random
        self.rig = rig
        self.sas = sas
        self.sent: list[tuple[int, bytes]] = []

    def request(self) -> Request:
        random = self.random
        index = random.choice(list(self.sas))
        sa = self.sas[index]
        if self.sent and random.random() < 0.15:
            index, packet = random.choice(self.sent[-200:])
            sa = self.sas[index]
        else:
            packet = self._crafted(index) if random.random() < 0.25 else self._sealed(index)
            self.sent.append((index, packet))
        packet = spoilt(random, packet, 0.15)
        if random.random() < 0.1:
            packet = shortened(random, packet)
        if random.random() < 0.05:
            packet = rerouted(packet)
        if random.random() < 0.03 and len(packet) > 8:
            packet = packet[:6] + b"\x20" + packet[7:]  # more fragments
        epoch = sa.epoch
        if random.random() < 0.02:
            index, epoch = random.choice(((99, epoch), (index, epoch ^ 1)))
        told = random.choice((0, self.rig.store.outbound[index].sa.sequence)) if index < 99 else 0
        header = CryptoHeader(
            Operation.DECRYPT, index, ethertype=ethertype(random, packet), epoch=epoch,
            level=random.randint(0, 2), sequence=told,
        )  # fmt: skip
        return Request(header, packet)

    def _crafted(self, index: int) -> bytes:
        """Authentic ESP around what no honest peer sends."""
        random = self.random
        sa: EncryptSa = self.rig.store.outbound[index].sa
        if sa.esp is None or sa.ah is not None:
            return self._sealed(index)
        sa.sequence = min(sa.sequence + 1, sa.sequence_limit)
        inside = spoilt(random, random_packet(random), 0.3)
        if random.random() < 0.3:
            inside += random.randbytes(random.randint(1, 300))  # traffic-flow padding
        next_header = random.choice((4, 41, 59, 6, 17, inside[0] >> 4 if inside else 4))
        if inside and random.random() < 0.6:
            next_header = ip.IPV6 if inside[0] >> 4 == 6 else ip.IPIP
        padding = esp_padding(sa.esp.cipher, len(inside))
        unit = esp_alignment(sa.esp.cipher)
        padding += unit * random.randint(0, (255 - padding) // unit)
        pad = bytearray(range(1, padding + 1))
        if pad and random.random() < 0.3:
            pad[random.randrange(padding)] ^= 1 << random.randrange(8)
        size = padding if random.random() < 0.9 else random.getrandbits(8)
        plain = inside + bytes(pad) + bytes((size, next_header))
        spi = sa.esp.spi ^ int(random.random() < 0.06)
        octets = sa.esp.transform.seal(spi, sa.sequence, plain)
        protocol = ip.ESP
        if random.random() < 0.15:
            octets = octets[: random.randint(0, len(octets))]
        if sa.udp is not None:
            length = len(octets) + 8
            if random.random() < 0.15:
                length = random.choice((0, 7, 8, length - 1, length + 1)) & 0xFFFF
            if random.random() < 0.1:
                octets = bytes(4) + octets[4:]
            octets = struct.pack(">HHHH", 4500, 4500, length, 0) + octets
            protocol = ip.UDP
        if random.random() < 0.05:
            protocol = random.choice((ip.AH, ip.ESP, ip.UDP))
        traffic_class = random.getrandbits(8)
        if random.random() < 0.5:
            return (
                ip.ipv4_header(
                    random.randbytes(4), random.randbytes(4), protocol, len(octets),
                    traffic_class=traffic_class, ttl=9, identification=1, dont_fragment=False,
                )
                + octets
            )  # fmt: skip
        return (
            ip.ipv6_header(
                random.randbytes(16), random.randbytes(16), protocol, len(octets),
                traffic_class=traffic_class, hop_limit=9,
            )
            + octets
        )  # fmt: skip

    def _sealed(self, index: int) -> bytes:
        random = self.random
        sa: EncryptSa = self.rig.store.outbound[index].sa
        sa.sequence += random.choice((0, 0, 0, 1, 5, 40, 2000)) if random.random() < 0.5 else 0
        limit = sa.sequence_limit - 4
        sa.sequence = min(sa.sequence, limit)
        while True:
            packet = random_packet(random)
            try:
                ((sealed, _),) = encrypt(sa, packet, 0, DfPolicy.COPY, False)
            except Refused:
                continue
            if sealed[0] >> 4 == 4 and random.random() < 0.3:  # marked on the way
                header = ip.parse(sealed)
                sealed = ip.with_traffic_class(sealed, header, random.getrandbits(8))
            return sealed


def random_frame(random: Random, sas: dict[int, Tunnel], peer: Peer) -> bytes:
    """A request with octets carried in front of the packet; some frames are no requests."""
    outbound = random.random() < 0.5
    request = outbound_request(random, sas) if outbound else peer.request()
    carried = random.randbytes(random.choice((0, 0, 0, 2, 4, random.randint(0, 255))))
    header = bytearray(request.header.encode())
    header[9] = len(carried)
    chance = random.random()
    if chance < 0.1:
        at = random.choice((0, 0, 1, 8, 9, random.randrange(32)))
        header[at] ^= 1 << random.randrange(8)
    frame = random.randbytes(12) + ETHERNET[12:] + bytes(header) + carried + request.packet
    if chance > 0.97:
        frame = frame[: random.randint(1, 60)]
    elif chance > 0.95:
        frame = frame[:12] + b"\x08\x00" + frame[14:]
    return frame


def is_request(frame: bytes) -> bool:
    try:
        header = CryptoHeader.decode(frame[14:46])
    except CryptoHeaderError:
        return False
    return frame[12:14] == ETHERNET[12:] and header.operation in REQUESTS


def expected(rig: Rig, request: Request) -> list[Result]:
    """The golden model's results, in the form in which the engines give them."""
    frames = rig.accelerator.process(request.frame, 0.0)
    results = []
    for number, frame in enumerate(frames):
        answer = Rig.take_apart(frame)
        header = answer.header
        results.append(
            Result(
                header.reason, header.ethertype, header.spi, header.sequence,
                number == len(frames) - 1, answer.packet,
            )
        )  # fmt: skip
    return results or [Result(0, 0, 0, 0, True, None)]


# -- packed structures -----------------------------------------------------------------------------

REQUEST: Final = (
    ("operation", 2), ("sa_index", 16), ("level", 8), ("qos_group", 8), ("mtu", 16),
    ("df_policy", 2), ("prefragment", 1), ("ethertype", 16), ("epoch", 32), ("sequence", 64),
    ("length", 17),
)  # fmt: skip
RESULT: Final = (
    ("none", 1),
    ("last", 1),
    ("urgent", 1),
    ("reason", 5),
    ("ethertype", 16),
    ("spi", 32),
    ("sequence", 64),
)
COUNT: Final = (("of_sa", 1), ("inbound", 1), ("sa_index", 16), ("reason", 5), ("octets", 17))
OUTBOUND: Final = (
    ("valid", 1), ("epoch", 32), ("transport", 1), ("v6", 1), ("src", 128), ("dst", 128),
    ("ttl", 8), ("dscp_copy", 1), ("dscp", 6), ("ecn_copy", 1), ("esp_spi", 32), ("ah_spi", 32),
    ("cipher", 3), ("esp_integrity", 3), ("ah_integrity", 3), ("esn", 1), ("udp_src", 16),
    ("udp_dst", 16), ("sequence", 64),
)  # fmt: skip
INBOUND: Final = (
    ("valid", 1), ("epoch", 32), ("transport", 1), ("esp_spi", 32), ("ah_spi", 32), ("cipher", 3),
    ("esp_integrity", 3), ("ah_integrity", 3), ("esn", 1), ("udp_encap", 1),
)  # fmt: skip
JOB: Final = (
    ("hash", 1), ("decrypt", 1), ("sa_index", 16), ("cipher", 3), ("integrity", 3), ("esn", 1),
    ("iv", 64), ("octets", 17), ("icv", 256),
)  # fmt: skip

Layout = tuple[tuple[str, int], ...]


def pack(layout: Layout, values: dict[str, int]) -> int:
    """The packed structure, first field in the most significant bits."""
    word = 0
    for name, width in layout:
        word = word << width | values[name] & (1 << width) - 1
    return word


def unpack(layout: Layout, word: int) -> dict[str, int]:
    values = {}
    for name, width in reversed(layout):
        values[name] = word & (1 << width) - 1
        word >>= width
    return values


def request_word(request: Request) -> int:
    h = request.header
    return pack(
        REQUEST,
        {
            "operation": h.operation, "sa_index": h.sa_index, "level": h.level,
            "qos_group": h.qos_group, "mtu": h.mtu, "df_policy": h.df_policy,
            "prefragment": h.prefragment, "ethertype": h.ethertype, "epoch": h.epoch,
            "sequence": h.sequence, "length": len(request.packet),
        },
    )  # fmt: skip


def result_of(word: int, octets: bytes) -> Result:
    v = unpack(RESULT, word)
    if v["none"]:
        assert not octets
        return Result(0, 0, 0, 0, bool(v["last"]), None)
    return Result(v["reason"], v["ethertype"], v["spi"], v["sequence"], bool(v["last"]), octets)


def outbound_word(sa: Tunnel | None, sequence: int = 0) -> int:
    if sa is None:
        return 0
    a: dict[str, Any] = sa.outbound()
    return pack(
        OUTBOUND, a | {"valid": 1, "v6": int(a["outer_version"] == 6), "sequence": sequence}
    )


def inbound_word(sa: Tunnel | None) -> int:
    return pack(INBOUND, sa.inbound() | {"valid": 1}) if sa is not None else 0
