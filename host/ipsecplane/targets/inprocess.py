"""P4Runtime without a network: messages handed to a server object in the same process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from finsy.proto import p4r, rpc_code

from .transport import (
    ClosedCallback,
    MessageCallback,
    TargetError,
    TargetUnavailable,
    WriteError,
    failures_of,
)


class ServerStream(Protocol):
    """The server's end of a stream."""

    def send(self, message: p4r.StreamMessageRequest) -> None: ...

    def close(self) -> None: ...


class Server(Protocol):
    """The shape of a P4Runtime server core: one method an RPC.

    What it raises for a refused request has `code`, `message` and, for a Write, `details` (one
    p4.v1.Error an update).
    """

    def write(self, request: p4r.WriteRequest) -> Any: ...

    def read(self, request: p4r.ReadRequest) -> Iterable[p4r.ReadResponse]: ...

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> Any: ...

    def get_pipeline(
        self, request: p4r.GetForwardingPipelineConfigRequest
    ) -> p4r.GetForwardingPipelineConfigResponse: ...

    def open_stream(self, callback: MessageCallback) -> ServerStream: ...


class InProcessTransport:
    """A `Transport` to one device of `server`.

    `disconnect` and `reconnect` stand for a cable pulled and put back: until then every call
    finds the target unavailable.
    """

    def __init__(self, server: Server, device_id: int = 1, name: str = "") -> None:
        self.device_id = device_id
        self.name = name or f"in-process device {device_id}"
        self._server = server
        self._stream: ServerStream | None = None
        self._on_closed: ClosedCallback | None = None
        self._connected = True

    def open(self, on_message: MessageCallback, on_closed: ClosedCallback) -> None:
        self._check()
        self.close()
        self._on_closed = on_closed
        self._stream = self._server.open_stream(on_message)

    def send(self, message: p4r.StreamMessageRequest) -> None:
        self._check()
        if self._stream is None:
            raise TargetUnavailable("the stream is not open")
        with _errors():
            self._stream.send(message)

    def pump(self) -> None:
        """Nothing waits: the server calls back."""

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def write(self, request: p4r.WriteRequest) -> None:
        self._check()
        with _errors():
            self._server.write(request)

    def read(self, request: p4r.ReadRequest) -> Iterator[p4r.ReadResponse]:
        self._check()
        with _errors():
            yield from self._server.read(request)

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        self._check()
        with _errors():
            self._server.set_pipeline(request)

    def get_pipeline(
        self, request: p4r.GetForwardingPipelineConfigRequest
    ) -> p4r.GetForwardingPipelineConfigResponse:
        self._check()
        with _errors():
            return self._server.get_pipeline(request)

    def disconnect(self, reason: str = "connection lost") -> None:
        """The target goes away."""
        self._connected = False
        self.close()
        if self._on_closed is not None:
            self._on_closed(reason)

    def reconnect(self, server: Server | None = None) -> None:
        """The target is back: the same one, or a restarted `server`."""
        self._server = server or self._server
        self._connected = True

    def _check(self) -> None:
        if not self._connected:
            raise TargetUnavailable("no connection")


@contextmanager
def _errors() -> Iterator[None]:
    """What the server raises, as a TargetError; other exceptions are bugs and pass."""
    try:
        yield
    except TargetError:
        raise
    except Exception as error:
        code, message = getattr(error, "code", None), getattr(error, "message", None)
        if code is None or message is None:
            raise
        if int(code) == rpc_code.UNAVAILABLE:
            raise TargetUnavailable(message) from error
        failures = failures_of(getattr(error, "details", ()))
        if failures:
            raise WriteError(int(code), message, failures) from error
        raise TargetError(int(code), message) from error
