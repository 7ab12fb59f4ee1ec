"""The command line as such: what holds for every command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from ipsecplane import cli

EXAMPLE = Path(__file__).parents[1] / "examples" / "ch03_invalid_spi_recovery"
MODULE = [sys.executable, "-m", "ipsecplane"]


def run(words: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *words], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin"} | environment,
    )  # fmt: skip


def test_as_a_module_it_is_the_same_program() -> None:
    done = run(["--help"])
    assert done.returncode == cli.OK
    assert done.stdout.startswith("usage: ipsecplane ")
    for command in ("agent", "check", "console", "run", "switch"):
        assert f"\n    {command} " in done.stdout
        assert run([command, "--help"]).returncode == cli.OK
    assert run(["--version"]).stdout.startswith("ipsecplane ")


@pytest.mark.parametrize("words", [[], ["nonsense"], ["run"], ["run", "x", "--nonsense"]])
def test_wrong_words_are_told_with_the_usage(words: list[str]) -> None:
    done = run(words)
    assert done.returncode == cli.WRONG_INPUT
    assert done.stderr.startswith("usage: ipsecplane ")


def test_whoever_stops_reading_is_no_reason_for_a_traceback(tmp_path: Path) -> None:
    command = [*MODULE, "run", str(EXAMPLE), "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == cli.NOBODY_READS
    assert (tmp_path / "tables" / "ipseca-71a.pipeline.txtpb").exists()


def test_a_terminal_without_the_characters_gets_what_it_can_show(tmp_path: Path) -> None:
    done = run(["run", str(EXAMPLE), "--out", str(tmp_path)], PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (cli.OK, "")
    assert "✓" in (tmp_path / "transcript.txt").read_text()


def broken(group: str) -> list[EntryPoint]:
    return [
        EntryPoint("absent", "ipsecsim.nowhere:register", group),
        EntryPoint("check", "ipsecsim.commands:register_check", group),
    ]


def test_a_command_that_does_not_load_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "entry_points", lambda group: broken(group))
    assert cli.main(["check", str(EXAMPLE)]) == cli.OK
    assert cli.main(["absent"]) == cli.WRONG_INPUT
    assert "'absent' (ipsecsim.nowhere:register) does not load" in capsys.readouterr().err


def test_the_codes_that_a_command_ends_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(error: BaseException) -> int:
        def command(parsed: object) -> int:
            raise error

        monkeypatch.setattr("ipsecsim.commands.check", command)
        return cli.main(["check", str(EXAMPLE)])

    monkeypatch.setattr(cli, "entry_points", lambda group: broken(group))
    assert raising(cli.CommandError("no such thing")) == cli.WRONG_INPUT
    assert raising(cli.CommandError("not there", cli.NO_TARGET)) == cli.NO_TARGET
    assert raising(KeyboardInterrupt()) == cli.INTERRUPTED
    assert capsys.readouterr().err == "no such thing\nnot there\n"
