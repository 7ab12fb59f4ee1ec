"""One device's P4Runtime session: connect, become primary, load the program, read, write, retry.

The session holds no idea of what should be in the tables; it reads and writes entries as values
and says when the device became usable (`on_ready`) or went away (`on_lost`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from finsy.proto import U128, p4i, p4r, rpc_code

from .diff import Kind, Update
from .digests import Digest, DigestCodec
from .packetio import PacketCodec, PacketIn, PacketOut
from .program import Program
from .tables import Key, TableCodec, TableEntry, TableError
from .transport import TargetError, TargetUnavailable, Transport, UpdateFailure, WriteError

FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 30.0

_KINDS: Final = {
    Kind.INSERT: p4r.Update.INSERT,
    Kind.MODIFY: p4r.Update.MODIFY,
    Kind.DELETE: p4r.Update.DELETE,
}


class State(Enum):
    DOWN = auto()
    ARBITRATING = auto()
    BACKUP = auto()  # another controller is primary
    READY = auto()


@dataclass(frozen=True, slots=True)
class Counts:
    """A direct or indirect counter's value."""

    packets: int = 0
    bytes: int = 0


class Session:
    """A session with the device behind `transport`. Times are seconds.

    `on_lost(why, retry_in)` is called once per outage, `on_ready()` each time the device is ours.
    """

    def __init__(
        self,
        transport: Transport,
        program: Program | None,
        *,
        clock: Callable[[], float],
        on_ready: Callable[[], None],
        on_lost: Callable[[str, float], None],
        on_packet: Callable[[PacketIn], None],
        on_digest: Callable[[Digest], None] = lambda digest: None,
        election_id: int = 1,
    ) -> None:
        self.transport = transport
        self.state = State.DOWN
        self.codec: TableCodec | None = None
        self.problem = ""
        """Why the device is not ours; "" while it is, and until the first try has failed."""
        self._packets: PacketCodec | None = None
        self._digests: DigestCodec | None = None
        self._program = program
        self._clock = clock
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._on_packet = on_packet
        self._on_digest = on_digest
        self._election_id = election_id
        self._retry_at: float | None = None
        self._retry_in = FIRST_RETRY
        self._announced = False

    @property
    def ready(self) -> bool:
        return self.state is State.READY

    # -- life ---------------------------------------------------------------------------------

    def connect(self) -> None:
        """Start, or start again; failure is reported and tried again later."""
        self._retry_at = None
        self.state = State.ARBITRATING
        try:
            self.transport.open(self._message, self._lost)
            self._arbitrate()
        except TargetError as error:
            self._lost(error.message)

    def close(self) -> None:
        self.state = State.DOWN
        self._retry_at = None
        self.transport.close()

    def next_timeout(self) -> float | None:
        return self._retry_at

    def handle_timeout(self, now: float) -> None:
        if self._retry_at is not None and now >= self._retry_at:
            self.connect()

    def _arbitrate(self) -> None:
        update = p4r.MasterArbitrationUpdate(
            device_id=self.transport.device_id, election_id=U128.encode(self._election_id)
        )
        self.transport.send(p4r.StreamMessageRequest(arbitration=update))

    def _lost(self, why: str) -> None:
        if self.state is State.DOWN:
            return
        self.state = State.DOWN
        self.problem = why
        self.transport.close()
        self._retry_at = self._clock() + self._retry_in
        if not self._announced:
            self._announced = True
            self._on_lost(why, self._retry_in)
        self._retry_in = min(self._retry_in * 2, LAST_RETRY)

    def _message(self, message: p4r.StreamMessageResponse) -> None:
        match message.WhichOneof("update"):
            case "packet":
                if self._packets is not None:
                    self._on_packet(self._packets.decode(message.packet))
            case "digest":
                self._digest(message.digest)
            case "arbitration":
                self._arbitration(message.arbitration)

    def _arbitration(self, update: p4r.MasterArbitrationUpdate) -> None:
        if update.status.code == rpc_code.OK:
            if self.state is not State.READY:
                self._primary()
            return
        primary = U128.decode(update.election_id)
        if update.status.code == rpc_code.NOT_FOUND and primary >= self._election_id:
            # Nobody is primary, but the device has seen a higher id: ours from an earlier life.
            self._election_id = primary + 1
            self._arbitrate()
            return
        if self.state is not State.BACKUP:
            self.state = State.BACKUP
            self._announced = True
            self.problem = f"another controller is primary (election id {primary})"
            self._on_lost(self.problem, 0.0)

    def _primary(self) -> None:
        try:
            p4info = self._load()
            self.codec = TableCodec(p4info)
            self._packets = PacketCodec(p4info)
            self._digests = DigestCodec(p4info)
            self._configure_digests()
        except (TargetError, TableError) as error:
            self._lost(str(error))
            return
        self.state = State.READY
        self.problem = ""
        self._retry_in = FIRST_RETRY
        self._announced = False
        self._on_ready()

    def _load(self) -> p4i.P4Info:
        """The p4info of what runs; our program is loaded first if another or none runs."""
        wanted = self._program
        try:
            request = p4r.GetForwardingPipelineConfigRequest(
                device_id=self.transport.device_id,
                response_type=p4r.GetForwardingPipelineConfigRequest.P4INFO_AND_COOKIE,
            )
            config = self.transport.get_pipeline(request).config
            running, cookie = config.p4info, config.cookie.cookie
        except TargetUnavailable:
            raise
        except TargetError as error:
            if error.code != rpc_code.FAILED_PRECONDITION:
                raise
            running, cookie = p4i.P4Info(), 0
        if wanted is None:
            if not running.tables:
                raise TargetError(
                    int(rpc_code.FAILED_PRECONDITION),
                    "the target runs no program, and none is given",
                )
            return running
        if running == wanted.p4info and cookie in (0, wanted.cookie):
            return running
        self.transport.set_pipeline(
            p4r.SetForwardingPipelineConfigRequest(
                device_id=self.transport.device_id,
                election_id=U128.encode(self._election_id),
                action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
                config=p4r.ForwardingPipelineConfig(
                    p4info=wanted.p4info,
                    p4_device_config=wanted.device_config,
                    cookie=p4r.ForwardingPipelineConfig.Cookie(cookie=wanted.cookie),
                ),
            )
        )
        return wanted.p4info

    # -- tables -------------------------------------------------------------------------------

    def write(self, updates: Iterable[Update]) -> list[tuple[Update, UpdateFailure]]:
        """Send one batch; returns the updates that were not applied, with the reason.

        Raises TargetUnavailable (after which the session is down) and nothing else.
        """
        assert self.codec is not None
        request = self._write_request()
        sent: list[Update] = []
        failed: list[tuple[Update, UpdateFailure]] = []
        for update in updates:
            encode = self.codec.encode_key if update.kind is Kind.DELETE else self.codec.encode
            try:
                message = encode(update.entry)
            except TableError as error:
                code = int(rpc_code.INVALID_ARGUMENT)
                failed.append((update, UpdateFailure(len(sent), code, str(error))))
                continue
            request.updates.add(type=_KINDS[update.kind]).entity.table_entry.CopyFrom(message)
            sent.append(update)
        try:
            if sent:
                self.transport.write(request)
        except WriteError as error:
            failed += [(sent[f.index], f) for f in error.failures if f.index < len(sent)]
        except TargetUnavailable as error:
            self._lost(error.message)
            raise
        except TargetError as error:
            whole = UpdateFailure(0, error.code, error.message)
            failed += [(update, whole) for update in sent]
        return failed

    def _write_request(self) -> p4r.WriteRequest:
        return p4r.WriteRequest(
            device_id=self.transport.device_id, election_id=U128.encode(self._election_id)
        )

    def read_entries(self, tables: Iterable[str]) -> dict[Key, TableEntry]:
        """What `tables` hold, default entries aside. Raises TargetError."""
        assert self.codec is not None
        request = p4r.ReadRequest(device_id=self.transport.device_id)
        for table in tables:
            request.entities.add().table_entry.table_id = self.codec.table_id(table)
        held = {}
        for entity in self._read(request):
            message = entity.table_entry
            if not message.is_default_action and not message.is_const:
                entry = self.codec.decode(message)
                held[entry.key] = entry
        return held

    def read_direct_counters(self, tables: Iterable[str]) -> dict[Key, Counts]:
        """Direct counters of all entries of `tables`, in one request. Raises TargetError."""
        assert self.codec is not None
        request = p4r.ReadRequest(device_id=self.transport.device_id)
        for table in tables:
            wildcard = request.entities.add().direct_counter_entry.table_entry
            wildcard.table_id = self.codec.table_id(table)
        counts = {}
        for entity in self._read(request):
            message = entity.direct_counter_entry
            if message.table_entry.is_default_action:
                continue
            counts[self.codec.decode(message.table_entry).key] = Counts(
                message.data.packet_count, message.data.byte_count
            )
        return counts

    def read_counters(self, name: str, indices: Iterable[int]) -> dict[int, Counts]:
        """Cells of an indirect counter, in one request. Raises TargetError."""
        assert self.codec is not None
        number = self.codec.counter_id(name)
        request = p4r.ReadRequest(device_id=self.transport.device_id)
        for index in indices:
            cell = request.entities.add().counter_entry
            cell.counter_id, cell.index.index = number, index
        if not request.entities:
            return {}
        return {
            entity.counter_entry.index.index: Counts(
                entity.counter_entry.data.packet_count, entity.counter_entry.data.byte_count
            )
            for entity in self._read(request)
        }

    def _read(self, request: p4r.ReadRequest) -> Iterator[p4r.Entity]:
        try:
            for response in self.transport.read(request):
                yield from response.entities
        except TargetUnavailable as error:
            self._lost(error.message)
            raise

    # -- digests ------------------------------------------------------------------------------

    def _configure_digests(self) -> None:
        """Ask for the digests, unless somebody did already. Raises TargetError."""
        assert self._digests is not None
        for entry in self._digests.configuration():
            request = self._write_request()
            request.updates.add(type=p4r.Update.INSERT).entity.digest_entry.CopyFrom(entry)
            try:
                self.transport.write(request)
            except WriteError as error:
                if any(failure.code != rpc_code.ALREADY_EXISTS for failure in error.failures):
                    raise

    def _digest(self, message: p4r.DigestList) -> None:
        if self._digests is None:
            return
        for digest in self._digests.decode(message):
            self._on_digest(digest)
        ack = p4r.DigestListAck(digest_id=message.digest_id, list_id=message.list_id)
        try:
            self.transport.send(p4r.StreamMessageRequest(digest_ack=ack))
        except TargetError as error:
            self._lost(error.message)

    # -- packets ------------------------------------------------------------------------------

    def send_packet(self, packet: PacketOut) -> bool:
        """Send a packet-out; False when the device is not there to take it."""
        if not self.ready or self._packets is None:
            return False
        try:
            self.transport.send(p4r.StreamMessageRequest(packet=self._packets.encode(packet)))
        except TargetError as error:
            self._lost(error.message)
            return False
        return True
