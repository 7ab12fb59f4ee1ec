"""How the algorithms of a policy or a transform set are called in `show` output."""

from __future__ import annotations

from ipsecplane.config import IsakmpPolicy, TransformSet
from ipsecplane.ipsec.algorithms import CIPHER, GROUP, HASH, INTEGRITY

_CIPHER_TITLES = {
    "DES-CBC": "DES - Data Encryption Standard (56 bit keys)",
    "3DES-CBC": "Three key triple DES",
    "AES-CBC": "AES - Advanced Encryption Standard ({bits} bit keys)",
}
_HASH_TITLES = {
    "MD5": "Message Digest 5",
    "SHA": "Secure Hash Standard",
    "SHA256": "Secure Hash Standard 2 (256 bit)",
    "SHA384": "Secure Hash Standard 2 (384 bit)",
    "SHA512": "Secure Hash Standard 2 (512 bit)",
}
_AUTHENTICATION_TITLES = {
    "pre-share": "Pre-Shared Key",
    "rsa-sig": "Rivest-Shamir-Adleman Signature",
    "rsa-encr": "Rivest-Shamir-Adleman Encryption",
}
_AUTHENTICATION_SHORT = {
    "pre-share": "psk",
    "XAUTHInitPreShared": "psk",
    "rsa-sig": "rsig",
    "XAUTHInitRSA": "rsig",
    "rsa-encr": "renc",
}


def cipher_title(policy: IsakmpPolicy) -> str:
    return _CIPHER_TITLES[policy.encryption].format(bits=policy.key_size * 8)


def hash_title(policy: IsakmpPolicy) -> str:
    return _HASH_TITLES[policy.hash]


def authentication_title(policy: IsakmpPolicy) -> str:
    return _AUTHENTICATION_TITLES[policy.authentication]


def group_title(policy: IsakmpPolicy) -> str:
    group = GROUP[policy.group]
    kind = ", elliptic curve" if group.kind == "ecp" else ""
    return f"#{group.number} ({group.bits} bit{kind})"


def policy_short(policy: IsakmpPolicy) -> tuple[str, str, str]:
    """(encryption, hash, authentication) as `show crypto isakmp sa detail` abbreviates them."""
    return (
        CIPHER[policy.encryption].policy_keyword,
        HASH[policy.hash].policy_keyword,
        _AUTHENTICATION_SHORT[policy.authentication],
    )


def ah_transform(transforms: TransformSet) -> str:
    """IOS's name of the AH part, "" if there is none."""
    return INTEGRITY[transforms.ah].ah_transform if transforms.ah else ""


def esp_transform(transforms: TransformSet) -> str:
    """IOS's name of the ESP part ("esp-256-aes esp-sha-hmac"), "" if there is none."""
    words = []
    if transforms.cipher:
        cipher = CIPHER[transforms.cipher]
        bits = transforms.cipher_key_size * 8
        if not cipher.variable_key or transforms.cipher_key_size == cipher.key_sizes[0]:
            words.append(cipher.transform)
        elif cipher.aead:
            words.append(f"{cipher.transform} {bits}")
        else:
            words.append(cipher.transform.replace("esp-", f"esp-{bits}-"))
    if transforms.integrity:
        words.append(INTEGRITY[transforms.integrity].esp_transform)
    return " ".join(words)
