"""Certificates of routers as their configuration files have them."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.agent.routers import START
from tests.ike.authority import NOW, certificate, key


def days(at: datetime) -> float:
    return (at - NOW).total_seconds() / 86400


# The routers' clocks begin at START.
DATES = {"begins": days(START) - 1, "ends": days(START) + 365}


def pem(name: str, *, key_of: str | None = None, unit: str = "") -> str:
    """What is pasted: the CA's certificate, the router's, its key."""
    found = [
        certificate("Lab CA", "Lab CA", authority=True, **DATES),
        certificate(name, "Lab CA", f"203.0.113.{1 if name == 'one' else 2}", unit=unit, **DATES),
    ]
    secret = key(key_of or name).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")
    )
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in found) + secret.decode()


def imported(name: str, **more: str) -> str:
    return (
        "crypto pki trustpoint lab\n enrollment terminal\n revocation-check none\n"
        f"crypto pki import lab pem terminal s3cret\n{pem(name, **more)}quit\n"
    )
