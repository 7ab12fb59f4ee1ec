"""What is logged and counted of messages that cannot be taken."""

from __future__ import annotations

from ipsecplane.ike.constants import ExchangeType
from ipsecplane.ike.errors import IkeError, PayloadError
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.types import Datagram

_MODE_NAMES = {
    ExchangeType.MAIN: "Main",
    ExchangeType.AGGRESSIVE: "Aggressive",
    ExchangeType.QUICK: "Quick",
    ExchangeType.INFORMATIONAL: "Informational",
}


def bad_message(runtime: Runtime, datagram: Datagram, error: PayloadError) -> None:
    runtime.count(error.counter)
    runtime.debug(f"ISAKMP: {error}")
    runtime.log(
        4,
        "IKMP_BAD_MESSAGE",
        f"IKE message from {datagram.remote} failed its sanity check or is malformed",
    )


def mode_failure(runtime: Runtime, exchange: int, datagram: Datagram, error: IkeError) -> None:
    runtime.count(error.counter)
    runtime.debug(f"ISAKMP: {error}")
    _log_mode_failure(runtime, exchange, datagram)


def unauthenticated(runtime: Runtime, exchange: int, datagram: Datagram) -> None:
    """A notification that anybody could have sent: seen, counted, not believed."""
    runtime.count("unauthenticated")
    runtime.debug("ISAKMP:(0):Notify has no hash. Rejected.")
    _log_mode_failure(runtime, exchange, datagram)


def no_sa(runtime: Runtime, datagram: Datagram) -> None:
    runtime.log(
        4,
        "IKMP_NO_SA",
        f"IKE message from {datagram.remote} has no SA and is not an initialization offer",
    )


def _log_mode_failure(runtime: Runtime, exchange: int, datagram: Datagram) -> None:
    name = next((n for kind, n in _MODE_NAMES.items() if kind == exchange), str(exchange))
    runtime.log(
        6,
        "IKMP_MODE_FAILURE",
        f"Processing of {name} mode failed with peer at {datagram.remote}",
    )
