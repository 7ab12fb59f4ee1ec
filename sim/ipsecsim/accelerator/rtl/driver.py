"""What is done with the registers: take the device over, install and remove SAs, read counters.

It keeps no key: what it is given is written to the device, which does not give it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from . import registers as reg
from .regmap import Register

INSTALL: Final = 1
REMOVE: Final = 2
READ: Final = 3
_BOOT: Final = 0x1B5EC001  # any number but 0, which is what reset leaves
_ERRORS: Final = {
    1: "no such command",
    2: "no such row",
    3: "not taken over since its reset",
    4: "not ready",
}
_PATIENCE: Final = 1_000_000  # reads of `status`
_WRAP: Final = 1 << 32


class DriverError(Exception):
    """The device is not the one that this driver knows, or refuses a command."""


class Registers(Protocol):
    """What has registers: a Verilated model, or a board."""

    def get(self, register: Register, index: int = 0) -> int: ...

    def put(self, register: Register, value: int, index: int = 0) -> None: ...


@dataclass(frozen=True, slots=True)
class Features:
    """What a device was built with: rows each way, algorithms by accelerator_id."""

    sas: int
    ciphers: frozenset[int]
    integrities: frozenset[int]


class Driver:
    """One device, which `take_over` finds reset. Raises DriverError in all its methods."""

    def __init__(self, device: Registers) -> None:
        self._device = device
        self._errors = [0] * reg.ERROR.count  # as last read

    def take_over(self) -> Features:
        """Wait until the device is ready after reset, and say that its SAs are ours to install."""
        device = self._device
        for register in (reg.ID, reg.VERSION):
            found = device.get(register)
            if found != register.value:
                raise DriverError(
                    f"register {register.name} is 0x{found:08x}, not 0x{register.value:08x}: "
                    "this is not an accelerator that the driver knows"
                )
        for _ in range(_PATIENCE):
            if reg.STATUS_READY.get(device.get(reg.STATUS)):
                break
        else:
            raise DriverError("the accelerator does not become ready")
        device.put(reg.BOOT, _BOOT)
        self._errors = [0] * reg.ERROR.count
        features = device.get(reg.FEATURES)
        return Features(
            reg.SIZE_SAS.get(device.get(reg.SIZE)),
            _numbers(reg.FEATURES_CIPHERS.get(features)),
            _numbers(reg.FEATURES_INTEGRITIES.get(features)),
        )

    def install(self, inbound: bool, index: int, sa: Mapping[Register, int]) -> None:
        """Put an SA in force. In a row with the same epoch, numbers and windows go on."""
        for register, value in sa.items():
            self._device.put(register, value)
        self._command(INSTALL, inbound, index)

    def remove(self, inbound: bool, index: int) -> None:
        """The row has no SA any more, and its keys are overwritten."""
        self._command(REMOVE, inbound, index)

    def take_counts(self, inbound: bool, index: int, reason: int) -> tuple[int, int]:
        """Packets, and octets of successes (`reason` 0), counted since the last call."""
        self._command(READ, inbound, index, reason)
        return self._device.get(reg.ROW_PACKETS), self._device.get(reg.ROW_OCTETS)

    def last_number(self, index: int) -> int:
        """The last sequence number that an outbound row has used. Counters stay as they are."""
        self._command(READ, False, index, reg.ERROR.count - 1)
        return self._device.get(reg.ROW_NUMBER)

    def take_errors(self, reason: int) -> int:
        """Refusals that no SA is to blame for, since the last call."""
        before, now = self._errors[reason], self._device.get(reg.ERROR, reason)
        self._errors[reason] = now
        return (now - before) % _WRAP

    def _command(self, operation: int, inbound: bool, index: int, reason: int = 0) -> None:
        device = self._device
        try:
            word = (
                reg.COMMAND_OPERATION.put(operation)
                | reg.COMMAND_INBOUND.put(int(inbound))
                | reg.COMMAND_REASON.put(reason)
                | reg.COMMAND_SA_INDEX.put(index)
            )
        except ValueError as error:
            raise DriverError(str(error)) from None
        device.put(reg.COMMAND, word)
        for _ in range(_PATIENCE):
            status = device.get(reg.STATUS)
            if not reg.STATUS_BUSY.get(status):
                if code := reg.STATUS_ERROR.get(status):
                    way = "inbound" if inbound else "outbound"
                    raise DriverError(f"{way} row {index}: {_ERRORS.get(code, f'error {code}')}")
                return
        raise DriverError(f"command 0x{word:08x} does not end")


def _numbers(mask: int) -> frozenset[int]:
    return frozenset(n for n in range(mask.bit_length()) if mask >> n & 1)
