"""The gRPC adaptor in this process: status codes, streams that end, clients that vanish."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from finsy.proto import U128, p4r, p4r_grpc, rpc_status
from ipsecplane.targets.program import load_program
from ipsecsim.p4runtime.server import Server, serve

from tests.switch.targets import DEVICE_ID, PROGRAMS, Embedded


class Client:
    """One stream over a channel of its own."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self.stub = p4r_grpc.P4RuntimeStub(self.channel)
        self._requests: queue.SimpleQueue[p4r.StreamMessageRequest | None] = queue.SimpleQueue()
        self.stream = self.stub.StreamChannel(iter(self._requests.get, None))

    def arbitrate(
        self, election_id: int, device_id: int = DEVICE_ID
    ) -> p4r.MasterArbitrationUpdate:
        message = p4r.MasterArbitrationUpdate(
            device_id=device_id, election_id=U128.encode(election_id)
        )
        self._requests.put(p4r.StreamMessageRequest(arbitration=message))
        return self.next().arbitration

    def next(self) -> p4r.StreamMessageResponse:
        return next(self.stream)  # type: ignore[no-any-return]

    def hang_up(self) -> None:
        """The orderly way: no more requests."""
        self._requests.put(None)

    def close(self) -> None:
        self._requests.put(None)
        self.channel.close()


@pytest.fixture
def switch() -> Embedded:
    embedded = Embedded(load_program("controller", PROGRAMS))
    embedded.stream.close()
    return embedded


@pytest.fixture
def server(switch: Embedded) -> Iterator[Server]:
    server = serve(switch.service, "127.0.0.1:0")
    yield server
    server.stop(0.1)


@pytest.fixture
def clients(server: Server) -> Iterator[list[Client]]:
    made = [Client(f"127.0.0.1:{server.port}") for _ in range(3)]
    yield made
    for client in made:
        client.close()


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    assert isinstance(error, grpc.Call)
    return error.code()


def test_a_refused_stream_ends_with_its_status(clients: list[Client]) -> None:
    one, other, _ = clients
    with pytest.raises(grpc.RpcError) as caught:
        one.arbitrate(5, device_id=99)
    assert code_of(caught.value) == grpc.StatusCode.NOT_FOUND
    assert "there is no device 99" in str(caught.value)
    other.arbitrate(5)
    with pytest.raises(grpc.RpcError) as caught:
        clients[2].arbitrate(5)
    assert code_of(caught.value) == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("way", ["hang up", "cancel", "close the channel"])
def test_backups_hear_when_the_primary_goes(clients: list[Client], way: str) -> None:
    primary, backup, _ = clients
    assert primary.arbitrate(9).status.code == 0
    assert backup.arbitrate(5).status.code == grpc.StatusCode.ALREADY_EXISTS.value[0]
    match way:
        case "hang up":
            primary.hang_up()
        case "cancel":
            primary.stream.cancel()
        case "close the channel":
            primary.channel.close()
    told = backup.next().arbitration
    assert told.status.code == grpc.StatusCode.NOT_FOUND.value[0]


def test_write_errors_carry_details(clients: list[Client]) -> None:
    client = clients[0]
    client.arbitrate(2)
    request = p4r.WriteRequest(device_id=DEVICE_ID, election_id=U128.encode(2))
    request.updates.add(type=p4r.Update.INSERT)
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.Write(request)
    assert code_of(caught.value) == grpc.StatusCode.UNKNOWN
    assert isinstance(caught.value, grpc.Call)
    trailing = dict(caught.value.trailing_metadata())
    status = rpc_status.Status.FromString(trailing["grpc-status-details-bin"])
    detail = p4r.Error()
    assert status.details[0].Unpack(detail)
    assert detail.message == "update without an entity"


def test_reads_end_with_their_status(clients: list[Client]) -> None:
    request = p4r.ReadRequest(device_id=DEVICE_ID)
    request.entities.add().table_entry.table_id = 1
    with pytest.raises(grpc.RpcError) as caught:
        list(clients[0].stub.Read(request))
    assert code_of(caught.value) == grpc.StatusCode.INVALID_ARGUMENT
    request = p4r.ReadRequest(device_id=DEVICE_ID)
    request.entities.add().table_entry.SetInParent()
    assert list(clients[0].stub.Read(request)) == []


def test_long_reads_come_in_pieces(switch: Embedded, clients: list[Client]) -> None:
    client = clients[0]
    client.arbitrate(2)
    table = switch.schema.tables["learned"]
    action = p4r.TableAction(action=p4r.Action(action_id=switch.schema.actions["NoAction"].id))
    request = p4r.WriteRequest(device_id=DEVICE_ID, election_id=U128.encode(2))
    for number in range(32):
        match = p4r.FieldMatch(field_id=1)
        match.exact.value = bytes([number])
        entry = p4r.TableEntry(table_id=table.id, match=[match], action=action)
        request.updates.add(type=p4r.Update.INSERT).entity.table_entry.CopyFrom(entry)
    client.stub.Write(request)
    patterns = p4r.ReadRequest(device_id=DEVICE_ID)
    for _ in range(50):
        patterns.entities.add().table_entry.table_id = table.id
    sizes = [len(response.entities) for response in client.stub.Read(patterns)]
    assert sum(sizes) == 32 * 50
    assert max(sizes) <= 500


def test_capabilities_and_pipeline(clients: list[Client]) -> None:
    stub = clients[0].stub
    assert stub.Capabilities(p4r.CapabilitiesRequest()).p4runtime_api_version.startswith("1.")
    request = p4r.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID)
    assert stub.GetForwardingPipelineConfig(request).config.p4info.tables
    wrong = p4r.SetForwardingPipelineConfigRequest(device_id=DEVICE_ID)
    with pytest.raises(grpc.RpcError) as caught:
        stub.SetForwardingPipelineConfig(wrong)
    assert code_of(caught.value) == grpc.StatusCode.PERMISSION_DENIED


def test_a_unix_socket(switch: Embedded, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/p4rt"
    server = serve(switch.service, address)
    client = Client(address)
    assert client.arbitrate(4).status.code == 0
    client.close()
    server.stop(0.1)


def test_a_stopped_server_lets_its_clients_go(switch: Embedded) -> None:
    server = serve(switch.service, "127.0.0.1:0")
    client = Client(f"127.0.0.1:{server.port}")
    client.arbitrate(4)
    started = time.monotonic()
    server.stop(0.1)
    assert time.monotonic() - started < 5
    with pytest.raises(grpc.RpcError):
        client.next()
    client.close()
