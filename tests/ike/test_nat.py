"""NAT traversal: detection, port 4500, encapsulation, a peer that moves (guide, chapter 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from ipsecplane.config import Address, IsakmpKey
from ipsecplane.ike import nat, vendor_ids
from ipsecplane.ike.constants import PayloadType
from ipsecplane.ike.nat import NatVersion
from ipsecplane.ike.payloads import Header, decode_chain
from ipsecplane.ike.sa_records import SaRecords
from ipsecplane.ike.types import (
    Datagram,
    IkeConfig,
    IpsecSasDeleted,
    IsakmpSaEstablished,
    NegotiationFailed,
    OutboundSasReady,
    PeerMoved,
)

from tests.ike.world import (
    AES_SET,
    GUIDE_SET,
    A,
    B,
    World,
    altered,
    check_consistent,
    config,
    modern_world,
    phase2,
)

OUTSIDE = ip_address("192.0.2.1")
Translate = Callable[[Datagram], Datagram]


class Nat:
    """A router in front of A: its address becomes `OUTSIDE`, its ports others."""

    def __init__(self) -> None:
        self.address: Address = OUTSIDE
        self.shift = 10000

    def __call__(self, datagram: Datagram, _: World) -> list[Datagram]:
        if datagram.local == A:
            return [
                replace(datagram, local=self.address, local_port=datagram.local_port + self.shift)
            ]
        if datagram.remote == self.address:
            port = datagram.remote_port - self.shift
            return [replace(datagram, remote=A, remote_port=port)]
        return []


def natted(*sets: object, change_b: Callable[[IkeConfig], IkeConfig] | None = None) -> World:
    chosen = sets or (AES_SET,)
    a = phase2(B, "10.0.1.0/24", "10.0.2.0/24", *chosen)  # type: ignore[arg-type]
    b = phase2(OUTSIDE, "10.0.2.0/24", "10.0.1.0/24", *chosen)  # type: ignore[arg-type]
    config_b = config(OUTSIDE, b)
    wire = World(config(B, a), change_b(config_b) if change_b else config_b)
    wire.tap = Nat()
    return wire


def initiate(wire: World) -> None:
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0])
    wire.settle()


def test_behind_a_nat() -> None:
    wire = natted()
    initiate(wire)
    ours, theirs = (node.of(OutboundSasReady)[0].sas for node in wire.nodes)
    assert ours.udp_encapsulation
    assert theirs.udp_encapsulation
    assert not ours.transport
    assert (ours.local_port, ours.remote_port) == (4500, 4500)
    assert (theirs.local_port, theirs.remote, theirs.remote_port) == (4500, OUTSIDE, 14500)
    assert "NAT found, node inside NAT" in wire.a.debugs
    assert "NAT found, peer inside NAT" in wire.b.debugs
    check_consistent(wire)
    ports = [(d.local_port, d.payload[18]) for d in wire.sent if d.local == A]
    assert ports == [(500, 2), (500, 2), (4500, 2), (4500, 32), (4500, 32)]


def test_a_key_for_the_address_before_translation_is_not_found() -> None:
    """The guide's restriction: pre-shared keys are looked for by the address that is seen."""
    inside = IsakmpKey("1234", ip_network(f"{A}/32"))
    wire = natted(change_b=lambda c: replace(c, keys=(inside,)))
    initiate(wire)
    assert f"No pre-shared key with {OUTSIDE}!" in wire.b.debugs
    assert wire.b.of(OutboundSasReady) == []


def test_no_nat_no_encapsulation() -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    assert not wire.a.of(OutboundSasReady)[0].sas.udp_encapsulation
    assert {d.local_port for d in wire.sent} == {500}
    assert "No NAT Found for self or peer" in wire.a.debugs


