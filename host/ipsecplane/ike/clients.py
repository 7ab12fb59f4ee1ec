"""All of Easy VPN in one engine: remotes that connect, clients that are served."""

from __future__ import annotations

from ipaddress import IPv4Address

from ipsecplane.config import Address
from ipsecplane.ike import informational
from ipsecplane.ike.constants import XAUTH_METHODS
from ipsecplane.ike.credentials import access_at
from ipsecplane.ike.easy_vpn import Client, Server
from ipsecplane.ike.errors import NegotiationError, PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.mode_config import AddressPools
from ipsecplane.ike.payloads import Header
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords
from ipsecplane.ike.types import ClientEnded, Datagram, EzvpnClient


class Clients:
    """All IKE SAs with something between the phases: ours as a server, ours as a client."""

    def __init__(self, runtime: Runtime, records: SaRecords, phase1: Phase1Manager) -> None:
        self._runtime = runtime
        self._records = records
        self._phase1 = phase1
        self._pools = AddressPools(self._is_assigned)

    def begin(self, sa: IsakmpSa, now: float) -> bool:
        """Phase 1 is done. False if nothing has to follow before the SA may be used."""
        assert sa.phase1 is not None
        assert sa.choice is not None
        terms = sa.phase1.credentials
        if terms.client is not None:
            client = Client(sa, self._phase1, terms.client)
            sa.client = client
            xauth_follows = sa.choice.policy.authentication in XAUTH_METHODS
            client.begin(now, xauth_follows=xauth_follows)
            return True
        access = access_at(self._runtime.config, sa.local)
        if access is None or sa.initiator:
            return False
        server = Server(sa, self._phase1, access, terms.group, self._pools)
        sa.client = server
        users = access.users if not terms.no_xauth else None
        if users is None and not server.offers:
            return False
        server.begin(users, now)
        return True

    def receive(self, sa: IsakmpSa, header: Header, datagram: Datagram, now: float) -> None:
        """A message of a transaction exchange under an SA past Phase 1."""
        if sa.client is None:
            raise PayloadError(18, "exchange type", "configuration is not offered to this peer")
        sa.client.receive(header, datagram, now)

    # --- commands ---

    def connect(self, client: EzvpnClient, *, local: Address, peer: Address, now: float) -> None:
        """Begin as an Easy VPN remote. Ends in `ClientConfigured` or `ClientEnded`."""
        try:
            self._phase1.start(local, peer, now, client=client)
        except NegotiationError as error:
            self._runtime.emit(ClientEnded(client.name, peer, str(error), False))

    def answer(self, client: str, user: str, password: str) -> bool:
        """What a server asked for (`XauthRequested`); False if none waits for it."""
        return any(
            isinstance(sa.client, Client) and sa.client.answer(user, password)
            for sa in self._of_client(client)
        )

    def disconnect(self, client: str, now: float, reason: str = "BY user command") -> None:
        """End what an Easy VPN remote has or is about to have; its server is told of all SAs."""
        for sa in self._of_client(client):
            if sa.established:
                for sas in self._records.of_sa(sa):
                    informational.send_deletion(sa, sas)
            self._phase1.delete(sa, now, reason, retry=False)

    # --- IKE SAs ---

    def ended(self, sa: IsakmpSa, reason: str) -> None:
        """An IKE SA is gone."""
        if sa.client is not None:
            sa.client.stop()
        client = sa.phase1.credentials.client if sa.phase1 is not None else None
        if client is not None and not self._of_client(client.name):
            configured = sa.established_at is not None
            self._runtime.emit(ClientEnded(client.name, sa.remote, reason, configured))

    def _of_client(self, name: str) -> list[IsakmpSa]:
        found = []
        for sa in self._phase1:
            client = sa.phase1.credentials.client if sa.phase1 is not None else None
            if client is not None and client.name == name and not sa.deleted:
                found.append(sa)
        return found

    def _is_assigned(self, address: IPv4Address) -> bool:
        """Whether the client that was given an address is still there, with any SA."""
        return any(
            not sa.deleted and not sa.initiator and sa.assigned == address for sa in self._phase1
        ) or self._records.has_remote(address)
