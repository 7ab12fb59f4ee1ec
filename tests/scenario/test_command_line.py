"""`ipsecplane run` and `check` as typed: exit codes, and messages that say what is wrong where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ipsecplane.cli import FAILED, NO_TARGET, OK, WRONG_INPUT, main
from played import EXAMPLES, TWO_SITES, two_sites, write

CLOCK = "- {router: a, exec: [show clock], expect: [{contains: UTC}]}"
PARAMETERS = """\
parameters:
  mode:
    default: plain
    choices: {plain: , other: [{remove: hostname a}]}
"""

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command line; (exit code, what it printed, what it complained about)."""

    def run(command: str, folder: Path, *more: str) -> tuple[int, str, str]:
        out = ("--out", str(tmp_path / "out")) if command == "run" else ()
        code = main([command, str(folder), *out, *more])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def two(tmp_path: Path, timeline: str = CLOCK, head: str = TWO_SITES, **configs: str) -> Path:
    return write(tmp_path / "s", timeline, two_sites() | configs, head)


def test_a_run_prints_its_transcript_and_leaves_its_folder(tmp_path: Path, typed: Typed) -> None:
    code, out, err = typed("run", two(tmp_path))
    assert (code, err) == (OK, "")
    folder = tmp_path / "out"
    last = f"Transcript, captures, keys and tables are in {folder}\n"
    assert out == (folder / "transcript.txt").read_text() + last
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == {
        "transcript.txt",
        "results.json",
        *(f"captures/{link}.pcapng" for link in ("wan", "lan1", "lan2")),
        *(f"tables/{r}.{device}.txtpb" for r in "ab" for device in ("pipeline", "accelerator")),
        *(f"wireshark/{file}" for file in ("esp_sa", "ikev1_decryption_table", "preferences")),
    }


def test_another_run_replaces_what_was_there(tmp_path: Path, typed: Typed) -> None:
    typed("run", two(tmp_path))
    stale = tmp_path / "out" / "captures" / "gone.pcapng"
    stale.write_text("of another topology")
    mine = tmp_path / "out" / "notes.txt"
    mine.write_text("mine")
    assert typed("run", two(tmp_path))[0] == OK
    assert not stale.exists()
    assert mine.read_text() == "mine"


def test_quiet_prints_failures_only(tmp_path: Path, typed: Typed) -> None:
    assert typed("run", two(tmp_path), "--quiet") == (OK, "", "")


def test_a_failure_is_exit_code_1_and_named(tmp_path: Path, typed: Typed) -> None:
    folder = two(tmp_path, CLOCK.replace("UTC", "PST"))
    code, out, _ = typed("run", folder)
    assert code == FAILED
    assert f"1 of 1 expectations failed:\n{folder}/scenario.yaml:11: contains “PST”\n" in out


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("scenario.yaml", "latency", "latancy", ":7:35: links.wan.latancy: unknown field; did you"),
        ("scenario.yaml", "1 ms", "1 mile", ":7:44: links.wan.latency: '1 mile' is no duration"),
        ("scenario.yaml", "a.Gi0/0", "a.Gi0/7", ":7:16: links.ends: a has no interface 'Gi0/7'"),
        ("scenario.yaml", "[a.Gi0/0", "[a.Wifi0", ":7:16: links.ends: "),
        ("scenario.yaml", "a.cfg", "c.cfg", ":2:23: routers.a.config: no such file: "),
        ("scenario.yaml", "timeline:", "timeline: [", "scenario.yaml:"),
        ("a.cfg", " set peer", " sett peer", "a.cfg:12: % Invalid input detected at '^' marker."),
        ("a.cfg", "hash sha256", "hash", "a.cfg:5: % Incomplete command."),
    ],
)
def test_what_is_wrong_in_a_file_has_its_line(
    tmp_path: Path, typed: Typed, command: str, file: str, old: str, new: str, message: str
) -> None:
    folder = two(tmp_path)
    path = folder / file
    assert old in path.read_text(), "the case does not change anything"
    path.write_text(path.read_text().replace(old, new, 1))
    code, out, err = typed(command, folder)
    assert (code, out) == (WRONG_INPUT, "")
    assert err.startswith(str(folder))
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists(), "nothing is touched before the network stands"


