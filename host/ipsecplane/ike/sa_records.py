"""What an engine remembers of the IPsec SAs it negotiated: whom to tell, which SPIs are taken.

The agent's SAD is the authority on SAs; this is only what IKE itself must know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from ipsecplane.config import Address
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.types import IpsecSas, ProtocolSa


class SaRecords:
    """Negotiated SAs until they are deleted or their lifetime is over."""

    def __init__(self) -> None:
        self._by_id: dict[int, IpsecSas] = {}
        self._spis: set[int] = set()

    def add(self, sas: IpsecSas) -> None:
        self._by_id[sas.id] = sas
        self._spis.update(part.inbound_spi for part in parts_of(sas))

    def remove(self, sas_id: int) -> IpsecSas | None:
        sas = self._by_id.pop(sas_id, None)
        if sas is not None:
            self._spis.difference_update(part.inbound_spi for part in parts_of(sas))
        return sas

    def get(self, sas_id: int) -> IpsecSas | None:
        return self._by_id.get(sas_id)

    def __contains__(self, sas_id: int) -> bool:
        return sas_id in self._by_id

    def uses_spi(self, spi: int) -> bool:
        """Whether an inbound SPI of ours is taken."""
        return spi in self._spis

    def of_peer(self, remote: Address) -> list[IpsecSas]:
        return [sas for sas in self._by_id.values() if sas.remote == remote]

    def of_sa(self, sa: IsakmpSa) -> list[IpsecSas]:
        """Those with the peer of an IKE SA, of which there may be several behind one NAT."""
        return [
            sas
            for sas in self.of_peer(sa.remote)
            if sas.remote_port == sa.remote_port or not sa.nat.peer_is_behind
        ]

    def by_outbound(self, sa: IsakmpSa, protocol: int, spi: int) -> IpsecSas | None:
        """The SAs whose outbound half (IP protocol, SPI) the peer names."""
        return next(
            (
                sas
                for sas in self.of_sa(sa)
                if any(p.protocol == protocol and p.outbound_spi == spi for p in parts_of(sas))
            ),
            None,
        )

    def has_remote(self, address: IPv4Address) -> bool:
        """Whether SAs are for that host at the other end."""
        host = IPv4Network(address)
        return any(sas.remote_identity.network == host for sas in self._by_id.values())

    def expire(self, now: float) -> None:
        """Forget those whose lifetime has passed: the agent has removed them by itself."""
        for sas in list(self._by_id.values()):
            if sas.established_at + sas.lifetime_seconds <= now:
                self.remove(sas.id)

    def move_peer(
        self, old: tuple[Address, int], new: tuple[Address, int], others: Collection[int]
    ) -> tuple[int, ...]:
        """A peer has another address or port now. SAs of the IKE SAs `others` are somebody else's.

        Returns the ids of the SAs that moved.
        """
        moved = [
            sas
            for sas in self.of_peer(old[0])
            if sas.remote_port == old[1] and sas.isakmp_conn_id not in others
        ]
        for sas in moved:
            self._by_id[sas.id] = replace(sas, remote=new[0], remote_port=new[1])
        return tuple(sas.id for sas in moved)


def parts_of(sas: IpsecSas) -> Iterator[ProtocolSa]:
    """The SAs' protocols, AH first."""
    for part in (sas.ah, sas.esp):
        if part is not None:
            yield part


def outbound_spis(sas: IpsecSas) -> tuple[tuple[int, int], ...]:
    """(IP protocol, SPI) of what we send to."""
    return tuple((part.protocol, part.outbound_spi) for part in parts_of(sas))
