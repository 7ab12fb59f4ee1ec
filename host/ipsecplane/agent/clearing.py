"""`clear crypto …`: which SAs a command means, and their end."""

from __future__ import annotations

from dataclasses import dataclass

from ipsecplane.config import Address

from .counters import Counters
from .crypto import Crypto


@dataclass(frozen=True, slots=True)
class End:
    """One end of the sessions that a command means; None = any."""

    address: Address | None = None
    port: int | None = None

    def is_at(self, address: Address, port: int) -> bool:
        return self.address in (None, address) and self.port in (None, port)


def clear_sas(
    crypto: Crypto,
    counters: Counters,
    now: float,
    *,
    peer: Address | None = None,
    crypto_map: str | None = None,
    spi: tuple[Address, int, int] | None = None,
) -> None:
    """`clear crypto sa`: all, of a peer, of a map, or one (destination, protocol, SPI)."""
    chosen = [
        sa
        for sa in crypto.sad
        if (peer is None or sa.sas.remote == peer)
        and (crypto_map is None or sa.crypto_map == crypto_map)
        and (spi is None or sa.has_spi(*spi))
    ]
    entries = {sa.sas.policy.entry for sa in chosen}
    if peer is None and spi is None:
        entries |= {
            e.number
            for e in crypto.spd.entries.values()
            if crypto_map is None or e.crypto_map == crypto_map
        }
    crypto.delete(chosen, now)
    for number in entries:
        counters.clear_entry(number)


def clear_sessions(crypto: Crypto, local: End, remote: End, now: float) -> None:
    """`clear crypto session`: IPsec SAs first, while there is an IKE SA to tell their peer by."""
    crypto.delete(
        (
            sa
            for sa in crypto.sad
            if local.is_at(sa.sas.local, sa.sas.local_port)
            and remote.is_at(sa.sas.remote, sa.sas.remote_port)
        ),
        now,
    )
    for view in crypto.engine.isakmp_sas():
        if (
            not view.deleted
            and local.is_at(view.local, view.local_port)
            and remote.is_at(view.remote, view.remote_port)
        ):
            crypto.engine.delete_view(view, now)
