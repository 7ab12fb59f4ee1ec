"""Proof by RSA signatures in Phase 1: CERT, CERTREQ and SIG payloads (RFC 2409 section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.x509 import Certificate

from ipsecplane.config import IkeIdentity, Trustpoint
from ipsecplane.ike import certificates
from ipsecplane.ike.certificates import X509_SIGNATURE, CertificateError
from ipsecplane.ike.constants import NotifyType, PayloadType
from ipsecplane.ike.distinguished_names import text_of
from ipsecplane.ike.errors import AuthenticationError, NegotiationError, PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import Payload, Payloads, of_type, single


@dataclass(slots=True)
class Signatures:
    """What one Phase 1 shows of our certificates, and asks and checks of the peer's."""

    sa: IsakmpSa
    trustpoints: tuple[Trustpoint, ...]
    _wanted: list[bytes] = field(default_factory=list)  # subjects of CAs that the peer asks for

    def requests(self) -> Payloads:
        """A CERTREQ for each CA that we trust."""
        subjects = [
            certificates.load(ca).subject.public_bytes()
            for one in self.trustpoints
            for ca in one.authorities
        ]
        return [
            (PayloadType.CERTIFICATE_REQUEST, bytes((X509_SIGNATURE,)) + subject)
            for subject in dict.fromkeys(subjects)
        ]

    def read_requests(self, message: Message) -> None:
        """What the peer asks for."""
        for payload in of_type(message.payloads, PayloadType.CERTIFICATE_REQUEST):
            self.sa.debug(" processing CERT_REQ payload. message ID = 0")
            kind, body = _certificate_body(payload)
            if kind == X509_SIGNATURE:
                self.sa.debug(" peer wants a CT_X509_SIGNATURE cert")
                self._wanted.append(body)

    def own(self) -> Trustpoint:
        """The trustpoint we show; raises `NegotiationError` if the peer asks for other CAs."""
        found = certificates.own(self.trustpoints, self._wanted)
        if found is None:
            self.sa.debug("No valid certificate for the peer's CAs")
            raise NegotiationError(
                NotifyType.AUTHENTICATION_FAILED, "no certificate of a CA that the peer asks for"
            )
        return found

    def proof(self, digest: bytes) -> Payloads:
        """Our certificate and the signature of HASH_I or HASH_R."""
        trustpoint = self.own()
        self.sa.debug(f" using the {trustpoint.name} trustpoint's keypair to sign")
        shown = [trustpoint.certificate or b"", *trustpoint.intermediates]
        chain = [(int(PayloadType.CERTIFICATE), bytes((X509_SIGNATURE,)) + der) for der in shown]
        return [*chain, (PayloadType.SIGNATURE, certificates.sign(trustpoint, digest))]

    def verify(
        self, message: Message, digest: bytes, identity: IkeIdentity | None, now: float
    ) -> Certificate:
        """The peer's certificate, identity and signature; raises `AuthenticationError`."""
        sa = self.sa
        received = []
        for payload in of_type(message.payloads, PayloadType.CERTIFICATE):
            sa.debug(" processing CERT payload. message ID = 0")
            kind, body = _certificate_body(payload)
            if kind == X509_SIGNATURE:
                sa.debug(" processing a CT_X509_SIGNATURE cert")
                received.append(body)
        try:
            certificate = certificates.verified(
                received, self.trustpoints, sa.runtime.wall_time(now)
            )
            if identity is not None:
                certificates.check_identity(certificate, identity)
        except CertificateError as error:
            self._refuse(error)
            raise AuthenticationError(f"certificate of {sa.remote}: {error}") from error
        sa.debug(f" peer's certificate is valid: {text_of(certificate.subject.public_bytes())}")
        sa.debug(" processing SIG payload. message ID = 0")
        signature = single(message.payloads, PayloadType.SIGNATURE).body
        if not certificates.check_signature(certificate, signature, digest):
            raise AuthenticationError("the signature is not that of the certificate's key")
        return certificate

    def _refuse(self, error: CertificateError) -> None:
        runtime, remote = self.sa.runtime, self.sa.remote
        if error.pki:
            text = f"Certificate chain validation has failed.  {error}"
            runtime.log(3, error.pki, text, facility="PKI")
        text = f"Certificate received from {remote} is bad: {error}"
        runtime.log(5, "IKMP_INVAL_CERT", text)


def _certificate_body(payload: Payload) -> tuple[int, bytes]:
    if not payload.body:
        raise PayloadError(payload.body_offset, "certificate encoding", "is missing")
    return payload.body[0], payload.body[1:]
