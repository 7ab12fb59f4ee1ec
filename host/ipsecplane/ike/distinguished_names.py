"""Distinguished names in DER (X.501): compared, and as IOS prints them."""

from __future__ import annotations

from typing import Final

from ipsecplane.config import IkeIdentity


def text_of(name: bytes) -> str:
    """In one line: `cn=Router,o=X`."""
    return ",".join(parts_of(name))


def parts_of(name: bytes) -> list[str]:
    """The most specific part first; of what is no name, its hexadecimal digits."""
    try:
        parts = [part for rdn in reversed(_rdns(name)) for part in rdn]
    except (IndexError, UnicodeDecodeError):
        return [name.hex()]
    return [f"{_SHORT.get(oid) or oid}={text}" for oid, text in parts]


def shown(identity: IkeIdentity) -> str:
    """An identity of Phase 1 as IOS prints it."""
    if identity.kind == "dn":
        return text_of(bytes.fromhex(identity.value))
    return identity.value


def same_name(one: bytes, other: bytes) -> bool:
    """Whether two names in DER are the same, whatever kinds of strings they are written in.

    RFC 5280 section 7.1: case and runs of blanks do not count. Octets that are no name are not the
    same as any.
    """
    try:
        return _comparable(one) == _comparable(other)
    except (IndexError, UnicodeDecodeError):
        return False


_SHORT: Final = {
    "2.5.4.3": "cn",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "c",
    "2.5.4.7": "l",
    "2.5.4.8": "st",
    "2.5.4.10": "o",
    "2.5.4.11": "ou",
    "1.2.840.113549.1.9.1": "e",
    "1.2.840.113549.1.9.2": "hostname",
}
_UTF_16: Final = 0x1E  # BMPString


def _comparable(name: bytes) -> list[list[tuple[str, str]]]:
    return [
        sorted((oid, " ".join(text.casefold().split())) for oid, text in rdn) for rdn in _rdns(name)
    ]


def _rdns(name: bytes) -> list[list[tuple[str, str]]]:
    """Each RDN's (object identifier, text). Raises IndexError or UnicodeDecodeError."""
    found = []
    for _, rdn in _elements(_elements(name)[0][1]):
        parts = []
        for _, pair in _elements(rdn):
            inside = _elements(pair)
            oid, (kind, value) = inside[0][1], inside[1]
            text = value.decode("utf-16-be" if kind == _UTF_16 else "utf-8")
            parts.append((_dotted(oid), text))
        found.append(parts)
    return found


def _dotted(oid: bytes) -> str:
    """X.690 section 8.19."""
    numbers, number = [], 0
    for octet in oid:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - first * 40, *numbers[1:])))


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of the DER elements in a row. Raises IndexError for a length that lies."""
    found = []
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 2:
                raise IndexError("length")
            size, at = int.from_bytes(data[at : at + octets]), at + octets
        if at + size > len(data):
            raise IndexError("length")
        found.append((tag, data[at : at + size]))
        at += size
    return found
