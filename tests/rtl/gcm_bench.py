"""Packets for `aes_gcm`, and what has to come of them: as `cryptography` has it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.rtl.gcm import hash_key, packed_powers
from tests.rtl.streams import Scoreboard, Sink, Source

COMMAND: Final = ("key_size", "key", "salt", "iv", "powers", "aad_octets", "octets")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `octets` go in, `result` comes out, `tag` is the one computed for it."""

    key: bytes
    nonce: bytes
    aad: bytes
    octets: bytes
    result: bytes
    tag: bytes


def message(key: bytes, nonce: bytes, aad: bytes, plain: bytes, *, decrypt: bool) -> Message:
    """A message as `cryptography` seals it, to be encrypted or decrypted."""
    both = AESGCM(key).encrypt(nonce, plain, aad)
    sealed, tag = both[:-16], both[-16:]
    return Message(key, nonce, aad, sealed if decrypt else plain, plain if decrypt else sealed, tag)


def random_message(random: Random, keys: list[bytes], *, decrypt: bool) -> Message:
    """Most are short: of every length about the block's edges, with and without additional data."""
    most = random.choice((20, 40, 70, 150, 300))
    aad = random.randbytes(random.choice((0, 8, 12, random.randint(1, 70))))
    plain = random.randbytes(random.choice((0, random.randint(1, most))))
    return message(random.choice(keys), random.randbytes(12), aad, plain, decrypt=decrypt)


def _beats(octets: bytes, aad: bool, last: bool) -> list[dict[str, int]]:
    beats = []
    for at in range(0, len(octets), 16):
        piece = octets[at : at + 16]
        beats.append(
            {
                "tdata": int.from_bytes(piece, "little"),
                "tkeep": (1 << len(piece)) - 1,
                "tlast": int(last and at + 16 >= len(octets)),
                "aad": int(aad),
                "hashed": int.from_bytes(piece.ljust(16, b"\0")),
            }
        )
    return beats


class Bench:
    """Drives `aes_gcm`, and compares ICVs and packets with what is due, in order."""

    def __init__(self, dut: Any, *, rates: tuple[float, float, float]) -> None:
        commands, packets, out = rates
        self._powers: dict[bytes, int] = {}
        fields = {name: f"cmd_{name}" for name in COMMAND}
        self.commands = Source(dut, "cmd_valid", "cmd_ready", fields, rate=commands)
        names = ("tdata", "tkeep", "tlast", "aad", "hashed")
        self.beats = Source(
            dut,
            "s_axis_tvalid",
            "s_axis_tready",
            {name: f"s_axis_{name}" for name in names},
            rate=packets,
        )
        self.tags = Scoreboard(dut.clk, "ICV")
        self.results = Scoreboard(dut.clk, "packet")
        self.last_cycles: list[int] = []
        self.icv_cycles: list[int] = []
        Sink(dut, "icv_valid", "icv_ready", {"icv": "icv"}, rate=out, on_item=self._icv)
        # Additional data without whole beats makes beats that are not full before the end, so beats
        # are put together here.
        self._octets = bytearray()
        names = ("tdata", "tkeep", "tlast")
        Sink(
            dut,
            "m_axis_tvalid",
            "m_axis_tready",
            {name: f"m_axis_{name}" for name in names},
            rate=out,
            on_item=self._beat,
        )

    def put(self, sent: Message) -> None:
        if sent.key not in self._powers:
            self._powers[sent.key] = packed_powers(hash_key(sent.key))
        self.commands.put(
            {
                "key_size": len(sent.key) // 8 - 2,
                "key": int.from_bytes(sent.key.ljust(32, b"\0")),
                "salt": int.from_bytes(sent.nonce[:4]),
                "iv": int.from_bytes(sent.nonce[4:]),
                "powers": self._powers[sent.key],
                "aad_octets": len(sent.aad),
                "octets": len(sent.octets),
            }
        )
        beats = _beats(sent.aad, True, not sent.octets) + _beats(sent.octets, False, True)
        for beat in beats or [{"tdata": 0, "tkeep": 0, "tlast": 1, "aad": 0, "hashed": 0}]:
            self.beats.put(beat)
        self.tags.expect(sent.tag)
        self.results.expect(sent.aad + sent.result)

    async def done(self) -> None:
        await self.results.done(1_000)
        await self.tags.done(1_000)

    def _icv(self, item: dict[str, int], now: int) -> None:
        self.tags.check(item["icv"].to_bytes(16))
        self.icv_cycles.append(now)

    def _beat(self, beat: dict[str, int], now: int) -> None:
        count = beat["tkeep"].bit_length()
        assert beat["tkeep"] == (1 << count) - 1
        octets = beat["tdata"].to_bytes(16, "little")
        assert not any(octets[count:])
        self._octets += octets[:count]
        if beat["tlast"]:
            self.results.check(bytes(self._octets))
            self._octets.clear()
            self.last_cycles.append(now)


__all__ = ["Bench", "Message", "message", "random_message"]
