"""Syslog and debug lines: message texts in IOS's words, and how a line is stamped with time.

Each function gives the `LogLine` of one message; nobody else spells these texts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ipsecplane.config import Address, ClockConfig, Timestamps
from ipsecplane.ike.types import ClientConnected
from ipsecplane.ipsec.remote_policy import Remote
from ipsecplane.views import LogLine

SEVERITIES: Final = (
    "emergencies", "alerts", "critical", "errors", "warnings", "notifications", "informational",
    "debugging",
)  # fmt: skip


def received_invalid_spi(
    time: float, destination: Address, protocol: int, spi: int, source: Address
) -> LogLine:
    """A packet for an SPI we have no SA for (guide chapter 3)."""
    return LogLine(
        time,
        "CRYPTO",
        4,
        "RECVD_PKT_INV_SPI",
        f"decaps: rec'd IPSEC packet has invalid spi for destaddr={destination}, prot={protocol},"
        f" spi=0x{spi:X}({spi}), srcaddr={source}",
    )


def replay_check_failed(time: float, conn_id: int, sequence: int | None = None) -> LogLine:
    """A repeated sequence number, or one left of the window (guide chapter 1)."""
    text = f"decrypt: replay check failed connection id={conn_id}"
    if sequence is not None:
        text += f", sequence number={sequence}"
    return LogLine(time, "CRYPTO", 4, "PKT_REPLAY_ERR", text)


def integrity_failed(time: float, conn_id: int) -> LogLine:
    """An ICV that does not match."""
    text = f"decrypt: mac verify failed for connection id={conn_id}"
    return LogLine(time, "CRYPTO", 4, "RECVD_PKT_MAC_ERR", text)


def received_not_ipsec(
    time: float, destination: Address, source: Address, protocol: int
) -> LogLine:
    """A cleartext packet that a crypto map says must be protected."""
    return LogLine(
        time,
        "CRYPTO",
        4,
        "RECVD_PKT_NOT_IPSEC",
        f"Rec'd packet not an IPSEC packet. (ip) vrf/dest_addr= /{destination},"
        f" src_addr= {source}, prot= {protocol}",
    )


def received_wrong_identity(
    time: float,
    destination: Address,
    source: Address,
    protocol: int,
    local: Address,
    remote: Address,
) -> LogLine:
    """A decrypted packet outside what its SA was negotiated for."""
    return LogLine(
        time,
        "CRYPTO",
        4,
        "RECVD_PKT_INV_IDENTITY",
        "identity doesn't match negotiated identity (ip)"
        f" dest_addr= {destination}, src_addr= {source}, prot= {protocol}"
        f" (ident) local={local}, remote={remote}",
    )


def fragment_table_full(time: float, interface: str, limit: int) -> LogLine:
    """As many packets as may be are waiting for their fragments already."""
    text = f"{interface}: the fragment table has reached its maximum threshold {limit}"
    return LogLine(time, "IP_VFR", 4, "FRAG_TABLE_OVERFLOW", text)


def too_many_fragments(
    time: float, interface: str, limit: int, source: Address, destination: Address
) -> LogLine:
    text = (
        f"{interface}: Too many fragments per datagram (more than {limit}) - sent by {source},"
        f" destined to {destination}"
    )
    return LogLine(time, "IP_VFR", 4, "TOO_MANY_FRAGMENTS", text)


def fragments_overlap(
    time: float, interface: str, source: Address, destination: Address
) -> LogLine:
    text = f"{interface}: from the host {source} destined to {destination}"
    return LogLine(time, "IP_VFR", 3, "OVERLAP_FRAGMENTS", text)


def invalid_fragment_length(
    time: float, interface: str, source: Address, destination: Address
) -> LogLine:
    text = f"{interface}: fragment length is invalid - sent by {source}, destined to {destination}"
    return LogLine(time, "IP_VFR", 3, "INVALID_FRAG_LENGTH", text)


def session_up(time: float, peer: Address, port: int) -> LogLine:
    text = f"Crypto tunnel is UP  .  Peer {peer}:{port}       Id: {peer}"
    return LogLine(time, "CRYPTO", 5, "SESSION_STATUS", text)


def session_down(time: float, peer: Address, port: int) -> LogLine:
    text = f"Crypto tunnel is DOWN.  Peer {peer}:{port}       Id: {peer}"
    return LogLine(time, "CRYPTO", 5, "SESSION_STATUS", text)


def tunnel_looped(time: float, name: str) -> LogLine:
    """The way to a tunnel's far end leads through the tunnel."""
    text = f"{name} temporarily disabled due to recursive routing"
    return LogLine(time, "TUN", 5, "RECURDOWN", text)


def bad_ike_message(time: float, peer: Address) -> LogLine:
    """Malformed, or decrypted to nonsense: what a wrong pre-shared key looks like."""
    text = f"IKE message from {peer!s:<15} failed its sanity check or is malformed"
    return LogLine(time, "CRYPTO", 4, "IKMP_BAD_MESSAGE", text)


def mode_failure(time: float, mode: str, peer: Address) -> LogLine:
    """`mode`: "Main", "Aggressive", "Quick", "Informational"."""
    text = f"Processing of {mode} mode failed with peer at {peer}"
    return LogLine(time, "CRYPTO", 6, "IKMP_MODE_FAILURE", text)


def no_preshared_key(time: float, peer: Address) -> LogLine:
    text = f"Pre-shared key for remote peer at {peer} is missing"
    return LogLine(time, "CRYPTO", 6, "IKMP_NO_PRESHARED_KEY", text)


def isakmp_on(time: float, on: bool) -> LogLine:
    return LogLine(time, "CRYPTO", 6, "ISAKMP_ON_OFF", f"ISAKMP is {'ON' if on else 'OFF'}")


