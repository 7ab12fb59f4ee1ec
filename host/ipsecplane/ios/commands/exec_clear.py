"""`clear` and `debug` commands."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.show.system import DEBUG_TOPICS
from ipsecplane.views import LogLine

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session

Dialogue = Generator[str, str, None]


@EXEC.command("clear crypto isakmp [<0-4294967295>$id]", "Flush the ISAKMP database",
              "Connection id of SA", privileged=True)  # fmt: skip
def clear_isakmp(session: Session, args: Args) -> None:
    conn_id = args.optional_number("id")
    if not session.router.clear_isakmp(conn_id) and conn_id is not None:
        raise CommandError(f"% No ISAKMP connection with id {conn_id}")


_PROTOCOLS = {"esp": 50, "ah": 51}


@EXEC.command("clear crypto sa [peer {A.B.C.D|X:X:X:X::X}$peer|map WORD$map|counters$counters]",
              "Clear all crypto SAs", "Clear crypto SAs by peer", "Peer address",
              "Peer IPv6 address", "Clear all SAs for a given crypto map", "Crypto map tag",
              "Reset the SA counters", privileged=True)  # fmt: skip
def clear_sa(session: Session, args: Args) -> None:
    router = session.router
    if "counters" in args:
        router.clear_counters()
    elif "peer" in args:
        router.clear_sas(peer=args.address("peer"))
    elif "map" in args:
        if args.text("map") not in router.config.crypto_maps:
            raise CommandError(f'% Crypto map "{args["map"]}" does not exist')
        router.clear_sas(crypto_map=args.text("map"))
    else:
        router.clear_sas()


@EXEC.command(
    "clear crypto sa {spi|entry} {A.B.C.D|X:X:X:X::X}$destination {ah|esp}$protocol"
    " {<256-4294967295>|0xHEX}$spi",
    "Clear all crypto SAs", "Clear SA by SPI", "Clear the SA with this entry",
    "Destination address", "Destination IPv6 address", "AH security protocol",
    "ESP security protocol", "SPI", "SPI in hexadecimal", privileged=True,
)  # fmt: skip
def clear_sa_by_spi(session: Session, args: Args) -> None:
    protocol = _PROTOCOLS[args.text("protocol")]
    session.router.clear_sas(spi=(args.address("destination"), protocol, args.number("spi")))


@EXEC.command(
    "clear crypto session [local {A.B.C.D|X:X:X:X::X}$local [port <0-65535>$local_port]]"
    " [remote {A.B.C.D|X:X:X:X::X}$remote [port <0-65535>$remote_port]]",
    "Clear crypto sessions (IPSec and IKE SAs)", "Clear sessions of a local crypto endpoint",
    "Local address", "Local IPv6 address", "Local port", "Port number",
    "Clear sessions with a remote IKE peer", "Remote address", "Remote IPv6 address",
    "Remote port", "Port number", privileged=True,
)  # fmt: skip
def clear_session(session: Session, args: Args) -> None:
    local = args.get("local"), args.optional_number("local_port")
    session.router.clear_sessions(local, (args.get("remote"), args.optional_number("remote_port")))


@EXEC.command("clear crypto session {fvrf WORD$fvrf [ivrf WORD$ivrf]|ivrf WORD$ivrf}",
              "Clear crypto sessions (IPSec and IKE SAs)", "Front-door VRF", "VRF name",
              "Inside VRF", "VRF name", "Inside VRF", "VRF name", privileged=True)  # fmt: skip
def clear_session_of_vrf(session: Session, args: Args) -> None:
    name = args.text("fvrf") or args.text("ivrf")
    raise CommandError(f"% VRF {name} does not exist: this router has one routing table only")


def confirmed(question: str) -> Generator[str, str, bool]:
    """Ask for confirmation as IOS does: Enter or `y` mean yes."""
    answer = yield f"{question} [confirm]"
    return answer.strip().lower() in ("", "y", "yes")


@EXEC.command("clear logging", "Clear logging buffer", privileged=True)
def clear_logging(session: Session, _: Args) -> Dialogue:
    def dialogue() -> Dialogue:
        if (yield from confirmed("Clear logging buffer")):
            session.router.clear_logging()

    return dialogue()


@EXEC.command("clear counters", "Clear counters on one or all interfaces", privileged=True)
def clear_counters(session: Session, _: Args) -> Dialogue:
    def dialogue() -> Dialogue:
        if (yield from confirmed('Clear "show interface" counters on all interfaces')):
            router = session.router
            router.clear_interface_counters()
            text = "Clear counter on all interfaces by console"
            router.log(LogLine(router.now, "CLEAR", 5, "COUNTERS", text))

    return dialogue()


_TOPIC = "{isakmp$topic|ipsec$topic|ipv6 ipsec$topic|engine packet$engine [detail$detail]}"
_HELPS = (
    "ISAKMP Key Management",
    "IPSEC processing",
    "IPv6 processing",
    "IPSEC processing",
    "Crypto Engine Debug",
    "Crypto Engine Packet Debug",
    "Packets with their headers told",
)


def _topic(args: Args) -> str:
    """IPsec's messages are the same whatever the IP version."""
    if "engine" in args:
        return "engine packet detail" if "detail" in args else "engine packet"
    return args.text("topic")


@EXEC.command(f"debug crypto {_TOPIC}", *_HELPS, privileged=True)
def debug(session: Session, args: Args) -> list[str]:
    topic = _topic(args)
    session.router.set_debug(topic, True)
    return [f"{DEBUG_TOPICS[topic]} debugging is on"]


@EXEC.command(f"undebug crypto {_TOPIC}", *_HELPS, privileged=True)
@EXEC.command(f"no debug crypto {_TOPIC}", *_HELPS, privileged=True)
def undebug(session: Session, args: Args) -> list[str]:
    topic = _topic(args)
    session.router.set_debug(topic, False)
    return [f"{DEBUG_TOPICS[topic]} debugging is off"]


@EXEC.command("undebug all", "Turn off all debugging", privileged=True)
@EXEC.command("no debug all", "Turn off all debugging", privileged=True)
def undebug_all(session: Session, _: Args) -> list[str]:
    for topic in DEBUG_TOPICS:
        session.router.set_debug(topic, False)
    return ["All possible debugging has been turned off"]
