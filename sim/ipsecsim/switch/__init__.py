"""A software switch that executes what p4c compiles (bmv2 JSON), served through P4Runtime."""

from __future__ import annotations

from .errors import ProgramError, UnsupportedError
from .switch import CPU_PORT, Switch

__all__ = ["CPU_PORT", "ProgramError", "Switch", "UnsupportedError"]
