"""Trustpoints from configuration files: two routers prove themselves by signatures."""

from __future__ import annotations

import pytest
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.session import Session

from tests.agent.configs import PORTS, router
from tests.agent.pki import imported
from tests.agent.routers import make_pair


def with_signatures(name: str, local: int, remote: int, text: str | None = None) -> str:
    found = router(name, local, remote).replace(" authentication pre-share\n", "")
    lines = [line for line in found.splitlines() if not line.startswith("crypto isakmp key")]
    return (text if text is not None else imported(name)) + "\n".join(lines)


def test_two_routers_with_certificates() -> None:
    configs = with_signatures("one", 1, 2), with_signatures("two", 2, 1)
    made = make_pair(configs, (PORTS, PORTS))
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1").marks == ".!!!!"
    shown = made.command(made.a, "show crypto isakmp sa detail")
    assert " rsig " in shown
    shown = made.command(made.a, "show crypto pki certificates")
    assert shown.startswith("Certificate\n  Status: Available\n")
    assert "    cn=one\n" in shown
    assert "CA Certificate\n" in shown
    assert "    cn=Lab CA\n" in made.command(made.b, "show crypto pki trustpoints lab")
    assert "% Trustpoint x is not" in made.command(made.b, "show crypto pki trustpoints x")


def test_the_configuration_shows_certificates_and_never_the_key() -> None:
    configuration, config = load_running_config(imported("one"))
    trustpoint = config.trustpoints["lab"]
    assert trustpoint.complete
    assert trustpoint.revocation_check == "none"
    text = body(configuration)
    assert "PRIVATE KEY" not in text
    assert "\ncrypto pki certificate chain lab\n certificate " in text
    again = load_running_config(text)[1].trustpoints["lab"]
    assert again.authorities == trustpoint.authorities
    assert again.certificate == trustpoint.certificate
    assert again.key is None, "it is not in the configuration"


def test_pasted_on_the_console() -> None:
    made = make_pair(("hostname one\nend\n", with_signatures("two", 2, 1)), (PORTS, PORTS))
    session = Session(made.a.router.agent)
    for line in ("configure terminal", *with_signatures("one", 1, 2).splitlines()):
        session.submit(line)
    assert 'End with the word "quit"' in session.read()
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1").marks == ".!!!!"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "crypto pki import lab pem terminal s3cret\nnothing\nquit\n",
            "% PEM import for trustpoint lab: no certificate",
        ),
        (
            imported("one").replace("s3cret", "other"),
            "% PEM import for trustpoint lab: private key",
        ),
        (imported("one", key_of="two"), "the private key is not that of the certificate"),
        (
            "crypto pki certificate chain lab\n certificate ca 01\n  3082 GG\n  quit\n",
            "% Certificate 01: ",
        ),
        (
            "crypto pki certificate chain lab\n certificate ca 01\n  30820101\n",
            "% Unfinished certificate",
        ),
    ],
)
def test_what_is_no_certificate_is_told_with_its_place(text: str, error: str) -> None:
    with pytest.raises(ConfigurationErrors) as caught:
        load_running_config(text, "r.cfg")
    assert error in str(caught.value)
    assert str(caught.value).startswith("r.cfg:")


def test_a_clock_that_is_wrong() -> None:
    """Before the certificates begin nobody is believed, and the log says so."""
    made = make_pair((with_signatures("one", 1, 2), with_signatures("two", 2, 1)), (PORTS, PORTS))
    made.command(made.b, "clock set 12:00:00 1 January 2001")
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1", count=2).marks == ".."
    assert "%PKI-3-CERTIFICATE_INVALID_NOT_YET_VALID" in made.log(made.b)


def test_the_identity_is_what_the_configuration_says() -> None:
    """`crypto isakmp identity dn` names the certificate's subject; else we are our address."""
    dn = with_signatures("one", 1, 2).replace(
        "hostname one", "hostname one\ncrypto isakmp identity dn"
    )
    made = make_pair((dn, with_signatures("two", 2, 1)), (PORTS, PORTS))
    for site in (made.a, made.b):
        made.command(site, "debug crypto isakmp")
    made.ping(made.a, "192.168.2.1", "192.168.1.1")
    doing = "SA is doing RSA signature authentication using id type "
    assert f"{doing}ID_DER_ASN1_DN" in made.log(made.a)
    assert f"{doing}ID_IPV4_ADDR" in made.log(made.b)
