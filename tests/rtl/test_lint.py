"""Verilator warns about nothing in any module, and yosys reads each."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from ipsecsim.accelerator.rtl.sources import modules


def _load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "rtl" / "lint.py"
    spec = importlib.util.spec_from_file_location("rtl_lint", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rtl_lint"] = module
    spec.loader.exec_module(module)
    return module


lint = _load()


@pytest.mark.parametrize("name", modules())
def test_no_warnings(name: str) -> None:
    assert lint.lint_verilator(name) == ""


def test_yosys_reads_every_module() -> None:
    assert lint.lint_yosys(list(modules())) == ""
