"""`ping`: on one line, or asked for piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Generator
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeVar

from ipsecplane.config import Address
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commands.exec_show import address_of
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.interfaces import interface_name
from ipsecplane.views import PingRequest

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session

T = TypeVar("T")
Question = Generator[str, str, T]

LEAST, MOST = 36, 18024
"""Sizes of a ping, bytes of the IP datagram."""


def _local(session: Session, address: Address) -> Address:
    for interface in session.router.config.interfaces:
        mine = [interface.address, *interface.secondary, *interface.ipv6]
        if any(own is not None and own.ip == address for own in mine):
            if interface.shutdown:
                break
            return address
    raise CommandError("% Invalid source address- IP address not on any of our up interfaces")


@EXEC.command(
    "ping [ip] {A.B.C.D|X:X:X:X::X}$target [repeat <1-2147483647>$repeat|size <36-18024>$size"
    "|timeout <0-3600>$timeout|source {A.B.C.D$source|X:X:X:X::X$source|INTERFACE$interface}"
    "|df-bit$df_bit|data 0xHEX$data|tos <0-255>$tos|validate$validate]...",
    "Send echo messages", "IP echo", "Ping destination address", "Ping destination IPv6 address",
    "specify repeat count", "Repeat count", "specify datagram size", "Datagram size",
    "specify timeout interval", "Timeout in seconds", "specify source address or name",
    "Source address", "Source IPv6 address", "Interface number",
    "enable do not fragment bit in IP header", "specify data pattern", "16 bit hexadecimal",
    "specify type of service value", "Type of service", "validate reply data",
)  # fmt: skip
def ping(session: Session, args: Args) -> None:
    source: Address | None = None
    if "source" in args:
        source = _local(session, args.address("source"))
    elif "interface" in args:
        source = address_of(session, args.text("interface"))
    if args.get("data", 0) > 0xFFFF:
        raise CommandError("% The data pattern has 16 bits")
    request = PingRequest(
        target=args.address("target"),
        repeat=args.number("repeat", 5),
        size=args.number("size", 100),
        timeout=args.number("timeout", 2),
        source=source,
        df_bit="df_bit" in args,
        tos=args.number("tos"),
        data=args.number("data", 0xABCD),
        validate="validate" in args,
    )
    session.start_ping(request, data_given="data" in args)


@EXEC.command("ping", "Send echo messages")
def ping_dialogue(session: Session, _: Args) -> Generator[str, str, None]:
    return extended_ping(session)


def _ask(question: str, default: str, read: Callable[[str], T]) -> Question[T]:
    """Ask until the answer can be read; an empty one means the default."""
    message = ""
    while True:
        answer = (yield f"{message}{question}").strip()
        try:
            return read(answer or default)
        except ValueError as error:
            message = f"{error}\n"


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"% A decimal number between {low} and {high}.")
        return int(text)

    return read


def _yes(text: str) -> bool:
    if text.lower() not in ("y", "ye", "yes", "n", "no"):
        raise ValueError("% Please answer 'yes' or 'no'.")
    return text.lower().startswith("y")


def _pattern(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value <= 0xFFFF:
        raise ValueError("% Invalid pattern, please enter a hexadecimal number up to 0xFFFF.")
    return value


def _protocol(text: str) -> str:
    if text.lower() not in ("ip", "ipv6"):
        raise ValueError('% Unknown protocol - "' + text + '", type "ping ?" for help')
    return text.lower()


def _address(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> Address:
    try:
        return kind(text)
    except ValueError:
        raise CommandError("% Bad IP address") from None


def _source(session: Session, text: str, kind: type[IPv4Address] | type[IPv6Address]) -> Address:
    try:
        address: Address = kind(text)
    except ValueError:
        pass
    else:
        return _local(session, address)
    try:
        name = interface_name(text.replace(" ", ""))
    except ValueError:
        raise CommandError("% Invalid source. Must use IP address or full interface name") from None
    return address_of(session, name)


def _no_options(text: str) -> None:
    if text.lower() not in ("none", "v", "verbose"):
        raise ValueError("% IP options are not supported here: answer none.")


def extended_ping(session: Session) -> Generator[str, str, None]:
    """The dialogue of `ping` without arguments (guide chapter 3); CommandError gives up."""
    protocol = yield from _ask("Protocol [ip]: ", "ip", _protocol)
    kind = IPv4Address if protocol == "ip" else IPv6Address
    target = _address(
        (yield f"Target {protocol.upper().replace('V', 'v')} address: ").strip(), kind
    )
    repeat = yield from _ask("Repeat count [5]: ", "5", _number(1, 2147483647))
    size = yield from _ask("Datagram size [100]: ", "100", _number(LEAST, MOST))
    timeout = yield from _ask("Timeout in seconds [2]: ", "2", _number(0, 3600))
    source: Address | None = None
    tos, df_bit, validate, data = 0, False, False, 0xABCD
    extended = yield from _ask("Extended commands [n]: ", "n", _yes)
    data_given = False
    if extended:
        ingress = (yield "Ingress ping [n]: ").strip().lower()
        if ingress.startswith("y"):
            raise CommandError("% Ingress ping is not supported")
        answer = (yield "Source address or interface: ").strip()
        if answer:
            source = _source(session, answer, kind)
        tos = yield from _ask("Type of service [0]: ", "0", _number(0, 255))
        df_bit = yield from _ask("Set DF bit in IP header? [no]: ", "no", _yes)
        validate = yield from _ask("Validate reply data? [no]: ", "no", _yes)
        data = yield from _ask("Data pattern [0x0000ABCD]: ", "ABCD", _pattern)
        data_given = data != 0xABCD
        yield from _ask("Loose, Strict, Record, Timestamp, Verbose[none]: ", "none", _no_options)
    sizes: tuple[int, ...] = ()
    if (yield from _ask("Sweep range of sizes [n]: ", "n", _yes)):
        low = yield from _ask(f"Sweep min size [{LEAST}]: ", str(LEAST), _number(LEAST, MOST))
        high = yield from _ask(f"Sweep max size [{MOST}]: ", str(MOST), _number(low, MOST))
        step = yield from _ask("Sweep interval [1]: ", "1", _number(1, MOST))
        sizes = tuple(range(low, high + 1, step))
    request = PingRequest(target, repeat, size, timeout, source, df_bit, tos, data, sizes, validate)
    session.start_ping(request, data_given=data_given)
