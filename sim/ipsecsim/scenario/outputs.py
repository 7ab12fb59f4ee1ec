"""What a run leaves behind, in one folder.

transcript.txt            what was printed
results.json              the same for programs, with every link's and flow's counters
captures/LINK.pcapng      every frame of a link
wireshark/                a configuration folder with the run's keys: with it, Wireshark and
                          tshark show what was inside IKE and ESP
                          (WIRESHARK_CONFIG_DIR=…/wireshark tshark -r …/captures/wan.pcapng)
tables/ROUTER.DEVICE.txtpb   the tables as they were at the end, P4Runtime in text form
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TextIO

from ipsecplane.agent import Agent
from ipsecplane.targets.state import state_text
from ipsecplane.targets.transport import TargetError, Transport

from ipsecsim.network.capture import Capture
from ipsecsim.network.clock import NANOSECONDS
from ipsecsim.network.signals import interruptible
from ipsecsim.scenario.journal import Journal, record_of
from ipsecsim.scenario.model import Scenario
from ipsecsim.scenario.runner import Report, Runner
from ipsecsim.scenario.world import RunOptions, World

TRANSCRIPT: Final = "transcript.txt"
CAPTURES: Final = "captures"
WIRESHARK: Final = "wireshark"
TABLES: Final = "tables"
_PREFERENCES: Final = """\
esp.enable_encryption_decode: TRUE
esp.enable_authentication_check: TRUE
ip.check_checksum: TRUE
"""


def run_with_outputs(
    scenario: Scenario, options: RunOptions, folder: Path, screen: TextIO | None
) -> Report:
    """Run a scenario, show the transcript on `screen` as it happens, and fill `folder`.

    What an earlier run left there is replaced, once every device has started. Raises what World
    raises, OSError, and KeyboardInterrupt between two events when a signal asks for it; what
    happened until then is in `folder`.
    """
    world = World(scenario, options)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(interruptible(world.loop))
        fresh = Path(stack.enter_context(TemporaryDirectory(dir=folder, prefix=".new-")))
        file = stack.enter_context((fresh / TRANSCRIPT).open("w", encoding="utf-8"))
        _capture(world, fresh / CAPTURES, stack)
        stack.enter_context(world)
        _replace(folder, fresh)
        streams = [file] if screen is None else [file, screen]
        journal = Journal(streams, lambda: world.loop.now)
        runner = Runner(world, journal)
        try:
            report = runner.run()
        except KeyboardInterrupt:
            journal.summary(f"Interrupted at {world.loop.now:.6f} s.")
            raise
        finally:
            record_of(world, runner.report, journal).write(folder)
            write_wireshark_keys(folder / WIRESHARK, world.agents())
            _write_tables(world, folder)
            cycles = _cycles(world)
    if screen is not None:
        screen.writelines(
            f"{name}: {count:,} cycles of the accelerator\n" for name, count in cycles
        )
        screen.write(f"Transcript, captures, keys and tables are in {folder}\n")
    return report


def _capture(world: World, folder: Path, stack: ExitStack) -> None:
    folder.mkdir()
    epoch_ns = round(world.scenario.start.timestamp()) * NANOSECONDS
    for name, link in world.links.items():
        path = folder / f"{name}.pcapng"
        stack.callback(Capture(link, path, epoch_ns).close)


def write_wireshark_keys(folder: Path, agents: Iterable[Agent]) -> None:
    """A Wireshark configuration folder with every key that the agents have had."""
    ikev1: dict[str, None] = {}  # both ends of an SA know its keys: each row once
    esp: dict[str, None] = {}
    for agent in agents:
        keys = agent.wireshark_keys()
        ikev1.update(dict.fromkeys(keys.ikev1))
        esp.update(dict.fromkeys(keys.esp))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ikev1_decryption_table").write_text("".join(f"{row}\n" for row in ikev1))
    (folder / "esp_sa").write_text("".join(f"{row}\n" for row in esp))
    (folder / "preferences").write_text(_PREFERENCES)


def _replace(folder: Path, fresh: Path) -> None:
    """Remove what a run of maybe another topology has left; move in what this one has begun."""
    for name in (CAPTURES, WIRESHARK, TABLES):
        (folder / name).mkdir(exist_ok=True)
    for pattern in (f"{CAPTURES}/*.pcapng", f"{TABLES}/*.txtpb"):
        for stale in folder.glob(pattern):
            stale.unlink()
    for file in (fresh / TRANSCRIPT, *(fresh / CAPTURES).iterdir()):
        file.rename(folder / file.relative_to(fresh))


def _cycles(world: World) -> list[tuple[str, int]]:
    """Of the routers whose accelerator has a clock."""
    each = [(name, router.accelerator.cycles) for name, router in world.routers.items()]
    return [(name, cycles) for name, cycles in each if cycles is not None]


def _write_tables(world: World, folder: Path) -> None:
    for name, router in world.routers.items():
        for device, transport in (
            ("pipeline", router.pipeline.transport),
            ("accelerator", router.accelerator.transport),
        ):
            _write_state(folder / TABLES / f"{name}.{device}.txtpb", transport)


def _write_state(path: Path, transport: Transport) -> None:
    """A device that is away at the end leaves a note instead of tables."""
    try:
        text = state_text(transport)
    except TargetError as error:
        text = f"# {transport.name}: {error}\n"
    path.write_text(text, encoding="utf-8")
