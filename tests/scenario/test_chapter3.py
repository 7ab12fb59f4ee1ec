"""The main job: the guide's chapter 3 from configurations to recovery, looked at from outside.

What routers print has to be what their agents hold, and that what the data plane counted.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from ipsecplane.cli import FAILED, OK, main
from ipsecplane.ike.types import IsakmpSaView
from ipsecplane.targets.state import state_text
from ipsecplane.views import IdentView, SaView
from ipsecsim.network.router import Router
from ipsecsim.scenario.loader import load_scenario, with_settings
from ipsecsim.scenario.model import Comparison, Exec, Expectation, Scenario, Step, TextTest
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World
from played import EXAMPLES, Ran, play_scenario, run_example
from shown import ipsec_sas, isakmp_sas, of_ident, of_isakmp_sa

CHAPTER3 = EXAMPLES / "ch03_invalid_spi_recovery"
A, B = "ipseca-71a", "ipseca-72a"
pytestmark = pytest.mark.xdist_group("chapter3")


@dataclass
class Seen:
    """A step that showed something, and what there was at that moment."""

    router: str
    commands: tuple[str, ...]
    output: str
    idents: dict[str, IdentView]
    isakmp: dict[str, Sequence[IsakmpSaView]]
    table_counts: dict[int, int]  # AH SPI -> packets of an accelerator's row
    on_wire: Counter[int]  # AH SPI -> frames so far


@dataclass
class Watched:
    steps: list[Seen] = field(default_factory=list)
    ike_times: list[float] = field(default_factory=list)
    transcript: str = ""

    def showing(self, router: str, command: str) -> list[Seen]:
        found = [s for s in self.steps if s.router == router and s.commands[-1].startswith(command)]
        assert found
        return found


class Watcher(Runner):
    def __init__(self, world: World, transcript: Transcript, watched: Watched) -> None:
        super().__init__(world, transcript)
        self.watched = watched
        self.frames: Counter[int] = Counter()
        world.links["wan"].taps.append(self._tap)

    def _tap(self, sender: str, time_ns: int, frame: bytes, fate: object) -> None:
        if frame[12:14] != b"\x08\0":
            return
        if frame[23] == 51:
            self.frames[int.from_bytes(frame[38:42], "big")] += 1
        elif frame[23] == 17:
            self.watched.ike_times.append(time_ns / 1e9)

    def _step(self, step: Step) -> None:
        super()._step(step)
        if not isinstance(step.action, Exec):
            return
        agents = {name: router.agent for name, router in self.world.routers.items()}
        self.watched.steps.append(
            Seen(
                step.action.router,
                tuple(line.command for line in step.action.lines),
                self._output,
                {name: agent.idents()[0] for name, agent in agents.items()},
                {name: agent.isakmp_sas() for name, agent in agents.items()},
                {spi: n for r in self.world.routers.values() for spi, n in _counted(r)},
                Counter(self.frames),
            )
        )


def _counted(router: Router) -> Iterator[tuple[int, int]]:
    """(AH SPI, packets) of each row of an accelerator's two tables, read through P4Runtime."""
    text = state_text(router.accelerator.transport)
    for row in text.split("\n# sa_")[1:]:
        spi = re.search(r"ah_spi=0x([0-9a-f]+)", row)
        packets = re.search(r"packet_count: (\d+)", row)
        assert spi
        yield int(spi[1], 16), int(packets[1]) if packets else 0


def watch(**settings: str) -> Watched:
    watched, text = Watched(), io.StringIO()
    with World(load_scenario(CHAPTER3), RunOptions(settings)) as world:
        report = Watcher(world, Transcript([text]), watched).run()
    assert report.failures == []
    watched.transcript = text.getvalue()
    return watched


@pytest.fixture(scope="module")
def watched() -> Watched:
    return watch()


def sa(view: IdentView, protocol: int, *, inbound: bool) -> SaView:
    return next(s for s in view.sas if (s.protocol, s.inbound) == (protocol, inbound))


# -- what is printed -------------------------------------------------------------------------------


@pytest.mark.parametrize("router", [A, B])
def test_every_field_of_ipsec_sas_is_what_the_agent_holds(watched: Watched, router: str) -> None:
    seen = watched.showing(router, "show crypto ipsec sa")
    assert len(seen) == (2 if router == A else 3)
    for step in seen:
        flow, sas = ipsec_sas(step.output)
        assert (flow, sas) == of_ident(step.idents[router])
        assert len(flow) == 25, "no field was overlooked"
        assert all(len(fields) in (9, 10) for fields in sas.values())
    assert [len(s.idents[router].sas) for s in seen] == ([4, 4] if router == A else [4, 0, 4])


