"""P4Runtime over gRPC: a target behind HOST:PORT or a Unix socket.

The stream's reader is a thread of gRPC's; it only fills a queue and calls `wake`, so that whoever
drives the agent drains it with `pump` on its own thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import grpc
from finsy.proto import p4r, p4r_grpc, rpc_code, rpc_status

from .transport import (
    ClosedCallback,
    MessageCallback,
    TargetError,
    TargetUnavailable,
    WriteError,
    failures_of,
)

MAX_MESSAGE = 128 * 1024 * 1024
CONNECT_TIMEOUT = 2.0  # seconds; whoever calls `open` waits
_DETAILS_KEY = "grpc-status-details-bin"


class GrpcTransport:
    """A `Transport` to the device `device_id` at `address` ("127.0.0.1:9559", "unix:/run/p4")."""

    def __init__(
        self,
        address: str,
        device_id: int = 1,
        *,
        timeout: float = 10.0,
        wake: Callable[[], None] | None = None,
        name: str = "",
    ) -> None:
        """`timeout` (seconds) bounds each request; `wake` is called on gRPC's thread."""
        self.device_id = device_id
        self.name = name or f"grpc://{address}"
        self.wake = wake
        self._timeout = timeout
        self._address = address
        self._channel: grpc.Channel | None = None
        self._stub: p4r_grpc.P4RuntimeStub | None = None
        self._stream: _Stream | None = None
        self._on_closed: ClosedCallback | None = None
        self._connected = True

    def open(self, on_message: MessageCallback, on_closed: ClosedCallback) -> None:
        self.close()
        if not self._connected:
            raise TargetUnavailable("no connection")
        self._on_closed = on_closed
        # A new channel each time: a failed one would sit out gRPC's own back-off.
        self._channel = grpc.insecure_channel(
            self._address,
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                ("grpc.max_metadata_size", 1024 * 1024),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self._stub = p4r_grpc.P4RuntimeStub(self._channel)
        problem = _connect(self._channel, min(self._timeout, CONNECT_TIMEOUT))
        if problem:
            self.close()
            raise TargetUnavailable(f"{problem} at {self._address}")
        self._stream = _Stream(self._stub, on_message, on_closed, self._wake)

    def send(self, message: p4r.StreamMessageRequest) -> None:
        if self._stream is None:
            raise TargetUnavailable("the stream is not open")
        self._stream.outgoing.put(message)

    def pump(self) -> None:
        if self._stream is not None:
            self._stream.pump()

    def close(self) -> None:
        stream, self._stream = self._stream, None
        channel, self._channel, self._stub = self._channel, None, None
        if stream is not None:
            stream.close()
        if channel is not None:
            channel.close()

    def disconnect(self, reason: str = "connection lost") -> None:
        """Simulate an outage of the control connection: the target goes on, nobody reaches it."""
        self._connected = False
        self.close()
        if self._on_closed is not None:
            self._on_closed(reason)

    def reconnect(self) -> None:
        """End the outage; `open` finds the target again."""
        self._connected = True

    def write(self, request: p4r.WriteRequest) -> None:
        try:
            self._need().Write(request, timeout=self._timeout)
        except grpc.RpcError as error:
            _raise(error)

    def read(self, request: p4r.ReadRequest) -> Iterator[p4r.ReadResponse]:
        try:
            yield from self._need().Read(request, timeout=self._timeout)
        except grpc.RpcError as error:
            _raise(error)

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        try:
            self._need().SetForwardingPipelineConfig(request, timeout=max(self._timeout, 60.0))
        except grpc.RpcError as error:
            _raise(error)

    def get_pipeline(
        self, request: p4r.GetForwardingPipelineConfigRequest
    ) -> p4r.GetForwardingPipelineConfigResponse:
        try:
            response: p4r.GetForwardingPipelineConfigResponse = (
                self._need().GetForwardingPipelineConfig(request, timeout=self._timeout)
            )
        except grpc.RpcError as error:
            _raise(error)
        return response

    def _need(self) -> p4r_grpc.P4RuntimeStub:
        if self._stub is None:
            raise TargetUnavailable(f"not connected to {self._address}")
        return self._stub

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()


class _Stream:
    """One StreamChannel call: a thread reads it, `pump` hands over what it read."""

    def __init__(
        self,
        stub: p4r_grpc.P4RuntimeStub,
        on_message: MessageCallback,
        on_closed: ClosedCallback,
        wake: Callable[[], None],
    ) -> None:
        self.outgoing: queue.SimpleQueue[p4r.StreamMessageRequest | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[p4r.StreamMessageResponse | str] = queue.SimpleQueue()
        self._on_message = on_message
        self._on_closed = on_closed
        self._wake = wake
        self._closing = False
        self._call = stub.StreamChannel(iter(self.outgoing.get, None))
        threading.Thread(target=self._read, name="p4runtime-stream", daemon=True).start()

    def _read(self) -> None:
        reason = "the target closed the stream"
        try:
            for message in self._call:
                self._incoming.put(message)
                self._wake()
        except grpc.RpcError as error:
            reason = error.details() or error.code().name.lower()
        if not self._closing:
            self._incoming.put(reason)
            self._wake()

    def pump(self) -> None:
        while not self._closing:
            try:
                item = self._incoming.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, str):
                self._on_closed(item)
            else:
                self._on_message(item)

    def close(self) -> None:
        self._closing = True
        self.outgoing.put(None)
        self._call.cancel()


def _connect(channel: grpc.Channel, timeout: float) -> str:
    """Wait until the channel is usable; "" then, else why it is not. A refusal is known at once."""
    states: queue.SimpleQueue[grpc.ChannelConnectivity] = queue.SimpleQueue()
    channel.subscribe(states.put, try_to_connect=True)
    deadline = time.monotonic() + timeout
    try:
        while True:
            match states.get(timeout=max(0.0, deadline - time.monotonic())):
                case grpc.ChannelConnectivity.READY:
                    return ""
                case grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return "nobody answers"
    except queue.Empty:
        return f"no answer in {timeout:g} s"
    finally:
        channel.unsubscribe(states.put)


def _raise(error: grpc.RpcError) -> NoReturn:
    """A gRPC error as a TargetError; a Write's per-update errors are in its status details."""
    code, message = int(error.code().value[0]), error.details() or ""
    if code in (rpc_code.UNAVAILABLE, rpc_code.DEADLINE_EXCEEDED, rpc_code.CANCELLED):
        raise TargetUnavailable(message or error.code().name) from error
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            details = []
            for packed in rpc_status.Status.FromString(value).details:
                one = p4r.Error()
                if packed.Unpack(one):
                    details.append(one)
            failures = failures_of(details)
            if failures:
                raise WriteError(code, message, failures) from error
    raise TargetError(code, message) from error
