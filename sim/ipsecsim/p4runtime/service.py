"""The P4Runtime service: the protocol between clients and devices, synchronous and in-process.

gRPC (server.py) and in-process clients pass the same messages. Each request is handled to its end
before the next one: one re-entrant lock guards all devices, so that a client may write from inside
the callback that brought it a packet-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from finsy.proto import p4r

from .arbitration import Arbitration
from .changes import Undo
from .device import Device, Pipeline
from .errors import Code, P4RuntimeError, invalid, not_found, precondition, unimplemented

API_VERSION = "1.4.1"
_CHUNK = 500
"""Entities in one ReadResponse."""

StreamCallback = Callable[[p4r.StreamMessageResponse], None]


@dataclass(slots=True)
class _Slot:
    """A device with its arbitration and its configurations (running, and saved but not yet)."""

    device: Device[Any]
    arbitration: Arbitration[Stream]
    config: p4r.ForwardingPipelineConfig | None = None
    pipeline: Pipeline | None = None
    saved: tuple[p4r.ForwardingPipelineConfig, Pipeline] | None = None

    def target(self) -> Pipeline:
        """The pipeline that reads and writes refer to: a saved one goes before the running one."""
        if self.saved is not None:
            return self.saved[1]
        if self.pipeline is None:
            raise precondition(
                f"device {self.device.device_id}: no forwarding pipeline config is set"
            )
        return self.pipeline


class Service:
    """P4Runtime for any number of devices. All methods raise P4RuntimeError."""

    def __init__(self, *devices: Device[Any]) -> None:
        self.lock = RLock()
        """Held during every call; whoever drives a device's data plane beside clients takes it."""
        self._slots: dict[int, _Slot] = {}
        for device in devices:
            self.add(device)

    def add(self, device: Device[Any]) -> None:
        """Serve one more device. ValueError if its id is 0 or taken."""
        number = device.device_id
        if number == 0 or number in self._slots:
            raise ValueError(f"device id {number} is 0 or used already")
        slot = _Slot(device, Arbitration(number))
        self._slots[number] = slot
        device.attach(_Fanout(slot))

    def _slot(self, device_id: int) -> _Slot:
        slot = self._slots.get(device_id)
        if slot is None:
            raise not_found(f"there is no device {device_id}")
        return slot

    def _writer(self, request: p4r.WriteRequest | p4r.SetForwardingPipelineConfigRequest) -> _Slot:
        slot = self._slot(request.device_id)
        slot.arbitration.check_writer(request.role, request.election_id)
        return slot

    # -- entities ----------------------------------------------------------------------------

    def write(self, request: p4r.WriteRequest) -> p4r.WriteResponse:
        """Apply a batch. The error of a batch has one detail per update, in order."""
        with self.lock:
            pipeline = self._writer(request).target()
            errors: list[p4r.Error] = []
            undos: list[Undo] = []
            all_or_none = request.atomicity != p4r.WriteRequest.CONTINUE_ON_ERROR
            failed = False
            for update in request.updates:
                if failed and all_or_none:
                    errors.append(P4RuntimeError(Code.ABORTED, "not attempted").as_error())
                    continue
                try:
                    undos.append(pipeline.write(update))
                    errors.append(p4r.Error())
                except P4RuntimeError as error:
                    errors.append(error.as_error())
                    failed = True
            if failed and all_or_none:
                for undo in reversed(undos):
                    undo()
            pipeline.settle()
            if not failed:
                return p4r.WriteResponse()
            if all_or_none:
                for error_message in errors[: len(undos)]:
                    error_message.CopyFrom(P4RuntimeError(Code.ABORTED, "rolled back").as_error())
            count = sum(e.canonical_code != Code.OK for e in errors)
            raise P4RuntimeError(
                Code.UNKNOWN,
                f"{count} of {len(errors)} updates were not applied",
                tuple(errors),
            )

    def read(self, request: p4r.ReadRequest) -> Iterator[p4r.ReadResponse]:
        """Answer each pattern in turn. The state is that of the moment each chunk is made."""
        with self.lock:
            pipeline = self._slot(request.device_id).target()
        chunk: list[p4r.Entity] = []
        for pattern in request.entities:
            entities = pipeline.read(pattern)
            while True:
                with self.lock:
                    entity = next(entities, None)
                    while entity is not None and len(chunk) < _CHUNK:
                        chunk.append(entity)
                        entity = next(entities, None)
                if entity is None:
                    break
                yield p4r.ReadResponse(entities=chunk)
                chunk = [entity]
        if chunk:
            yield p4r.ReadResponse(entities=chunk)

    # -- pipelines ---------------------------------------------------------------------------

    def set_pipeline(
        self, request: p4r.SetForwardingPipelineConfigRequest
    ) -> p4r.SetForwardingPipelineConfigResponse:
        """SetForwardingPipelineConfig. A config that is refused leaves the running one alone."""
        actions = p4r.SetForwardingPipelineConfigRequest
        with self.lock:
            slot = self._writer(request)
            if request.action == actions.COMMIT:
                if request.HasField("config"):
                    raise invalid("COMMIT takes no config: it commits the saved one")
                if slot.saved is None:
                    raise not_found("no saved config to commit")
                self._commit(slot, *slot.saved)
                return p4r.SetForwardingPipelineConfigResponse()
            if request.action == actions.UNSPECIFIED:
                raise invalid("the request has no action")
            if not request.HasField("config"):
                raise invalid("the request has no config")
            config = p4r.ForwardingPipelineConfig()
            config.CopyFrom(request.config)
            pipeline = slot.device.prepare(config)
            match request.action:
                case actions.VERIFY_AND_SAVE:
                    slot.saved = (config, pipeline)
                case actions.VERIFY_AND_COMMIT:
                    self._commit(slot, config, pipeline)
                case actions.RECONCILE_AND_COMMIT:
                    if slot.pipeline is not None:
                        pipeline.take_over(slot.pipeline)
                    self._commit(slot, config, pipeline, preserve=True)
            return p4r.SetForwardingPipelineConfigResponse()

    def _commit(
        self,
        slot: _Slot,
        config: p4r.ForwardingPipelineConfig,
        pipeline: Pipeline,
        preserve: bool = False,
    ) -> None:
        slot.device.commit(pipeline, slot.pipeline if preserve else None)
        slot.config, slot.pipeline, slot.saved = config, pipeline, None

    def preload(self, device_id: int, config: p4r.ForwardingPipelineConfig) -> None:
        """Commit a config that the device starts with, before there is any client."""
        with self.lock:
            slot = self._slot(device_id)
            self._commit(slot, config, slot.device.prepare(config))

    def get_pipeline(
        self, request: p4r.GetForwardingPipelineConfigRequest
    ) -> p4r.GetForwardingPipelineConfigResponse:
        """GetForwardingPipelineConfig; an unset config when there is none yet."""
        kinds = p4r.GetForwardingPipelineConfigRequest
        with self.lock:
            slot = self._slot(request.device_id)
            response = p4r.GetForwardingPipelineConfigResponse()
            config = slot.saved[0] if slot.saved is not None else slot.config
            if config is None:
                return response
            response.config.SetInParent()
            if config.HasField("cookie"):
                response.config.cookie.CopyFrom(config.cookie)
            if request.response_type in (kinds.ALL, kinds.P4INFO_AND_COOKIE):
                response.config.p4info.CopyFrom(config.p4info)
            if request.response_type in (kinds.ALL, kinds.DEVICE_CONFIG_AND_COOKIE):
                response.config.p4_device_config = config.p4_device_config
            return response

    def capabilities(self, request: p4r.CapabilitiesRequest) -> p4r.CapabilitiesResponse:
        if request.device_id:
            self._slot(request.device_id)
        return p4r.CapabilitiesResponse(p4runtime_api_version=API_VERSION)

    # -- streams -----------------------------------------------------------------------------

    def open_stream(self, callback: StreamCallback) -> Stream:
        """A client's stream; `callback` gets what the server sends, in order."""
        return Stream(self, callback)

    def _stream_message(self, stream: Stream, message: p4r.StreamMessageRequest) -> None:
        kind = message.WhichOneof("update")
        if kind == "arbitration":
            addressed = stream.slot or self._slot(message.arbitration.device_id)
            notes = addressed.arbitration.update(stream, message.arbitration)
            stream.slot = addressed
            _notify(notes)
            return
        slot = stream.slot
        if slot is None:
            raise precondition("the first message of a stream has to be an arbitration update")
        try:
            if not slot.arbitration.is_primary(stream):
                raise P4RuntimeError(Code.PERMISSION_DENIED, "only the primary may send this")
            match kind:
                case "packet":
                    if slot.pipeline is None:
                        raise precondition("no forwarding pipeline config is set")
                    slot.device.packet_out(message.packet)
                case "digest_ack":
                    if slot.pipeline is None:
                        raise precondition("no forwarding pipeline config is set")
                    slot.device.acknowledge(message.digest_ack)
                case _:
                    raise unimplemented(f"stream message {kind}")
        except P4RuntimeError as error:
            stream.callback(p4r.StreamMessageResponse(error=_stream_error(error, message)))