def configured(time: float) -> LogLine:
    """Logged when configuration mode is left."""
    return LogLine(time, "SYS", 5, "CONFIG_I", "Configured from console by console")


def link_changed(time: float, interface: str, up: bool, administratively: bool = False) -> LogLine:
    if administratively:
        text = f"Interface {interface}, changed state to administratively down"
        return LogLine(time, "LINK", 5, "CHANGED", text)
    text = f"Interface {interface}, changed state to {'up' if up else 'down'}"
    return LogLine(time, "LINK", 3, "UPDOWN", text)


def line_protocol_changed(time: float, interface: str, up: bool) -> LogLine:
    text = f"Line protocol on Interface {interface}, changed state to {'up' if up else 'down'}"
    return LogLine(time, "LINEPROTO", 5, "UPDOWN", text)


def debug(time: float, text: str) -> LogLine:
    """A line of `debug crypto ...`, as it stands."""
    return LogLine(time, "", 7, "", text)


def _nth_sunday(year: int, month: int, nth: int) -> datetime:
    first = datetime(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def ezvpn_up(time: float, remote: Remote) -> LogLine:
    """An Easy VPN remote is connected."""
    return LogLine(time, "CRYPTO", 6, "EZVPN_CONNECTION_UP", _ezvpn_ends(remote))


def ezvpn_down(time: float, remote: Remote) -> LogLine:
    return LogLine(time, "CRYPTO", 6, "EZVPN_CONNECTION_DOWN", _ezvpn_ends(remote))


def _ezvpn_ends(remote: Remote) -> str:
    text = (
        f"(Client)  User={remote.config.username or ''}  Group={remote.config.group or ''}  "
        f"Client_public_addr={remote.local}  Server_public_addr={remote.peer}"
    )
    if remote.given.address is not None:
        text += f"  Assigned_client_addr={remote.given.address}"
    return text + "  "


def ezvpn_client(time: float, event: ClientConnected) -> LogLine:
    """A server of ours gave a client its configuration."""
    mode = "CLIENT" if event.address is not None else "NETWORK-EXTENSION"
    text = (
        f"(Server)  Mode={mode}  User={event.user}  Group={event.group}  "
        f"Client_public_addr={event.remote}"
    )
    if event.address is not None:
        text += f"  Assigned_client_addr={event.address}"
    return LogLine(time, "CRYPTO", 6, "EZVPN_CONNECTION_UP", text + "  ")


def ezvpn_xauth_pending(time: float, name: str) -> list[LogLine]:
    """What a remote's console is told until somebody names a user."""
    return [
        debug(time, f"EZVPN({name}): Pending XAuth Request, Please enter the following command:"),
        debug(time, "EZVPN: crypto ipsec client ezvpn xauth"),
    ]


def local_time(utc: datetime, clock: ClockConfig) -> tuple[datetime, str]:
    """Local wall-clock time and the zone's name.

    Summer time follows the United States' rules, which `clock summer-time X recurring` means:
    from 2:00 of March's second Sunday to 2:00 (summer time) of November's first; before 2007, from
    April's first Sunday to October's last.
    """
    standard = utc.replace(tzinfo=None) + timedelta(minutes=clock.offset_minutes)
    if clock.summer_timezone:
        begin = _nth_sunday(standard.year, 3, 2)
        end = _nth_sunday(standard.year, 11, 1)
        if standard.year < 2007:
            begin = _nth_sunday(standard.year, 4, 1)
            end = _nth_sunday(standard.year, 11, 1) - timedelta(days=7)
        if begin + timedelta(hours=2) <= standard < end + timedelta(hours=1):
            return standard + timedelta(hours=1), clock.summer_timezone
    return standard, clock.timezone


def uptime(seconds: float) -> str:
    """Age of the system as log lines show it: 00:01:05, 1d02h, 3w4d, 1y12w."""
    total = int(seconds)
    hours, days = total // 3600, total // 86400
    if total < 86400:
        return f"{hours:02}:{total // 60 % 60:02}:{total % 60:02}"
    if days < 7:
        return f"{days}d{hours % 24:02}h"
    if days < 365:
        return f"{days // 7}w{days % 7}d"
    return f"{days // 365}y{days % 365 // 7:02}w"


def stamp(
    time: float, utc: datetime, clock: ClockConfig, form: Timestamps, *, authoritative: bool = False
) -> str:
    """The timestamp before a message, with its colon; "" where `service timestamps` is off.

    `time` is the agent's clock (system uptime), `utc` the same instant's wall clock. An asterisk
    tells that nobody has set the clock.
    """
    if form.uptime:
        return f"{uptime(time)}: "
    if not form.datetime:
        return ""
    at, zone = utc.replace(tzinfo=None), "UTC"
    if form.localtime:
        at, zone = local_time(utc, clock)
    text = f"{at:%b} {at.day:>2}"
    if form.year:
        text += f" {at.year}"
    text += f" {at:%H:%M:%S}"
    if form.msec:
        text += f".{at.microsecond // 1000:03}"
    if form.show_timezone:
        text += f" {zone}"
    return f"{'' if authoritative else '*'}{text}: "


def format_line(
    line: LogLine, utc: datetime, clock: ClockConfig, *, authoritative: bool = False
) -> str:
    """A message as console and `show logging` print it; `utc` is the wall clock at `line.time`."""
    form = clock.log if line.facility else clock.debug
    head = stamp(line.time, utc, clock, form, authoritative=authoritative)
    if not line.facility:
        return head + line.text
    return f"{head}%{line.facility}-{line.severity}-{line.mnemonic}: {line.text}"
