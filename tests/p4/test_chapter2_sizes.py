"""The predicted size is exact (guide chapter 2): every transform set, sizes around its limit.

Rows are those that the agent writes for such an SA, packets go through pipeline and accelerator:
none that leaves is above the MTU by an octet, none is cut that would have fitted, and none is lost.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.config import TransformSet
from ipsecplane.ike.types import IpsecSas, Phase2Policy, ProtocolSa, ProxyIdentity
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, INTEGRITY
from ipsecplane.ipsec.overhead import encapsulated_size
from ipsecplane.ipsec.sad import Sad, SadEntry
from ipsecplane.ipsec.spd import Spd
from ipsecplane.targets.crypto_header import DfPolicy
from ipsecplane.targets.desired import (
    SaSettings,
    desired_accelerator_entries,
    desired_pipeline_entries,
    encapsulation,
    largest_inner,
)
from ipsecplane.targets.diff import Kind, Update
from ipsecplane.targets.program import load_program
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.session import Session
from ipsecplane.targets.tables import TableEntry
from ipsecsim.network.devices.software import SoftwareAccelerator
from scapy.layers.inet import IP
from scapy.packet import Raw

from tests.p4 import duts, world
from tests.p4.world import HOST4, LAN, MTU, REMOTE4, ROUTER4, WAN


def transform_sets() -> Iterator[TransformSet]:
    """Every one that can be configured."""
    ah = ["", *(i.ah_transform for i in INTEGRITIES)]
    ciphers = [""]
    for cipher in CIPHERS:
        sizes = [f" {8 * size}" for size in cipher.key_sizes] if cipher.variable_key else [""]
        ciphers += [cipher.transform + size for size in sizes]
    integrities = ["", *(i.esp_transform for i in INTEGRITIES)]
    words = [" ".join(filter(None, one)) for one in product(ah, ciphers, integrities)]
    lines = [f"crypto ipsec transform-set t{n} {text}" for n, text in enumerate(words) if text]
    try:
        load_running_config("\n".join(lines))
    except ConfigurationErrors as refused:
        wrong = {error.line for error in refused.errors}
        lines = [line for line in lines if line not in wrong]
    yield from load_running_config("\n".join(lines))[1].transform_sets.values()


def esp_of(one: TransformSet) -> ProtocolSa | None:
    if one.cipher is None:
        return None
    salt = bytes(CIPHER[one.cipher].salt_size)
    size = INTEGRITY[one.integrity].key_size if one.integrity else 0
    key = bytes(range(1, one.cipher_key_size + 1))
    return ProtocolSa(
        50, 0x1001, 0x2001, one.cipher, one.integrity, key, key, salt, salt, bytes(size),
        bytes(size),
    )  # fmt: skip


def ah_of(one: TransformSet) -> ProtocolSa | None:
    if one.ah is None:
        return None
    key = bytes(INTEGRITY[one.ah].key_size)
    return ProtocolSa(51, 0x1002, 0x2002, None, one.ah, b"", b"", b"", b"", key, key)


def sa_of(one: TransformSet, *, udp: bool = False) -> SadEntry:
    """An SA of this transform set, from our router to its neighbour."""
    near = ProxyIdentity(ip_network("10.1.0.0/24"))
    far = ProxyIdentity(ip_network("10.9.0.0/16"))
    local, remote = ip_address(ROUTER4[WAN]), ip_address(HOST4[WAN])
    policy = Phase2Policy("m 10", 1, (remote,), near, far, (one,))
    port = 4500 if udp else 500
    sas = IpsecSas(
        1, policy, local, remote, port, port, near, far, one, esp_of(one), ah_of(one), udp, False,
        3600, 4608000, None, True, 1, 0.0,
    )  # fmt: skip
    entry = Sad(bytes).add(sas, "wan", "m", 0.0)
    entry.outbound = True
    return entry


class Line:
    """A pipeline and an accelerator, as one device; its WAN has an SA."""

    def __init__(self) -> None:
        self.pipeline = duts.make(duts.Embedded.name)
        self.pipeline.write([*world.base(), world.spd(4, "spd_protect", {"sa_index": 1})])
        self.accelerator = SoftwareAccelerator()
        self._session = Session(
            self.accelerator.transport, load_program("accelerator"), clock=lambda: 0.0,
            on_ready=lambda: None, on_lost=lambda why, _: None, on_packet=lambda _: None,
        )  # fmt: skip
        self._session.connect()
        self._rows: list[TableEntry] = []
        self._keys: list[TableEntry] = []

    def install(self, sa: SadEntry, path: int, policy: DfPolicy, *, prefragment: bool) -> None:
        """Write what the agent would write; the SA before it goes."""
        settings_of = {sa.index: SaSettings(path, MTU, policy, prefragment)}
        rows = desired_pipeline_entries(
            interfaces=(), local=(), routes=(), neighbours=(), spd=Spd(), sas=[sa],
            settings=settings_of,
        )  # fmt: skip
        self.pipeline.write(self._rows, Kind.DELETE)
        self._rows = list(rows)
        self.pipeline.write(self._rows)
        for kind, keys in ((Kind.DELETE, self._keys), (Kind.INSERT, [])):
            self._write(kind, keys)
        self._keys = list(desired_accelerator_entries([sa]))
        self._write(Kind.INSERT, self._keys)

    def _write(self, kind: Kind, entries: list[TableEntry]) -> None:
        assert not self._session.write(Update(kind, one) for one in entries)

    def send(self, packet: bytes) -> tuple[list[bytes], list[duts.Punt]]:
        """IP packets that leave by the WAN for one that comes from the LAN, and punts."""
        port, ethernet = world.frame(LAN, Raw(b""))
        waiting = [(port, ethernet[:12] + b"\x08\0" + packet)]
        sent, punts = [], []
        while waiting:
            for output in self.pipeline.send(*waiting.pop(0)):
                if isinstance(output, duts.Punt):
                    punts.append(output)
                elif output.port == duts.ACCELERATOR_PORT:
                    results = self.accelerator.process(output.frame, 0.0)
                    waiting += [(duts.ACCELERATOR_PORT, result) for result in results]
                else:
                    assert output.port == WAN
                    sent.append(output.frame[14:])
        return sent, punts


@cache
def line() -> Line:
    return Line()


def packet(size: int, df: int = 0) -> bytes:
    header = IP(src=HOST4[LAN], dst=REMOTE4, proto=253, flags=2 * df, id=7)
    return bytes(header / Raw(bytes(size - 20)))


def check(sa: SadEntry, path: int, prefragment: bool, size: int, df: int = 0) -> None:
    """One packet: as few as can be, as large as they may be."""
    how, most = encapsulation(sa), largest_inner(sa, path)
    sent, punts = line().send(packet(size, df))
    what = f"{sa.sas.transform_set} path {path} before {prefragment} size {size} df {df}"
    whole = encapsulated_size(how, size)
    assert all(len(one) <= path for one in sent), what
    if whole <= path:
        assert [len(one) for one in sent] == [whole], what
        assert not punts, what
    elif df:
        assert not sent, what
        assert [(p.reason, p.value) for p in punts] == [(Reason.FRAG_NEEDED, most)], what
    else:
        room = most if prefragment else path
        length = (size if prefragment else whole) - 20
        fewest = -(-length // ((room - 20) // 8 * 8))
        assert len(sent) == fewest, what
        assert not punts, what
        more = [bool(one[6] & 0x20) for one in sent]
        assert any(more) != prefragment, what


SETS: Final = list(transform_sets())


def test_all_of_them_are_here() -> None:
    """AES-GCM goes without ESP authentication, NULL alone not without any; AH stands alone too."""
    ah = auth = len(INTEGRITIES) + 1
    plain, aead = (sum(len(c.key_sizes) for c in CIPHERS if c.aead is x) for x in (False, True))
    assert len(SETS) == (plain * ah * auth - 1) + aead * ah + (ah - 1)
    assert len({(s.ah, s.cipher, s.cipher_key_size, s.integrity) for s in SETS}) == len(SETS)


@pytest.mark.parametrize("prefragment", [True, False], ids=["before", "after"])
def test_every_transform_set_at_its_limit(prefragment: bool) -> None:
    rng = random.Random(2)
    for one in SETS:
        for udp in (False, True):
            if udp and one.ah:
                continue
            sa = sa_of(one, udp=udp)
            line().install(sa, MTU, DfPolicy.COPY, prefragment=prefragment)
            most = largest_inner(sa, MTU)
            for size in (most, most + 1, rng.randrange(20, 3000)):
                check(sa, MTU, prefragment, size)


@settings(max_examples=100)
@given(
    one=st.sampled_from(SETS), udp=st.booleans(), path=st.integers(576, MTU),
    prefragment=st.booleans(), sizes=st.lists(st.integers(20, 9000), min_size=1, max_size=8),
    df=st.integers(0, 1),
)  # fmt: skip
def test_any_size_on_any_path(
    one: TransformSet, udp: bool, path: int, prefragment: bool, sizes: list[int], df: int
) -> None:
    sa = sa_of(one, udp=udp and not one.ah)
    line().install(sa, path, DfPolicy.COPY, prefragment=prefragment)
    for size in sizes:
        check(sa, path, prefragment, size, df)


@pytest.mark.parametrize("prefragment", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    "words",
    ["esp-aes esp-sha-hmac", "esp-gcm 256", "esp-des esp-md5-hmac",
     "ah-sha-hmac esp-des esp-sha-hmac", "ah-sha512-hmac"],
)  # fmt: skip
def test_no_size_from_1373_to_1472_falls_through(words: str, prefragment: bool) -> None:
    """Other implementations hang there: too big for the tunnel, and nobody is told."""
    config: Any = load_running_config(f"crypto ipsec transform-set t {words}")[1]
    sa = sa_of(config.transform_sets["t"])
    line().install(sa, MTU, DfPolicy.COPY, prefragment=prefragment)
    for size in range(1373, 1473):
        check(sa, MTU, prefragment, size)
        check(sa, MTU, prefragment, size, df=1)
