"""An AXI4-Lite master for benches, and the register writes that make an SA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cocotb.triggers import RisingEdge
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl.regmap import Register

from tests.rtl.streams import seeded


class AxiLite:
    """One access at a time; address and data of a write come in either order."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.random = seeded("axil")
        for name in ("awvalid", "wvalid", "arvalid", "bready", "rready"):
            getattr(dut, f"s_axil_{name}").value = 0

    async def write(self, address: int, data: int) -> None:
        dut = self.dut
        dut.s_axil_awaddr.value = address
        dut.s_axil_wdata.value = data
        first = self.random.choice(("aw", "w", "both"))
        for channel in ("aw", "w"):
            if first in (channel, "both"):
                getattr(dut, f"s_axil_{channel}valid").value = 1
        if first != "both":
            await RisingEdge(dut.clk)
            dut.s_axil_awvalid.value = 1
            dut.s_axil_wvalid.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.s_axil_awready.value == 1:
                assert dut.s_axil_wready.value == 1
                break
        dut.s_axil_awvalid.value = 0
        dut.s_axil_wvalid.value = 0
        for _ in range(self.random.randint(0, 2)):
            await RisingEdge(dut.clk)
        dut.s_axil_bready.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.s_axil_bvalid.value == 1:
                break
        assert dut.s_axil_bresp.value == 0
        dut.s_axil_bready.value = 0

    async def read(self, address: int) -> int:
        dut = self.dut
        dut.s_axil_araddr.value = address
        dut.s_axil_arvalid.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.s_axil_arready.value == 1:
                break
        dut.s_axil_arvalid.value = 0
        dut.s_axil_rready.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.s_axil_rvalid.value == 1:
                break
        dut.s_axil_rready.value = 0
        return int(dut.s_axil_rdata.value)

    async def get(self, register: Register, index: int = 0) -> int:
        """A register's number, of all its words."""
        at = register.address + 4 * register.words * index
        words = [await self.read(at + 4 * i) for i in range(register.words)]
        return sum(word << 32 * i for i, word in enumerate(words))

    async def put(self, register: Register, value: int) -> None:
        for i in range(register.words):
            await self.write(register.address + 4 * i, value >> 32 * i & 0xFFFFFFFF)

    async def command(
        self, operation: int, index: int = 0, *, inbound: bool = False, reason: int = 0
    ) -> int:
        """Start a command and wait for its end; returns `status.error`."""
        word = reg.COMMAND_OPERATION.put(operation) | reg.COMMAND_INBOUND.put(int(inbound))
        word |= reg.COMMAND_SA_INDEX.put(index) | reg.COMMAND_REASON.put(reason)
        await self.put(reg.COMMAND, word)
        while True:
            status = await self.get(reg.STATUS)
            if not reg.STATUS_BUSY.get(status):
                return reg.STATUS_ERROR.get(status)

    async def shadow(self, sa: Mapping[Register, int]) -> None:
        for register, value in sa.items():
            await self.put(register, value)
