"""EXEC commands about the session itself: modes, terminal, clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ipsecplane.config import ClockConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.syslog import local_time

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session


@EXEC.command("enable", "Turn on privileged commands")
def enable(session: Session, _: Args) -> None:
    session.privileged = True


@EXEC.command("disable", "Turn off privileged commands", privileged=True)
def disable(session: Session, _: Args) -> None:
    session.privileged = False


@EXEC.command("exit", "Exit from the EXEC")
@EXEC.command("logout", "Exit from the EXEC")
def leave(session: Session, _: Args) -> None:
    session.closed = True


@EXEC.command("configure terminal", "Configure from the terminal", privileged=True)
def configure_terminal(session: Session, _: Args) -> list[str]:
    session.configure()
    return ["Enter configuration commands, one per line.  End with CNTL/Z."]


@EXEC.command("write [memory]", "Write to NV memory", privileged=True)
@EXEC.command("copy running-config startup-config", "Copy from one file to another",
              "Copy from current system configuration", "Copy to startup configuration",
              privileged=True)  # fmt: skip
def write_memory(session: Session, _: Args) -> list[str]:
    return session.write_memory()


@EXEC.command("terminal length <0-512>$length", "Set number of lines on a screen",
              "Number of lines on screen (0 for no pausing)")  # fmt: skip
def terminal_length(session: Session, args: Args) -> None:
    session.length = args.number("length")


@EXEC.command("terminal width <0-512>$width", "Set width of the display terminal",
              "Number of characters on a screen line")  # fmt: skip
def terminal_width(session: Session, args: Args) -> None:
    session.width = args.number("width")


@EXEC.command("terminal monitor", "Copy debug output to the current terminal line")
def terminal_monitor(session: Session, _: Args) -> None:
    session.monitor = True


@EXEC.command("terminal no monitor", "Copy debug output to the current terminal line")
def terminal_no_monitor(session: Session, _: Args) -> None:
    session.monitor = False


def utc_of(local: datetime, clock: ClockConfig) -> datetime:
    """UTC of a local wall-clock time; a time that summer time skips counts as standard time."""
    standard = local - timedelta(minutes=clock.offset_minutes)
    summer = standard - timedelta(hours=1)
    return summer if local_time(summer, clock)[0] == local else standard


_CLOCK_HELPS = ("Current Time", "Day of the month", "Month of the year", "Year")


@EXEC.command("clock set hh:mm:ss$time <1-31>$day MONTH$month <1993-2035>$year",
              "Set the time and date", *_CLOCK_HELPS, privileged=True)  # fmt: skip
@EXEC.command("clock set hh:mm:ss$time MONTH$month <1-31>$day <1993-2035>$year",
              "Set the time and date", "Current Time", "Month of the year", "Day of the month",
              "Year", privileged=True)  # fmt: skip
def clock_set(session: Session, args: Args) -> None:
    hours, minutes, seconds = args["time"]
    date = (args.number("year"), args.number("month"), args.number("day"))
    try:
        local = datetime(*date, hours, minutes, seconds)
    except ValueError as error:
        raise CommandError(f"% Invalid date: {error}") from None
    session.router.set_clock(utc_of(local, session.router.config.clock))
