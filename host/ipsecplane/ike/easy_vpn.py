"""Easy VPN between Phase 1 and Phase 2: who the user is, and what the client is given.

A server asks for the user (XAUTH) before its IKE SA counts as up, and answers requests of mode
configuration at any time after. A client answers, asks for its configuration, and is up with that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from ipsecplane.ike import mode_config, xauth
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.exchange import longest_negotiation
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.mode_config import AddressPools, ConfigAttribute
from ipsecplane.ike.payloads import HEADER_SIZE, Header
from ipsecplane.ike.transaction import Config, ConfigType, PeersTransactions, Transaction
from ipsecplane.ike.types import (
    ClientAddress,
    ClientConfigured,
    ClientConnected,
    Datagram,
    EzvpnClient,
    GroupTerms,
    IsakmpState,
    RemoteAccess,
    XauthRequested,
)


class Owner(Protocol):
    """Who is told how it went."""

    def complete(self, sa: IsakmpSa, now: float) -> None:
        """The IKE SA may be used."""

    def turn_away(self, sa: IsakmpSa, now: float, reason: str) -> None:
        """It is to end."""


class Side:
    """What both sides of one IKE SA have: dialogues of ours, and the peer's."""

    def __init__(self, sa: IsakmpSa, owner: Owner) -> None:
        self.sa = sa
        self._owner = owner
        self._peers = PeersTransactions(sa)
        self._ours: Transaction | None = None
        self._identifier = 0

    def receive(self, header: Header, datagram: Datagram, now: float) -> None:
        """A message of a transaction exchange; raises the errors of `errors.py`."""
        if self._ours is not None and header.message_id == self._ours.message_id:
            self._ours.receive(header, datagram.payload, now)
            return
        asked = self._peers.receive(header, datagram.payload)
        if asked is not None:
            self.sa.debug(f"processing transaction payload from {datagram.remote}.")
            self._asked(header, datagram, asked, now)

    def stop(self) -> None:
        if self._ours is not None:
            self._ours.stop()

    def _asked(self, header: Header, datagram: Datagram, config: Config, now: float) -> None:
        raise NotImplementedError

    def _begin(self, config: Config, done: Callable[[Config, float], None], now: float) -> None:
        self.stop()
        self._ours = Transaction(self.sa, config, done, self._gave_up)
        self._ours.start(now)

    def _next_identifier(self) -> int:
        self._identifier += 1
        return self._identifier

    def _gave_up(self, now: float) -> None:
        self._owner.turn_away(self.sa, now, "Death by retransmission of a transaction exchange")


class Server(Side):
    """The gateway's side. `access` is what its crypto map asks of clients."""

    def __init__(
        self,
        sa: IsakmpSa,
        owner: Owner,
        access: RemoteAccess,
        group: GroupTerms | None,
        pools: AddressPools,
    ) -> None:
        super().__init__(sa, owner)
        self.user = ""
        self.group = group
        self._good = False  # the verdict is on its way
        self._users: Mapping[str, str] = {}
        self._access = access
        self._pools = pools

    def begin(self, users: Mapping[str, str] | None, now: float) -> None:
        """Ask for the user; None = there is nothing to ask."""
        sa = self.sa
        if users is None:
            self._let_in(now)
            return
        self._users = users
        sa.debug("Need XAUTH")
        sa.state = IsakmpState.CONF_XAUTH
        asked = xauth.request(self._next_identifier())
        for attribute in asked.attributes:
            name = xauth.attribute_name(attribute.type)
            sa.runtime.debug(f"ISAKMP/xauth: request attribute {name}")
        sa.debug("Old State = IKE_P1_COMPLETE  New State = IKE_XAUTH_REQ_SENT ")
        self._begin(asked, self._answered, now)

    def _answered(self, answer: Config, now: float) -> None:
        sa = self.sa
        user = xauth.checked(answer, self._users)
        if user is None:
            sa.runtime.count("xauth_failed")
            sa.debug("XAUTH FAIL: name or password is wrong")
        self.user = user or ""
        sa.debug("Old State = IKE_XAUTH_AAA_CONT_LOGIN_AWAIT  New State = IKE_XAUTH_SET_SENT ")
        good = user is not None

        def told(_: Config, at: float) -> None:
            if good:
                self._let_in(at)
            else:
                self._owner.turn_away(sa, at, "XAuthenticate fail")

        self._good = good
        self._begin(xauth.status(self._next_identifier(), good=good), told, now)

    def _let_in(self, now: float) -> None:
        self.stop()
        self._good = False
        self.sa.debug("Old State = IKE_XAUTH_SET_SENT  New State = IKE_P1_COMPLETE ")
        group = self.group
        if group is None or not self.offers:
            self._owner.complete(self.sa, now)
            return
        self.sa.assigned = self._allocate(group)
        if self.sa.assigned is None:
            self._owner.turn_away(self.sa, now, "no address left in the pool")
            return

        def taken(_: Config, at: float) -> None:
            self._owner.complete(self.sa, at)
            self._connected(group)

        self.sa.state = IsakmpState.CONF_ADDR
        offered = mode_config.offer(self._next_identifier(), group, self.sa.assigned)
        self._begin(offered, taken, now)

    @property
    def offers(self) -> bool:
        """Whether this client is configured without asking."""
        return self._access.initiate and self.group is not None

    def _asked(self, header: Header, datagram: Datagram, config: Config, now: float) -> None:
        sa = self.sa
        if config.type == ConfigType.SET:
            self._peers.answer(header, datagram.payload, _acknowledged(config))
            return
        if self._good:
            self._let_in(now)  # it has our verdict, only its ACK was lost
        if config.type != ConfigType.REQUEST:
            raise PayloadError(HEADER_SIZE, "configuration type", f"{config.type} asks nothing")
        if not sa.established or self.group is None or not self._access.respond:
            sa.runtime.count("mode_config_refused")
            sa.debug("mode configuration is not offered to this peer")
            return
        sa.debug("Config payload REQUEST")
        for attribute in config.attributes:
            sa.debug(f"attribute {mode_config.attribute_name(attribute.type)}")
        if config.has((ConfigAttribute.INTERNAL_IP4_ADDRESS,)):
            sa.assigned = self._allocate(self.group)
            if sa.assigned is None:
                return
        answer = mode_config.reply(config, self.group, sa.assigned)
        self._peers.answer(header, datagram.payload, answer)
        self._connected(self.group)

    def _connected(self, group: GroupTerms) -> None:
        sa = self.sa
        sa.runtime.count("mode_configs")
        sa.runtime.emit(
            ClientConnected(
                sa.conn_id, group.name, self.user, sa.remote, sa.remote_port, sa.assigned
            )
        )

    def _allocate(self, group: GroupTerms) -> IPv4Address | None:
        sa = self.sa
        owner = ClientAddress(sa.remote, sa.remote_port, group.name, self.user)
        address = self._pools.allocate(group.pool, owner)
        if address is None:
            sa.runtime.count("pool_exhausted")
            sa.debug(f"no address left in the pool of group {group.name}")
        else:
            sa.debug(f"allocating address {address}")
        return address


