"""Configurations of two routers between two LANs, with algorithms of today."""

from __future__ import annotations

PORTS = {"GigabitEthernet0/0": 1, "GigabitEthernet0/1": 2}


def router(
    name: str,
    local: int,
    remote: int,
    *,
    transform: str = "esp-aes 256 esp-sha256-hmac",
    extra_map: str = "",
    extra: str = "",
    peers: tuple[str, ...] = (),
    access_list: str | None = None,
    key: str = "s3cret",
) -> str:
    """LAN 192.168.<local>.0/24 behind 203.0.113.<local>, tunnel to <remote>."""
    lines = access_list or (
        f"access-list 101 permit ip 192.168.{local}.0 0.0.0.255 192.168.{remote}.0 0.0.0.255\n"
    )
    set_peers = "\n".join(f" set peer {p}" for p in peers or (f"203.0.113.{remote}",))
    return f"""
hostname {name}
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime 86400
crypto isakmp key {key} address 0.0.0.0 0.0.0.0
crypto isakmp invalid-spi-recovery
crypto ipsec transform-set strong {transform}
crypto map wan 10 ipsec-isakmp
{set_peers}
 set transform-set strong
 match address 101
{extra_map}
interface GigabitEthernet0/0
 ip address 203.0.113.{local} 255.255.255.0
 crypto map wan
interface GigabitEthernet0/1
 ip address 192.168.{local}.1 255.255.255.0
ip route 0.0.0.0 0.0.0.0 203.0.113.{remote}
{lines}
{extra}
end
"""


def both(**options: object) -> tuple[str, str]:
    """Routers 1 and 2, configured alike."""
    return router("one", 1, 2, **options), router("two", 2, 1, **options)  # type: ignore[arg-type]
