"""BMv2's data plane over gRPC: frames to and from its ports without network interfaces.

The service is `p4.bm.DataplaneInterface` of BMv2 (`dataplane_interface.proto`): one stream, to
which a client writes frames that arrive and from which it reads frames that leave. It takes one
client at a time, and only while a program runs.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_SERVICE: Final = "p4.bm"
_METHOD: Final = "/p4.bm.DataplaneInterface/PacketStream"


class PacketStream:
    """A client of one switch; both directions in one call.

    `on_frame(port, frame)` is called on a thread of the stream's own. `ended`: BMv2 refused the
    call, or is gone.
    """

    def __init__(
        self, address: str, device_id: int, on_frame: Callable[[int, bytes], None]
    ) -> None:
        request, response = _messages()
        self.ended = False
        self._request = request
        self._device_id = device_id
        self._on_frame = on_frame
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        method = self._channel.stream_stream(
            _METHOD,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self._call = method(iter(self._outgoing.get, None), wait_for_ready=True)
        threading.Thread(target=self._read, name="bmv2-frames", daemon=True).start()

    def send(self, port: int, frame: bytes) -> None:
        """A frame arrives at a port."""
        self._outgoing.put(self._request(device_id=self._device_id, port=port, packet=frame))

    def close(self) -> None:
        self._outgoing.put(None)
        self._call.cancel()
        self._channel.close()

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            for message in self._call:
                self._on_frame(message.port, message.packet)
        self.ended = True


@cache
def _messages() -> tuple[Any, Any]:
    """The request and response classes of PacketStream; both have the same fields."""
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = (
        ("id", kinds.TYPE_UINT64),
        ("device_id", kinds.TYPE_UINT64),
        ("port", kinds.TYPE_UINT32),
        ("packet", kinds.TYPE_BYTES),
    )
    file = descriptor_pb2.FileDescriptorProto(
        name="dataplane_interface.proto", package=_SERVICE, syntax="proto3"
    )
    names = ("PacketStreamRequest", "PacketStreamResponse")
    for name in names:
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, 1):
            message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_SERVICE}.{name}"))
        for name in names
    )
    return request, response
