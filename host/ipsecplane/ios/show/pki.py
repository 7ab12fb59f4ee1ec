"""`show crypto pki certificates` and `show crypto pki trustpoints`."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509

from ipsecplane.config import Trustpoint
from ipsecplane.ike import certificates
from ipsecplane.ike.distinguished_names import parts_of


def pki_certificates(trustpoints: Iterable[Trustpoint]) -> list[str]:
    rows: list[str] = []
    for one in trustpoints:
        if one.certificate is not None:
            rows += ["Certificate", *_certificate(one, certificates.load(one.certificate))]
        for der in one.authorities:
            rows += ["CA Certificate", *_certificate(one, certificates.load(der))]
    return rows


def _certificate(trustpoint: Trustpoint, one: x509.Certificate) -> list[str]:
    dates = one.not_valid_before_utc, one.not_valid_after_utc
    start, end = (f"{at:%H:%M:%S} UTC {at:%b} {at.day} {at.year}" for at in dates)
    return [
        "  Status: Available",
        f"  Certificate Serial Number (hex): {one.serial_number:02X}",
        f"  Certificate Usage: {'Signature' if one.issuer == one.subject else 'General Purpose'}",
        "  Issuer: ",
        *_name(one.issuer),
        "  Subject:",
        *_name(one.subject),
        "  Validity Date: ",
        f"    start date: {start}",
        f"    end   date: {end}",
        f"  Associated Trustpoints: {trustpoint.name} ",
        "",
    ]


def _name(name: x509.Name) -> list[str]:
    return [f"    {part}" for part in parts_of(name.public_bytes())]


def pki_trustpoints(trustpoints: Iterable[Trustpoint]) -> list[str]:
    rows: list[str] = []
    for one in trustpoints:
        rows.append(f"Trustpoint {one.name}:")
        for der in one.authorities:
            authority = certificates.load(der)
            rows += [
                "    Subject Name: ",
                *_name(authority.subject),
                f"          Serial Number (hex): {authority.serial_number:02X}",
            ]
        configured = "Certificate configured." if one.authorities else "Not authenticated."
        rows += [f"    {configured}", ""]
    return rows
