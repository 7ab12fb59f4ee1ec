"""Informational exchanges and the commit bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ipsecplane.ike import informational, messages
from ipsecplane.ike.constants import (
    ExchangeType,
    HeaderFlag,
    NotifyType,
    PayloadType,
    ProtocolId,
)
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.payloads import Deletion, Header, Notification, encode_chain
from ipsecplane.ike.types import (
    Datagram,
    IpsecSasDeleted,
    IsakmpSaDeleted,
    NegotiationFailed,
    OutboundSasReady,
)

from tests.ike.world import A, B, Node, World, check_consistent, modern_world, parts


def up() -> World:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    wire.sent.clear()
    return wire


def ike_sa(node: Node) -> IsakmpSa:
    return next(sa for sa in node.engine._phase1 if sa.established)


def tell(wire: World, *payloads: tuple[int, bytes], node: Node | None = None) -> None:
    """An authenticated informational message of B (or `node`) to the other one."""
    informational.send(ike_sa(node or wire.b), payloads)
    wire.flush()
    wire.settle()


def note(
    kind: int, protocol: int = ProtocolId.ISAKMP, spi: bytes = b"", data: bytes = b""
) -> tuple[int, bytes]:
    return PayloadType.NOTIFICATION, Notification(protocol, kind, spi, data).encode()


def test_dead_peer_detection_is_answered() -> None:
    wire = up()
    cookies = ike_sa(wire.b).cookies
    tell(wire, note(NotifyType.R_U_THERE, spi=cookies, data=b"\0\0\x12\x34"))
    assert len(wire.sent) == 2
    answer = wire.sent[1].payload
    header = Header.decode(answer)
    sa = ike_sa(wire.b)
    iv = sa.phase1_keys().phase2_iv(sa.last_block, header.message_id)
    opened = informational.open_authenticated(sa, header, answer, iv)
    decoded = Notification.decode(opened.payloads[1])
    assert decoded == Notification(
        ProtocolId.ISAKMP, NotifyType.R_U_THERE_ACK, cookies, b"\0\0\x12\x34"
    )


def test_dead_peer_detection_of_another_sa_is_not_answered() -> None:
    wire = up()
    tell(wire, note(NotifyType.R_U_THERE, spi=bytes(16), data=bytes(4)))
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("spi", "data"), [(b"\1\2\3\4", b""), (bytes(16), b"\1\2\3\4")], ids=["field", "data"]
)
def test_invalid_spi(spi: bytes, data: bytes) -> None:
    """The SPI is in its field; where the field holds the cookies, in the data."""
    wire = up()
    tell(wire, note(NotifyType.INVALID_SPI, ProtocolId.ESP, spi, data))
    assert wire.a.of(IpsecSasDeleted) == [IpsecSasDeleted(B, ((50, 0x01020304),), True)]


def test_a_replayed_notice_has_no_second_effect() -> None:
    wire = up()
    tell(wire, note(NotifyType.INVALID_SPI, ProtocolId.ESP, b"\1\2\3\4"))
    wire.deliver(wire.sent[0])
    assert len(wire.a.of(IpsecSasDeleted)) == 1
    assert wire.a.engine.statistics.counts["replayed"] == 1


def test_deletion_of_several_sas() -> None:
    wire = up()
    sas = wire.a.of(OutboundSasReady)[0].sas
    known = parts(sas)[0].outbound_spi.to_bytes(4)
    tell(wire, (PayloadType.DELETE, Deletion(ProtocolId.ESP, (b"\1\2\3\4", known)).encode()))
    assert [event.outbound for event in wire.a.of(IpsecSasDeleted)] == [
        ((50, 0x01020304),),
        ((50, int.from_bytes(known)),),
    ]
    assert wire.a.outbound == {}


def test_deletion_of_a_strangers_ike_sa() -> None:
    wire = up()
    tell(wire, (PayloadType.DELETE, Deletion(ProtocolId.ISAKMP, (b"x" * 16,)).encode()))
    assert wire.a.of(IsakmpSaDeleted) == []


@pytest.mark.parametrize(
    "payload",
    [
        (PayloadType.NOTIFICATION, b"\0\0\0\1"),
        (PayloadType.DELETE, bytes.fromhex("00000001 03 04 0002 01020304")),
        (PayloadType.DELETE, bytes.fromhex("00000001 03 00 0002")),
        (PayloadType.NOTIFICATION, bytes.fromhex("00000009 03 00 000b")),
    ],
)
def test_malformed_though_authentic(payload: tuple[int, bytes]) -> None:
    """All payloads are read before the first one acts."""
    wire = up()
    tell(wire, note(NotifyType.INVALID_SPI, ProtocolId.ESP, b"\1\2\3\4"), payload)
    assert wire.a.of(IpsecSasDeleted) == []
    assert wire.a.engine.statistics.counts["malformed"] == 1
    assert "IKMP_BAD_MESSAGE" in wire.a.logs[0]


def test_a_wrong_hash() -> None:
    wire = up()
    sa = ike_sa(wire.b)
    keys = sa.phase1_keys()
    body = [note(NotifyType.INVALID_SPI, ProtocolId.ESP, b"\1\2\3\4")]
    proof = keys.authenticate((4711).to_bytes(4), encode_chain(body))
    payloads = [(PayloadType.HASH, proof[:-1] + bytes([proof[-1] ^ 1])), *body]
    iv = keys.phase2_iv(sa.last_block, 4711)
    message, _ = messages.sealed(keys, iv, sa.cookies, ExchangeType.INFORMATIONAL, 4711, payloads)
    wire.deliver(Datagram(B, 500, A, 500, message))
    assert wire.a.of(IpsecSasDeleted) == []
    assert wire.a.engine.statistics.counts["bad_hash"] == 1
    # The message ID was not used up by it.
    good, _ = messages.sealed(
        keys, iv, sa.cookies, ExchangeType.INFORMATIONAL, 4711, [(PayloadType.HASH, proof), *body]
    )
    wire.deliver(Datagram(B, 500, A, 500, good))
    assert len(wire.a.of(IpsecSasDeleted)) == 1


# --- commit bit ---


def committed() -> World:
    wire, _, _ = modern_world()
    wire.b.engine.reconfigure(replace(wire.b.engine._runtime.config, commit_bit=True), 0.0)
    return wire


def initiate(wire: World) -> None:
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0])


def test_commit_bit_waits_for_connected() -> None:
    wire = committed()
    initiate(wire)
    wire.run(0.085)  # QM3 is on its way
    assert wire.a.inbound
    assert wire.a.outbound == {}
    assert "waiting for CONNECTED" in wire.a.debugs
    wire.settle()
    check_consistent(wire)
    assert len(wire.a.outbound) == 1
    second, last = wire.sent[7], wire.sent[9]
    assert second.payload[19] == HeaderFlag.ENCRYPTED | HeaderFlag.COMMIT
    assert last.payload[18] == ExchangeType.INFORMATIONAL
    assert last.payload[20:24] == second.payload[20:24], "the message ID of the quick mode"


@pytest.mark.parametrize("lost", [8, 9], ids=["third", "connected"])
def test_commit_bit_with_loss(lost: int) -> None:
    wire = committed()
    count = [0]

    def lose(datagram: Datagram, _: World) -> list[Datagram]:
        count[0] += 1
        return [] if count[0] == lost + 1 else [datagram]

    wire.tap = lose
    initiate(wire)
    wire.run(30)
    check_consistent(wire)
    assert len(wire.a.outbound) == len(wire.b.outbound) == 1


def test_commit_bit_without_connected() -> None:
    """A responder that never confirms: nothing stays installed."""
    wire = committed()
    wire.tap = lambda datagram, _: (
        []
        if datagram.local == B and datagram.payload[18] == ExchangeType.INFORMATIONAL
        else [datagram]
    )
    initiate(wire)
    wire.run(600)
    assert wire.a.outbound == {}
    assert wire.a.inbound == {}
    assert len(wire.a.of(NegotiationFailed)) == 1


def test_connected_as_a_fourth_message() -> None:
    """Some responders continue quick mode itself, with its IV chain."""
    wire = committed()
    held: list[Datagram] = []

    def hold(datagram: Datagram, _: World) -> list[Datagram]:
        if datagram.local == B and datagram.payload[18] == ExchangeType.INFORMATIONAL:
            held.append(datagram)
            return []
        return [datagram]

    wire.tap = hold
    initiate(wire)
    wire.settle()
    assert wire.a.outbound == {}
    exchange = next(iter(ike_sa(wire.b).exchanges.values()))
    keys = ike_sa(wire.b).phase1_keys()
    identifier = exchange.message_id.to_bytes(4)
    body = [note(NotifyType.CONNECTED, ProtocolId.ESP, exchange.spis[ProtocolId.ESP])]
    proof = keys.authenticate(identifier, encode_chain(body))
    message, _ = messages.sealed(
        keys,
        exchange._iv,
        ike_sa(wire.b).cookies,
        ExchangeType.QUICK,
        exchange.message_id,
        [(PayloadType.HASH, proof), *body],
    )
    wire.tap = None
    wire.deliver(Datagram(B, 500, A, 500, message))
    assert len(wire.a.outbound) == 1