def test_switched_off() -> None:
    wire = natted(change_b=lambda c: replace(c, nat_transparency=False))
    initiate(wire)
    assert {d.local_port for d in wire.sent if d.local == A} == {500}
    assert not wire.a.of(OutboundSasReady)[0].sas.udp_encapsulation
    first = wire.sent[1]
    assert "rfc3947" in wire.a.debugs
    found = [
        p.body
        for p in decode_chain(
            first.payload, Header.decode(first.payload).next_payload, padded=False
        )
        if p.type == PayloadType.VENDOR_ID
    ]
    assert found == [vendor_ids.DPD, vendor_ids.UNITY]


def test_the_hashes_in_their_order() -> None:
    """The receiver's address first, the sender's second (the guide says so, too)."""
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    third = wire.sent[2].payload
    payloads = decode_chain(third, Header.decode(third).next_payload, padded=False)
    hashes = [p.body for p in payloads if p.type == PayloadType.NAT_D]
    assert hashes == [
        nat.detection_hash("SHA256", third[:16], B, 500),
        nat.detection_hash("SHA256", third[:16], A, 500),
    ]


def test_vendor_ids_are_the_well_known_ones() -> None:
    assert [value.hex() for value, _ in nat.offered_vendor_ids()] == [
        "4a131c81070358455c5728f20e95452f",
        "7d9419a65310ca6f2c179d9215529d56",
        "90cb80913ebb696e086381b5ec427b1f",
        "cd60464335df21f87cfdb2fc68b6a448",
    ]


