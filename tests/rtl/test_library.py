"""The Verilated library: built once; registers, frames, waveforms; what is said if it fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from ipsecsim.accelerator.rtl import library as building
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl import toolchain
from ipsecsim.accelerator.rtl.model import Model, ModelError
from ipsecsim.accelerator.rtl.sources import modules
from ipsecsim.accelerator.rtl.toolchain import ToolchainError
from pywellen import Waveform

HERE = Path(__file__).resolve().parent


# FST needs lz4's header; Verilator writes both kinds with the same calls.
KIND = "fst" if Path("/usr/include/lz4.h").exists() else "vcd"


def build(trace: str = KIND, sas: int = 16) -> Path:
    used = (modules()["accel_control"], modules()["fifo_packet"], HERE / "echo_top.sv")
    try:
        return building.library("echo_top", parameters={"SAS": sas}, trace=trace, extra=used)
    except building.BuildError:
        raise
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def path() -> Path:
    return build()


@pytest.fixture
def model(path: Path) -> Model:
    model = Model(path)
    model.reset()
    while not reg.STATUS_READY.get(model.get(reg.STATUS)):
        pass
    return model


def test_registers(model: Model) -> None:
    assert model.get(reg.ID) == reg.ID.value
    assert reg.SIZE_SAS.get(model.get(reg.SIZE)) == 16
    model.put(reg.SA_SRC, 0x0123456789ABCDEF_FEDCBA9876543210)
    assert model.get(reg.SA_SRC) == 0x0123456789ABCDEF_FEDCBA9876543210
    before = model.cycles
    assert model.get(reg.CYCLES) > 0
    assert model.cycles > before


def test_frames_of_all_lengths(model: Model) -> None:
    random = Random(1)
    frames = [random.randbytes(n) for n in (1, 15, 16, 17, 60, 1500, 1514, *range(100, 140))]
    for frame in frames:
        model.push(frame)
    model.push(b"")
    assert model.run() == frames
    assert model.run() == []


def test_reset_forgets(model: Model) -> None:
    model.put(reg.BOOT, 3)
    model.push(bytes(1000))
    model.reset()
    assert model.get(reg.BOOT) == 0
    assert model.run() == []


def test_devices_do_not_share(path: Path) -> None:
    one, other = Model(path), Model(path)
    for device in (one, other):
        device.reset()
    one.put(reg.BOOT, 1)
    assert other.get(reg.BOOT) == 0
    one.close()
    assert other.get(reg.ID) == reg.ID.value


def test_a_model_that_does_not_come_to_rest(model: Model) -> None:
    model.push(bytes(1500))
    with pytest.raises(ModelError, match="not come to rest in 20 cycles"):
        model.run(20)


def test_built_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(building, "_build", fail)
    assert build() == path
    with pytest.raises(AssertionError, match="built again"):
        build(sas=32)


def test_waveform(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"b/a\.{KIND}: cannot be written: No such file"):
        model.trace(tmp_path / "b" / f"a.{KIND}")
    file = tmp_path / f"a.{KIND}"
    model.trace(file)
    begin = model.cycles
    model.push(bytes(range(64)))
    model.run()
    model.trace(None)
    found = {v.full_name: v.signal for v in Waveform(str(file)).all_vars()}
    clock = [(time, value) for time, value in found["accel.clk"] if time > 10 * begin]
    assert clock[:3] == [(10 * begin + 5, 1), (10 * begin + 10, 0), (10 * begin + 15, 1)]
    assert len(clock) > 20
    words = [value for _, value in found["accel.s_axis_tdata"]]
    wanted = [int.from_bytes(bytes(range(at, at + 16)), "little") for at in (0, 16, 32, 48)]
    assert [value for value in words if value in wanted] == wanted


def test_no_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which

    def without(name: str, *rest: object, **more: object) -> str | None:
        return None if name in ("g++", "clang++") else which(name, *rest, **more)

    monkeypatch.setattr(toolchain.shutil, "which", without)
    monkeypatch.delenv("CXX", raising=False)
    toolchain.find_toolchain.cache_clear()
    try:
        with pytest.raises(ToolchainError, match=r"no C\+\+ compiler: .* needs g\+\+ or clang"):
            building.library("echo_top", extra=(modules()["accel_control"], HERE / "echo_top.sv"))
    finally:
        toolchain.find_toolchain.cache_clear()


def test_what_does_not_build_says_why(tmp_path: Path) -> None:
    build()
    wrong = tmp_path / "wrong_top.sv"
    wrong.write_text("module wrong_top(input wire clk);\n  assign nothing = clk\nendmodule\n")
    with pytest.raises(building.BuildError, match=r"(?s)wrong_top does not build.*syntax error"):
        building.library("wrong_top", extra=(wrong,))


def test_no_program_named_python_is_needed() -> None:
    """Debian has none; the package's makefile would call it."""
    try:
        tools = toolchain.find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))
    assert "PYTHON3=python3" in tools.environment["MAKEFLAGS"].split()