@dataclass(slots=True, eq=False)
class Stream:
    """One client's end of StreamChannel."""

    service: Service
    callback: StreamCallback
    slot: _Slot | None = field(default=None, repr=False)
    closed: bool = False

    def send(self, message: p4r.StreamMessageRequest) -> None:
        """Handle a client's message.

        A P4RuntimeError means that the stream is at its end (arbitration was refused); other
        errors come back through the callback as StreamError.
        """
        with self.service.lock:
            if self.closed:
                raise precondition("the stream is closed")
            try:
                self.service._stream_message(self, message)
            except P4RuntimeError:
                self.close()
                raise

    def close(self) -> None:
        """The client is gone: others are told if it was the primary."""
        with self.service.lock:
            if not self.closed:
                self.closed = True
                if self.slot is not None:
                    _notify(self.slot.arbitration.leave(self))


@dataclass(slots=True)
class _Fanout:
    """device.Events for one device: to the primaries, if there are any."""

    slot: _Slot

    def _send(self, message: p4r.StreamMessageResponse) -> None:
        for stream in self.slot.arbitration.primaries():
            stream.callback(message)

    def packet_in(self, packet: p4r.PacketIn) -> None:
        self._send(p4r.StreamMessageResponse(packet=packet))

    def digest(self, digest: p4r.DigestList) -> None:
        self._send(p4r.StreamMessageResponse(digest=digest))

    def idle_timeout(self, note: p4r.IdleTimeoutNotification) -> None:
        self._send(p4r.StreamMessageResponse(idle_timeout_notification=note))


def _notify(notes: list[tuple[Stream, p4r.MasterArbitrationUpdate]]) -> None:
    for stream, note in notes:
        stream.callback(p4r.StreamMessageResponse(arbitration=note))


def _stream_error(error: P4RuntimeError, message: p4r.StreamMessageRequest) -> p4r.StreamError:
    answer = p4r.StreamError(canonical_code=int(error.code), message=error.message)
    match message.WhichOneof("update"):
        case "packet":
            answer.packet_out.packet_out.CopyFrom(message.packet)
        case "digest_ack":
            answer.digest_list_ack.digest_list_ack.CopyFrom(message.digest_ack)
        case _:
            answer.other.SetInParent()
    return answer
