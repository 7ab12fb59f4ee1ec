"""A compiled P4 program as a target takes it: its p4info and the target's own configuration."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from finsy.proto import p4i
from google.protobuf import text_format

BUILD_DIRECTORY: Final = Path(__file__).resolve().parents[3] / "p4" / "build"


class ProgramError(Exception):
    """A program that cannot be loaded; the text names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Program:
    """`device_config` is what the target runs (bmv2 JSON), empty where there is nothing to load."""

    name: str
    p4info: p4i.P4Info
    device_config: bytes = b""

    @property
    def cookie(self) -> int:
        """A 64-bit fingerprint of what the target runs; it tells one build from another."""
        return int.from_bytes(sha256(self.device_config).digest()[:8], "big") or 1


def load_program(name: str, directory: Path = BUILD_DIRECTORY) -> Program:
    """The program `name` ("ipsec", "accelerator") from `directory`. Raises ProgramError."""
    p4info = load_p4info(directory / f"{name}.p4info.txtpb")
    device_config = directory / f"{name}.json"
    return Program(name, p4info, device_config.read_bytes() if device_config.exists() else b"")


def load_p4info(path: Path) -> p4i.P4Info:
    """A p4info file in text format. Raises ProgramError."""
    try:
        return text_format.Parse(path.read_text(), p4i.P4Info())
    except OSError as error:
        raise ProgramError(f"{path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ProgramError(f"{path}: not a p4info text file: {error}") from error
