"""The predicted size is the size, for every suite, and max_inner is its exact inverse."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, INTEGRITY
from ipsecplane.ipsec.overhead import (
    Encapsulation,
    OverheadError,
    encapsulated_size,
    max_inner,
)
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

SUITES = [
    (cipher, integrity, ah)
    for cipher in [None, *CIPHERS]
    for integrity in ([None] if cipher is None or cipher.aead else [None, *INTEGRITIES])
    for ah in [None, INTEGRITY["HMAC-SHA1-96"], INTEGRITY["HMAC-SHA2-256-128"]]
    if (cipher or ah) and not (cipher is CIPHER["NULL"] and integrity is None and ah is None)
]


def test_prediction(rig: Any, tunnel: Any) -> None:
    index = 0
    for (cipher, integrity, ah), transport, outer, udp in itertools.product(
        SUITES, (False, True), (4, 6), (False, True)
    ):
        if udp and (ah or cipher is None):
            continue
        index += 1
        how = Encapsulation(outer, cipher, integrity, ah, transport, udp)
        rig.install(
            tunnel(
                cipher.name if cipher else "", integrity.name if integrity else "",
                ah.name if ah else "", transport=transport, outer=outer, udp=udp,
            ),
            index,
        )  # fmt: skip
        header = (
            IP(src="1.1.1.1", dst="2.2.2.2", proto=253)
            if outer == 4
            else IPv6(src="::1", dst="::2", nh=253)
        )
        for size in range(60, 77):
            packet = bytes(header / Raw(bytes(size - len(header))))
            assert len(rig.seal(packet, index=index)) == encapsulated_size(how, size)


@pytest.mark.parametrize("suite", SUITES)
def test_inverse(suite: Any) -> None:
    for transport, outer in itertools.product((False, True), (4, 6)):
        how = Encapsulation(outer, *suite, transport)
        for mtu in range(200, 1600):
            largest = max_inner(how, mtu)
            assert encapsulated_size(how, largest) <= mtu < encapsulated_size(how, largest + 1)


def test_known_sizes() -> None:
    """Numbers that can be worked out by hand; the second is the guide's chapter 3 suite."""
    gcm = Encapsulation(4, CIPHER["AES-GCM"])
    assert encapsulated_size(gcm, 100) == 20 + 8 + 8 + 100 + 2 + 2 + 16
    sha = INTEGRITY["HMAC-SHA1-96"]
    bundle = Encapsulation(4, CIPHER["DES-CBC"], sha, sha)
    assert encapsulated_size(bundle, 100) == 20 + 24 + 8 + 8 + 100 + 2 + 2 + 12
    assert max_inner(bundle, 1500) == 1422


def test_errors() -> None:
    sha = INTEGRITY["HMAC-SHA1-96"]
    for arguments, text in (
        ((5, CIPHER["DES-CBC"]), "outer version 5"),
        ((4, None), "neither"),
        ((4, None, sha, sha), "no ESP cipher"),
        ((4, CIPHER["AES-GCM"], sha), "authenticates by itself"),
        ((4, CIPHER["DES-CBC"], None, sha, False, True), "UDP"),
    ):
        with pytest.raises(OverheadError, match=text):
            Encapsulation(*arguments)
    with pytest.raises(OverheadError, match="MTU 50"):
        max_inner(Encapsulation(4, CIPHER["AES-GCM"]), 50)