@pytest.mark.parametrize(
    ("version", "names"),
    [(NatVersion.DRAFT_03, 2), (NatVersion.DRAFT_02, 3), (NatVersion.DRAFT_02, 4)],
)
def test_drafts(version: NatVersion, names: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old peer that knows a draft only: its payload and attribute numbers are used."""
    monkeypatch.setattr(nat, "_VENDOR_IDS", nat._VENDOR_IDS[names - 1 :])
    wire = natted()
    initiate(wire)
    check_consistent(wire)
    assert wire.a.of(OutboundSasReady)[0].sas.udp_encapsulation
    third = next(d.payload for d in wire.sent[2:])
    payloads = decode_chain(third, Header.decode(third).next_payload, padded=False)
    assert [p.type for p in payloads[2:4]] == [PayloadType.NAT_D_DRAFT] * 2
    assert "encaps is 61443 (Tunnel-UDP)" in wire.b.debugs
    assert version.nat_oa == PayloadType.NAT_OA_DRAFT


def test_ah_cannot_cross() -> None:
    wire = natted(GUIDE_SET)
    initiate(wire)
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no transform set can be used")]
    assert len(wire.a.of(IsakmpSaEstablished)) == 1


def test_transport_mode_sends_original_addresses() -> None:
    transport = replace(AES_SET, transport=True)
    a = phase2(B, str(A), str(B), transport)
    b = phase2(OUTSIDE, str(B), str(OUTSIDE), transport)
    wire = World(config(B, a), config(OUTSIDE, b))
    wire.tap = Nat()
    initiate(wire)
    ours, sas = (node.of(OutboundSasReady)[0].sas for node in wire.nodes)
    assert sas.transport
    assert sas.udp_encapsulation
    assert "NAT-OA is 10.1.1.1" in wire.b.debugs
    assert "encaps is 4 (Transport-UDP)" in wire.b.debugs
    # B's packets are between the addresses that it sees; A made them with its own.
    assert sas.remote_identity.network == ip_network(OUTSIDE)
    assert sas.peers_view == (A, B)
    assert ours.local_identity.network == ip_network(A)
    assert ours.peers_view == (B, OUTSIDE)


def test_tunnel_mode_needs_no_original_addresses() -> None:
    wire = natted()
    initiate(wire)
    for node in wire.nodes:
        assert node.of(OutboundSasReady)[0].sas.peers_view is None
        assert "NAT-OA" not in node.debugs


def test_the_peer_gets_another_port_and_address() -> None:
    """An authenticated message from elsewhere moves the peer, a replayed or damaged one not."""
    wire = natted()
    initiate(wire)
    box = wire.tap
    assert isinstance(box, Nat)
    old = next(d for d in reversed(wire.sent) if d.local == A)
    stolen = replace(old, local=ip_address("203.0.113.9"), local_port=4444)
    wire.deliver(stolen)
    wire.deliver(altered(stolen, stolen.payload[:-1] + b"\0"))
    assert wire.b.of(PeerMoved) == []
    box.shift = 20000
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0], replaces=1)
    wire.settle()
    assert wire.b.of(PeerMoved) == [PeerMoved(OUTSIDE, 14500, OUTSIDE, 24500, (1, 2))]
    assert len(wire.a.of(OutboundSasReady)) == 2
    box.address = ip_address("192.0.2.99")
    wire.a.engine.delete_sas(wire.a.of(OutboundSasReady)[0].sas, wire.now)
    wire.flush()
    wire.settle()
    assert wire.b.of(PeerMoved)[1:] == [
        PeerMoved(OUTSIDE, 24500, ip_address("192.0.2.99"), 24500, (1, 2))
    ]
    assert [event.remote for event in wire.b.of(IpsecSasDeleted)] == [ip_address("192.0.2.99")]


def test_esp_tells_of_another_port() -> None:
    wire = natted()
    initiate(wire)
    wire.b.engine.peer_port_changed(1, 14500)
    wire.flush()
    assert wire.b.of(PeerMoved) == [], "it is where it was"
    wire.b.engine.peer_port_changed(1, 24500)
    wire.flush()
    assert wire.b.of(PeerMoved) == [PeerMoved(OUTSIDE, 14500, OUTSIDE, 24500, (1,))]
    (view,) = wire.b.live()
    assert view.remote_port == 24500, "IKE goes there too"
    wire.a.engine.peer_port_changed(1, 24500)
    wire.flush()
    assert wire.a.of(PeerMoved) == [], "this one's peer is behind no NAT"


def test_a_port_that_another_peer_had_does_not_mix_them_up() -> None:
    """A NAT that restarts gives out ports anew: the second peer's SAs stay its own."""
    wire = natted()
    initiate(wire)
    sas = wire.b.of(OutboundSasReady)[0].sas
    records = SaRecords()
    for number, (conn_id, port) in enumerate([(1001, 1026), (1002, 1027), (1001, 1027)]):
        records.add(replace(sas, id=number, isakmp_conn_id=conn_id, remote_port=port))
    assert records.move_peer((OUTSIDE, 1027), (OUTSIDE, 1030), others={1001}) == (1,)
    assert [held.remote_port for held in records.of_peer(OUTSIDE)] == [1026, 1030, 1027]


def test_without_nat_the_peer_does_not_move() -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    wire.tap = lambda datagram, _: [
        replace(datagram, local=OUTSIDE) if datagram.local == A else datagram
    ]
    wire.initiate(wire.a, policy, replaces=1)
    wire.settle()
    assert wire.b.of(PeerMoved) == []
    assert wire.b.engine.statistics.counts["wrong_source"] >= 1


def test_rekeying_stays_on_the_mapped_port() -> None:
    """Behind the NAT nothing listens on port 500: the responder rekeys to the mapped one."""
    wire = natted()
    initiate(wire)
    first = wire.b.live()[0]
    wire.sent.clear()
    view = next(sa for sa in wire.b.engine._phase1 if sa.established)
    wire.b.engine._phase1._rekey(view, wire.now)
    wire.flush()
    wire.settle()
    assert wire.sent[0].local_port == 4500
    assert wire.sent[0].remote_port == 14500
    assert len(wire.b.of(IsakmpSaEstablished)) == 2
    assert first.remote_port == 14500


def test_keepalives_are_no_ike_messages() -> None:
    wire, _, _ = modern_world()
    wire.b.engine.receive(Datagram(B, 4500, A, 4500, b"\xff"), 0.0)
    assert wire.b.engine.events() == []
    assert wire.b.engine.statistics.counts["nat_keepalives"] == 1
