"""Message texts and timestamps."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
from ios_fakes import BOOT
from ipsecplane.config import ClockConfig, Timestamps
from ipsecplane.ios import syslog
from ipsecplane.ios.commands.exec_system import utc_of
from ipsecplane.views import LogLine

A, B = IPv4Address("10.1.1.1"), IPv4Address("10.2.2.2")
PACIFIC = ClockConfig("PST", -480, "PDT", Timestamps(localtime=True), Timestamps(localtime=True))


def test_the_guides_invalid_spi_line() -> None:
    line = syslog.received_invalid_spi(0.739, B, 51, 0x1214F0D, A)
    at = BOOT.replace(microsecond=739000)
    assert syslog.format_line(line, at, PACIFIC) == (
        "*Mar 24 20:55:45.739: %CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid"
        " spi for destaddr=10.2.2.2, prot=51, spi=0x1214F0D(18960141), srcaddr=10.1.1.1"
    )


def test_the_guides_replay_line() -> None:
    line = syslog.replay_check_failed(0, 1)
    assert syslog.format_line(line, BOOT, ClockConfig()).endswith(
        "%CRYPTO-4-PKT_REPLAY_ERR: decrypt: replay check failed connection id=1"
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Timestamps(), "*Mar  5 04:07:09.012: "),
        (Timestamps(msec=False), "*Mar  5 04:07:09: "),
        (Timestamps(year=True, show_timezone=True), "*Mar  5 2004 04:07:09.012 UTC: "),
        (Timestamps(localtime=True, show_timezone=True), "*Mar  4 20:07:09.012 PST: "),
        (Timestamps(datetime=False, uptime=True), "1d02h: "),
        (Timestamps(datetime=False), ""),
    ],
)
def test_timestamps(form: Timestamps, text: str) -> None:
    at = datetime(2004, 3, 5, 4, 7, 9, 12000, tzinfo=UTC)
    assert syslog.stamp(93600, at, PACIFIC, form) == text


def test_no_asterisk_once_the_clock_is_set() -> None:
    assert syslog.stamp(0, BOOT, ClockConfig(), Timestamps(), authoritative=True)[0] == "M"


@pytest.mark.parametrize(
    ("utc", "zone"),
    [
        ("2024-03-10T09:59:59", "PST"),
        ("2024-03-10T10:00:00", "PDT"),
        ("2024-11-03T08:59:59", "PDT"),
        ("2024-11-03T09:00:00", "PST"),
        ("2024-07-01T00:00:00", "PDT"),
        ("2024-12-31T00:00:00", "PST"),
    ],
)
def test_summer_time_begins_and_ends_at_two(utc: str, zone: str) -> None:
    at = datetime.fromisoformat(utc)
    local, name = syslog.local_time(at, PACIFIC)
    assert name == zone
    assert (local - at).total_seconds() == (-7 if zone == "PDT" else -8) * 3600
    assert utc_of(local, PACIFIC) in (at, at.replace(hour=at.hour - 1 if at.hour else 0))


def test_debug_lines_have_their_own_timestamps() -> None:
    clock = ClockConfig(debug=Timestamps(datetime=False, uptime=True))
    line = syslog.debug(65, "IPSEC(key_engine): got a queue event")
    assert syslog.format_line(line, BOOT, clock) == "00:01:05: IPSEC(key_engine): got a queue event"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(65, "00:01:05"), (93600, "1d02h"), (86400 * 16, "2w2d"), (86400 * 400, "1y05w")],
)
def test_uptimes(seconds: int, text: str) -> None:
    assert syslog.uptime(seconds) == text


def test_every_message_has_facility_severity_and_name() -> None:
    lines: list[LogLine] = [
        syslog.integrity_failed(0, 5),
        syslog.received_not_ipsec(0, A, B, 1),
        syslog.received_wrong_identity(0, A, B, 1, A, B),
        syslog.session_up(0, A, 500),
        syslog.session_down(0, A, 500),
        syslog.bad_ike_message(0, A),
        syslog.mode_failure(0, "Quick", A),
        syslog.no_preshared_key(0, A),
        syslog.isakmp_on(0, True),
        syslog.link_changed(0, "Serial0", True),
        syslog.link_changed(0, "Serial0", False, administratively=True),
        syslog.line_protocol_changed(0, "Serial0", False),
    ]
    for line in lines:
        assert line.facility
        assert 0 <= line.severity <= 7
        assert line.mnemonic.isupper()
        assert line.text
