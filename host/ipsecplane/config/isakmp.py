"""IKE: policies, keys, certificates, with whom which of them is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Final

from .addresses import Network


@dataclass(frozen=True, slots=True)
class IsakmpPolicy:
    """`crypto isakmp policy`: names are those of the algorithms table."""

    priority: int
    encryption: str = "DES-CBC"
    key_size: int = 8  # bytes
    hash: str = "SHA"
    authentication: str = "pre-share"  # rsa-sig | pre-share | rsa-encr; IOS's default is rsa-sig
    group: int = 1
    lifetime: int = 86400


KEEPALIVE_RETRY: Final = 2


@dataclass(frozen=True, slots=True)
class Keepalive:
    """`crypto isakmp keepalive` (guide chapter 4); seconds."""

    interval: int
    retry: int = KEEPALIVE_RETRY
    periodic: bool = False


NO_NETWORK: Final = IPv4Network("255.255.255.255/32")
"""Holds no peer: the network of keys that are found by identity, never by address."""


@dataclass(frozen=True, slots=True)
class IsakmpKey:
    """`crypto isakmp key`: a pre-shared key for the peers in `network` (0.0.0.0/0 = any)."""

    secret: str
    network: Network
    no_xauth: bool = False
    hostname: str | None = None


@dataclass(frozen=True, slots=True)
class IkeIdentity:
    """How a side names itself in Phase 1 (RFC 2407 section 4.6.2.1)."""

    kind: str  # address | fqdn | user-fqdn | key-id | dn
    value: str


@dataclass(frozen=True, slots=True)
class IsakmpPeer:
    """`crypto isakmp peer`: with a password or an endpoint, Phase 1 is begun in aggressive mode.

    `network` holds its addresses, or it is known by `hostname` alone. The endpoint is the identity
    that we send (guide chapter 9).
    """

    network: Network | None = None
    hostname: str | None = None
    aggressive_password: str | None = None
    aggressive_endpoint: IkeIdentity | None = None
    description: str = ""

    @property
    def aggressive(self) -> bool:
        return self.aggressive_password is not None or self.aggressive_endpoint is not None


@dataclass(frozen=True, slots=True)
class Keyring:
    """`crypto keyring`: pre-shared keys apart from those of `crypto isakmp key`."""

    name: str
    keys: tuple[IsakmpKey, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class IdentityMatch:
    """`match identity`: an address of `network`, or a name.

    `kind` is address, group, fqdn or user-fqdn; with `domain`, `value` is what the name ends in.
    """

    kind: str
    value: str = ""
    network: Network | None = None
    domain: bool = False


@dataclass(frozen=True, slots=True)
class IsakmpProfile:
    """`crypto isakmp profile`: how IKE is spoken with peers of some identities.

    `self_identity` None = as globally; one of kind `address` or `fqdn` without a value is the
    router's own. No `keyrings` = all keys there are.
    """

    name: str
    self_identity: IkeIdentity | None = None
    matches: tuple[IdentityMatch, ...] = ()
    keyrings: tuple[str, ...] = ()
    aggressive: bool = False
    accounting: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Trustpoint:
    """`crypto pki trustpoint`: certificates in DER, of CAs that we trust and of ourselves.

    `key` is the private key of `certificate` (PKCS #8, DER). `intermediates` are shown with ours.
    """

    name: str
    authorities: tuple[bytes, ...] = ()
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    intermediates: tuple[bytes, ...] = ()
    revocation_check: str = "crl"  # crl | ocsp | none
    subject_name: str = ""

    @property
    def complete(self) -> bool:
        """Whether we can sign with it."""
        return self.certificate is not None and self.key is not None
