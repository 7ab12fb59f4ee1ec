"""The crypto accelerator: the software model of the contract in `docs/accelerator.md`."""

from .device import Accelerator

__all__ = ["Accelerator"]
