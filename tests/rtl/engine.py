"""Stand-ins around a sequencer of the datapath: the engine, and what is to be counted."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecplane.ipsec.algorithms import CIPHER
from ipsecplane.targets.crypto_header import Operation, Reason
from ipsecsim.accelerator.esp import Esp
from ipsecsim.accelerator.transforms import BlockTransform, GcmTransform

from tests.accelerator.conftest import Rig
from tests.rtl import traffic
from tests.rtl.streams import Packet, PacketSink, PacketSource, Source, seeded


class Engine:
    """Does the jobs of a sequencer with the golden model's transforms."""

    def __init__(self, dut: Any, rig: Rig, rate: float, side: str = "") -> None:
        self.dut = dut
        self.rig = rig
        self.side = side
        self.random = seeded(f"{side}engine")
        self.job, self.valid, self.ready = (
            getattr(dut, f"{side}job{end}") for end in ("", "_valid", "_ready")
        )
        self.back = PacketSource(dut, f"s_{side}engine", rate=rate)
        self.icv = Source(dut, f"{side}icv_valid", None, {"icv": f"{side}icv"}, rate=rate)
        self.jobs: list[dict[str, int]] = []
        self.numbers: deque[int] = deque()
        self.late = hasattr(dut, f"{side}job_number_valid")
        self.packets: deque[bytes] = deque()
        PacketSink(
            dut,
            f"m_{side}engine",
            rate=rate,
            on_packet=lambda packet, now: self.packets.append(packet.octets),
        )
        self.ready.value = 0
        cocotb.start_soon(self._jobs())
        if self.late:
            cocotb.start_soon(self._numbers(getattr(dut, f"{side}job_number")))
        cocotb.start_soon(self._work())

    async def _jobs(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            if self.valid.value == 1 and self.ready.value == 1:
                job = traffic.unpack(traffic.JOB, int(self.job.value))
                self.jobs.append(job)
                if not self.late:
                    self.numbers.append(job["iv"])
                self.ready.value = 0
            else:
                self.ready.value = int(self.random.random() < 0.5)

    async def _numbers(self, number: Any) -> None:
        """Of decryption the numbers come by themselves, in the order of the jobs."""
        valid = getattr(self.dut, f"{self.side}job_number_valid")
        while True:
            await RisingEdge(self.dut.clk)
            if valid.value == 1:
                self.numbers.append(int(number.value))

    async def _work(self) -> None:
        """One job after the other; the ICVs come in order, some time after the octets."""
        while True:
            while not (self.jobs and self.packets and self.numbers):
                await RisingEdge(self.dut.clk)
            self._do(self.jobs.pop(0), self.packets.popleft(), self.numbers.popleft())
            if self.random.random() < 0.3:
                await ClockCycles(self.dut.clk, self.random.randint(1, 20))

    def _do(self, job: dict[str, int], octets: bytes, number: int) -> None:
        assert job["octets"] == len(octets)
        store = self.rig.store
        sa = (store.inbound if job["decrypt"] else store.outbound)[job["sa_index"]].sa
        if job["hash"]:
            icv = sa.ah.mac.icv(octets)
        else:
            head = 8 + sa.esp.cipher.iv_size
            assert int.from_bytes(octets[:4], "big") == sa.esp.spi
            if job["decrypt"]:
                if sa.esp.cipher.accelerator_id == CIPHER["AES-GCM"].accelerator_id:
                    assert job["iv"] == int.from_bytes(octets[8:16])
                plain, icv = opened(sa.esp, octets, number)
                self.back.put(Packet(octets[:head] + plain))
            else:
                sealed = sa.esp.transform.seal(sa.esp.spi, number, octets[head:])
                self.back.put(Packet(sealed[: len(octets)]))
                icv = sealed[len(octets) :]
        self.icv.put({"icv": int.from_bytes(icv.ljust(32, b"\0"))})


def opened(esp: Esp, octets: bytes, sequence: int) -> tuple[bytes, bytes]:
    """Plaintext of an ESP packet without its ICV, and the ICV that it should have."""
    transform = esp.transform
    if isinstance(transform, BlockTransform):
        mac, transform._integrity = transform._integrity, None
        try:
            plain = transform.open(octets, sequence)
        finally:
            transform._integrity = mac
        covered = transform._authenticated(octets, sequence)
        return plain, mac.icv(covered) if mac is not None else b""
    assert isinstance(transform, GcmTransform)
    nonce = transform._salt + octets[8:16]
    aad = transform._aad(octets[:8], sequence)
    # Counter mode: what encrypts also decrypts, and the right tag is that of the plaintext.
    plain = transform._aead.encrypt(nonce, octets[16:], aad)[:-16]
    return plain, transform._aead.encrypt(nonce, plain, aad)[-16:]


class Reasons:
    """Which reasons a run has seen; one that misses some has tested too little."""

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()

    def saw(self, reason: int) -> None:
        self.seen[int(reason)] += 1

    def covered(self, *reasons: int) -> None:
        missing = [Reason(reason).name for reason in reasons if not self.seen[reason]]
        assert not missing, f"not seen: {missing}; seen {dict(self.seen)}"


def expected_count(
    store: Any, request: traffic.Request, results: list[traffic.Result]
) -> dict[str, int] | None:
    """What the sequencer says is to be counted for a request."""
    h = request.header
    reason = results[0].reason
    inbound = h.operation == Operation.DECRYPT
    cut = h.operation == Operation.FRAGMENT
    rows = store.inbound if inbound else store.outbound
    if reason == 0:
        if cut:
            return None
        octets = len(request.packet)
        if inbound:
            octets = len(results[0].packet or b"")
        of_sa = 1
    else:
        octets = 0
        version = request.packet[0] >> 4 if request.packet else 0
        named = {0x0800: 4, 0x86DD: 6}.get(h.ethertype, 0)
        of_sa = int(
            not cut and named != 0 and h.sa_index in rows
            and (not request.packet or version == named)
        )  # fmt: skip
    return {
        "of_sa": of_sa, "inbound": int(inbound), "sa_index": h.sa_index, "reason": reason,
        "octets": octets,
    }  # fmt: skip
