"""Transaction exchanges: requests and settings under an IKE SA (draft-ietf-ipsec-isakmp-mode-cfg).

    REQUEST --> <-- REPLY        SET --> <-- ACK

Extended authentication and mode configuration both travel in them. Each is a HASH payload and an
attribute payload, encrypted as Phase 2's messages are; the initiator sends again until answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from ipsecplane.ike import informational, messages
from ipsecplane.ike.attributes import Attribute, decode_attributes, encode_attributes
from ipsecplane.ike.constants import ExchangeType, PayloadType
from ipsecplane.ike.exchange import AnswerCache, Retransmission
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import node_of
from ipsecplane.ike.payloads import Header, Payload, encode_chain, single
from ipsecplane.ike.reader import Reader

LONGEST_ATTRIBUTE = 1024  # octets: a banner, a list of names


class ConfigType(IntEnum):
    """Message types of the attribute payload (section 3.2 of the draft)."""

    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


ANSWERS = {ConfigType.REQUEST: ConfigType.REPLY, ConfigType.SET: ConfigType.ACK}


@dataclass(frozen=True, slots=True)
class Config:
    """An attribute payload. `identifier` tells apart the dialogues of one side; answers echo it."""

    type: int
    identifier: int
    attributes: tuple[Attribute, ...]

    def encode(self) -> bytes:
        head = bytes((self.type, 0)) + self.identifier.to_bytes(2)
        return head + encode_attributes(self.attributes)

    @classmethod
    def decode(cls, payload: Payload) -> Config:
        """Raises `PayloadError`."""
        reader = Reader(payload.body, payload.body_offset)
        kind = reader.number(1, "configuration type")
        reader.zero(1, "configuration reserved")
        identifier = reader.number(2, "configuration identifier")
        at = reader.offset
        attributes = decode_attributes(reader.rest(), at, sizes=range(LONGEST_ATTRIBUTE + 1))
        return cls(kind, identifier, attributes)

    def value(self, kind: int) -> bytes | None:
        """The value of the first attribute of a type."""
        return next((a.value for a in self.attributes if a.type == kind), None)

    def has(self, kinds: Iterable[int]) -> bool:
        wanted = set(kinds)
        return any(a.type in wanted for a in self.attributes)


class Transaction:
    """One exchange that we began; `done(answer, now)` once, or `gave_up(now)`."""

    def __init__(
        self,
        sa: IsakmpSa,
        config: Config,
        done: Callable[[Config, float], None],
        gave_up: Callable[[float], None],
    ) -> None:
        self.message_id = sa.new_message_id()
        self._sa = sa
        self._config = config
        self._done = done
        self._iv = sa.phase1_keys().phase2_iv(sa.last_block, self.message_id)
        self._sent = b""
        self._open = True
        self._resend = Retransmission(sa.runtime, lambda: sa.send(self._sent), gave_up)

    def start(self, now: float) -> None:
        self._sa.debug(f"initiating transaction exchange. M-ID {node_of(self.message_id)}")
        self._sent, self._iv = build(self._sa, self.message_id, self._iv, self._config)
        self._sa.send(self._sent)
        self._resend.start(now)

    def stop(self) -> None:
        """What comes later changes nothing."""
        self._open = False
        self._resend.stop()

    def receive(self, header: Header, data: bytes, now: float) -> None:
        """The answer; raises the errors of `errors.py`."""
        if not self._open:
            self._sa.runtime.count("duplicates")
            return
        message = informational.open_authenticated(self._sa, header, data, self._iv)
        config = Config.decode(single(message.payloads, PayloadType.ATTRIBUTES))
        if config.type != ANSWERS[ConfigType(self._config.type)]:
            self._sa.runtime.count("unexpected")
            return
        self.stop()
        self._done(config, now)


class PeersTransactions:
    """What the peer begins: each message ID once, its answer again as often as it is asked for."""

    def __init__(self, sa: IsakmpSa) -> None:
        self._sa = sa
        self._answers: dict[int, AnswerCache] = {}
        self._ivs: dict[int, bytes] = {}

    def receive(self, header: Header, data: bytes) -> Config | None:
        """What a new message asks; None for a repetition. Raises the errors of `errors.py`."""
        sa = self._sa
        cache = self._answers.get(header.message_id)
        if cache is not None and cache.is_duplicate(data):
            sa.runtime.count("duplicates")
            answer = cache.answer_to(data)
            if answer is not None:
                sa.send(answer)
            return None
        if header.message_id in sa.used_message_ids:
            sa.runtime.count("replayed")
            return None
        iv = sa.phase1_keys().phase2_iv(sa.last_block, header.message_id)
        message = informational.open_authenticated(sa, header, data, iv)
        config = Config.decode(single(message.payloads, PayloadType.ATTRIBUTES))
        sa.used_message_ids.add(header.message_id)
        self._ivs[header.message_id] = message.iv
        cache = AnswerCache()
        cache.accept(data, None)
        self._answers[header.message_id] = cache
        return config

    def answer(self, header: Header, data: bytes, config: Config) -> None:
        """Send the answer to a message that `receive` gave out."""
        sent, _ = build(self._sa, header.message_id, self._ivs.pop(header.message_id), config)
        self._answers[header.message_id].accept(data, sent)
        self._sa.send(sent)


def build(sa: IsakmpSa, message_id: int, iv: bytes, config: Config) -> tuple[bytes, bytes]:
    """A message and the IV that follows it."""
    payloads = [(int(PayloadType.ATTRIBUTES), config.encode())]
    proof = sa.phase1_keys().authenticate(message_id.to_bytes(4), encode_chain(payloads))
    return messages.sealed(
        sa.phase1_keys(),
        iv,
        sa.cookies,
        ExchangeType.TRANSACTION,
        message_id,
        [(int(PayloadType.HASH), proof), *payloads],
    )