@pytest.mark.parametrize("router", [A, B])
def test_every_row_of_isakmp_sas_is_what_the_agent_holds(watched: Watched, router: str) -> None:
    for step in watched.showing(router, "show crypto isakmp sa"):
        rows = isakmp_sas(step.output)
        assert rows
        assert rows == set(map(of_isakmp_sa, step.isakmp[router]))


def test_spis_match_crosswise_before_and_after(watched: Watched) -> None:
    before, after = (
        [s for s in watched.steps if all(len(i.sas) == 4 for i in s.idents.values())][index]
        for index in (0, -1)
    )
    for seen in (before, after):
        a, b = seen.idents[A], seen.idents[B]
        for protocol in (50, 51):
            assert sa(a, protocol, inbound=True).spi == sa(b, protocol, inbound=False).spi
            assert sa(a, protocol, inbound=False).spi == sa(b, protocol, inbound=True).spi
    spis = [{s.spi for i in seen.idents.values() for s in i.sas} for seen in (before, after)]
    assert [len(group) for group in spis] == [4, 4]
    assert spis[0].isdisjoint(spis[1])


def test_counters_are_the_data_plane_s(watched: Watched) -> None:
    """Of each living SA: the row's direct counter, the frames on the wire, what is printed."""
    sent_to: dict[str, set[int]] = {A: set(), B: set()}  # by receiver: SPIs since the last clear
    checked = 0
    for step in watched.steps:
        if "clear crypto sa" in step.commands:
            sent_to[B].clear()
        for router in (A, B):
            for one in step.idents[router].sas:
                if one.protocol == 51:
                    assert step.table_counts[one.spi] == step.on_wire[one.spi]
                    checked += 1
                    if one.inbound:
                        sent_to[router].add(one.spi)
        a, b = step.idents[A], step.idents[B]
        assert a.decaps == sum(step.on_wire[spi] for spi in sent_to[A])
        assert b.decaps == sum(step.on_wire[spi] for spi in sent_to[B])
        assert a.encaps == sum(step.on_wire.values()) - a.decaps
        assert (b.encaps, b.encrypt, b.digest) == (b.decaps, b.decrypt, b.verify)
    assert checked > 20
    last = watched.steps[-1].idents
    assert (last[A].encaps, last[A].decaps, last[B].decaps) == (39, 38, 28)


def test_the_transcript_says_what_the_guide_says(recovered: Ran) -> None:
    text = recovered.transcript
    marks = [
        "QM_IDLE           1001 ACTIVE",
        "MM_NO_STATE       1001 ACTIVE (deleted)",
        "Protocol [ip]: ip",
        "Target IP address: 10.0.2.2",
        "Repeat count [5]: 30",
        "\n..!!!!!!!!!!!!!!!!!!!!!!!!!!!!\nSuccess rate is 93 percent (28/30), round-trip",
        "QM_IDLE           1002 ACTIVE",
        "%CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid spi for "
        "destaddr=10.2.2.2, prot=51, spi=0x",
        "All 55 expectations hold.",
    ]
    places = [text.find(mark) for mark in marks]
    assert -1 not in places
    assert places == sorted(places)


