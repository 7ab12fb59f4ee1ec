"""What the simulation adds to the command line: `run`, `check` and `console` of a scenario.

Only argparse here; what a command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ipsecplane.cli import FAILED, NO_TARGET, OK, CommandError

if TYPE_CHECKING:
    from ipsecsim.network.devices.choice import DeviceChoice
    from ipsecsim.scenario.world import RunOptions


def register_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run",
        help="run a scenario and check what it expects",
        description="Run the timeline of FOLDER/scenario.yaml, print the transcript, and leave "
        "transcript, captures, keys for Wireshark and tables in a folder.",
        epilog="Exit code 0 if all expectations hold, 1 if not, 2 for wrong input, 3 for a device "
        "that cannot be had.",
    )
    _scenario_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where the results go (default runs/SCENARIO)"
    )
    parser.add_argument("--quiet", action="store_true", help="print failures only")
    parser.set_defaults(run=run)


def register_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="read a scenario and its configurations",
        description="Read a scenario with every combination of its parameters; run nothing.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.set_defaults(run=check)


def register_console(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "console",
        help="the prompt of a scenario's routers",
        description="Sit at the consoles of a scenario's routers. ~? lists what is not for the "
        "router but for the console: other routers, time, leaving. Time jumps while a command "
        "runs. Standard input may be a file or a pipe.",
    )
    _scenario_arguments(parser)
    parser.add_argument("--router", metavar="NAME", help="where to begin (default: the first)")
    parser.add_argument(
        "--at",
        choices=("start", "end"),
        default="start",
        help="before the timeline, or after it has run (default start)",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="let `write memory` keep configurations, as DIR/ROUTER.cfg",
    )
    parser.set_defaults(run=console)


def run(parsed: argparse.Namespace) -> int:
    """`ipsecplane run`."""
    from ipsecsim.scenario.loader import load_scenario
    from ipsecsim.scenario.outputs import run_with_outputs

    with clear_errors():
        scenario = load_scenario(parsed.folder)
        out = parsed.out or Path("runs") / scenario.folder.resolve().name
        report = run_with_outputs(
            scenario, _options(parsed), out, None if parsed.quiet else sys.stdout
        )
    if parsed.quiet:
        for failure in report.failures:
            print(failure)
    return OK if report.passed else FAILED


def check(parsed: argparse.Namespace) -> int:
    """`ipsecplane check`: every combination of parameter values has to load."""
    from ipsecsim.scenario.configs import combinations, load_configs
    from ipsecsim.scenario.loader import load_scenario, with_settings
    from ipsecsim.scenario.world import cable

    with clear_errors():
        scenario = load_scenario(parsed.folder)
        for settings in combinations(scenario):
            chosen = with_settings(scenario, settings)
            stores = load_configs(chosen, settings)
            cable(chosen, {name: store.router for name, store in stores.items()})
    expectations = sum(len(step.expect) for step in scenario.timeline)
    print(
        f"{scenario.name}: {len(scenario.routers)} routers, {len(scenario.hosts)} hosts, "
        f"{len(scenario.links)} links, {len(scenario.timeline)} steps, "
        f"{expectations} expectations: nothing wrong"
    )
    return OK


def console(parsed: argparse.Namespace) -> int:
    """`ipsecplane console`."""
    from ipsecsim.scenario.interactive import interact
    from ipsecsim.scenario.loader import load_scenario

    with clear_errors():
        scenario = load_scenario(parsed.folder)
        if parsed.router is not None and parsed.router not in scenario.routers:
            known = ", ".join(scenario.routers)
            raise CommandError(f"--router {parsed.router}: no such router; there are {known}")
        interact(
            scenario,
            _options(parsed),
            parsed.router,
            at_end=parsed.at == "end",
            save=parsed.save,
        )
    return OK


def _scenario_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with a scenario.yaml in it")
    parser.add_argument("--seed", help="of all randomness (default the scenario's)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="one of the scenario's parameters",
    )
    parser.add_argument(
        "--pipeline",
        "--target",
        action="append",
        default=[],
        metavar="[ROUTER=]KIND",
        help="embedded (default), bmv2-stepped, or in real time bmv2, grpc://HOST:PORT[/DEVICE] "
        "(docs/targets.md)",
    )
    parser.add_argument(
        "--accelerator",
        action="append",
        default=[],
        metavar="[ROUTER=]KIND",
        help="software (default), or rtl: the SystemVerilog, through Verilator (docs/rtl.md)",
    )
    parser.add_argument(
        "--trace",
        action="append",
        default=[],
        metavar="[ROUTER=]FILE",
        dest="traces",
        help="waveforms of --accelerator rtl, FILE.fst or FILE.vcd (docs/rtl.md)",
    )
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="ROUTER.PORT=IFACE",
        dest="ports",
        help="the interface here that is cabled to a port of an external pipeline; "
        "PORT is an interface's name, accelerator or a number",
    )


def _options(parsed: argparse.Namespace) -> RunOptions:
    """Raises CommandError for arguments without a shape."""
    from ipsecsim.scenario.world import RunOptions

    settings = dict(_pair("--set", text, "NAME=VALUE") for text in parsed.settings)
    return RunOptions(settings, parsed.seed, _devices(parsed))


def _devices(parsed: argparse.Namespace) -> DeviceChoice:
    from ipsecsim.network.devices.choice import DeviceChoice

    interfaces = {}
    for text in parsed.ports:
        end, interface = _pair("--port", text, "ROUTER.PORT=IFACE")
        router, dot, port = end.partition(".")
        if not (router and dot and port):
            raise CommandError(f"--port {text}: write ROUTER.PORT=IFACE")
        interfaces[router, port] = interface
    return DeviceChoice(
        dict(map(_owner, parsed.pipeline)),
        dict(map(_owner, parsed.accelerator)),
        interfaces,
        {router: Path(file) for router, file in map(_owner, parsed.traces)},
    )


def _owner(text: str) -> tuple[str, str]:
    """`ROUTER=KIND` or `KIND` (for all), as (router or "", kind)."""
    router, equals, kind = text.partition("=")
    if equals and "/" not in router:
        return router, kind
    return "", text


def _pair(option: str, text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise CommandError(f"{option} {text}: write {form}")
    return name, value


@contextmanager
def clear_errors() -> Iterator[None]:
    """What a person can cause ends with its message, not with a traceback."""
    from ipsecplane.ios.loader import ConfigurationErrors
    from ipsecplane.targets.program import ProgramError
    from ipsecplane.targets.transport import TargetError

    from ipsecsim.network.devices.base import DeviceError
    from ipsecsim.scenario.document import ScenarioError

    try:
        yield
    except (ScenarioError, ConfigurationErrors, ProgramError) as error:
        raise CommandError(str(error)) from error
    except (DeviceError, TargetError) as error:
        raise CommandError(str(error), NO_TARGET) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"not a text file: {error}") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error
