"""Certificates: trustpoints, chains in the configuration, import in PEM."""

from __future__ import annotations

import binascii
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ipsecplane.config import RouterConfig, Trustpoint
from ipsecplane.ike import certificates
from ipsecplane.ike.certificates import CertificateError
from ipsecplane.ios.args import Args
from ipsecplane.ios.bodies import QUIT
from ipsecplane.ios.commands.modes import CERTIFICATE_CHAIN, CONFIG, TRUSTPOINT
from ipsecplane.ios.commandset import EACH, CommandError
from ipsecplane.ios.configuration import Line

CONFIG.begin_block("pki")


def _trustpoint(router: RouterConfig, args: Args) -> Trustpoint:
    name = args.text("name")
    return router.trustpoints.get(name, Trustpoint(name))


def _with_trustpoint(router: RouterConfig, value: Trustpoint) -> RouterConfig:
    return replace(router, trustpoints={**router.trustpoints, value.name: value})


CONFIG.add(
    "crypto pki trustpoint WORD$name", "Define a CA trustpoint", "CA Server Name",
    key="crypto pki trustpoint {name}", enters="ca-trustpoint", begin=_trustpoint,
    finish=_with_trustpoint, spaced=True,
)  # fmt: skip


TRUSTPOINT.keep("enrollment terminal [pem]", "Enrollment parameters",
                "Enroll via the terminal (cut-and-paste)",
                "Include PEM encapsulation boundaries", key="enrollment")  # fmt: skip
TRUSTPOINT.keep("enrollment url WORD", "Enrollment parameters", "Of a CA server", "The URL",
                key="enrollment")  # fmt: skip
TRUSTPOINT.keep("fqdn WORD", "Include fully-qualified domain name", "The name", key="fqdn")


@TRUSTPOINT.line("subject-name LINE$subject", "Subject Name", "The name",
                 key="subject-name")  # fmt: skip
def subject_name(trustpoint: Trustpoint, args: Args) -> Trustpoint:
    return replace(trustpoint, subject_name=args.text("subject"))


@TRUSTPOINT.line("revocation-check {crl|none|ocsp}$how", "Revocation checking options",
                 "Revocation check by CRL", "Ignore revocation check",
                 "Revocation check by OCSP", default="revocation-check crl")  # fmt: skip
def revocation_check(trustpoint: Trustpoint, args: Args) -> Trustpoint:
    return replace(trustpoint, revocation_check=args.text("how"))


TRUSTPOINT.keep("rsakeypair WORD [<360-4096>]", "Specify rsakeypair for this identity",
                "RSA keypair label", "Key size", key="rsakeypair")  # fmt: skip


CONFIG.add(
    "crypto pki certificate chain WORD$name", "Manage certificates", "Identify certificates",
    "CA Server Name",
    key="crypto pki certificate chain {name}", enters="config-cert-chain", begin=_trustpoint,
    finish=_with_trustpoint, spaced=True,
)  # fmt: skip


@CERTIFICATE_CHAIN.line("certificate [ca|self-signed]$kind WORD$serial LINE$body",
                        "Specify certificate parameters", "Certificate of a CA",
                        "Certificate signed by itself", "Certificate serial number",
                        "Hexadecimal digits, ended by quit", key=EACH)  # fmt: skip
def certificate(trustpoint: Trustpoint, args: Args) -> Trustpoint:
    digits = "".join(args.text("body").split())
    digits = digits[: -len(QUIT)] if digits.endswith(QUIT) else digits
    try:
        der = binascii.unhexlify(digits)
        certificates.load(der)
    except (binascii.Error, CertificateError) as error:
        raise CommandError(f"% Certificate {args['serial']}: {error}") from None
    if args.get("kind") == "ca":
        return replace(trustpoint, authorities=(*trustpoint.authorities, der))
    return replace(trustpoint, certificate=der)


def _imported(line: Line) -> list[str]:
    """As IOS shows what was imported: the certificates as a chain, the key not at all."""
    try:
        found = _read(Trustpoint(line.args.text("name")), line.args)
    except CommandError:
        return [line.text]
    rows = [f"crypto pki certificate chain {found.name}"]
    shown = [("", found.certificate), *(("ca ", der) for der in found.authorities)]
    for kind, der in shown:
        if der is None:
            continue
        serial = f"{certificates.load(der).serial_number:X}"
        rows.append(f" certificate {kind}{serial if len(serial) % 2 == 0 else '0' + serial}")
        digits = der.hex().upper()
        groups = [digits[at : at + 8] for at in range(0, len(digits), 8)]
        rows += [f"  {' '.join(groups[at : at + 8])} " for at in range(0, len(groups), 8)]
        rows.append(f"  {QUIT}")
    return rows


@CONFIG.line(
    "crypto pki import WORD$name pem terminal [exportable] WORD$passphrase LINE$body",
    "Import certificate or pkcs12", "CA Server Name", "Import from PEM files",
    "Input from terminal", "Allow the key to be exported", "Passphrase of the private key",
    "Certificates and the private key, ended by quit",
    key="crypto pki import {name}", render=_imported,
)  # fmt: skip
def pki_import(router: RouterConfig, args: Args) -> RouterConfig:
    return _with_trustpoint(router, _read(_trustpoint(router, args), args))


def _read(trustpoint: Trustpoint, args: Args) -> Trustpoint:
    """Certificates of CAs are what we trust, the other one is ours; the key is that one's."""
    octets = args.text("body").encode()
    where = f"% PEM import for trustpoint {trustpoint.name}"
    try:
        found = x509.load_pem_x509_certificates(octets)
    except ValueError as error:
        raise CommandError(f"{where}: no certificate: {error}") from None
    authorities = [one for one in found if _is_authority(one)]
    own = [one for one in found if not _is_authority(one)]
    if not authorities or len(own) > 1:
        raise CommandError(f"{where}: wants a CA's certificate and at most one of the router's own")
    trustpoint = replace(trustpoint, authorities=tuple(_der(one) for one in authorities))
    if not own:
        return trustpoint
    key = _private_key(octets, args.text("passphrase"), where)
    if key.public_key() != own[0].public_key():
        raise CommandError(f"{where}: the private key is not that of the certificate")
    octets = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return replace(trustpoint, certificate=_der(own[0]), key=octets)


def _private_key(octets: bytes, passphrase: str, where: str) -> RSAPrivateKey:
    begin, end = octets.find(b"-----BEGIN"), octets.find(b"PRIVATE KEY-----")
    while begin >= 0 and b"\n" in octets[begin:end]:
        begin = octets.find(b"-----BEGIN", begin + 1)
    if begin < 0 or end < 0:
        raise CommandError(f"{where}: no private key")
    last = octets.find(b"-----END", begin)
    pem = octets[begin : octets.find(b"\n", last)]
    encrypted = b"ENCRYPTED" in pem
    try:
        key = load_pem_private_key(pem, passphrase.encode() if encrypted else None)
    except (ValueError, TypeError) as error:
        raise CommandError(f"{where}: private key: {error}") from None
    if not isinstance(key, RSAPrivateKey):
        raise CommandError(f"{where}: the private key is not an RSA key")
    return key


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return certificate.subject == certificate.issuer
    return found.value.ca


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
