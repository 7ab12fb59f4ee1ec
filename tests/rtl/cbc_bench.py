"""Packets for `cbc_hmac`, and what has to come of them: as the software model has it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import modes
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, Cipher, Integrity
from ipsecsim.accelerator.transforms import BlockTransform, KeyedHash, block_algorithm

from tests.rtl.aes_keys import key_end
from tests.rtl.hashes import integrity_states
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, Sink, Source, willing

COMMAND: Final = (
    *("hash", "cipher", "integrity", "key_size", "key", "nonce", "esn", "number_high"),
    *("inner", "outer", "icv", "meta"),
)
CBC: Final = tuple(cipher for cipher in CIPHERS if not cipher.aead)


@dataclass(frozen=True, slots=True)
class Sa:
    """Algorithms and keys. `cipher=None`: hash only, as for AH."""

    cipher: Cipher | None
    key: bytes
    integrity: Integrity | None
    integrity_key: bytes
    esn: bool
    seed: int

    @classmethod
    def random(
        cls,
        random: Random,
        ciphers: tuple[Cipher | None, ...] = (*CBC, None),
        integrities: tuple[Integrity | None, ...] = (*INTEGRITIES, None),
    ) -> Sa:
        cipher = random.choice(ciphers)
        integrity = random.choice(integrities)
        if integrity is None and (cipher is None or cipher.name == "NULL"):
            integrity = INTEGRITIES[1]
        return cls(
            cipher,
            random.randbytes(random.choice(cipher.key_sizes) if cipher else 0),
            integrity,
            random.randbytes(integrity.key_size if integrity else 0),
            random.random() < 0.5,
            random.getrandbits(64),
        )

    @property
    def icv_size(self) -> int:
        return self.integrity.icv_size if self.integrity else 0

    def transform(self) -> BlockTransform:
        assert self.cipher is not None
        keyed = KeyedHash(self.integrity, self.integrity_key) if self.integrity else None
        return BlockTransform(self.cipher, self.key, keyed, self.esn, self.seed)

    def icv(self, octets: bytes) -> bytes:
        if self.integrity is None:
            return b""
        digest = hmac.digest(self.integrity_key, octets, self.integrity.hash_name)
        return digest[: self.icv_size]


@dataclass(frozen=True, slots=True)
class Job:
    """A command, the octets in, and what is due: `octets=None`, if no packet comes out."""

    command: dict[str, int]
    packet: bytes
    ok: bool
    icv: bytes
    octets: bytes | None


def _command(sa: Sa, decrypt: bool, nonce: bytes, number: int, icv: bytes, random: Random) -> Any:
    aes = sa.cipher is CIPHER["AES-CBC"]
    key = key_end(sa.key) if aes and decrypt else sa.key
    inner, outer = integrity_states(sa.integrity, sa.integrity_key)
    return {
        "hash": int(sa.cipher is None),
        "cipher": sa.cipher.accelerator_id if sa.cipher else random.getrandbits(3),
        "integrity": sa.integrity.accelerator_id if sa.integrity else 0,
        "key_size": (len(sa.key) - 16) // 8 if aes else random.getrandbits(2),
        "key": int.from_bytes(key.ljust(32, b"\0")),
        "nonce": int.from_bytes(nonce.ljust(16, b"\0")),
        "esn": int(sa.esn),
        "number_high": number >> 32,
        "inner": inner,
        "outer": outer,
        "icv": int.from_bytes(icv.ljust(32, b"\0")),
        "meta": random.getrandbits(16),
    }


def _nonce(sa: Sa, number: int) -> bytes:
    assert sa.cipher is not None
    if sa.cipher.iv_size == 8:
        return (sa.seed ^ number).to_bytes(8)
    return sa.seed.to_bytes(8) + number.to_bytes(8)


def hash_job(sa: Sa, octets: bytes, random: Random, *, decrypt: bool, bad: bool = False) -> Job:
    """AH: the octets are hashed, the number's high half among them."""
    icv = sa.icv(octets)
    received = _flipped(icv, random) if bad else icv
    command = _command(sa, decrypt, b"", random.getrandbits(64), received, random)
    return Job(command, octets, not bad or not decrypt, icv, None)


def encrypt_job(sa: Sa, payload: bytes, number: int, random: Random) -> Job:
    """`payload` with its trailer: whole blocks."""
    assert sa.cipher is not None
    spi = random.getrandbits(32)
    sealed = sa.transform().seal(spi, number, payload)
    end = len(sealed) - sa.icv_size
    command = _command(sa, False, _nonce(sa, number), number, random.randbytes(32), random)
    head = spi.to_bytes(4) + (number & 0xFFFFFFFF).to_bytes(4)
    packet = head + random.randbytes(sa.cipher.iv_size) + payload
    return Job(command, packet, True, sealed[end:], sealed[:end])


