"""gRPC adaptor: serves a Service on an address. Nothing here knows P4."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import NoReturn

import grpc
from finsy.proto import p4r, p4r_grpc

from .errors import P4RuntimeError
from .service import Service

MAX_MESSAGE = 128 * 1024 * 1024
"""Bytes of a request: compiled pipelines are larger than gRPC's default of 4 MiB."""

_STATUS = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS_KEY = "grpc-status-details-bin"


def _abort(context: grpc.ServicerContext, error: P4RuntimeError) -> NoReturn:
    if error.details:
        details = error.as_status().SerializeToString()
        context.set_trailing_metadata(((_DETAILS_KEY, details),))
    context.abort(_STATUS[int(error.code)], error.message)
    raise AssertionError("abort raises")


class _Servicer(p4r_grpc.P4RuntimeServicer):
    """Hands each RPC to the service, and P4RuntimeError back as a gRPC status."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def Write(self, request: p4r.WriteRequest, context: grpc.ServicerContext) -> p4r.WriteResponse:
        try:
            return self._service.write(request)
        except P4RuntimeError as error:
            _abort(context, error)

    def Read(
        self, request: p4r.ReadRequest, context: grpc.ServicerContext
    ) -> Iterator[p4r.ReadResponse]:
        try:
            yield from self._service.read(request)
        except P4RuntimeError as error:
            _abort(context, error)

    def SetForwardingPipelineConfig(
        self, request: p4r.SetForwardingPipelineConfigRequest, context: grpc.ServicerContext
    ) -> p4r.SetForwardingPipelineConfigResponse:
        try:
            return self._service.set_pipeline(request)
        except P4RuntimeError as error:
            _abort(context, error)

    def GetForwardingPipelineConfig(
        self, request: p4r.GetForwardingPipelineConfigRequest, context: grpc.ServicerContext
    ) -> p4r.GetForwardingPipelineConfigResponse:
        try:
            return self._service.get_pipeline(request)
        except P4RuntimeError as error:
            _abort(context, error)

    def Capabilities(
        self, request: p4r.CapabilitiesRequest, context: grpc.ServicerContext
    ) -> p4r.CapabilitiesResponse:
        try:
            return self._service.capabilities(request)
        except P4RuntimeError as error:
            _abort(context, error)

    def StreamChannel(
        self,
        request_iterator: Iterator[p4r.StreamMessageRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[p4r.StreamMessageResponse]:
        """Requests are read on a thread of their own; responses come from a queue.

        The queue holds None once the client has closed its side, or the error that ends the
        stream.
        """
        outgoing: queue.SimpleQueue[p4r.StreamMessageResponse | P4RuntimeError | None]
        outgoing = queue.SimpleQueue()
        stream = self._service.open_stream(outgoing.put)

        def read_requests() -> None:
            try:
                for request in request_iterator:
                    stream.send(request)
            except P4RuntimeError as error:
                outgoing.put(error)
            except grpc.RpcError:
                pass  # the client has gone away
            finally:
                outgoing.put(None)

        # gRPC ends a cancelled call without advancing this generator: wake it.
        context.add_callback(lambda: outgoing.put(None))
        threading.Thread(target=read_requests, daemon=True).start()
        try:
            while (item := outgoing.get()) is not None:
                if isinstance(item, P4RuntimeError):
                    _abort(context, item)
                yield item
        finally:
            stream.close()


@dataclass(frozen=True, slots=True)
class Server:
    """A running gRPC server; `port` is the TCP port it got."""

    port: int
    _server: grpc.Server

    def stop(self, grace: float | None = None) -> None:
        """Refuse new calls, cancel what still runs after `grace` seconds; returns when stopped."""
        self._server.stop(grace).wait()

    def wait(self) -> None:
        """Block until the server is stopped."""
        self._server.wait_for_termination()


def serve(service: Service, address: str = "127.0.0.1:9559", workers: int = 32) -> Server:
    """Start a gRPC server for `service` on `address` (HOST:PORT, port 0 picks one; unix:PATH).

    Each open stream keeps one of `workers` threads. Raises OSError when the address cannot be
    bound.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(workers, thread_name_prefix="p4runtime"),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_metadata_size", 1024 * 1024),
            ("grpc.so_reuseport", 0),
        ],
    )
    p4r_grpc.add_P4RuntimeServicer_to_server(_Servicer(service), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    if port == 0:
        raise OSError(f"cannot listen on {address}")
    server.start()
    return Server(port, server)
