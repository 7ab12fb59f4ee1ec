"""What an engine remembers of the IPsec SAs it negotiated: whom to tell, which SPIs are taken.

The agent's SAD is the authority on SAs; this is only what IKE itself must know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ipsecplane.config import Address
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

    def __contains__(self, sas_id: int) -> bool:
        return sas_id in self._by_id

    def uses_spi(self, spi: int) -> bool:
        """Whether an inbound SPI of ours is taken."""
        return spi in self._spis

    def of_peer(self, remote: Address) -> list[IpsecSas]:
        return [sas for sas in self._by_id.values() if sas.remote == remote]

    def by_outbound(self, remote: Address, protocol: int, spi: int) -> IpsecSas | None:
        """The SAs whose outbound half (IP protocol, SPI) the peer names."""
        return next(
            (
                sas
                for sas in self.of_peer(remote)
                if any(p.protocol == protocol and p.outbound_spi == spi for p in parts_of(sas))
            ),
            None,
        )

    def expire(self, now: float) -> None:
        """Forget those whose lifetime has passed: the agent has removed them by itself."""
        for sas in list(self._by_id.values()):
            if sas.established_at + sas.lifetime_seconds <= now:
                self.remove(sas.id)

    def move_peer(self, old: Address, new: Address) -> None:
        for sas in self.of_peer(old):
            self._by_id[sas.id] = replace(sas, remote=new)


def parts_of(sas: IpsecSas) -> Iterator[ProtocolSa]:
    """The SAs' protocols, AH first."""
    for part in (sas.ah, sas.esp):
        if part is not None:
            yield part


def outbound_spis(sas: IpsecSas) -> tuple[tuple[int, int], ...]:
    """(IP protocol, SPI) of what we send to."""
    return tuple((part.protocol, part.outbound_spi) for part in parts_of(sas))
