"""The Verilated accelerator and the golden model: the same P4Runtime, frames, answers, counters.

Frames come in bursts, so that packets of many SAs and both directions are under way together;
tests/rtl/test_ipsec_accel.py adds back-pressure and idle cycles. `build/rtl/coverage.yml` tells
what was gone through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

import pytest
from finsy.proto import p4r
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, INTEGRITY
from ipsecplane.targets.crypto_header import (
    CryptoHeader,
    DfPolicy,
    Operation,
    Reason,
)
from ipsecsim.accelerator.encapsulate import encrypt
from ipsecsim.accelerator.rtl.device import RtlAccelerator
from ipsecsim.accelerator.rtl.library import BUILD, BuildError
from ipsecsim.accelerator.rtl.toolchain import ToolchainError

from tests.accelerator.conftest import ETHERNET, Rig, Tunnel
from tests.rtl import coverage, traffic
from tests.rtl.vectors import wycheproof_gcm

ROWS: Final = 48
# The library that the others of this group use too: it is built once, and no one waits for it.
pytestmark = pytest.mark.xdist_group("rtl-library")


@pytest.fixture(scope="module")
def device() -> Iterator[RtlAccelerator]:
    try:
        device = RtlAccelerator()
    except BuildError:
        raise
    except ToolchainError as error:
        pytest.skip(str(error))
    yield device
    device.close()


class Pair:
    """Golden model and RTL, programmed alike; a peer makes what they receive."""

    def __init__(self, device: RtlAccelerator, random: Random, sas: dict[int, Tunnel]) -> None:
        device.reset()
        self.device = device
        self.golden, self.rtl, self.peer_rig = Rig(), Rig(accelerator=device), Rig()
        self.sas = sas
        self.peer = traffic.Peer(random, self.peer_rig, sas)
        for index in sas:
            self.install(index)

    def install(self, index: int, kind: str = "INSERT") -> None:
        for rig in (self.golden, self.rtl, self.peer_rig):
            rig.install(self.sas[index], index, kind)

    def remove(self, index: int) -> None:
        sa = self.sas[index]
        for rig in (self.golden, self.rtl):
            rig.write(("DELETE", rig.out_entry(sa, index)), ("DELETE", rig.in_entry(sa, index)))

    def burst(self, frames: Iterable[bytes]) -> list[list[bytes]]:
        """Answers of each frame. Transmit and receive may overtake each other, nothing else."""
        due: dict[str, list[bytes]] = {"transmit": [], "receive": []}
        malformed: Counter[bytes] = Counter()  # these do not queue
        answers = []
        store, device = self.device._store, self.device
        assert store is not None
        for frame in frames:
            expected = self.golden.accelerator.process(frame, 0.0)
            answers.append(expected)
            device.model.push(frame)
            if not traffic.is_request(frame):
                store.touch_error(Reason.BAD_HEADER)
                malformed.update(expected)
                coverage.sample("transmit", Reason.BAD_HEADER, None)
                continue
            side = coverage.side(frame[14])
            due[side] += expected
            for reason in {Reason.OK, *(answer[15] for answer in expected)}:
                device._touch(frame, reason)
            self._cover(side, int.from_bytes(frame[16:18], "big"), frame, expected)
        come: dict[str, list[bytes]] = {"transmit": [], "receive": []}
        for frame in device.model.run():
            if malformed[frame]:
                malformed[frame] -= 1
            else:
                come[coverage.side(frame[14])].append(frame)
        for side in due:
            for number, (got, wanted) in enumerate(zip(come[side], due[side], strict=False)):
                assert got == wanted, f"{side} {number}: {text(got)}, not {text(wanted)}"
            assert len(come[side]) == len(due[side]), side
        assert not malformed.total()
        return answers

    def _cover(self, side: str, index: int, frame: bytes, expected: list[bytes]) -> None:
        cut = frame[14] & 7 == Operation.FRAGMENT
        sa = None if cut else self.sas.get(index)
        for answer in expected[:1]:
            coverage.sample(side, answer[15], sa)

    def check_counters(self) -> None:
        """Every counter is the same."""
        counted = []
        for store in (self.golden.store, self.rtl.store):
            list(store.read(p4r.Entity(table_entry=p4r.TableEntry())))  # asks the hardware
            counted.append(
                {
                    **{
                        (name, int(key)): cell.packets
                        for name in ("errors", "sa_errors")
                        for key, cell in store.counter(name).items()
                        if cell.packets
                    },
                    **{
                        (way, index): (row.entry.packets, row.entry.bytes)
                        for way in ("outbound", "inbound")
                        for index, row in getattr(store, way).items()
                    },
                }
            )
        assert counted[0] == counted[1]


def text(frame: bytes) -> str:
    header = CryptoHeader.decode(frame[14:])
    return f"{header.operation.name} {header.sa_index} {header.reason.name} {frame.hex()}"


def every_algorithm(random: Random) -> dict[int, Tunnel]:
    """An SA for each cipher and key size, and each integrity of ESP and AH; the rest random."""
    sas = {}
    forced = [
        *({"cipher": c.name, "key_size": size} for c in CIPHERS for size in c.key_sizes),
        *({"integrity": i.name, "cipher": "AES-CBC", "key_size": 16} for i in INTEGRITIES),
        *({"ah": i.name, "cipher": "", "udp": False} for i in INTEGRITIES),
        *({"udp": True, "transport": t, "esn": e} for t in (0, 1) for e in (0, 1)),
    ]
    for index in range(ROWS):
        sa = traffic.random_sa(random)
        if index < len(forced):
            sa = forced_sa(random, **forced[index])
        elif index % 3 == 0:
            traffic.make_fast(random, sa)
        sas[random.choice((index, 1023 - index))] = sa
    return sas


def forced_sa(random: Random, **fields: object) -> Tunnel:
    """A random SA with some fields given."""
    while True:
        sa = traffic.random_sa(random)
        cipher = fields.get("cipher", sa.cipher)
        aead = bool(cipher) and CIPHER[str(cipher)].aead
        if "udp" in fields and (sa.ah or not sa.cipher):
            continue
        for name, value in fields.items():
            setattr(sa, name, value)
        if aead:
            sa.integrity, sa.integrity_key = "", b""
        elif cipher and not sa.integrity:
            sa.integrity = "HMAC-SHA1-96"
        sa.cipher_key = random.randbytes(sa.key_size or 0) if cipher else b""
        if cipher and not sa.key_size:
            sa.cipher_key = random.randbytes(CIPHER[str(cipher)].key_sizes[0])
        sa.salt = random.randbytes(CIPHER[str(cipher)].salt_size) if cipher else b""
        if not cipher:
            sa.integrity, sa.extra["iv_seed"] = "", 0
        sa.integrity_key = sa.ah_key = b""
        sa.__post_init__()
        if not sa.integrity:
            sa.integrity_key = b""
        if not sa.transport:
            sa.extra.setdefault("ttl", 64)
        return sa


def test_routing_headers_that_cannot_be_predicted(device: RtlAccelerator) -> None:
    """AH behind a routing header: of type 0 it is predicted, of type 4 refused, both ways."""
    sa = Tunnel(ah="HMAC-SHA1-96", transport=True, outer=6)
    pair = Pair(device, Random(1), {2: sa})

    def packet(kind: int) -> bytes:
        routing = bytes((17, 2, kind, 1)) + bytes(4) + bytes(range(16))
        head = bytes.fromhex("60000000") + (len(routing) + 8).to_bytes(2, "big") + b"\x2b\x40"
        return head + bytes(range(32)) + routing + bytes.fromhex("0001000200080000")

    def frame(operation: Operation, octets: bytes) -> bytes:
        header = CryptoHeader(operation, 2, epoch=7, ethertype=0x86DD)
        return ETHERNET + header.encode() + octets

    ((sealed,),) = pair.burst([frame(Operation.ENCRYPT, packet(0))])
    (refused,) = pair.burst([frame(Operation.ENCRYPT, packet(4))])
    octets = bytearray(sealed[46:])
    octets[42] = 4
    (also,) = pair.burst([frame(Operation.DECRYPT, bytes(octets))])
    assert (sealed[15], refused[0][15], also[0][15]) == (0, 18, 18)
    (opened,) = pair.burst([frame(Operation.DECRYPT, sealed[46:])])
    assert opened[0][46:] == packet(0)


@pytest.mark.parametrize(
    "sa",
    [
        *(Tunnel("AES-GCM", key_size=size) for size in (16, 24, 32)),
        Tunnel("AES-CBC", "HMAC-SHA1-96"),
        Tunnel("AES-CBC", "HMAC-SHA2-256-128"),
        Tunnel("DES-CBC", "HMAC-MD5-96", ah="HMAC-SHA1-96"),
    ],
    ids=lambda sa: f"{sa.cipher}-{len(sa.cipher_key)} {sa.integrity}{sa.ah}",
)
def test_faults_of_wycheproof(device: RtlAccelerator, sa: Tunnel) -> None:
    """What Wycheproof does to tags of AES-GCM, done to the ICVs of packets: each is refused, by
    model and RTL, and does not keep the right packet out."""
    pair = Pair(device, Random(3), {5: sa})
    peer = pair.peer_rig.store.outbound[5].sa
    packet = traffic.ipv4(Random(4), 60)
    faults = sorted({case.fault for case in wycheproof_gcm() if not case.valid})
    assert len(faults) > 25
    size = 16 if sa.integrity == "" else INTEGRITY[sa.integrity].icv_size
    head = ETHERNET + decrypt_header().encode()
    for fault in faults:
        ((sealed, _),) = encrypt(peer, packet, 0, DfPolicy.COPY, False)
        mask = (fault >> 128 - 8 * size).to_bytes(size) or b"\x01"
        wrong = sealed[:-size] + bytes(a ^ b for a, b in zip(sealed[-size:], mask, strict=True))
        answers = pair.burst([head + wrong, head + sealed])
        spoilt = Reason.BAD_ICV if wrong != sealed else Reason.OK
        assert answers[0][0][15] == spoilt, f"{fault:#x}"
        assert answers[1][0][15] == (Reason.OK if spoilt else Reason.REPLAYED)


@pytest.mark.parametrize("seed", [2])
def test_random_traffic(device: RtlAccelerator, seed: int) -> None:
    """Rows come, change and go between the bursts; every counter is compared at the end."""
    random = Random(seed)
    sas = every_algorithm(random)
    pair = Pair(device, random, sas)
    for number in range(160):
        pair.burst(
            traffic.random_frame(random, sas, pair.peer) for _ in range(random.randint(1, 24))
        )
        if number % 8 == 7:
            index = random.choice(list(sas))
            match random.randint(0, 3):
                case 0:  # the same SA again: numbers and windows go on
                    sas[index].window = random.choice((0, 64, 128, 256, 512, 1024))
                    pair.install(index, "MODIFY")
                case 1 | 2:  # another SA
                    sas[index] = traffic.random_sa(random)
                    pair.install(index, "MODIFY")
                case _:
                    pair.remove(index)
                    pair.burst(traffic.random_frame(random, sas, pair.peer) for _ in range(20))
                    for rig in (pair.golden, pair.rtl):
                        rig.install(sas[index], index)
                    pair.peer_rig.install(sas[index], index, "MODIFY")
    pair.check_counters()
    coverage.write(BUILD / "coverage.yml")
    assert [bin_ for bin_ in coverage.missed() if ".window" not in bin_] == []


@pytest.mark.parametrize("window", coverage.WINDOWS[1:])
@pytest.mark.parametrize("esn", [False, True])
def test_window_boundaries(device: RtlAccelerator, window: int, esn: bool) -> None:
    """At each edge of the window: numbers once, twice, and out of their order, all in one burst.

    With ESN one by one: the high half of a number is inferred from the highest one at its arrival,
    so what is old may be refused as that or, one high half on, for its ICV.
    """
    random = Random(window)
    sa = Tunnel("AES-GCM", window=window, esn=esn)
    pair = Pair(device, random, {5: sa})
    peer = pair.peer_rig.store.outbound[5].sa
    x = 3 * window
    numbers = [
        *(1, 1, 2, x, x, x - 1, x - window + 1, x - window, x - window - 1, x - 1, x - window + 1),
        *(x + 1, x + 1, x + 1 - window, x + 1 + window, x + 1, x + 2, 7, x + 1 + window),
        *(2 * x + window, 2 * x + 2 * window - 1, 2 * x + window + 1, 2 * x, 2 * x + window),
    ]
    highest = 0
    packet = traffic.ipv4(Random(3), 40)
    frames = []
    for number in numbers:
        peer.sequence = number - 1
        ((sealed, _),) = encrypt(peer, packet, 0, DfPolicy.COPY, False)
        if random.random() < 0.2:  # a copy that is not authentic never moves the window
            damaged = sealed[:-1] + bytes((sealed[-1] ^ 1,))
            frames.append(ETHERNET + decrypt_header().encode() + damaged)
        frames.append(ETHERNET + decrypt_header().encode() + sealed)
        coverage.sample_window(window, esn, coverage.relation(highest, number, window))
        highest = max(highest, number)
    bursts = [[frame] for frame in frames] if esn else [frames]
    answers = [answer for burst in bursts for (answer,) in pair.burst(burst)]
    late = Reason.BAD_ICV if esn else Reason.TOO_OLD
    assert {answer[15] for answer in answers} >= {Reason.OK, Reason.REPLAYED, late}
    pair.check_counters()
    missing = [b for b in coverage.missed(f"{coverage.TOP}.window") if f"({window}, {esn}" in b]
    assert missing == []
    coverage.write(BUILD / "coverage.yml")


def decrypt_header() -> CryptoHeader:
    return CryptoHeader(Operation.DECRYPT, 5, epoch=7, ethertype=0x0800)


def test_reset_forgets_keys(device: RtlAccelerator) -> None:
    """What was installed is gone: nothing is encrypted with it until it is written again."""
    pair = Pair(device, Random(1), {3: Tunnel("AES-GCM")})
    header = CryptoHeader(Operation.ENCRYPT, 3, epoch=7, ethertype=0x0800)
    frame = ETHERNET + header.encode() + traffic.ipv4(Random(2), 60)
    pair.burst([frame])
    device.reset()
    (answer,) = device.process(frame, 0.0)
    assert answer[15] == Reason.UNKNOWN_SA
