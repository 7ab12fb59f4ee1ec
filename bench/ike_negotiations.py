"""IKE negotiations per second, by suite: `python bench/ike_negotiations.py [--seconds S]`.

Two engines in one process and thread hand each other's datagrams over without a wire, so a
negotiation is the work of both ends: main mode and quick mode, and for the second figure a further
quick mode under the same IKE SA. Events are drained, as an agent does. `relative` compares with the
first row of the same run, since absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ipsecplane.config import Address, IsakmpKey, IsakmpPolicy, TransformSet
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import Datagram, IkeConfig, OutboundSasReady, Phase2Policy, ProxyIdentity

A, B = ip_address("10.1.1.1"), ip_address("10.2.2.2")
GUIDE_SET = TransformSet("auth2", "HMAC-SHA1-96", "DES-CBC", 8, "HMAC-SHA1-96")
AES_SHA1 = TransformSet("aes", None, "AES-CBC", 16, "HMAC-SHA1-96")
AES_SHA2 = TransformSet("aes2", None, "AES-CBC", 32, "HMAC-SHA2-256-128")
AES_GCM = TransformSet("gcm", None, "AES-GCM", 32)


@dataclass(frozen=True)
class Suite:
    name: str
    policy: IsakmpPolicy
    transform_set: TransformSet
    pfs_group: int | None = None


def isakmp(cipher: str, size: int, hash_name: str, group: int) -> IsakmpPolicy:
    return IsakmpPolicy(1, cipher, size, hash_name, "pre-share", group)


SUITES = [
    Suite("DES/SHA-1/group 1, AH+ESP", isakmp("DES-CBC", 8, "SHA", 1), GUIDE_SET),
    Suite("3DES/MD5/group 2", isakmp("3DES-CBC", 24, "MD5", 2), AES_SHA1),
    Suite("AES-128/SHA-1/group 5", isakmp("AES-CBC", 16, "SHA", 5), AES_SHA1),
    Suite("AES-128/SHA-1/group 14", isakmp("AES-CBC", 16, "SHA", 14), AES_SHA1),
    Suite("AES-128/SHA-1/group 14 with PFS", isakmp("AES-CBC", 16, "SHA", 14), AES_SHA1, 14),
    Suite("AES-256/SHA-256/group 15", isakmp("AES-CBC", 32, "SHA256", 15), AES_SHA2),
    Suite("AES-256/SHA-256/group 16", isakmp("AES-CBC", 32, "SHA256", 16), AES_SHA2),
    Suite("AES-256/SHA-256/group 19", isakmp("AES-CBC", 32, "SHA256", 19), AES_SHA2),
    Suite("AES-256/SHA-256/group 19 with PFS", isakmp("AES-CBC", 32, "SHA256", 19), AES_SHA2, 19),
    Suite("AES-256/SHA-384/group 20", isakmp("AES-CBC", 32, "SHA384", 20), AES_GCM),
    Suite("AES-256/SHA-512/group 21", isakmp("AES-CBC", 32, "SHA512", 21), AES_GCM),
]


class Pair:
    """Both ends, fresh; `exchange` carries datagrams until nobody has more to say."""

    def __init__(self, suite: Suite) -> None:
        nets = ProxyIdentity(ip_network("10.0.1.0/24")), ProxyIdentity(ip_network("10.0.2.0/24"))
        self.policy = self._phase2(suite, B, nets[0], nets[1])
        self.ends: dict[Address, Engine] = {
            A: self._engine(suite, B, self.policy),
            B: self._engine(suite, A, self._phase2(suite, A, nets[1], nets[0])),
        }
        self.established = 0

    @staticmethod
    def _phase2(
        suite: Suite, peer: Address, local: ProxyIdentity, remote: ProxyIdentity
    ) -> Phase2Policy:
        sets = (suite.transform_set,)
        return Phase2Policy("bench 10", 1, (peer,), local, remote, sets, suite.pfs_group)

    @staticmethod
    def _engine(suite: Suite, peer: Address, policy: Phase2Policy) -> Engine:
        keys = (IsakmpKey("1234", ip_network(str(peer))),)
        config = IkeConfig(policies=(suite.policy,), keys=keys, phase2=(policy,))
        return Engine(config, random_bytes=os.urandom)

    def negotiate(self, now: float) -> None:
        """Quick mode, with main mode before it if there is no IKE SA yet."""
        self.ends[A].initiate(self.policy, local=A, peer=B, now=now)
        busy = True
        while busy:
            busy = False
            for engine in self.ends.values():
                self.established += sum(isinstance(e, OutboundSasReady) for e in engine.events())
                for sent in engine.datagrams_to_send():
                    busy = True
                    received = Datagram(
                        sent.remote, sent.remote_port, sent.local, sent.local_port, sent.payload
                    )
                    self.ends[sent.remote].receive(received, now)


def rate(seconds: float, run: Callable[[], None]) -> float:
    run()  # warm up: primes, OpenSSL's tables
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        run()
        count += 1
    return count / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    seconds = parser.parse_args().seconds
    print(f"{'suite':36} {'MM+QM/s':>9} {'relative':>9} {'QM/s':>9} {'relative':>9}")
    first: tuple[float, float] | None = None
    for suite in SUITES:

        def whole(suite: Suite = suite) -> None:
            pair = Pair(suite)
            pair.negotiate(0.0)
            assert pair.established == 2, "both ends are to be up"

        def quick(pair: Pair = Pair(suite)) -> None:  # noqa: B008  one pair for all rounds
            pair.negotiate(0.0)

        rates = rate(seconds, whole), rate(seconds, quick)
        first = first or rates
        print(
            f"{suite.name:36} {rates[0]:9.1f} {rates[0] / first[0]:8.2f}x"
            f" {rates[1]:9.1f} {rates[1] / first[1]:8.2f}x"
        )


if __name__ == "__main__":
    main()
