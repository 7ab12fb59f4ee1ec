"""A session: modes, prompts, errors with their carets, help, completion, pipes, paging."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest
from ios_fakes import FakeRouter, isakmp_sa
from ipsecplane.ios import syslog
from ipsecplane.ios.session import Session
from ipsecplane.ios.store import ConfigurationStore
from ipsecplane.views import LogLine, PingResult

Run = Callable[[str], str]


def test_prompts_follow_the_mode(session: Session) -> None:
    session.privileged = False
    seen = [session.prompt]
    for line in ("enable", "conf t", "int fa0/1", "exit", "crypto isakmp policy 1",
                 "crypto ipsec tr t esp-aes", "crypto map testtag1 10", "ip access-list extended v",
                 "line vty 0 4", "controller ISA 5/1", "end", "disable"):  # fmt: skip
        session.submit(line)
        seen.append(session.prompt)
    assert seen == [
        "ipseca-71a>", "ipseca-71a#", "ipseca-71a(config)#", "ipseca-71a(config-if)#",
        "ipseca-71a(config)#", "ipseca-71a(config-isakmp)#", "ipseca-71a(cfg-crypto-trans)#",
        "ipseca-71a(config-crypto-map)#", "ipseca-71a(config-ext-nacl)#",
        "ipseca-71a(config-line)#", "ipseca-71a(config-controller)#", "ipseca-71a#", "ipseca-71a>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "caret", "text"),
    [
        ("shw", "sh", "% Invalid input detected at '^' marker.\n\n"),
        ("show cryptx isakmp sa", "show crypt", "% Invalid input detected at '^' marker.\n\n"),
        ("show crypto isakmp sa x", "show crypto isakmp sa ", "% Invalid input"),
        ("clear crypto isakmp -1", "clear crypto isakmp ", "% Invalid input"),
        ("show clock | foo x", "show clock | ", "% Invalid input"),
        ("foo", "", "% Invalid input"),
    ],
)
def test_invalid_input_is_marked_under_its_column(
    session: Session, line: str, caret: str, text: str
) -> None:
    session.submit(line)
    marker, _, message = session.read().partition("\n")
    assert marker == " " * len(session.prompt + caret) + "^"
    assert message.startswith(text)


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("show crypto", "% Incomplete command.\n\n"),
        ("clear crypto sa peer", "% Incomplete command.\n\n"),
        ("show clock | include", "% Incomplete command.\n\n"),
        ("c", '% Ambiguous command:  "c"\n'),
        ("sh c", '% Ambiguous command:  "sh c"\n'),
        ("clear c", '% Ambiguous command:  "clear c"\n'),
    ],
)
def test_incomplete_and_ambiguous(run: Run, line: str, printed: str) -> None:
    assert run(line) == printed


def test_carets_in_configuration_count_the_prompt(session: Session, run: Run) -> None:
    run("conf t\ninterface fa0/0")
    session.submit("ip addresx 1.1.1.1")
    prompt = "ipseca-71a(config-if)#"
    assert session.read().startswith(" " * len(prompt + "ip addres") + "^\n% Invalid")
    session.submit("no crypto mapp")
    assert session.read().startswith(" " * len(prompt + "no crypto map") + "^\n% Invalid")
    session.submit("do show clockk")
    assert session.read().startswith(" " * len(prompt + "do show clock") + "^\n% Invalid")


def test_user_exec_lacks_privileged_commands(session: Session, run: Run) -> None:
    session.privileged = False
    assert "% Invalid input" in run("show running-config")
    assert "% Invalid input" in run("configure terminal")
    assert "% Invalid input" not in run("show clock")


def test_a_line_of_an_outer_mode_leaves_the_inner_one(session: Session, run: Run) -> None:
    run("conf t\ninterface fa0/0\nhostname other")
    assert session.prompt == "other(config)#"
    run("interface fa0/0\ninterface fa0/1")
    assert session.prompt == "other(config-if)#"


def test_a_change_reaches_the_agent_at_once(session: Session, run: Run, router: FakeRouter) -> None:
    run("conf t")
    run("crypto ipsec df-bit set")
    assert router.config.df_bit == "set"
    run("no crypto ipsec df-bit")
    assert router.config.df_bit == "copy"
    run("no crypto isakmp enable")
    assert not router.config.isakmp_enabled
    run("default crypto isakmp enable")
    assert router.config.isakmp_enabled
    calls = len(router.calls)
    run("no ip http server\nip classless")
    assert len(router.calls) == calls  # lines without effect do not disturb it


def test_a_rejected_change_changes_nothing(session: Session, run: Run, router: FakeRouter) -> None:
    run("conf t")
    before = session.store.configuration
    assert run("no crypto map testtag1 10") == (
        'ERROR: Crypto Map with tag "testtag1" does not exist.\n'
    )
    assert run("interface fa0/1\ncrypto map nope") == (
        'ERROR: Crypto Map with tag "nope" does not exist.\n'
    )
    assert session.store.configuration == before
    assert "testtag1" in router.config.crypto_maps


def test_typed_remarks(run: Run) -> None:
    run("conf t")
    assert run("ip route 10.3.3.3 255.0.0.0 10.2.0.1") == "%Inconsistent address and mask\n"
    assert run("crypto map fresh 10 ipsec-isakmp").startswith("% NOTE: This new crypto map")
    assert run("crypto map fresh 10") == ""
    assert run("interface lo0\nip address 10.5.5.5 255.255.255.0").splitlines() == [
        "% 10.5.5.0 overlaps with FastEthernet0/0",
        "% 10.5.5.0 overlaps with FastEthernet0/1",
    ]
    assert "weaker" in run("crypto isakmp policy 9\nhash md5")
    assert "weaker" in run("crypto ipsec transform-set w esp-des")


def test_removals_by_as_much_as_is_typed(run: Run) -> None:
    run("conf t\nip route 1.0.0.0 255.0.0.0 10.2.0.1\nip route 1.0.0.0 255.0.0.0 10.2.0.2")
    run("no ip route 1.0.0.0 255.0.0.0 10.2.0.1")
    assert "10.2.0.2" in run("do show run | include ip route 1.0")
    run("no ip route 1.0.0.0 255.0.0.0")
    assert run("do show run | include ip route 1.0") == ""
    run("interface fa0/1\nip address 10.0.0.3 255.0.0.0 secondary\nno ip address")
    assert " no ip address\n" in run("do show run interface fa0/1")
    assert "secondary" not in run("do show run interface fa0/1")
    run("crypto map testtag1 10\nset peer 9.9.9.9\nno set peer 10.2.2.2")
    assert " set peer 9.9.9.9" in run("do show run | section crypto map")
    run("no interface lo9\nno hostname")
    assert run("do show run | include hostname") == ""


def test_show_running_config_and_interface(run: Run, guide_text: Callable[[str], str]) -> None:
    shown = run("show running-config")
    head, _, rest = shown.partition("\n!\n")
    assert head == f"Building configuration...\n\nCurrent configuration : {len(rest) + 2} bytes"
    assert [x for x in rest.splitlines() if x != "!"] == [
        x for x in guide_text("71a").splitlines() if x != "!"
    ]
    assert run("show run int fa0/0") == (
        "Building configuration...\n\nCurrent configuration : 131 bytes\n!\n"
        "interface FastEthernet0/0\n ip address 10.1.1.1 255.0.0.0\n no ip route-cache cef\n"
        " duplex full\n speed 100\n crypto map testtag1\nend\n"
    )
    assert "no interface" in run("show run int fa9/9")


@pytest.mark.parametrize(
    ("pipe", "printed"),
    [
        ("include ^hostname", ["hostname ipseca-71a"]),
        ("i peer|isakmp key", ["crypto isakmp key 0 1234 address 10.2.2.2", " set peer 10.2.2.2"]),
        ("begin ^line vty", ["line vty 0 4", " password lab", " login", "!", "end"]),
        ("section isakmp policy",
         ["crypto isakmp policy 1", " authentication pre-share", " lifetime 180"]),
        ("count ^interface", ["Number of lines which match regexp = 6"]),
        ("include interface | exclude Serial",
         ["interface FastEthernet0/0", "interface FastEthernet0/1"]),
        ("section line | count password", ["Number of lines which match regexp = 1"]),
    ],
)  # fmt: skip
def test_output_modifiers(run: Run, pipe: str, printed: list[str]) -> None:
    assert run(f"show running-config | {pipe}").splitlines() == printed


def test_excluding_and_bad_patterns(run: Run) -> None:
    everything = run("show run").splitlines()
    kept = run("show run | exclude interface|crypto").splitlines()
    assert kept == [x for x in everything if "interface" not in x and "crypto" not in x]
    without = run("show run | section exclude ^interface").splitlines()
    assert "interface FastEthernet0/0" not in without
    assert "hostname ipseca-71a" in without
    assert run("show run | include *").startswith("% Bad regular expression")


def test_pages(session: Session, run: Run) -> None:
    run("terminal length 5")
    assert len(run("show run").splitlines()) == 4
    assert session.prompt == " --More-- "
    assert len(run(" ").splitlines()) == 4
    assert len(run("").splitlines()) == 1
    assert run("q") == ""
    assert session.prompt == "ipseca-71a#"
    run("terminal length 0")
    assert len(run("show run").splitlines()) > 50


def test_help(session: Session) -> None:
    assert session.help("sh") == "show\n\n"
    rows = session.help("show ip ").splitlines()
    words = [row.split()[0] for row in rows[:-1]]
    width = max(len(word) for word in words)
    assert f"  {'access-lists':<{width}}  List IP access lists" in rows
    assert f"  {'route':<{width}}  IP routing table" in rows
    assert words == sorted(words)
    assert rows[-1] == ""
    assert session.help("show clock ") == (
        "  detail  Display more detail\n  |       Output modifiers\n  <cr>\n\n"
    )
    assert "  include  " in session.help("show clock | ")
    assert session.help("show x ") == "% Unrecognized command\n"
    assert session.help("sh c ") == '% Ambiguous command:  "sh c "\n'.replace(' "\n', '"\n')
    assert session.help("zz") == "% Unrecognized command\n"
    assert "<1-10000>" not in session.help("")


def test_help_in_configuration(session: Session, run: Run) -> None:
    run("conf t")
    assert "  <1-10000>  Priority of protection suite\n" in session.help("crypto isakmp policy ")
    assert "  <1-10000>  Priority" in session.help("crypto isakmp policy 1")
    shown = session.help("")
    for word in ("do", "no", "default", "exit", "end", "interface", "crypto"):
        assert f"\n  {word} " in f"\n{shown}"
    assert session.help("no host") == "hostname\n\n"
    assert "<cr>" in session.help("no hostname ")
    assert session.help("do sh") == "show\n\n"
    assert "FastEthernet " in session.help("interface ")
    assert "Interface number" in session.help("interface fast ")
    run("interface fa0/0")
    assert session.help("ip m") == "mroute-cache  mtu\n\n"


def test_completion(session: Session, run: Run) -> None:
    assert session.complete("sh") == ["show"]
    assert session.complete("show crypto isakmp ") == ["key", "peers", "policy", "profile", "sa"]
    assert session.complete("show run | se") == ["section"]
    run("conf t")
    assert session.complete("d") == ["default", "dial-peer", "dialer-list", "do"]
    assert session.complete("do sh") == ["show"]
    assert session.complete("no crypto is") == ["isakmp"]
    assert session.complete("int") == ["interface"]


def test_clear_commands_reach_the_agent(run: Run, router: FakeRouter) -> None:
    router.sas = [isakmp_sa(1001, "10.1.1.1", "10.2.2.2")]
    router.calls.clear()
    assert run("clear crypto isakmp\nclear crypto isakmp 1001\nclear crypto sa") == ""
    assert run("clear cry isa 7") == "% No ISAKMP connection with id 7\n"
    run("clear crypto sa peer 10.2.2.2\nclear crypto sa map testtag1\nclear crypto sa counters")
    run("clear crypto sa spi 10.2.2.2 ah 0x1214F0D\nclear crypto sa entry 10.2.2.2 esp 2057739447")
    assert "does not exist" in run("clear crypto sa map nope")
    peer = IPv4Address("10.2.2.2")
    assert router.calls == [
        ("clear_isakmp", None),
        ("clear_isakmp", 1001),
        ("clear_sas", None, None, None),
        ("clear_isakmp", 7),
        ("clear_sas", peer, None, None),
        ("clear_sas", None, "testtag1", None),
        ("clear_counters",),
        ("clear_sas", None, None, (peer, 51, 0x1214F0D)),
        ("clear_sas", None, None, (peer, 50, 2057739447)),
    ]


def test_clearing_logs_and_counters_asks(session: Session, run: Run, router: FakeRouter) -> None:
    router.calls.clear()
    run("clear logging")
    assert session.prompt == "Clear logging buffer [confirm]"
    run("n")
    assert router.calls == []
    assert session.prompt == "ipseca-71a#"
    run("clear logging\n")
    assert router.calls == [("clear_logging",)]
    run("clear counters")
    assert session.prompt == 'Clear "show interface" counters on all interfaces [confirm]'
    run("y")
    assert router.calls[-1] == ("clear_interface_counters",)
    assert router.log_lines[-1].mnemonic == "COUNTERS"
    run("clear logging")
    session.interrupt()
    assert session.prompt == "ipseca-71a#"
    assert router.calls[-1] == ("clear_interface_counters",)


def test_debugging(run: Run, router: FakeRouter) -> None:
    assert run("debug crypto isakmp") == "Crypto ISAKMP debugging is on\n"
    assert run("debug cry ips") == "Crypto IPSEC debugging is on\n"
    assert router.topics == {"isakmp", "ipsec"}
    assert "  Crypto ISAKMP debugging is on\n" in run("show debugging")
    assert run("no debug crypto isakmp") == "Crypto ISAKMP debugging is off\n"
    assert run("undebug all") == "All possible debugging has been turned off\n"
    assert router.topics == set()


def test_the_clock(run: Run, router: FakeRouter) -> None:
    assert run("show clock") == "*20:55:45.000 PST Wed Mar 24 2004\n"
    router.now = 0.739
    assert run("show clock") == "*20:55:45.739 PST Wed Mar 24 2004\n"
    run("clock set 12:00:00 4 July 2010")
    assert run("show clock") == "12:00:00.000 PDT Sun Jul 4 2010\n"
    run("clock set 12:00:00 Dec 24 2010")
    assert run("show clock detail") == (
        "12:00:00.000 PST Fri Dec 24 2010\nTime source is user configuration\n"
    )
    assert run("clock set 12:00:00 31 Feb 2010").startswith("% Invalid date")


def test_leaving_configuration_is_logged(session: Session, run: Run, router: FakeRouter) -> None:
    run("conf t\nend\nconf t\nexit\nconf t\nint fa0/0\nexit")
    assert [line.mnemonic for line in router.log_lines] == ["CONFIG_I", "CONFIG_I"]
    session.interrupt()  # Ctrl-Z
    assert len(router.log_lines) == 3
    assert session.prompt == "ipseca-71a#"


def test_console_messages(router: FakeRouter, store: ConfigurationStore) -> None:
    session = Session(router, store, console=True)
    router.log(syslog.configured(1.0))
    assert session.read() == ""  # the guide's routers say `no logging console`
    session.submit("terminal monitor")
    router.log(syslog.configured(1.0))
    assert (
        session.read()
        == "*Mar 24 20:55:46.000: %SYS-5-CONFIG_I: Configured from console by console\n"
    )
    session.submit("terminal no monitor")
    for line in ("conf t", "logging console errors", "end"):
        session.submit(line)
    session.read()
    router.log(LogLine(2.0, "LINK", 3, "UPDOWN", "x"))
    router.log(LogLine(2.0, "SYS", 5, "CONFIG_I", "y"))
    assert session.read() == "*Mar 24 20:55:47.000: %LINK-3-UPDOWN: x\n"


def test_writing_the_configuration(router: FakeRouter, store: ConfigurationStore) -> None:
    saved: list[str] = []
    session = Session(router, store, save=saved.append)
    session.submit("write memory")
    session.submit("copy run start")
    assert session.read() == "Building configuration...\n[OK]\n" * 2
    assert saved[0] == saved[1]
    assert ConfigurationStore.load(saved[0]).router == store.router
    without = Session(router, store)
    without.submit("wr")
    assert "no storage" in without.read()


def test_two_sessions_share_one_configuration(
    router: FakeRouter, store: ConfigurationStore
) -> None:
    one, two = Session(router, store), Session(router, store)
    for line in ("conf t", "hostname shared"):
        one.submit(line)
    assert two.prompt == "shared#"


def test_a_banner_is_asked_for_line_by_line(session: Session, run: Run) -> None:
    assert run("conf t\nbanner motd #").endswith("End with the character '#'.\n")
    assert session.prompt == ""
    run("Keep out\n  or else#")
    assert session.prompt == "ipseca-71a(config)#"
    assert "banner motd #\nKeep out\n  or else#\n" in run("do show run")


def test_other_lines(session: Session, run: Run) -> None:
    assert run("\n   \n! a comment") == ""
    assert "not Cisco IOS XE" in run("show version")
    assert run("show history").splitlines()[-1] == "  show history"
    run("exit")
    assert session.closed


def test_the_agents_messages_are_shown(run: Run, router: FakeRouter) -> None:
    router.messages = ["% something to know"]
    assert "% something to know\n" in run("conf t\ncrypto ipsec df-bit clear")


def test_nothing_is_taken_while_a_ping_runs(session: Session, run: Run, router: FakeRouter) -> None:
    run("ping 10.0.2.2")
    assert session.busy
    assert session.prompt == ""
    assert run("show clock") == ""
    assert router.ping_job is not None
    router.ping_job.finish(PingResult(5, 5, (0.001,)))
    assert not session.busy