class Client(Side):
    """The remote's side."""

    def __init__(self, sa: IsakmpSa, owner: Owner, client: EzvpnClient) -> None:
        super().__init__(sa, owner)
        self.client = client
        self._waiting: tuple[Header, bytes, Config] | None = None

    def begin(self, now: float, *, xauth_follows: bool) -> None:
        sa = self.sa
        if not xauth_follows:
            self._configure(now)
            return
        sa.state = IsakmpState.CONF_XAUTH
        config = sa.runtime.config
        # The server tries as long for its question, then for its verdict.
        wait = 2 * longest_negotiation(config.retransmit_interval, config.retransmit_limit)

        def expire(at: float) -> None:
            if sa.state is IsakmpState.CONF_XAUTH:
                self._owner.turn_away(sa, at, "XAUTH did not take place")

        sa.at(now + wait, expire)

    def answer(self, user: str, password: str) -> bool:
        """What the user typed; False if the server has not asked."""
        if self._waiting is None:
            return False
        (header, data, asked), self._waiting = self._waiting, None
        self._peers.answer(header, data, xauth.reply(asked, user, password))
        return True

    def _asked(self, header: Header, datagram: Datagram, config: Config, now: float) -> None:
        sa, client = self.sa, self.client
        if config.type == ConfigType.REQUEST and xauth.is_xauth(config):
            for attribute in config.attributes:
                name = xauth.attribute_name(attribute.type)
                sa.runtime.debug(f"ISAKMP/xauth: request attribute {name}")
            self._waiting = (header, datagram.payload, config)
            if client.user is not None and client.password is not None:
                self.answer(client.user, client.password)
            else:
                sa.runtime.emit(XauthRequested(client.name, xauth.message(config)))
        elif config.type == ConfigType.SET:
            self._peers.answer(header, datagram.payload, _acknowledged(config))
            good = xauth.read_status(config)
            if good is False:
                self._owner.turn_away(sa, now, "XAuthenticate fail")
            elif good and sa.state is IsakmpState.CONF_XAUTH:
                self._configure(now)
            elif good is None and config.has((ConfigAttribute.INTERNAL_IP4_ADDRESS,)):
                self._offered(config, now)
        else:
            raise PayloadError(HEADER_SIZE, "configuration type", f"{config.type} asks nothing")

    def _configure(self, now: float) -> None:
        sa = self.sa
        sa.debug("Need config/address")
        sa.state = IsakmpState.CONF_ADDR
        address = not self.client.network_extension
        asked = mode_config.request(self._next_identifier(), address=address)
        sa.debug("Old State = IKE_P1_COMPLETE  New State = IKE_CONFIG_MODE_REQ_SENT ")
        self._begin(asked, self._configured, now)

    def _offered(self, config: Config, now: float) -> None:
        """A server that does not wait to be asked."""
        if not self.sa.established:
            self.stop()
            self._configured(config, now)

    def _configured(self, answer: Config, now: float) -> None:
        sa = self.sa
        given = mode_config.read_reply(answer)
        if given.address is None and not self.client.network_extension:
            self._owner.turn_away(sa, now, "the server gave no address")
            return
        sa.assigned = given.address
        sa.debug("Old State = IKE_CONFIG_MODE_REQ_SENT  New State = IKE_P1_COMPLETE ")
        self._owner.complete(sa, now)
        sa.runtime.emit(ClientConfigured(self.client.name, sa.local, sa.remote, given))


def _acknowledged(config: Config) -> Config:
    """The ACK: the same attributes without values."""
    return Config(ConfigType.ACK, config.identifier, config.attributes)
