"""X.509 certificates in Phase 1: chains, identities, signatures (RFC 2408 3.9-3.10, RFC 4945)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import NameOID

from ipsecplane.config import IkeIdentity, Trustpoint
from ipsecplane.ike.distinguished_names import same_name, text_of

X509_SIGNATURE: Final = 4
"""Encoding of CERT and CERTREQ payloads that hold a certificate for signatures, or its issuer."""

LONGEST_CHAIN: Final = 8


class CertificateError(Exception):
    """A certificate, or what is signed with it, cannot be believed.

    `pki` is the mnemonic by which IOS logs it besides, "" where it has none.
    """

    def __init__(self, reason: str, pki: str = "") -> None:
        super().__init__(reason)
        self.pki = pki


def load(der: bytes) -> x509.Certificate:
    """Raises `CertificateError` for octets that are no certificate with an RSA key."""
    try:
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
        _ = found.subject, found.issuer, found.extensions
    except Exception as error:  # the decoder has many errors of its own
        raise CertificateError(f"is not a certificate: {error}") from error
    if not isinstance(key, RSAPublicKey):
        raise CertificateError(f"{_text(found.subject)} has no RSA key")
    return found


def own(trustpoints: Iterable[Trustpoint], wanted: Sequence[bytes]) -> Trustpoint | None:
    """The trustpoint whose certificate we show: of a CA that the peer asks for, if it asks.

    `wanted` are subjects of CAs in DER.
    """
    complete = [one for one in trustpoints if one.complete]
    for one in complete:
        if any(load(ca).subject.public_bytes() in wanted for ca in one.authorities):
            return one
    return complete[0] if complete and not any(wanted) else None


def sign(trustpoint: Trustpoint, digest: bytes) -> bytes:
    """RFC 2409 section 5.1: PKCS #1 block type 1 around the bare hash, without its OID."""
    key = load_der_private_key(trustpoint.key or b"", None)
    assert isinstance(key, RSAPrivateKey)  # Trustpoint.complete
    return key.sign(digest, padding.PKCS1v15(), NoDigestInfo())


def check_signature(certificate: x509.Certificate, signature: bytes, digest: bytes) -> bool:
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)  # load
    try:
        shown = key.recover_data_from_signature(signature, padding.PKCS1v15(), NoDigestInfo())
    except (InvalidSignature, ValueError):
        return False
    return hmac.compare_digest(shown, digest)


def verified(
    received: Sequence[bytes], trustpoints: Iterable[Trustpoint], at: datetime
) -> x509.Certificate:
    """The peer's certificate, the first of those that it sent, if a CA of ours stands behind it.

    The others may fill the gap between them (RFC 4945 section 3.3). Raises `CertificateError`.
    """
    if not received:
        raise CertificateError("no certificate was sent")
    leaf, *others = [load(der) for der in received[:LONGEST_CHAIN]]
    anchors = [(load(ca), one) for one in trustpoints for ca in one.authorities]
    current = leaf
    for _ in range(LONGEST_CHAIN):
        _check_time(current, at)
        found = next(((ca, one) for ca, one in anchors if _issued(current, ca)), None)
        if found is not None:
            anchor, trustpoint = found
            _check_time(anchor, at)
            _check_authority(anchor)
            if trustpoint.revocation_check != "none":
                raise CertificateError(
                    f"its revocation cannot be checked by {trustpoint.revocation_check}: configure "
                    f"`revocation-check none` for trustpoint {trustpoint.name}"
                )
            return leaf
        issuer = next((one for one in others if one != current and _issued(current, one)), None)
        if issuer is None:
            break
        _check_authority(issuer)
        current = issuer
    raise CertificateError(f"no trustpoint for {_text(current.issuer)}", "CERTIFICATE_INVALID")


def check_identity(certificate: x509.Certificate, identity: IkeIdentity) -> None:
    """The identity must be the certificate's (RFC 4945 section 3.1). Raises `CertificateError`."""
    names = _alternative_names(certificate)
    match identity.kind:
        case "dn":
            given = bytes.fromhex(identity.value)
            there = same_name(given, certificate.subject.public_bytes())
        case "address":
            addresses = names.get_values_for_type(x509.IPAddress) if names else []
            # A certificate without an address says nothing of where its owner is.
            there = not addresses or ip_address(identity.value) in addresses
        case "fqdn":
            hosts = names.get_values_for_type(x509.DNSName) if names else []
            there = identity.value in [*hosts, *_attributes(certificate, _HOST_NAMES)]
        case "user-fqdn":
            there = bool(names) and identity.value in (
                names.get_values_for_type(x509.RFC822Name) if names else []
            )
        case _:
            there = identity.value in units(certificate)
    if not there:
        shown = _text(certificate.subject)
        raise CertificateError(
            f"identity {identity.kind} {identity.value} is not that of its certificate ({shown})"
        )


def units(certificate: x509.Certificate) -> list[str]:
    """The organizational units of its subject, by which Easy VPN knows groups."""
    return _attributes(certificate, (NameOID.ORGANIZATIONAL_UNIT_NAME,))


def _text(name: x509.Name) -> str:
    return text_of(name.public_bytes())


_HOST_NAMES: Final = (NameOID.COMMON_NAME, NameOID.UNSTRUCTURED_NAME)


def _attributes(certificate: x509.Certificate, kinds: Iterable[x509.ObjectIdentifier]) -> list[str]:
    wanted = set(kinds)
    return [str(part.value) for part in certificate.subject if part.oid in wanted]


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    return found.value


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_authority(certificate: x509.Certificate) -> None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        raise CertificateError(f"{_text(certificate.subject)} is no CA") from None
    if not found.value.ca:
        raise CertificateError(f"{_text(certificate.subject)} is no CA")


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    shown, serial = _text(certificate.subject), f"{certificate.serial_number:02X}"
    if at < certificate.not_valid_before_utc:
        begin = certificate.not_valid_before_utc
        raise CertificateError(
            f"{shown} (SN: {serial}) is not valid before {begin:%H:%M:%S %Z %b %d %Y}",
            "CERTIFICATE_INVALID_NOT_YET_VALID",
        )
    if at > certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc
        raise CertificateError(
            f"{shown} (SN: {serial}) has expired: it was valid until {end:%H:%M:%S %Z %b %d %Y}",
            "CERTIFICATE_INVALID_EXPIRED",
        )
