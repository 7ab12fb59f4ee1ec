"""P4Runtime errors: one exception type with a canonical code (google.rpc.Code)."""

from __future__ import annotations

from enum import IntEnum

from finsy.proto import p4r, rpc_code, rpc_status
from google.protobuf import any_pb2


class Code(IntEnum):
    """The canonical codes that P4Runtime uses (google/rpc/code.proto)."""

    OK = rpc_code.OK
    UNKNOWN = rpc_code.UNKNOWN
    INVALID_ARGUMENT = rpc_code.INVALID_ARGUMENT
    NOT_FOUND = rpc_code.NOT_FOUND
    ALREADY_EXISTS = rpc_code.ALREADY_EXISTS
    PERMISSION_DENIED = rpc_code.PERMISSION_DENIED
    RESOURCE_EXHAUSTED = rpc_code.RESOURCE_EXHAUSTED
    FAILED_PRECONDITION = rpc_code.FAILED_PRECONDITION
    ABORTED = rpc_code.ABORTED
    OUT_OF_RANGE = rpc_code.OUT_OF_RANGE
    UNIMPLEMENTED = rpc_code.UNIMPLEMENTED
    INTERNAL = rpc_code.INTERNAL
    UNAVAILABLE = rpc_code.UNAVAILABLE


class P4RuntimeError(Exception):
    """A refused request: `code` says which kind, the message what and where.

    `details` is filled for a Write only: one p4.v1.Error per update, in the updates' order, code
    OK for those that were applied (P4Runtime specification, "Error Reporting Messages").
    """

    def __init__(self, code: Code, message: str, details: tuple[p4r.Error, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        lines = [f"{self.code.name}: {self.message}"]
        for index, error in enumerate(self.details):
            if error.canonical_code != Code.OK:
                name = Code(error.canonical_code).name
                lines.append(f"  update {index + 1}: {name}: {error.message}")
        return "\n".join(lines)

    def as_error(self) -> p4r.Error:
        """The p4.v1.Error that stands for this error inside a batch."""
        return p4r.Error(canonical_code=int(self.code), message=self.message)

    def as_status(self) -> rpc_status.Status:
        """The google.rpc.Status of the whole RPC, details packed as Any."""
        details = []
        for error in self.details:
            packed = any_pb2.Any()
            packed.Pack(error)
            details.append(packed)
        return rpc_status.Status(code=int(self.code), message=self.message, details=details)


def invalid(message: str) -> P4RuntimeError:
    """INVALID_ARGUMENT, by far the most frequent refusal."""
    return P4RuntimeError(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.NOT_FOUND, message)


def already_exists(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.ALREADY_EXISTS, message)


def denied(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.PERMISSION_DENIED, message)


def exhausted(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.RESOURCE_EXHAUSTED, message)


def precondition(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.FAILED_PRECONDITION, message)


def out_of_range(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.OUT_OF_RANGE, message)


def unimplemented(message: str) -> P4RuntimeError:
    return P4RuntimeError(Code.UNIMPLEMENTED, message)
