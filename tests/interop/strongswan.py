"""strongSwan as a peer: one daemon in one namespace of the laboratory.

Its data path is kernel-libipsec (ESP in user space behind a TUN device), which needs no IPsec in
the kernel and always encapsulates in UDP; `encap` makes NAT detection come out so. It wants an
address of the local selector on some interface.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.interop.lab import Namespace, stop, wait_for, why_not

CHARON = "/usr/lib/ipsec/charon"
LIBIPSEC = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"
OPENSSL = "/usr/lib/ipsec/plugins/libstrongswan-openssl.so"  # DES, MD5, SHA-384, curves
NEEDS = (CHARON, LIBIPSEC, OPENSSL, "swanctl", "/dev/net/tun")
_VICI = "unix:///run/charon.vici"  # each namespace has a /run of its own

_STRONGSWAN_CONF = """\
charon {{
  load = random nonce openssl pem pkcs1 x509 pubkey gmp curve25519 hmac kdf gcm sha1 sha2 aes md5 \
kernel-libipsec kernel-netlink socket-default vici
  retransmit_tries = 3
  retransmit_timeout = 1.0
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
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
      default = {level}
      job = 1
      cfg = 1
      mgr = 1
      lib = 1
      enc = 1
      esp = 1
    }}
  }}
}}
"""

_SWANCTL_CONF = """\
connections {{
  peer {{
    version = 1
    aggressive = {aggressive}
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {ike}
    encap = yes
    rekey_time = {ike_rekey}
    rand_time = 0s
    dpd_delay = {dpd}
    dpd_timeout = {dpd_timeout}
    keyingtries = 1
    {vips}
    local {{
      auth = {auth}
      id = "{local_id}"
    }}
    remote {{
      auth = {auth}
      id = "{remote_id}"
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
  ike-peer {{
    id-1 = "{local_id}"
    id-2 = "{remote_id}"
    secret = "{psk}"
  }}
}}
"""


def missing() -> str | None:
    """Why strongSwan cannot be a peer here, None if it can."""
    return why_not(*NEEDS)


@dataclass(frozen=True)
class Connection:
    """IKEv1 with a pre-shared key, and one child, "net".

    In strongSwan's own words: proposals as "aes128-sha1-modp2048", times as "20s" ("0s" = never),
    identities as "fqdn:name" or "keyid:name". Without an identity a side is its address.
    """

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
    dpd_timeout: str = "0s"
    aggressive: bool = False
    local_id: str = ""
    remote_id: str = ""
    auth: str = "psk"
    asks_address: bool = False  # by mode configuration; `local_ts` "dynamic" is for that

    def text(self) -> str:
        """swanctl.conf"""
        values = asdict(self)
        values["aggressive"] = "yes" if self.aggressive else "no"
        values["vips"] = "vips = 0.0.0.0" if self.asks_address else ""
        values["local_id"] = self.local_id or self.local
        values["remote_id"] = self.remote_id or self.remote
        return _SWANCTL_CONF.format(**values)


class StrongSwan:
    """charon and swanctl. `directory` gets configuration and log.

    Log level 1 tells what happens, 4 shows keys.
    """

    def __init__(self, namespace: Namespace, directory: Path, *, log_level: int = 1) -> None:
        self._namespace = namespace
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self.log_file = directory / "charon.log"
        directory.mkdir(exist_ok=True)
        (directory / "strongswan.conf").write_text(
            _STRONGSWAN_CONF.format(vici=_VICI, log=self.log_file, level=log_level)
        )

    def start(self, connection: Connection) -> None:
        """Start the daemon, wait until it takes commands, load `connection`."""
        environment = os.environ | {"STRONGSWAN_CONF": str(self._directory / "strongswan.conf")}
        process = self._namespace.start(
            CHARON, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._process = process

        def ready() -> bool:
            assert process.poll() is None, f"charon ended with {process.returncode}: {self.log}"
            return self.swanctl("--stats", check=False) != ""

        wait_for(ready, "charon to take commands")
        self.load(connection)

    def load(self, connection: Connection) -> None:
        """Replace the connection and the key."""
        file = self._directory / "swanctl.conf"
        file.write_text(connection.text())
        said = self.swanctl("--load-all", "--clear", "--noprompt", "--file", str(file))
        assert "loaded connection 'peer'" in said, said

    def initiate(self, timeout: int = 10) -> str:
        """Bring the child up; what swanctl said, which holds charon's log of it."""
        return self.swanctl("--initiate", "--child", "net", "--timeout", str(timeout), check=False)

    def terminate(self, what: str) -> str:
        """Delete the IKE SA with its children ("ike") or these alone ("child"); tells the peer."""
        name = {"ike": "peer", "child": "net"}[what]
        return self.swanctl("--terminate", f"--{what}", name, check=False)

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

    def kill(self) -> None:
        """End it as a power failure would: the peer hears nothing."""
        if self._process is not None:
            self._process.kill()
            stop(self._process)
            self._process = None
            self._namespace.run("rm", "-f", "/run/charon.pid", "/run/charon.vici")

    def swanctl(self, *arguments: str, check: bool = True) -> str:
        return self._namespace.run(*self._swanctl, *arguments, "--uri", _VICI, check=check)

    def start_swanctl(self, *arguments: str) -> subprocess.Popen[str]:
        """The same in the background: most commands wait for the peer, which the caller may be."""
        return self._namespace.start(*self._swanctl, *arguments, "--uri", _VICI)

    @property
    def _swanctl(self) -> tuple[str, ...]:
        """Keys and certificates are looked for in folders of `directory`."""
        return "env", f"SWANCTL_DIR={self._directory}", "swanctl"

    def credentials(self, authority: bytes, certificate: bytes, key: bytes) -> None:
        """Files in PEM that the next `load` takes along."""
        for folder, content in (("x509ca", authority), ("x509", certificate), ("private", key)):
            (self._directory / folder).mkdir(exist_ok=True)
            (self._directory / folder / "one.pem").write_bytes(content)
