"""Lines of `debug crypto ipsec` about SAs as they come and go (guide chapter 3)."""

from __future__ import annotations

from collections.abc import Iterator

from ipsecplane.ike import identities
from ipsecplane.ike.key_engine import key_engine_message, transform_keywords
from ipsecplane.ike.types import ProtocolSa
from ipsecplane.ipsec.algorithms import CIPHER
from ipsecplane.ipsec.sad import SadEntry

_INBOUND_FLAGS, _OUTBOUND_FLAGS = 0x2, 0xA
_TRANSPORT_FLAGS = 0x2  # the bit that says tunnel mode


def initialize_sas(sa: SadEntry) -> Iterator[str]:
    """IKE hands over its SAs: a message a direction and protocol."""
    messages = 2 * sum(1 for _ in sa.protocols)
    yield f"IPSEC(key_engine): got a queue event with {messages} kei messages"
    for part in sa.protocols:
        for inbound in (True, False):
            yield "IPSEC(initialize_sas): , \n" + _message(sa, part, inbound)
    flows = next(iter(sa.ids.values()))
    for flow in (flows.inbound_flow, flows.outbound_flow):
        yield f"IPSec: Flow_switching Allocated flow for flow_id {flow}"


def create_sa(sa: SadEntry) -> Iterator[str]:
    """The SAs are in use."""
    sas = sa.sas
    yield f"IPSEC(mtree_add_ident): src {sas.local}, dest {sas.remote}, dest_port 0"
    for part, spi, conn, address in _ends(sa):
        yield "IPSEC(create_sa): sa created, \n" + _sa(sa, part, spi, conn, address)


def delete_sa(sa: SadEntry) -> Iterator[str]:
    for part, spi, conn, address in _ends(sa):
        yield "IPSEC(delete_sa): deleting SA, \n" + _sa(sa, part, spi, conn, address)


def adjust_mtu(sa: SadEntry, mtu: int) -> Iterator[str]:
    """A path turned out to be narrower than was known (guide chapter 6)."""
    sas = sa.sas
    yield (
        f"IPSEC(adjust_mtu): adjusting path mtu to {mtu}, \n"
        f" (identity) local= {sas.local}, remote= {sas.remote}, \n"
        f"  local_proxy= {identities.shown(sas.local_identity)}, \n"
        f"  remote_proxy= {identities.shown(sas.remote_identity)}"
    )


def _ends(sa: SadEntry) -> Iterator[tuple[ProtocolSa, int, int, object]]:
    """Each SA: its protocol, SPI, connection id and the address that it leads to."""
    for part in sa.protocols:
        ids = sa.ids[part.protocol]
        yield part, part.inbound_spi, ids.inbound_conn, sa.sas.local
        yield part, part.outbound_spi, ids.outbound_conn, sa.sas.remote


def _sa(sa: SadEntry, part: ProtocolSa, spi: int, conn: int, address: object) -> str:
    transform = transform_keywords(sa.sas.transform_set, part.protocol)
    return (
        f" (sa) sa_dest= {address}, sa_prot= {part.protocol}, \n"
        f" sa_spi= 0x{spi:X}({spi}), \n"
        f" sa_trans= {transform} , sa_conn_id= {conn}"
    )


def _message(sa: SadEntry, part: ProtocolSa, inbound: bool) -> str:
    sas, ids = sa.sas, sa.ids[part.protocol]
    flags = _INBOUND_FLAGS if inbound else _OUTBOUND_FLAGS
    return key_engine_message(
        direction="INBOUND" if inbound else "OUTBOUND",
        local=sas.local,
        remote=sas.remote,
        local_identity=sas.local_identity,
        remote_identity=sas.remote_identity,
        protocol=part.protocol,
        transform=transform_keywords(sas.transform_set, part.protocol),
        seconds=sas.lifetime_seconds,
        kilobytes=sas.lifetime_kilobytes,
        spi=part.inbound_spi if inbound else part.outbound_spi,
        conn_id=ids.inbound_conn if inbound else ids.outbound_conn,
        key_bits=_key_bits(part),
        flags=flags & ~_TRANSPORT_FLAGS if sas.transport else flags,
    )


def _key_bits(part: ProtocolSa) -> int:
    """The cipher's key length where it is negotiated; 0 for ciphers that have but one."""
    cipher = CIPHER[part.cipher] if part.cipher is not None else None
    return len(part.inbound_cipher_key) * 8 if cipher is not None and cipher.variable_key else 0
