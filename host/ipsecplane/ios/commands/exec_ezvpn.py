"""Easy VPN remotes: to connect them, to name a user, to clear and to show them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.show.ezvpn import ezvpn_client

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session

_WORDS = "crypto ipsec client ezvpn"


def _name(args: Args) -> str | None:
    return args.text("name") if "name" in args else None


def _unknown(name: str | None) -> CommandError:
    which = f"Easy VPN {name}" if name is not None else "Easy VPN that could be connected"
    return CommandError(f"% There is no {which}")


@EXEC.command(f"{_WORDS} connect [WORD$name]", "Connect the Easy VPN tunnel",
              "Name of the Easy VPN", privileged=True)  # fmt: skip
def connect(session: Session, args: Args) -> None:
    if not session.router.ezvpn_connect(_name(args)):
        raise _unknown(_name(args))


@EXEC.command(f"{_WORDS} xauth [WORD$name]", "Respond to the server's XAUTH request",
              "Name of the Easy VPN", privileged=True)  # fmt: skip
def xauth(session: Session, args: Args) -> Generator[str, str, None]:
    waiting = session.router.ezvpn_waiting(_name(args))
    if waiting is None:
        raise CommandError("EZVPN: No XAuth request is pending")

    def dialogue() -> Generator[str, str, None]:
        user = yield "Username: "
        password = yield "Password: "
        if not session.router.ezvpn_answer(waiting, user, password):
            raise CommandError(f"EZVPN({waiting}): the server no longer waits")

    return dialogue()


@EXEC.command(f"clear {_WORDS} [WORD$name]", "Clear the Easy VPN tunnels", "Name of the Easy VPN",
              privileged=True)  # fmt: skip
def clear(session: Session, args: Args) -> None:
    if not session.router.ezvpn_clear(_name(args)):
        raise _unknown(_name(args))


@EXEC.command(f"show {_WORDS} [name WORD$name]", "Show Easy VPN client configurations",
              "Of one Easy VPN", "Name of the Easy VPN")  # fmt: skip
def show(session: Session, args: Args) -> list[str]:
    name = _name(args)
    views = [view for view in session.router.ezvpn() if name in (None, view.name)]
    if name is not None and not views:
        raise _unknown(name)
    return ezvpn_client(views)
