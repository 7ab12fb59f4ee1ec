"""Easy VPN between two routers with real devices: remote, server, dynamic map, addresses."""

from __future__ import annotations

import pytest
from ipsecplane.ike.types import IsakmpState
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ios.session import Session
from ipsecsim.network.host import Host

from tests.agent.configs import PORTS, router
from tests.agent.pki import imported
from tests.agent.routers import Pair, Site, add_host, host_ping, make_pair

REMOTE = """
hostname remote
crypto isakmp keepalive 10 periodic
crypto ipsec client ezvpn ez
 connect {connect}
 group unity key preshared
 mode {mode}
 {peers}
 {user}
interface GigabitEthernet0/0
 ip address 203.0.113.1 255.255.255.0
 crypto ipsec client ezvpn ez outside
interface GigabitEthernet0/1
 ip address 192.168.1.1 255.255.255.0
 crypto ipsec client ezvpn ez inside
interface GigabitEthernet0/2
 ip address 192.168.3.1 255.255.255.0
 crypto ipsec client ezvpn ez inside
ip route 0.0.0.0 0.0.0.0 203.0.113.2
end
"""
SERVER = """
hostname server
aaa new-model
aaa authentication login USERS local
aaa authorization network GROUPS local
username alice password 0 secret
crypto isakmp policy 10
 encryption aes 256
 authentication pre-share
 group 2
crypto isakmp client configuration group unity
 key preshared
 pool REMOTES
 dns 192.168.2.53
 domain example.com
 {group}
crypto ipsec transform-set strong esp-aes 256 esp-sha-hmac
crypto dynamic-map DYNAMIC 10
 set transform-set strong
crypto map wan client authentication list USERS
crypto map wan isakmp authorization list GROUPS
crypto map wan client configuration address respond
crypto map wan 100 ipsec-isakmp dynamic DYNAMIC
crypto logging ezvpn
interface GigabitEthernet0/0
 ip address 203.0.113.2 255.255.255.0
 crypto map wan
interface GigabitEthernet0/1
 ip address 192.168.2.1 255.255.255.0
ip local pool REMOTES 10.9.0.1 10.9.0.9
ip route 0.0.0.0 0.0.0.0 203.0.113.1
end
"""
USER = "username alice password 0 secret"


REMOTE_PORTS = PORTS | {"GigabitEthernet0/2": 3}


def remote_and_server(
    mode: str = "client",
    connect: str = "auto",
    user: str = USER,
    peers: str = "peer 203.0.113.2",
    group: str = "save-password",
) -> Pair:
    remote = REMOTE.format(mode=mode, connect=connect, user=user, peers=peers)
    made = make_pair((remote, SERVER.format(group=group)), (REMOTE_PORTS, PORTS))
    made.run(3)
    return made


def state(site: Site) -> str:
    return site.router.agent.ezvpn()[0].state


def test_client_mode_gets_an_address_and_a_tunnel() -> None:
    made = remote_and_server()
    assert state(made.a) == "IPSEC_ACTIVE"
    shown = made.command(made.a, "show crypto ipsec client ezvpn")
    for line in (
        "Tunnel name : ez",
        "Inside interface list: GigabitEthernet0/1, GigabitEthernet0/2",
        "Outside interface: GigabitEthernet0/0 ",
        "Current State: IPSEC_ACTIVE",
        "Last Event: SOCKET_UP",
        "Address: 10.9.0.1 (applied on Loopback10000)",
        "Mask: 255.255.255.255",
        "DNS Primary: 192.168.2.53",
        "Default Domain: example.com",
        "Save Password: Allowed",
        "Current EzVPN Peer: 203.0.113.2",
    ):
        assert f"{line}\n" in shown
    assert "Loopback10000" in made.command(made.a, "show ip interface brief")
    assert "CRYPTO-6-EZVPN_CONNECTION_UP: (Client)  User=alice  Group=unity" in made.log(made.a)
    assert "CRYPTO-6-EZVPN_CONNECTION_UP: (Server)  Mode=CLIENT  User=alice" in made.log(made.b)
    ping = made.ping(made.a, "192.168.2.1", "10.9.0.1")
    assert ping.marks == "!!!!!"
    assert made.ping(made.b, "10.9.0.1", "192.168.2.1").marks == "!!!!!"


def test_network_extension() -> None:
    made = remote_and_server("network-extension")
    assert state(made.a) == "IPSEC_ACTIVE"
    assert "Address:" not in made.command(made.a, "show crypto ipsec client ezvpn")
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1").marks == "!!!!!"
    assert made.ping(made.b, "192.168.1.1", "192.168.2.1").marks == "!!!!!"


