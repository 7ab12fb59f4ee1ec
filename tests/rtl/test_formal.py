"""The proofs hold, and each finds the bugs that are planted for it."""

from __future__ import annotations

import importlib.util
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