# -- reproducible ----------------------------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_processes_leave_the_same_octets(tmp_path: Path, recovered: Ran) -> None:
    """Whatever order sets and hashes have in a process."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ipsecplane", "run", CHAPTER3, "--seed", "7", "--quiet",
             "--out", tmp_path / hash_seed],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        for hash_seed in ("1", "31337")
    ]  # fmt: skip
    assert [run.wait(60) for run in runs] == [OK, OK]
    one, other = files(tmp_path / "1"), files(tmp_path / "31337")
    assert len(one) >= 1 + 3 + 3 + 4, "transcript, captures, keys, tables"
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    assert one["captures/wan.pcapng"] != files(recovered.folder)["captures/wan.pcapng"]


def test_another_seed_gives_other_keys_and_the_same_numbers(tmp_path: Path, recovered: Ran) -> None:
    other = run_example(CHAPTER3, tmp_path, seed="another")
    assert other.report.failures == []
    assert "(28/30)" in other.transcript
    rows = [
        set((run.folder / "wireshark" / name).read_text().splitlines())
        for name in ("esp_sa", "ikev1_decryption_table")
        for run in (recovered, other)
    ]
    assert [len(group) for group in rows] == [4, 4, 2, 2]
    words = [set(re.findall(r"0x[0-9a-f]+|[0-9a-f]{16}", " ".join(sorted(g)))) for g in rows]
    assert words[0].isdisjoint(words[1])
    assert words[2].isdisjoint(words[3])


# -- the black hole --------------------------------------------------------------------------------


def test_without_recovery_nothing_answers_and_the_log_says_it_once(black_hole: Ran) -> None:
    assert black_hole.report.failures == []
    text = black_hole.transcript
    assert "\n..............................\nSuccess rate is 0 percent (0/30)" in text
    assert "28/30" not in text
    step = text[text.index("── Step 4.") : text.index("── Later.")]
    log = step[step.index("Log Buffer") : step.index("✓")]
    started = ("%CRYPTO-4-CONFIG_WARNING", "%P4RT-5-TARGET_UP")
    since = [word for word in re.findall(r"%[A-Z0-9]+-\d-\w+", log) if word not in started]
    assert since == ["%CRYPTO-4-RECVD_PKT_INV_SPI"]
    assert "IPSEC(" not in log.partition(since[0])[2], "nobody asked for new SAs"


def test_the_black_hole_ends_with_the_lifetime_of_its_sas() -> None:
    """Not before, and by Router A asking for successors: nothing else was said until then."""
    watched = watch(recovery="off")
    first, *later = [t for t in watched.ike_times if t > 2.5]
    assert 3400 < first <= 3600
    assert len(later) >= 8
    late = watched.transcript[watched.transcript.index("── Later.") :]
    assert late.index("(0/5)") < late.index("(5/5)")
    (seen,) = (s for s in watched.steps if "show crypto ipsec sa" in s.commands[1:])
    flow, sas = ipsec_sas(seen.output)
    assert (flow, sas) == of_ident(seen.idents[A])
    assert all(int(fields["seconds"]) > 3400 for fields in sas.values()), "new ones"


# -- what the expectations are worth ---------------------------------------------------------------


def flipped(e: Expectation) -> Expectation:
    """What cannot hold if `e` does."""
    compared = e.comparison
    if isinstance(compared.equals, int | float):
        return replace(e, comparison=replace(compared, equals=compared.equals + 1))
    if compared.given:
        assert compared.at_most is not None
        return replace(e, comparison=Comparison(at_least=compared.at_most + 1))
    if e.texts:
        ((test, wanted),) = e.texts
        other = {TextTest.CONTAINS: TextTest.LACKS, TextTest.LACKS: TextTest.CONTAINS}[test]
        return replace(e, texts=((other, wanted),))
    assert e.log
    return replace(e, comparison=Comparison(equals=0))


@pytest.mark.parametrize("recovery", ["on", "off"])
def test_every_expectation_can_fail(recovery: str) -> None:
    """All of them turned round: not one may hold any more, and each names its line."""
    scenario = with_settings(load_scenario(CHAPTER3), {"recovery": recovery})
    timeline = tuple(
        replace(step, expect=tuple(map(flipped, step.expect))) for step in scenario.timeline
    )
    turned: Scenario = replace(scenario, timeline=timeline)
    played = play_scenario(turned, recovery=recovery)
    assert len(played.report.failures) == played.report.expectations > 40
    lines = {f.place.line for f in played.report.failures}
    known = {e.place.line for step in scenario.timeline for e in step.expect}
    assert lines <= known
    assert len(lines) == played.report.expectations


BREAKS = [
    ("scenario.yaml", "percent (28/30)", "percent (29/30)", ["contains “Success rate is 93"]),
    ("scenario.yaml", "equals: 9", "equals: 10", ["link wan: 10 packets with UDP.dport 500"]),
    ("scenario.yaml", "prot=51", "prot=50", ["contains “%CRYPTO-4-RECVD_PKT_INV_SPI", "prot=50"]),
    (f"{A}.cfg", "crypto isakmp key 0 1234", "crypto isakmp key 0 4321", ["(10/11)", "QM_IDLE"]),
    (f"{B}.cfg", "auth2 ah-sha-hmac esp-des", "auth2 esp-des", ["(10/11)", "transform: ah-sha"]),
    (f"{B}.cfg", "crypto isakmp invalid-spi-recovery\n", "", ["(28/30)"]),
    (f"{A}.cfg", " crypto map testtag1\n", "", ["(10/11)"]),
]


@pytest.mark.parametrize(("file", "old", "new", "named"), BREAKS)
def test_what_is_broken_is_named_and_the_exit_code_is_1(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    old: str,
    new: str,
    named: list[str],
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(CHAPTER3, folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    assert main(["run", str(folder), "--quiet", "--out", str(tmp_path / "out")]) == FAILED
    said = capsys.readouterr().out
    assert said.startswith(f"{folder / 'scenario.yaml'}:")
    for words in named:
        assert words in said
