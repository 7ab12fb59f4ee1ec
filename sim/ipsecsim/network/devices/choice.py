"""Which devices a run uses: what `--pipeline`, `--accelerator` and `--port` say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ipsecsim.network.clock import Loop
from ipsecsim.network.devices.base import AcceleratorDevice, DeviceError, PipelineDevice
from ipsecsim.network.devices.bmv2 import Bmv2Pipeline
from ipsecsim.network.devices.bmv2_stepped import SteppedBmv2Pipeline
from ipsecsim.network.devices.embedded import EmbeddedPipeline
from ipsecsim.network.devices.external import ExternalPipeline, parse_url
from ipsecsim.network.devices.software import SoftwareAccelerator
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.realtime import RealTimeLoop

EMBEDDED = "embedded"
BMV2 = "bmv2"
STEPPED = "bmv2-stepped"
SOFTWARE = "software"
RTL = "rtl"


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """`pipelines` and `accelerators` by router name, "" for all others.

    `interfaces`: for external pipelines, (router, port as written) -> network interface. `traces`:
    where RTL writes waveforms; several routers that share a FILE get one each, FILE-ROUTER.
    """

    pipelines: Mapping[str, str] = field(default_factory=dict)
    accelerators: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[tuple[str, str], str] = field(default_factory=dict)
    traces: Mapping[str, Path] = field(default_factory=dict)

    def pipeline_of(self, router: str) -> str:
        return self.pipelines.get(router, self.pipelines.get("", EMBEDDED))

    def accelerator_of(self, router: str) -> str:
        return self.accelerators.get(router, self.accelerators.get("", SOFTWARE))

    def check(self, routers: Mapping[str, object]) -> None:
        """Raises DeviceError for names that are not there and for one target shared by two."""
        named = [
            *self.pipelines,
            *self.accelerators,
            *self.traces,
            *(router for router, _ in self.interfaces),
        ]
        for name in named:
            if name and name not in routers:
                raise DeviceError(f"no router {name!r} in the scenario ({', '.join(routers)})")
        used: dict[str, str] = {}
        for router in routers:
            kind = self.pipeline_of(router)
            if kind in (EMBEDDED, BMV2, STEPPED):
                continue
            if not kind.startswith("grpc://"):
                known = f"{EMBEDDED}, {BMV2}, grpc://HOST:PORT, {STEPPED}"
                raise DeviceError(f"--pipeline {kind}: is none of {known}")
            parse_url(kind)
            if kind in used:
                raise DeviceError(
                    f"{kind} would be the pipeline of {used[kind]} and of {router}: "
                    f"write --pipeline {router}=…"
                )
            used[kind] = router
        for router in routers:
            check_accelerator(self.accelerator_of(router))
        in_rtl = [router for router in routers if self.accelerator_of(router) == RTL]
        for router, path in self.traces.items():
            if not in_rtl or (router and router not in in_rtl):
                owner = f"of {router} " if router else ""
                raise DeviceError(f"--trace {path}: no accelerator {owner}is --accelerator {RTL}")

    def real_time(self, routers: Mapping[str, object]) -> bool:
        """Whether any of the chosen devices has a clock that cannot be simulated."""
        return any(self.pipeline_of(router) not in (EMBEDDED, STEPPED) for router in routers)

    def make_pipeline(
        self, router: str, ports: Mapping[str, int], loop: Loop, randomness: Randomness
    ) -> PipelineDevice:
        """Raises DeviceError."""
        kind = self.pipeline_of(router)
        if kind == EMBEDDED:
            return EmbeddedPipeline(loop, randomness.stream(f"router {router} pipeline"))
        if kind == STEPPED:
            return SteppedBmv2Pipeline(router, ports.values())
        assert isinstance(loop, RealTimeLoop)
        if kind == BMV2:
            return Bmv2Pipeline(router, loop)
        return ExternalPipeline(kind, self._interfaces_of(router, ports), loop)

    def make_accelerator(
        self, router: str, routers: Collection[str], rate: int = 0
    ) -> AcceleratorDevice:
        """`rate` in octets a second, 0 = it takes no time. Raises DeviceError."""
        trace = self.trace_of(router, routers)
        return accelerator(self.accelerator_of(router), trace, rate)

    def trace_of(self, router: str, routers: Collection[str]) -> Path | None:
        if router in self.traces:
            return self.traces[router]
        shared = self.traces.get("")
        if shared is None or self.accelerator_of(router) != RTL:
            return None
        sharing = [
            one for one in routers if one not in self.traces and self.accelerator_of(one) == RTL
        ]
        return shared if len(sharing) == 1 else shared.with_stem(f"{shared.stem}-{router}")

    def _interfaces_of(self, router: str, ports: Mapping[str, int]) -> dict[int, str]:
        """`--port ROUTER.PORT=IFACE`: PORT is an interface's name, `accelerator` or a number."""
        known = dict(ports) | {"accelerator": 500}
        result: dict[int, str] = {}
        for (owner, port), interface in self.interfaces.items():
            if owner != router:
                continue
            number = known.get(port)
            if number is None and port.isdecimal():
                number = int(port)
            if number is None:
                raise DeviceError(f"--port {router}.{port}: no such port ({', '.join(known)})")
            result[number] = interface
        missing = [name for name, number in known.items() if number not in result]
        if missing:
            raise DeviceError(
                f"router {router}: say where its ports are: "
                + " ".join(f"--port {router}.{name}=IFACE" for name in missing)
            )
        return result


def check_accelerator(kind: str) -> None:
    """Raises DeviceError."""
    if kind not in (SOFTWARE, RTL):
        raise DeviceError(f"--accelerator {kind}: is neither {SOFTWARE} nor {RTL}")


def accelerator(kind: str, trace: Path | None = None, rate: int = 0) -> AcceleratorDevice:
    """`trace`: of RTL, FILE.fst or FILE.vcd for its waveforms. Raises DeviceError."""
    check_accelerator(kind)
    if kind == RTL:
        from ipsecsim.network.devices.rtl import VerilatedAccelerator

        return VerilatedAccelerator(trace, rate)
    return SoftwareAccelerator(rate)
