"""A Verilated accelerator in this process: its clock, its registers, frames in and out."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Final

from .regmap import Register

PATIENCE: Final = 2_000_000
"""Cycles that whatever has been pushed may take."""
_RESET: Final = 8  # cycles
_DEVICE: Final = ctypes.c_void_p
_FUNCTIONS: Final = {  # name: result, arguments behind the device
    "accel_close": (None, ()),
    "accel_reset": (None, (ctypes.c_int,)),
    "accel_write": (ctypes.c_int, (ctypes.c_uint32, ctypes.c_uint32)),
    "accel_read": (ctypes.c_int, (ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32))),
    "accel_push": (None, (ctypes.c_char_p, ctypes.c_size_t)),
    "accel_run": (ctypes.c_int, (ctypes.c_uint64,)),
    "accel_next_size": (ctypes.c_size_t, ()),
    "accel_fetch": (None, (ctypes.c_char_p,)),
    "accel_cycles": (ctypes.c_uint64, ()),
    "accel_trace": (ctypes.c_int, (ctypes.c_char_p,)),
}


class ModelError(Exception):
    """The model does not do what it should: it hangs, or was built without waveforms."""


class Model:
    """One device. Nothing happens but in these calls; time is what `cycles` counts."""

    def __init__(self, path: Path) -> None:
        """`path`: of a library that library.py has built."""
        self._functions = _load(path)
        self._device = _DEVICE(self._functions.accel_open())

    def reset(self) -> None:
        """As the reset pin does it. Frames on their way are lost."""
        self._functions.accel_reset(self._device, _RESET)

    def read(self, address: int) -> int:
        """A register of 32 bits. Raises ModelError if nobody answers."""
        word = ctypes.c_uint32()
        if not self._functions.accel_read(self._device, address, ctypes.byref(word)):
            raise ModelError(f"no answer to a read of register 0x{address:03x}")
        return word.value

    def write(self, address: int, value: int) -> None:
        """Raises ModelError if nobody answers."""
        if not self._functions.accel_write(self._device, address, value):
            raise ModelError(f"no answer to a write of register 0x{address:03x}")

    def get(self, register: Register, index: int = 0) -> int:
        """The number that a register, or one of several, holds."""
        at = register.address + 4 * register.words * index
        return sum(self.read(at + 4 * i) << 32 * i for i in range(register.words))

    def put(self, register: Register, value: int, index: int = 0) -> None:
        at = register.address + 4 * register.words * index
        for i in range(register.words):
            self.write(at + 4 * i, value >> 32 * i & 0xFFFFFFFF)

    def push(self, frame: bytes) -> None:
        """A frame that comes in as soon as there is room. One without octets is none."""
        if frame:
            self._functions.accel_push(self._device, frame, len(frame))

    def run(self, limit: int = PATIENCE) -> list[bytes]:
        """Go on until nothing goes on; returns the frames that came out.

        Raises ModelError if something still goes on after `limit` cycles.
        """
        quiet = self._functions.accel_run(self._device, limit)
        frames = []
        while size := self._functions.accel_next_size(self._device):
            buffer = ctypes.create_string_buffer(size)
            self._functions.accel_fetch(self._device, buffer)
            frames.append(buffer.raw)
        if not quiet:
            raise ModelError(f"the accelerator has not come to rest in {limit} cycles")
        return frames

    @property
    def cycles(self) -> int:
        """Clock cycles since the model was made."""
        return int(self._functions.accel_cycles(self._device))

    def trace(self, path: Path | None) -> None:
        """Write waveforms to a new file from now on; None ends it. Raises ModelError."""
        if path is not None:
            try:
                path.open("wb").close()  # the writer of FST does not notice
            except OSError as error:
                raise ModelError(f"{path}: cannot be written: {error.strerror}") from None
        name = None if path is None else str(path).encode()
        if not self._functions.accel_trace(self._device, name):
            raise ModelError(f"{path}: the model was built without waveforms")

    def close(self) -> None:
        """End it; no other call may follow but this one."""
        if self._device:
            self._functions.accel_close(self._device)
            self._device = _DEVICE()

    def __del__(self) -> None:
        if hasattr(self, "_device"):
            self.close()


@cache
def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    library.accel_open.restype = ctypes.c_void_p
    library.accel_open.argtypes = ()
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = (_DEVICE, *arguments)
    return library
