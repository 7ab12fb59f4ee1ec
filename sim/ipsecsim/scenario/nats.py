"""Reads the NAT and PAT boxes of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Any

from ipsecsim.network.nat import MAPPING_EXPIRY, NatConfig
from ipsecsim.scenario import units
from ipsecsim.scenario.document import Steps
from ipsecsim.scenario.model import NatSpec

if TYPE_CHECKING:
    from ipsecsim.scenario.loader import Loader

_NOWHERE = IPv4Interface("0.0.0.0/0")


def read_nat(loader: Loader, name: str, number: int, spec: Mapping[str, Any]) -> NatSpec:
    """A box of `nats`, the `number`th; problems go to the loader."""
    at: Steps = ("nats", name)
    take = loader.take
    inside = take((*at, "inside"), spec["inside"], IPv4Interface) or _NOWHERE
    outside = take((*at, "outside"), spec["outside"], IPv4Interface) or _NOWHERE
    gateway = None
    if "gateway" in spec:
        gateway = take((*at, "gateway"), spec["gateway"], IPv4Address)
    if gateway is not None and gateway not in outside.network:
        loader.problem((*at, "gateway"), f"{gateway} is not in {outside.network}")
    pool = [
        take((*at, "pool", index), text, IPv4Address)
        for index, text in enumerate(spec.get("pool", ()))
    ]
    ports = spec["kind"] == "pat"
    if ports == ("pool" in spec):
        loader.problem(at, "a nat needs pool, one outside address for each inside one; a pat none")
    expiry = take((*at, "expiry"), spec.get("expiry", MAPPING_EXPIRY), units.duration)
    mac = bytes([2, 0, 0, 0xFD, number, 0])
    config = NatConfig(
        inside,
        outside,
        mac,
        gateway,
        ports,
        tuple(address for address in pool if address is not None),
        expiry or MAPPING_EXPIRY,
    )
    return NatSpec(name, config, loader.place(at))
