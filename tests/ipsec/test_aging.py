"""Lifetimes, SPI recovery and the SAD, each by itself."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.config import TransformSet
from ipsecplane.ike.types import IpsecSas, Phase2Policy, ProtocolSa, ProxyIdentity
from ipsecplane.ipsec.lifetime import (
    BUSY_INTERVAL,
    LAST_SEQUENCE,
    Limits,
    Verdict,
    limits_of,
    next_look,
)
from ipsecplane.ipsec.recovery import NOTIFY_INTERVAL, SETUP_BURST, InvalidSpiRecovery
from ipsecplane.ipsec.sad import LAST_INDEX, Sad, SadFull, Usage

LOCAL, REMOTE = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
ANY = ProxyIdentity(IPv4Network("0.0.0.0/0"))
TRANSFORM = TransformSet("t", "HMAC-SHA1-96", "DES-CBC", 8, "HMAC-SHA1-96")


def make_sas(number: int = 1, **more: object) -> IpsecSas:
    values: dict[str, object] = {
        "id": number,
        "policy": Phase2Policy("m 10", 1, (REMOTE,), ANY, ANY, (TRANSFORM,)),
        "local": LOCAL, "remote": REMOTE, "local_port": 500, "remote_port": 500,
        "local_identity": ANY, "remote_identity": ANY, "transform_set": TRANSFORM,
        "esp": ProtocolSa(50, 1000 + number, 2000 + number, "DES-CBC", "HMAC-SHA1-96"),
        "ah": ProtocolSa(51, 3000 + number, 4000 + number, None, "HMAC-SHA1-96"),
        "udp_encapsulation": False, "transport": False, "lifetime_seconds": 3600,
        "lifetime_kilobytes": 4608000, "pfs_group": None, "initiator": True,
        "isakmp_conn_id": 1, "established_at": 100.0,
    }  # fmt: skip
    return IpsecSas(**(values | more))  # type: ignore[arg-type]


def zeros(size: int) -> bytes:
    return bytes(size)


def test_ios_rekeys_half_a_minute_or_a_quarter_megabyte_before_the_end() -> None:
    limits = limits_of(make_sas(), zeros)
    assert (limits.rekey_at, limits.expires_at) == (3670.0, 3700.0)
    assert limits.expire_bytes - limits.rekey_bytes == 256 * 1024
    used = Usage(packets_out=1)
    assert limits.verdict(used, 3669.9) is Verdict.FRESH
    assert limits.verdict(used, 3670.0) is Verdict.REKEY
    assert limits.verdict(Usage(), 3670.0) is Verdict.FRESH, "nothing passed: no successor"
    assert limits.verdict(Usage(), 3700.0) is Verdict.EXPIRED
    assert limits.verdict(Usage(bytes_in=limits.rekey_bytes), 0.0) is Verdict.REKEY
    assert limits.verdict(Usage(bytes_out=limits.expire_bytes), 0.0) is Verdict.EXPIRED


def test_sequence_numbers_run_out_with_notice() -> None:
    limits = limits_of(make_sas(), zeros)
    assert limits.verdict(Usage(packets_out=limits.rekey_sequence - 1), 0.0) is Verdict.FRESH
    assert limits.verdict(Usage(packets_out=limits.rekey_sequence), 0.0) is Verdict.REKEY
    assert limits.verdict(Usage(packets_out=LAST_SEQUENCE), 0.0) is Verdict.EXPIRED
    assert LAST_SEQUENCE - limits.rekey_sequence > 10_000_000


@given(st.integers(1, 86400), st.integers(1, 4608000), st.binary(min_size=2, max_size=2))
def test_soft_limits_come_first_and_the_initiators_before_the_responders(
    seconds: int, kilobytes: int, jitter: bytes
) -> None:
    size = {"lifetime_seconds": seconds, "lifetime_kilobytes": kilobytes}
    initiator = limits_of(make_sas(**size), lambda n: jitter)
    responder = limits_of(make_sas(initiator=False, **size), lambda n: jitter)
    for limits in (initiator, responder):
        assert 100.0 <= limits.rekey_at < limits.expires_at == 100.0 + seconds
        assert 0 < limits.rekey_bytes <= limits.expire_bytes
    assert initiator.rekey_at <= responder.rekey_at


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.floats(0.1, 10.0))
def test_counters_are_read_before_the_next_limit_at_the_rate_they_show(
    volume: int, grown: int, elapsed: float
) -> None:
    limits = Limits(1e9, 1e9, 3 * 10**9, 4 * 10**9)
    before, after = Usage(bytes_out=volume), Usage(bytes_out=volume + grown)
    pause = next_look(limits, before, after, elapsed, 10.0)
    assert 0.05 <= pause <= BUSY_INTERVAL
    reached = volume + grown + grown / elapsed * pause
    assert reached <= max(limits.rekey_bytes, volume + grown + grown / elapsed * 0.06)
    assert next_look(limits, after, after, elapsed, 10.0) <= 10.0


# -- recovery ------------------------------------------------------------------------------------


def decide(recovery: InvalidSpiRecovery, now: float, source: object = REMOTE, **more: bool) -> str:
    state = {"enabled": True, "known_peer": True, "ike_sa": False} | more
    decision = recovery.packet(source, now, **state)  # type: ignore[arg-type]
    return ("log " if decision.log else "") + ("notify" if decision.notify else "")


@pytest.mark.parametrize(
    ("state", "notifies"),
    [
        ({"enabled": False, "ike_sa": False}, False),  # the guide's default: only dropped
        ({"enabled": False, "ike_sa": True}, True),  # over the IKE SA that is there
        ({"enabled": True, "ike_sa": False}, True),
        ({"enabled": True, "ike_sa": False, "known_peer": False}, False),
    ],
)
def test_the_guides_rule(state: dict[str, bool], notifies: bool) -> None:
    assert decide(InvalidSpiRecovery(), 0.0, **state) == "log " + "notify" * notifies


def test_one_line_a_minute_and_one_notification_an_interval() -> None:
    recovery = InvalidSpiRecovery()
    assert decide(recovery, 0.0) == "log notify"
    assert decide(recovery, NOTIFY_INTERVAL / 2) == ""
    assert decide(recovery, NOTIFY_INTERVAL) == "notify"
    assert decide(recovery, 61.0) == "log notify"
    assert recovery.suppressed_logs == 2


def test_a_flood_from_many_peers_sets_up_few_ike_sas() -> None:
    recovery = InvalidSpiRecovery()
    peers = [IPv4Address(0x0A000000 + n) for n in range(1000)]
    now = [decide(recovery, 0.001 * n, peer) for n, peer in enumerate(peers)]
    assert sum("notify" in one for one in now) <= SETUP_BURST + 1
    assert "notify" in decide(recovery, 5.0, IPv4Address("192.0.2.99"))
    assert "notify" in decide(recovery, 5.0, IPv4Address("192.0.2.98"), ike_sa=True)


def test_sources_are_not_remembered_without_end() -> None:
    recovery = InvalidSpiRecovery()
    for n in range(10_000):
        decide(recovery, n * 0.001, IPv4Address(n), known_peer=False)
    assert len(recovery._logged) <= 4096


# -- SAD -----------------------------------------------------------------------------------------


def test_indices_come_back_last_and_epochs_never() -> None:
    sad = Sad(zeros)
    first = sad.add(make_sas(1), "Gi0/0", "m", 0.0)
    sad.remove(first)
    second = sad.add(make_sas(2), "Gi0/0", "m", 0.0)
    assert first.index != second.index
    epochs = {first.epoch, second.epoch}
    for number in range(3, LAST_INDEX + 2):
        entry = sad.add(make_sas(number), "Gi0/0", "m", 0.0)
        epochs.add(entry.epoch)
    assert entry.index == first.index
    assert len(epochs) == LAST_INDEX + 1
    assert 0 not in epochs
    with pytest.raises(SadFull, match="all 4095 SA indices"):
        sad.add(make_sas(9999), "Gi0/0", "m", 0.0)


def test_epochs_start_by_chance_and_skip_zero() -> None:
    assert Sad(lambda n: b"\xff" * n).add(make_sas(), "", "", 0.0).epoch == 1


def test_ids_count_as_in_the_guide() -> None:
    sad = Sad(zeros)
    first, second = (sad.add(make_sas(n), "Fa1/0", "testtag1", 0.0) for n in (1, 2))
    assert (first.ids[51].inbound_conn, first.ids[51].outbound_conn) == (5121, 5122)
    assert (first.ids[50].inbound_conn, first.ids[50].outbound_conn) == (5123, 5124)
    assert (second.ids[51].inbound_conn, second.ids[50].outbound_conn) == (5125, 5128)
    assert {i.inbound_flow for i in second.ids.values()} == {3}
    assert first.outer.protocol == 51


def test_entries_are_found_by_what_the_peer_names() -> None:
    sad = Sad(zeros)
    entry = sad.add(make_sas(1), "Gi0/0", "m", 0.0)
    assert sad.by_outbound_spi(REMOTE, [(51, 4001)]) == [entry]
    assert sad.by_outbound_spi(REMOTE, [(50, 4001)]) == []
    assert sad.by_outbound_spi(LOCAL, [(51, 4001)]) == []
    assert sad.usable(1) == []
    entry.outbound = True
    assert sad.usable(1) == [entry]