def test_folders_and_files_that_are_missing(tmp_path: Path, typed: Typed) -> None:
    assert typed("run", tmp_path / "absent")[::2] == (
        WRONG_INPUT,
        f"{tmp_path / 'absent'}:1:1: no such folder\n",
    )
    assert typed("check", tmp_path)[::2] == (
        WRONG_INPUT,
        f"{tmp_path}:1:1: no scenario.yaml in it\n",
    )
    folder = two(tmp_path)
    (tmp_path / "out").write_text("a file where the folder should be")
    code, _, err = typed("run", folder)
    assert (code, "out" in err) == (WRONG_INPUT, True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("mode=nonsense", "--set:1:1: mode: 'nonsense' is none of plain, other"),
        ("mod=plain", "--set:1:1: mod: the scenario has no such parameter; did you mean 'mode'?"),
        ("x=plain", "--set:1:1: x: the scenario has no such parameter (mode)"),
        ("mode", "--set mode: write NAME=VALUE"),
        ("=on", "--set =on: write NAME=VALUE"),
    ],
)
def test_wrong_settings(tmp_path: Path, typed: Typed, setting: str, message: str) -> None:
    folder = two(tmp_path, head=TWO_SITES + PARAMETERS)
    assert typed("run", folder, "--set", setting) == (WRONG_INPUT, "", f"{message}\n")


def test_settings_edit_the_configurations(tmp_path: Path, typed: Typed) -> None:
    folder = two(tmp_path, head=TWO_SITES + PARAMETERS)
    assert "\n[    0.000000] a#show clock" in typed("run", folder)[1]
    assert "\n[    0.000000] Router#show clock" in typed("run", folder, "--set", "mode=other")[1]


def test_an_edit_of_a_line_that_is_not_there(tmp_path: Path, typed: Typed) -> None:
    folder = two(tmp_path, head=TWO_SITES + PARAMETERS.replace("hostname a", "hostname z"))
    code, _, err = typed("check", folder)
    assert code == WRONG_INPUT
    assert ":13:32: remove: no configuration has the line 'hostname z'" in err


def test_check_tries_every_combination(tmp_path: Path, typed: Typed) -> None:
    folder = two(tmp_path, head=TWO_SITES + PARAMETERS)
    code, out, _ = typed("check", folder)
    assert code == OK
    assert out == (
        "two sites: 2 routers, 2 hosts, 3 links, 1 steps, 1 expectations: nothing wrong\n"
    )
    broken = PARAMETERS.replace("[{remove: hostname a}]", "[{append: nonsense}]")
    code, _, err = typed("check", two(tmp_path, head=TWO_SITES + broken))
    assert code == WRONG_INPUT
    assert "a.cfg (with mode=other):" in err


def test_the_seed_is_the_scenario_s_or_the_given_one(tmp_path: Path, typed: Typed) -> None:
    timeline = "- {router: a, exec: [ping 192.168.2.1 source 192.168.1.1, show crypto ipsec sa]}"
    folder = two(tmp_path, timeline, head="seed: 5\n" + TWO_SITES)
    own, five, six = (
        typed("run", folder, *more)[1] for more in ((), ("--seed", "5"), ("--seed", "6"))
    )
    assert own == five
    assert own != six


@pytest.mark.parametrize(
    ("option", "code", "message"),
    [
        (["--pipeline", "c=bmv2"], NO_TARGET, "no router 'c' in the scenario (a, b)"),
        (["--pipeline", "asic"], NO_TARGET, "--pipeline asic: is none of embedded, bmv2, grpc://"),
        (["--accelerator", "gpu"], NO_TARGET, "--accelerator gpu: is neither software nor rtl"),
        (["--port", "a=eth0"], WRONG_INPUT, "--port a=eth0: write ROUTER.PORT=IFACE"),
    ],
)
def test_wrong_devices(
    tmp_path: Path, typed: Typed, option: list[str], code: int, message: str
) -> None:
    found, _, err = typed("run", two(tmp_path), *option)
    assert found == code
    assert message in err


@pytest.mark.parametrize("example", sorted(p.parent.name for p in EXAMPLES.glob("*/scenario.yaml")))
def test_every_example_is_in_order(typed: Typed, example: str) -> None:
    assert typed("check", EXAMPLES / example)[0] == OK