def test_manual_connects_on_command() -> None:
    made = remote_and_server(connect="manual")
    assert state(made.a) == "CONNECT_REQUIRED"
    assert made.a.router.agent.isakmp_sas() == []
    made.command(made.a, "crypto ipsec client ezvpn connect")
    made.run(2)
    assert state(made.a) == "IPSEC_ACTIVE"
    made.command(made.a, "clear crypto ipsec client ezvpn")
    made.run(2)
    assert state(made.a) == "CONNECT_REQUIRED"
    assert len(made.b.router.agent.idents()) == 0
    assert "CRYPTO-6-EZVPN_CONNECTION_DOWN: (Client)" in made.log(made.a)


def test_clear_of_an_automatic_one_connects_again() -> None:
    made = remote_and_server()
    made.command(made.a, "clear crypto ipsec client ezvpn ez")
    made.run(3)
    assert state(made.a) == "IPSEC_ACTIVE"
    assert made.log(made.a).count("EZVPN_CONNECTION_UP") == 2


def test_the_user_is_asked_on_the_console() -> None:
    made = remote_and_server(user="")
    assert state(made.a) == "XAUTH_REQ"
    log = made.log(made.a)
    assert "EZVPN(ez): Pending XAuth Request, Please enter the following command:" in log
    session = Session(made.a.router.agent)
    session.submit("crypto ipsec client ezvpn xauth")
    session.submit("alice")
    session.submit("secret")
    made.run(2)
    assert state(made.a) == "IPSEC_ACTIVE"
    session.read()
    session.submit("crypto ipsec client ezvpn xauth")
    assert "EZVPN: No XAuth request is pending" in session.read()


def test_a_dead_peer_is_followed_by_the_next_of_the_list() -> None:
    """Nobody is at the first address; the second lets us in (guide chapter 4)."""
    made = remote_and_server(peers="peer 203.0.113.99\n peer 203.0.113.2")
    assert state(made.a) == "READY_IKE"
    made.run(200)
    assert state(made.a) == "IPSEC_ACTIVE"
    assert "Current EzVPN Peer: 203.0.113.2" in made.command(
        made.a, "show crypto ipsec client ezvpn"
    )


def test_the_servers_clear_is_followed_by_a_new_connection() -> None:
    made = remote_and_server()
    made.command(made.b, "clear crypto session")
    made.run(5)
    assert state(made.a) == "IPSEC_ACTIVE"
    assert made.ping(made.a, "192.168.2.1", "10.9.0.1").marks == "!!!!!"


def test_the_isakmp_sa_shows_what_was_negotiated() -> None:
    made = remote_and_server()
    (view,) = made.b.router.agent.isakmp_sas()
    assert view.state is IsakmpState.QM_IDLE
    for site, capabilities in ((made.a, "CDX"), (made.b, "CX")):
        shown = made.command(site, "show crypto isakmp sa detail")
        assert " psk  2  " in shown
        (row,) = [line for line in shown.splitlines() if line.startswith("1001 ")]
        assert row.endswith(f" {capabilities}")


def test_a_static_peer_of_a_dynamic_map() -> None:
    """Site to site: the side with a fixed peer begins, the other knows nothing of it."""
    static = router("one", 1, 2)
    dynamic = router("two", 2, 1).replace(
        "crypto map wan 10 ipsec-isakmp\n set peer 203.0.113.1\n set transform-set strong\n"
        " match address 101\n",
        "crypto dynamic-map ANY 5\n set transform-set strong\n"
        "crypto map wan 10 ipsec-isakmp dynamic ANY\n",
    )
    assert "dynamic-map" in dynamic
    made = make_pair((static, dynamic), (PORTS, PORTS))
    # Before the peer has come, what is for it leaves in the clear: there is no policy for it yet.
    made.ping(made.b, "192.168.1.1", "192.168.2.1", count=1)
    assert made.b.router.agent.isakmp_sas() == []
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1").marks == ".!!!!"
    assert made.ping(made.b, "192.168.1.1", "192.168.2.1").marks == "!!!!!"
    shown = made.command(made.b, "show crypto map")
    assert shown.startswith(
        'Crypto Map IPv4 "wan" 10 ipsec-isakmp\n\tDynamic map template tag: ANY\n'
        "\tInterfaces using crypto map wan:\n\t\tGigabitEthernet0/0\n"
    )
    shown = made.command(made.b, "show crypto dynamic-map")
    assert 'Crypto Map Template"ANY" 5\n\tNo matching address list set.\n' in shown
    assert "strong:  { esp-256-aes esp-sha256-hmac  } ," in shown
    (ident,) = made.b.router.agent.idents()
    assert str(ident.remote_identity.network) == "192.168.1.0/24"


@pytest.mark.parametrize("line", ["group unity key preshared", "peer 203.0.113.2"])
def test_what_is_lacking_is_told(line: str) -> None:
    text = REMOTE.format(mode="client", connect="auto", user=USER, peers="peer 203.0.113.2")
    made = make_pair((text.replace(line, ""), SERVER.format(group="")), (PORTS, PORTS))
    made.run(1)
    assert state(made.a) == "IDLE"
    assert "ezvpn ez: idle until it has a" in made.log(made.a)


