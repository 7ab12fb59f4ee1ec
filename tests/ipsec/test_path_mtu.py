"""Which ICMP messages about our own packets are believed, for which SA, and for how long."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.ipsec.path_mtu import LIFETIME, PLATEAUS, SMALLEST, PathMtus, TooBig

ERROR = TooBig(
    1400, ip_address("192.0.2.1"), ip_address("192.0.2.2"), 50, 1496, df=True, spi=0x1234
)
SIX = replace(ERROR, src=ip_address("2001:db8::1"), dst=ip_address("2001:db8::2"), df=True)


def test_what_it_tells() -> None:
    assert ERROR.believable() == 1400
    assert SIX.believable() == 1400


@pytest.mark.parametrize(
    "bogus",
    [
        replace(ERROR, mtu=1496),  # the packet would have fitted
        replace(ERROR, mtu=9000),
        replace(ERROR, df=False),  # nobody had to ask
        replace(ERROR, length=500),
        replace(SIX, mtu=1279),
        replace(SIX, mtu=0),
        replace(SIX, mtu=1496),
    ],
)
def test_what_makes_no_sense(bogus: TooBig) -> None:
    assert bogus.believable() is None


def test_nobody_can_make_packets_tiny() -> None:
    assert replace(ERROR, mtu=68).believable() == SMALLEST[4]


@given(st.integers(1007, 65535))
def test_a_router_that_tells_no_mtu_gets_the_next_plateau(length: int) -> None:
    """RFC 1191 section 7.1: the largest that is below the packet's length."""
    found = replace(ERROR, mtu=0, length=length).believable()
    assert found == max(p for p in PLATEAUS if p < length)


def test_kept_by_sa_taken_over_by_its_successor_and_forgotten() -> None:
    known = PathMtus()
    known.learn(1, 1400, 100.0)
    assert (known.get(1, 1500), known.get(1, 1300), known.get(2, 1500)) == (1400, 1300, 1500)
    known.inherit(1, 2)
    known.forget(1)
    assert (known.get(1, 1500), known.get(2, 1500)) == (1500, 1400)
    assert known.next_timeout() == 100.0 + LIFETIME
    assert not known.handle_timeout(100.0 + LIFETIME - 1)
    assert known.handle_timeout(100.0 + LIFETIME)
    assert known.get(2, 1500) == 1500
    assert known.next_timeout() is None
