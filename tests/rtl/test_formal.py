"""The proofs hold, and each finds the bugs that are planted for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prove", ROOT / "rtl" / "formal" / "prove.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prove"] = module
    spec.loader.exec_module(module)
    return module


prove = _load()


def _each(ones: Iterable[Any]) -> list[Any]:
    """Those that CI leaves out are marked as slow."""
    return [pytest.param(one, marks=[] if one.quick else pytest.mark.slow) for one in ones]


def test_every_proof_has_planted_bugs() -> None:
    proofs = {proof.name for proof in prove.PROOFS}
    assert {bug.name for bug in prove.BUGS} == proofs
    assert {file.stem for file in (ROOT / "rtl" / "formal").glob("*.sby")} == proofs


@pytest.mark.parametrize("proof", _each(prove.PROOFS), ids=str)
def test_proof_holds(proof: object) -> None:
    assert prove.prove(proof) == "PASS"


@pytest.mark.parametrize("bug", _each(prove.BUGS), ids=str)
def test_planted_bug_is_found(bug: object) -> None:
    assert prove.find(bug) == "FAIL"


def test_a_bug_that_cannot_be_planted_is_told() -> None:
    missing = prove.Bug("fifo_stream", "datapath/fifo_stream.sv", "no such text", "", "nothing")
    with pytest.raises(prove.ProofError, match="0 times"):
        prove.find(missing)


def test_solver_answers_each_command_when_it_is_whole() -> None:
    """Comments and names in bars may have parentheses; what has not been asked has no answer."""
    question = """
        (set-option :produce-models true) ; parentheses here (do not count
        (declare-fun |a (64 bits| () (_ BitVec 64))
        (assert (= |a (64 bits| #x7fffffffffffffff))
        (push 1)
        (assert (distinct
            (bvand (bvadd |a (64 bits| #x0000000000000001) #xffffffffffffffff)
            #x8000000000000000))
        (check-sat)
        (pop 1)
        (check-sat)
        (exit)
        (never read)
    """
    ran = subprocess.run(
        [sys.executable, ROOT / "rtl" / "formal" / "solver.py", "--lang", "smt2"],
        input=question, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["unsat", "sat"]


def test_solver_tells_what_it_cannot_read() -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "rtl" / "formal" / "solver.py"],
        input="(assert nothing)\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "nothing" in ran.stderr
