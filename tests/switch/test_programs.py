"""The compiled test programs are those of the sources beside them."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.switch.targets import PROGRAMS, STOCK


def _compile_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("switch_compile", PROGRAMS / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMPILE = _compile_script()


def test_artifacts_are_not_stale() -> None:
    assert not COMPILE.stale(), "run tests/switch/p4/compile.py"


@pytest.mark.skipif(
    shutil.which(COMPILE.COMPILER) is None, reason="NOT RECOMPILED: p4c-bm2-ss is not on PATH"
)
@pytest.mark.parametrize("source", COMPILE.programs(), ids=lambda path: path.stem)
def test_recompiling_gives_the_same(source: Path, tmp_path: Path) -> None:
    COMPILE.compile_program(source, tmp_path)
    for made in sorted(tmp_path.iterdir()):
        assert made.read_bytes() == (source.parent / made.name).read_bytes(), made.name


def test_stock_bmv2_takes_part() -> None:
    if shutil.which(STOCK) is None:
        pytest.skip(f"NOT COMPARED with stock BMv2: {STOCK} is not on PATH")