def test_a_certificate_instead_of_a_group() -> None:
    """Its organizational unit is the group; main mode, no key on either side."""
    remote = REMOTE.format(mode="client", connect="auto", user=USER, peers="peer 203.0.113.2")
    server = SERVER.format(group="").replace(" authentication pre-share\n", "")
    made = make_pair(
        (
            imported("one", unit="unity") + remote.replace(" group unity key preshared\n", ""),
            imported("two") + server.replace(" key preshared\n", ""),
        ),
        (REMOTE_PORTS, PORTS),
    )
    made.run(3)
    assert state(made.a) == "IPSEC_ACTIVE"
    assert " rsig 2  " in made.command(made.b, "show crypto isakmp sa detail")
    assert "(Server)  Mode=CLIENT  User=alice  Group=unity" in made.log(made.b)
    assert made.ping(made.a, "192.168.2.1", "10.9.0.1").marks == "!!!!!"


def test_reverse_routes_come_and_go_with_the_client() -> None:
    """The server knows the way to the pool's addresses only by the SAs of those that have them."""
    remote = REMOTE.format(mode="client", connect="auto", user=USER, peers="peer 203.0.113.2")
    server = SERVER.format(group="save-password").replace(
        " set transform-set strong\n", " set transform-set strong\n reverse-route\n"
    )
    server = server.replace("ip route 0.0.0.0 0.0.0.0 203.0.113.1\n", "")
    made = make_pair((remote, server), (REMOTE_PORTS, PORTS))
    made.run(3)
    route = "10.9.0.1 [1/0] via 203.0.113.1, GigabitEthernet0/0"
    assert route in made.command(made.b, "show ip route")
    assert made.ping(made.a, "192.168.2.1", "10.9.0.1").marks == "!!!!!"
    made.wire.set_up(False)
    made.command(made.b, "clear crypto session")
    made.run(1)
    assert "10.9.0.1" not in made.command(made.b, "show ip route")


def test_static_reverse_routes_are_always_there() -> None:
    reverse = " reverse-route remote-peer 203.0.113.77 static\n set reverse-route distance 20\n"
    one = router("one", 1, 2, extra_map=reverse)
    made = make_pair((one, router("two", 2, 1)), (PORTS, PORTS))
    made.run(0)
    route = "192.168.2.0/24 [20/0] via 203.0.113.77, GigabitEthernet0/0"
    assert route in made.command(made.a, "show ip route")
    text = body(load_running_config(one)[0])
    assert " reverse-route remote-peer 203.0.113.77 static\n" in text
    assert " set reverse-route distance 20\n" in text


# --- client mode: inside hosts share the assigned address ---


def behind(made: Pair) -> tuple[Host, Host]:
    """A host behind the remote, one behind the server."""
    inside = add_host(made.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(made.b, 2, "192.168.2.10/24", "192.168.2.1", number=11)
    return inside, far


def test_inside_hosts_are_translated_to_the_assigned_address() -> None:
    made = remote_and_server()
    inside, far = behind(made)
    assert host_ping(made, inside, "192.168.2.10") == "!!!!!"
    assert host_ping(made, far, "10.9.0.1", count=2) == "!!", "the router itself answers"
    flows = list(made.a.router.agent._plane.nat.translations)
    assert [(str(f.inside), str(f.outside)) for f in flows] == [("192.168.1.10", "10.9.0.1")]


def test_network_extension_translates_nothing() -> None:
    made = remote_and_server("network-extension")
    inside, far = behind(made)
    assert host_ping(made, inside, "192.168.2.10") == "!!!!!"
    assert host_ping(made, far, "192.168.1.10") == "!!!!!"
    assert len(made.a.router.agent._plane.nat.translations) == 0


def test_fragments_of_inside_hosts_are_put_together_and_translated() -> None:
    made = remote_and_server()
    inside, _ = behind(made)
    assert host_ping(made, inside, "192.168.2.10", count=2, size=3000) == "!!"


def test_an_idle_flow_ends() -> None:
    made = remote_and_server()
    inside, _ = behind(made)
    host_ping(made, inside, "192.168.2.10", count=1)
    nat = made.a.router.agent._plane.nat
    assert len(nat.translations) == 1
    made.run(150)
    assert len(nat.translations) == 0
    assert host_ping(made, inside, "192.168.2.10", count=1) == "!"


def test_errors_reach_the_inside_host_with_its_own_packet_in_them() -> None:
    """Of a hop beyond the tunnel, and of the router itself; two hosts with one identifier."""
    made = remote_and_server()
    inside, _ = behind(made)
    other = add_host(made.a, 3, "192.168.3.10/24", "192.168.3.1", number=12)
    for host in (other, inside):
        made.run(1)  # a router sends an error each half second at most
        assert host_ping(made, host, "192.168.2.10", count=1) == "!"
        assert host_ping(made, host, "192.168.2.10", count=1, ttl=2) == "&"
        assert host_ping(made, host, "192.168.2.10", count=1, size=1500, dont_fragment=True) == "M"
