"""Loading: every error with file, line and column; nothing half applied; lenient on indentation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.config import RouterConfig
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.store import ConfigurationStore


def errors_of(text: str) -> ConfigurationErrors:
    with pytest.raises(ConfigurationErrors) as caught:
        load_running_config(text, "r1.cfg")
    return caught.value


def test_all_errors_are_collected_with_line_and_column() -> None:
    failed = errors_of(
        "!\nhostname r1\ninterface FastEthernet0/0\n ip adress 10.0.0.1 255.0.0.0\n duplex\n"
        "!\ncrypto isakmp policy 99999\nno such thing\nend\n"
    )
    assert [(e.number, e.column, e.message) for e in failed.errors] == [
        (4, 6, "% Invalid input detected at '^' marker."),
        (5, 7, "% Incomplete command."),
        (7, 21, "% Invalid input detected at '^' marker."),
        (8, 4, "% Invalid input detected at '^' marker."),
    ]
    *shown, expected = str(failed.errors[0]).splitlines()
    assert shown == [
        "r1.cfg:4: % Invalid input detected at '^' marker.",
        "   ip adress 10.0.0.1 255.0.0.0",
        "        ^",
    ]
    words = expected.removeprefix("  expected: ").split(", ")
    assert words == sorted(words)
    assert {"address", "mtu", "proxy-arp"} <= set(words)


def test_an_ambiguous_line_names_itself() -> None:
    failed = errors_of(
        "logging con 3\nlogging h 1.1.1.1\nlogging 1 2\nip h server\nip ho x\nip d n x\n"
    )
    assert failed.errors[-1].message == '% Ambiguous command:  "ip d n x"'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("interface Lo0\n ip address 10.0.0.1 255.0.255.0\n", 2, "Bad mask 0xFF00FF00"),
        ("interface Lo0\n ip address 10.0.0.0 255.0.0.0\n", 2, "Bad mask /8"),
        ("interface Lo0\n ip address 224.0.0.1 255.0.0.0\n", 2, "Not a valid host address"),
        ("interface Lo0\n mac-address 0100.5e00.0001\n", 2, "group address"),
        ("interface Lo0\n ip address 10.0.0.1 255.0.0.0\n crypto map m\n", 3, '"m" does not exist'),
        ("crypto map m 1 ipsec-isakmp\n set transform-set t\n", 2, '"t" does not exist'),
        ("crypto isakmp key 6 ABC address 1.1.1.1\n", 1, "type 6"),
        ("crypto isakmp key x address 1.1.1.1 255.0.255.0\n", 1, "Bad mask"),
        ("ip route 10.0.0.0 255.0.255.0 1.1.1.1\n", 1, "Invalid mask"),
        ("crypto ipsec transform-set t esp-sha-hmac\n", 1, "needs an ESP cipher"),
        ("crypto ipsec transform-set t esp-gcm esp-sha-hmac\n", 1, "authenticates by itself"),
        ("crypto ipsec transform-set t esp-null\n", 1, "needs an authentication"),
        ("access-list 101 permit tcp any range 9 3 any\n", 1, "Invalid port range"),
        ("access-list 101 permit udp any gt 65535 any\n", 1, "No port is gt"),
        ("ip access-list extended x\n 10 permit ip any any\n 10 deny ip any any\n", 3, "Duplicate"),
        ("hostname a\nend\nhostname b\n", 3, "after `end`"),
        ("hostname a\nbanner motd #\nfoo\n", 2, "Unfinished banner"),
    ],
)
def test_a_line_that_means_nothing_is_an_error_at_its_place(
    text: str, line: int, message: str
) -> None:
    failed = errors_of(text)
    assert [e.number for e in failed.errors] == [line]
    assert message in failed.errors[0].message
    assert failed.errors[0].file == "r1.cfg"


@pytest.mark.parametrize(
    "line",
    [
        "foo bar baz",
        "no foo",
        "service nonsense",
        "ip cef nonsense",
        "version",
        "dialer-list 1 protocol decnet permit",
    ],
)
def test_lines_without_effect_are_declared_so_others_stay_errors(line: str) -> None:
    assert len(errors_of(f"{line}\n").errors) == 1


def test_the_lines_of_a_section_that_is_wrong_itself_are_not_errors_too() -> None:
    text = "interface Fast0/x\n ip address 10.0.0.1 255.0.0.0\n shutdown\nhostname\n"
    assert [e.number for e in errors_of(text).errors] == [1, 4]


def test_a_failed_load_leaves_a_store_as_it_was() -> None:
    store = ConfigurationStore.load("hostname r1\n")
    before = store.configuration
    with pytest.raises(ConfigurationErrors):
        ConfigurationStore.load("hostname r2\nnonsense\n")
    assert store.configuration is before


def test_indentation_may_be_lost() -> None:
    flat = "crypto isakmp policy 1\nauthentication pre-share\nlifetime 180\nint fa0/0\nshutdown\n"
    _, router = load_running_config(flat)
    assert router.isakmp_policies[0].lifetime == 180
    assert router.interfaces[0].shutdown


def test_an_unindented_line_is_global_where_it_can_be() -> None:
    text = (
        "int fa0/0\n ip address 10.0.0.1 255.0.0.0\ncrypto isakmp enable\nhostname x\n shutdown\n"
    )
    assert [e.number for e in errors_of(text).errors] == [5]


def test_sections_may_come_in_any_order() -> None:
    text = (
        "interface fa0/0\n crypto map m\n!\ncrypto map m 10 ipsec-isakmp\n set transform-set t\n"
        "crypto ipsec transform-set t esp-aes 256 esp-sha256-hmac\n mode transport\n"
    )
    configuration, router = load_running_config(text)
    assert router.transform_sets["t"].transport
    assert router.transform_sets["t"].cipher_key_size == 32
    assert body(configuration).index("transform-set t esp") < body(configuration).index("interface")


def test_a_banner_goes_on_to_its_delimiter() -> None:
    text = "banner motd ^C\nno entry\n  at all ^C\nhostname x\n"
    configuration, router = load_running_config(text)
    assert router.hostname == "x"
    assert "banner motd ^C\nno entry\n  at all ^C\n" in body(configuration)
    assert body(load_running_config(body(configuration))[0]) == body(configuration)


def test_defaults_are_not_printed() -> None:
    text = (
        "hostname Router\ncrypto ipsec df-bit copy\ncrypto isakmp enable\nlogging console\n"
        "crypto ipsec security-association lifetime seconds 3600\n"
        "crypto ipsec security-association replay window-size 64\n"
        "crypto ipsec fragmentation before-encryption\nclock timezone UTC 0 0\n"
        "crypto isakmp policy 5\n encryption des\n hash sha\n group 1\n lifetime 86400\n"
        " authentication rsa-sig\ninterface fa0/0\n mtu 1500\n no shutdown\n"
    )
    configuration, router = load_running_config(text)
    assert body(configuration).splitlines() == [
        "!",
        "clock timezone UTC 0 0",
        "!",
        "crypto isakmp policy 5",
        "!",
        "interface FastEthernet0/0",
        " no ip address",
        "!",
        "end",
    ]
    assert router.isakmp_policies[0].authentication == "rsa-sig"


def test_an_empty_configuration_is_the_default() -> None:
    assert load_running_config("") == (load_running_config("end\n")[0], RouterConfig())


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_loads_or_names_its_errors(text: str) -> None:
    try:
        load_running_config(text, "x.cfg")
    except ConfigurationErrors as failed:
        errors = failed.errors
    else:
        return
    assert errors
    assert all(e.number >= 1 and e.file == "x.cfg" for e in errors)


@pytest.mark.parametrize(
    ("words", "network"),
    [
        ("0.0.0.0", "0.0.0.0/0"),
        ("0.0.0.0 0.0.0.0", "0.0.0.0/0"),
        ("10.1.1.1", "10.1.1.1/32"),
        ("10.1.1.1 255.255.255.0", "10.1.1.0/24"),
        ("10.1.1.1 0.0.0.0", "0.0.0.0/0"),
    ],
)
def test_whose_key_it_is(words: str, network: str) -> None:
    """0.0.0.0 without a mask is any peer."""
    _, router = load_running_config(f"crypto isakmp key K address {words}\nend\n")
    assert [str(key.network) for key in router.isakmp_keys] == [network]


def test_a_secondary_address_needs_a_primary_one() -> None:
    text = "interface FastEthernet0\n ip address 10.0.0.2 255.0.0.0 secondary\nend\n"
    with pytest.raises(ConfigurationErrors, match="FastEthernet0: a secondary address needs"):
        load_running_config(text)
