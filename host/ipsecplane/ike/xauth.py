"""Extended authentication: a user behind the group's key (draft-beaulieu-ike-xauth-02).

server   REQUEST(name, password) --> <-- REPLY       SET(status) --> <-- ACK
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ipsecplane.ike.attributes import Attribute, number_attribute
from ipsecplane.ike.transaction import Config, ConfigType


class XauthAttribute(IntEnum):
    """Section 6.2 of the draft."""

    TYPE = 16520
    USER_NAME = 16521
    USER_PASSWORD = 16522
    PASSCODE = 16523
    MESSAGE = 16524
    CHALLENGE = 16525
    DOMAIN = 16526
    STATUS = 16527


GENERIC: Final = 0  # of TYPE: a name and a password
_X = XauthAttribute
_NAMES: Final = {kind: f"XAUTH_{kind.name}_V2" for kind in XauthAttribute}
_SECRETS: Final = (_X.USER_PASSWORD, _X.PASSCODE)


def attribute_name(kind: int) -> str:
    """As `debug crypto isakmp` calls it."""
    return next((name for known, name in _NAMES.items() if known == kind), f"UNKNOWN ({kind})")


def is_xauth(config: Config) -> bool:
    return config.has(XauthAttribute)


def request(identifier: int) -> Config:
    asked = (_X.USER_NAME, _X.USER_PASSWORD)
    return Config(
        ConfigType.REQUEST, identifier, tuple(Attribute(kind, b"", basic=False) for kind in asked)
    )


def reply(asked: Config, user: str, password: str) -> Config:
    """A client's answer: what of it was asked for."""
    values = {_X.USER_NAME: user, _X.USER_PASSWORD: password, _X.PASSCODE: password, _X.DOMAIN: ""}
    found = [
        Attribute(one.type, values[_X(one.type)].encode(), basic=False)
        for one in asked.attributes
        if one.type in values
    ]
    kind = [one for one in asked.attributes if one.type == _X.TYPE]
    return Config(ConfigType.REPLY, asked.identifier, (*kind, *found))


def checked(answer: Config, users: Mapping[str, str]) -> str | None:
    """The user's name if the password is right."""
    name = (answer.value(_X.USER_NAME) or b"").decode(errors="backslashreplace")
    given = next((v for v in map(answer.value, _SECRETS) if v is not None), b"")
    known = users.get(name)
    if known is None or not hmac.compare_digest(given.rstrip(b"\0"), known.encode()):
        return None
    return name


def status(identifier: int, *, good: bool) -> Config:
    return Config(ConfigType.SET, identifier, (number_attribute(_X.STATUS, int(good)),))


def read_status(config: Config) -> bool | None:
    """Whether the server lets us in; None if the message does not say."""
    value = config.value(_X.STATUS)
    return None if value is None else any(value)


def message(config: Config) -> str:
    """What the server has its user told."""
    return (config.value(_X.MESSAGE) or b"").decode(errors="backslashreplace")
