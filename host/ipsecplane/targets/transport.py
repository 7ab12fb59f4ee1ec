"""How a host talks P4Runtime to one device: one interface, whatever lies between the two.

A transport passes messages; it knows no tables. `inprocess.py` hands them to a server in the same
process, `grpc_transport.py` to one behind an address. Both deliver stream messages on the caller's
thread: an in-process server calls back from within, a gRPC stream is drained by `pump`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from finsy.proto import p4r, rpc_code

MessageCallback = Callable[[p4r.StreamMessageResponse], None]
ClosedCallback = Callable[[str], None]
_NAMES: Final = {int(number): name for name, number in rpc_code.Code.items()}


class TargetError(Exception):
    """A request that the target refused; `code` is a canonical code (google.rpc.Code)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{code_name(self.code)}: {self.message}"


class TargetUnavailable(TargetError):
    """Nobody answers: the target is not there, or went away."""

    def __init__(self, message: str) -> None:
        super().__init__(int(rpc_code.UNAVAILABLE), message)


@dataclass(frozen=True, slots=True)
class UpdateFailure:
    """One update of a batch that was not applied; `index` counts from 0."""

    index: int
    code: int
    message: str

    def __str__(self) -> str:
        return f"{code_name(self.code)}: {self.message}" if self.message else code_name(self.code)


class WriteError(TargetError):
    """Some updates of a batch failed; those not in `failures` were applied."""

    def __init__(self, code: int, message: str, failures: tuple[UpdateFailure, ...]) -> None:
        super().__init__(code, message)
        self.failures = failures


class Transport(Protocol):
    """P4Runtime to one device. Every method may raise TargetError or TargetUnavailable."""

    @property
    def device_id(self) -> int: ...

    @property
    def name(self) -> str:
        """Where the device is, for messages ("grpc://127.0.0.1:9559")."""

    def open(self, on_message: MessageCallback, on_closed: ClosedCallback) -> None:
        """Open the stream. `on_closed` says why when it ends by the other side's doing."""

    def send(self, message: p4r.StreamMessageRequest) -> None: ...

    def pump(self) -> None:
        """Deliver what has arrived on the stream since; nothing to do in process."""

    def close(self) -> None:
        """Close the stream; `open` may follow."""

    def write(self, request: p4r.WriteRequest) -> None:
        """Raises WriteError when some updates failed."""

    def read(self, request: p4r.ReadRequest) -> Iterable[p4r.ReadResponse]: ...

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None: ...

    def get_pipeline(
        self, request: p4r.GetForwardingPipelineConfigRequest
    ) -> p4r.GetForwardingPipelineConfigResponse: ...


def code_name(code: int) -> str:
    """The canonical name of a code, or its number when it has none."""
    return _NAMES.get(code, f"code {code}")


def failures_of(details: Iterable[p4r.Error]) -> tuple[UpdateFailure, ...]:
    """The failed ones among the per-update errors of a Write (one detail an update, in order)."""
    return tuple(
        UpdateFailure(index, error.canonical_code, error.message)
        for index, error in enumerate(details)
        if error.canonical_code != rpc_code.OK
    )
