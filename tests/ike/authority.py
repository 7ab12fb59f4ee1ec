"""A certificate authority for tests: makes keys and certificates when asked, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from ipsecplane.config import Trustpoint

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@cache
def key(name: str) -> RSAPrivateKey:
    """The key pair of a name; short, for it protects nothing."""
    return rsa.generate_private_key(65537, 1024)


def subject(name: str, unit: str = "") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ipsecplane"),
            *([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else ()),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


@cache
def certificate(
    name: str,
    issuer: str,
    *alternatives: str,
    authority: bool = False,
    begins: float = -1.0,
    ends: float = 365.0,
    unit: str = "",
) -> x509.Certificate:
    """Valid from `begins` to `ends` days after NOW; `alternatives` are addresses or host names."""
    names: list[x509.GeneralName] = []
    for one in alternatives:
        try:
            names.append(x509.IPAddress(ip_address(one)))
        except ValueError:
            names.append(x509.RFC822Name(one) if "@" in one else x509.DNSName(one))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name, unit))
        .issuer_name(subject(issuer))
        .public_key(key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=ends))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key(issuer), hashes.SHA256())


def der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)


def private_key(name: str) -> bytes:
    return key(name).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def trustpoint(
    name: str,
    *alternatives: str,
    authority: str = "Root",
    begins: float = -1.0,
    ends: float = 365.0,
    revocation_check: str = "none",
    unit: str = "",
) -> Trustpoint:
    """What a router has that the authority certified, and that trusts it."""
    return Trustpoint(
        authority.lower(),
        (der(certificate(authority, authority, authority=True)),),
        der(certificate(name, authority, *alternatives, begins=begins, ends=ends, unit=unit)),
        private_key(name),
        revocation_check=revocation_check,
    )