def decrypt_job(sa: Sa, payload: bytes, number: int, random: Random, bad: bool = False) -> Job:
    """A packet as the software accelerator seals it; `bad`: with a wrong bit."""
    assert sa.cipher is not None
    sealed = sa.transform().seal(random.getrandbits(32), number, payload)
    if bad:
        sealed = _flipped(sealed, random)
    end = len(sealed) - sa.icv_size
    body, icv = sealed[:end], sealed[end:]
    command = _command(sa, True, b"", number, icv, random)
    authentic = body + (number >> 32).to_bytes(4) if sa.esn else body
    due = sa.icv(authentic)
    start = 8 + sa.cipher.iv_size
    opened = body[:start] + payload if due == icv else b""
    assert (due == icv) is not bad
    return Job(command, body, due == icv, due, opened)


def _flipped(octets: bytes, random: Random) -> bytes:
    changed = bytearray(octets)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def ragged_job(sa: Sa, random: Random, *, decrypt: bool) -> Job:
    """Not whole blocks, or no room for the IV: nothing of it comes out."""
    assert sa.cipher is not None
    start, block = 8 + sa.cipher.iv_size, sa.cipher.block_size
    while True:
        length = random.randint(1, 200)
        aligned = length >= start and (length - start) % block == 0
        if not aligned or (sa.esn and sa.integrity and length % 4):
            break
    command = _command(sa, decrypt, bytes(16), random.getrandbits(64), bytes(32), random)
    return Job(command, random.randbytes(length), False, b"", b"")


def cbc_job(key: bytes, iv: bytes, plain: bytes, sealed: bytes, *, decrypt: bool) -> Job:
    """A known answer without integrity. The nonce of a given IV is deciphered first."""
    cipher = next(row for row in CBC[1:] if len(key) in row.key_sizes and row.iv_size == len(iv))
    sa = Sa(cipher, key, None, b"", False, 0)
    algorithm = block_algorithm(cipher, key)
    assert algorithm is not None
    undo = BlockCipher(algorithm, modes.ECB()).decryptor()
    command = _command(sa, decrypt, undo.update(iv), 0, b"", Random(0))
    head = bytes(range(8))
    given, due = (sealed, plain) if decrypt else (plain, sealed)
    first = iv if decrypt else bytes(len(iv))
    return Job(command, head + first + given, True, b"", head + iv + due)


class Bench:
    """Drives `cbc_hmac`, and compares results and packets with what is due, in order."""

    def __init__(self, dut: Any, *, random: Random, rates: tuple[float, float, float]) -> None:
        commands, packets, out = rates
        self.dut = dut
        self.decrypt = False
        fields = {name: f"cmd_{name}" for name in COMMAND}
        self.commands = Source(dut, "cmd_valid", "cmd_ready", fields, rate=commands)
        self.packets = PacketSource(dut, "s_axis", rate=packets)
        self.results = Scoreboard(dut.clk, "result")
        self.released = Scoreboard(dut.clk, "packet")
        self.last_cycles: list[int] = []
        self.result_cycles: list[int] = []
        self.random = random
        Sink(
            dut,
            "result_valid",
            "result_ready",
            {name: f"result_{name}" for name in ("ok", "icv", "meta")},
            rate=out,
            on_item=self._result,
        )
        PacketSink(dut, "m_axis", rate=out, on_packet=self._packet)

    def put(self, job: Job) -> None:
        # A job without an ICV, or that is not well formed, has none to compare.
        icv = int.from_bytes(job.icv.ljust(32, b"\0")) if job.icv else None
        self.results.expect((job.ok, job.command["meta"], icv))
        if job.octets is not None:
            self.released.expect(job.octets)
        self.commands.put(job.command)
        self.packets.put(Packet(job.packet))

    async def done(self) -> None:
        await self.results.done(50_000)
        await self.released.done(1_000)

    def _result(self, item: dict[str, int], now: int) -> None:
        due = self.results.due[0] if self.results.due else (None, None, 0)
        icv = None if due[2] is None else item["icv"]
        self.results.check((bool(item["ok"]), item["meta"], icv))
        self.result_cycles.append(now)

    def _packet(self, packet: Packet, now: int) -> None:
        # The result says what the packet is: it may come in the same cycle, not later.
        assert self.results.seen > self.released.seen or self.dut.result_valid.value == 1
        self.released.check(packet.octets)
        self.last_cycles.append(now)


__all__ = ["Bench", "Job", "Sa", "willing"]
