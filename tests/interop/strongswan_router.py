"""strongSwan as a router with a data path: one daemon in one namespace of the laboratory.

The data path is kernel-libipsec (ESP in user space behind a TUN device), which needs no IPsec in
the kernel and always encapsulates in UDP; `encap` makes NAT detection come out so.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.interop.lab import Namespace, stop, wait_for

CHARON = "/usr/lib/ipsec/charon"
LIBIPSEC = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"
_VICI = "unix:///run/charon.vici"  # each namespace has a /run of its own

_STRONGSWAN_CONF = """\
charon {{
  load = random nonce openssl aes des md5 sha1 sha2 hmac kdf gmp pem x509 \
kernel-libipsec kernel-netlink socket-default vici
  retransmit_tries = 3
  retransmit_timeout = 1.0
  plugins {{
    vici {{
      socket = {vici}
    }}
    openssl {{
      load_legacy = yes
    }}
  }}
  filelog {{
    log {{
      path = {log}
      flush_line = yes
      default = 1
      ike = 2
      cfg = 2
      esp = 2
    }}
  }}
}}
"""

_SWANCTL_CONF = """\
connections {{
  router {{
    version = 1
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {ike}
    encap = yes
    rekey_time = {ike_rekey}
    rand_time = 0s
    dpd_delay = {dpd}
    keyingtries = 1
    local {{
      auth = psk
      id = {local}
    }}
    remote {{
      auth = psk
      id = {remote}
    }}
    children {{
      net {{
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {esp}
        rekey_time = {esp_rekey}
        life_time = {esp_life}
        rand_time = 0s
      }}
    }}
  }}
}}
secrets {{
  ike-router {{
    id-1 = {local}
    id-2 = {remote}
    secret = "{psk}"
  }}
}}
"""


@dataclass(frozen=True)
class PeerConfig:
    """One connection with one child, in strongSwan's own words; times as "20s", "0s" = never."""

    local: str
    remote: str
    local_ts: str
    remote_ts: str
    psk: str
    ike: str = "aes128-sha1-modp2048"
    esp: str = "aes128-sha1"
    ike_rekey: str = "4h"
    esp_rekey: str = "1h"
    esp_life: str = "70m"
    dpd: str = "0s"

    def text(self) -> str:
        return _SWANCTL_CONF.format(**asdict(self))


class StrongSwan:
    """charon and swanctl. `directory` gets configuration and log."""

    NEEDS = (CHARON, LIBIPSEC, "swanctl", "/dev/net/tun")

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self.log_file = directory / "charon.log"
        directory.mkdir(exist_ok=True)
        (directory / "strongswan.conf").write_text(
            _STRONGSWAN_CONF.format(vici=_VICI, log=self.log_file)
        )

    def start(self, config: PeerConfig) -> None:
        """Start the daemon, wait until it takes commands, load `config`."""
        environment = os.environ | {"STRONGSWAN_CONF": str(self._directory / "strongswan.conf")}
        process = self._namespace.start(
            CHARON, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._process = process

        def ready() -> bool:
            assert process.poll() is None, f"charon ended with {process.returncode}: {self.log}"
            return self.swanctl("--stats", check=False) != ""

        wait_for(ready, "charon to take commands")
        self.load(config)

    def load(self, config: PeerConfig) -> None:
        """Replace the connection and the key."""
        file = self._directory / "swanctl.conf"
        file.write_text(config.text())
        said = self.swanctl("--load-all", "--clear", "--noprompt", "--file", str(file))
        assert "loaded connection 'router'" in said, said

    def initiate(self, timeout: int = 10) -> str:
        """Bring the child up; what swanctl said, which holds charon's log of it."""
        return self.swanctl("--initiate", "--child", "net", "--timeout", str(timeout), check=False)

    def terminate(self, what: str = "--ike") -> str:
        """Delete the IKE SA and its children, or with "--child" these alone, telling the peer."""
        name = "router" if what == "--ike" else "net"
        return self.swanctl("--terminate", what, name, check=False)

    def rekey_child(self) -> str:
        return self.swanctl("--rekey", "--child", "net", check=False)

    def sas(self) -> str:
        """`swanctl --list-sas`, as printed."""
        return self.swanctl("--list-sas")

    def child_packets(self) -> tuple[int, int]:
        """Packets (in, out) over all installed children."""
        counts = {"in": 0, "out": 0}
        for way, packets in re.findall(r"^\s+(in|out)\s+\S+.*?(\d+) packets", self.sas(), re.M):
            counts[way] += int(packets)
        return counts["in"], counts["out"]

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stop(self) -> None:
        """End it decently: it deletes its SAs, telling the peer."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def kill(self) -> None:
        """End it as a power failure would: the peer hears nothing."""
        if self._process is not None:
            self._process.kill()
            stop(self._process)
            self._process = None
            self._namespace.run("rm", "-f", "/run/charon.pid", "/run/charon.vici")

    def swanctl(self, *arguments: str, check: bool = True) -> str:
        return self._namespace.run("swanctl", *arguments, "--uri", _VICI, check=check)
