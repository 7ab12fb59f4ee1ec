"""AES-GCM of ESP (RFC 4106): packets as the software model seals them, both ways, ESN or not."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any, Final

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from ipsecplane.ipsec.algorithms import CIPHER
from ipsecsim.accelerator.transforms import GcmTransform

from tests.accelerator.test_vectors import GCM as PUBLISHED
from tests.rtl import traffic
from tests.rtl.gcm import hash_key, packed_powers
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import (
    Packet,
    PacketSink,
    PacketSource,
    Scoreboard,
    Sink,
    Source,
    seeded,
    start,
)

GCM: Final = CIPHER["AES-GCM"]
KEYS: Final = (
    ("key_size", 2), ("key", 256), ("salt", 32), ("iv_seed", 64), ("powers", 1024),
    ("hash_states", 2048),
)  # fmt: skip


class Sa:
    """Key and salt, and the row that the engine gets."""

    def __init__(self, random: Random, key: bytes, salt: bytes, esn: bool) -> None:
        self.esn = esn
        self.transform = GcmTransform(GCM, key, salt, self.esn)
        self.row = traffic.pack(
            KEYS,
            {
                "key_size": len(key) // 8 - 2,
                "key": int.from_bytes(key.ljust(32, b"\0")),
                "salt": int.from_bytes(salt),
                "iv_seed": random.getrandbits(64),
                "powers": packed_powers(hash_key(key)),
                "hash_states": random.getrandbits(2048),
            },
        )


def random_sa(random: Random) -> Sa:
    key, salt = random.randbytes(random.choice(GCM.key_sizes)), random.randbytes(4)
    return Sa(random, key, salt, random.random() < 0.5)


class Bench:
    """Drives `esp_gcm`, and compares octets and ICVs with those of the software model, in order."""

    def __init__(self, dut: Any, *, decrypt: bool, rates: tuple[float, float, float]) -> None:
        commands, packets, out = rates
        self.decrypt = decrypt
        self.random = seeded("packets")
        fields = {"job": "cmd_job", "keys": "cmd_keys"}
        self.commands = Source(dut, "cmd_valid", "cmd_ready", fields, rate=commands)
        self.numbers = Source(
            dut, "number_valid", "number_ready", {"number": "number"}, rate=commands
        )
        self.packets = PacketSource(dut, "s_axis", rate=packets)
        self.dut = dut
        self.waiting: deque[Packet] = deque()
        cocotb.start_soon(self._after_their_jobs())
        self.octets = Scoreboard(dut.clk, "packet")
        self.icvs = Scoreboard(dut.clk, "ICV")
        self.last_cycles: list[int] = []
        PacketSink(dut, "m_axis", rate=out, on_packet=self._packet)
        Sink(dut, "icv_valid", "icv_ready", {"icv": "icv"}, rate=out, on_item=self._icv)

    def put(self, sa: Sa, payload: bytes, number: int) -> None:
        spi = self.random.getrandbits(32)
        self.put_sealed(sa, sa.transform.seal(spi, number, payload), payload, number)

    def put_sealed(self, sa: Sa, sealed: bytes, payload: bytes, number: int) -> None:
        head, body, icv = sealed[:16], sealed[16:-16], sealed[-16:]
        job = {
            "hash": 0,
            "decrypt": int(self.decrypt),
            "sa_index": self.random.getrandbits(16),
            "cipher": GCM.accelerator_id,
            "integrity": 0,
            "esn": int(sa.esn),
            "iv": int.from_bytes(head[8:]) if self.decrypt else number,
            "octets": 16 + len(body),
            "icv": 0,
        }
        self.commands.put({"job": traffic.pack(traffic.JOB, job), "keys": sa.row})
        self.numbers.put({"number": number})
        if self.decrypt:
            given, due = sealed[:-16], head + payload
        else:
            # What stands in the IV's place is overwritten.
            given, due = head[:8] + self.random.randbytes(8) + payload, head + body
        self.waiting.append(Packet(given))
        self.octets.expect(due)
        self.icvs.expect(icv + bytes(16))

    async def done(self) -> None:
        await self.octets.done(1_000)
        await self.icvs.done(1_000)

    async def _after_their_jobs(self) -> None:
        """Octets come when their job was taken, not before."""
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.cmd_valid.value == 1 and self.dut.cmd_ready.value == 1:
                self.packets.put(self.waiting.popleft())

    def _packet(self, packet: Packet, now: int) -> None:
        self.octets.check(packet.octets)
        self.last_cycles.append(now)

    def _icv(self, item: dict[str, int], now: int) -> None:
        self.icvs.check(item["icv"].to_bytes(32))


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def packets(dut: Any) -> None:
    """Published packets, any mix of SAs, sizes and numbers; then throughput."""
    random = seeded()
    chosen = settings()
    bench = Bench(dut, decrypt=chosen["decrypt"], rates=tuple(chosen["rates"]))
    await start(dut)
    sas = [random_sa(random) for _ in range(12)]
    if chosen["decrypt"]:
        for key, salt, spi, number, esn, iv, sealed, plain in PUBLISHED:
            head = spi.to_bytes(4) + (number & 0xFFFFFFFF).to_bytes(4) + bytes.fromhex(iv)
            sa = Sa(random, bytes.fromhex(key), bytes.fromhex(salt), esn)
            bench.put_sealed(sa, head + bytes.fromhex(sealed), bytes.fromhex(plain), number)
    for _ in range(150):
        size = 4 * random.randint(0, random.choice((3, 10, 30, 90)))
        bench.put(random.choice(sas), random.randbytes(size), random.getrandbits(64))
    await bench.done()
    if tuple(chosen["rates"]) != (1, 1, 1):
        return
    for inner, wire in ((64, 8), (1400, 91)):
        before = len(bench.last_cycles)
        size = -(-(inner + 2) // 4) * 4
        for number in range(24):
            bench.put(random.choice(sas), random.randbytes(size), number)
        await bench.done()
        ends = bench.last_cycles[before + 4 :]
        cycles = (ends[-1] - ends[0]) / (len(ends) - 1)
        dut._log.info(f"{inner} octets inner: {cycles:.2f} cycles, {wire} on the bus")
        assert cycles <= wire


@pytest.mark.parametrize("decrypt", [False, True])
@pytest.mark.parametrize("rates", [(1, 1, 1), (0.4, 0.6, 0.6)])
def test_esp_gcm(decrypt: bool, rates: tuple[float, float, float]) -> None:
    simulate(
        "esp_gcm",
        __file__,
        parameters={"DECRYPT": f"1'b{int(decrypt)}"},
        settings={"decrypt": decrypt, "rates": rates},
        tests=["packets"],
    )
