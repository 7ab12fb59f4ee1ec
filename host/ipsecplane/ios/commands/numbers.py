"""Protocol and port numbers by the names access lists use (IANA's numbers)."""

from __future__ import annotations

from typing import Final

PROTOCOL_NUMBERS: Final[dict[str, int | None]] = {
    "ip": None,
    "icmp": 1,
    "igmp": 2,
    "ipinip": 4,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ahp": 51,
    "eigrp": 88,
    "ospf": 89,
    "pim": 103,
    "pcp": 108,
}
"""None = any protocol."""

IPV6_PROTOCOL_NUMBERS: Final[dict[str, int | None]] = {
    "ipv6": None,
    "icmp": 58,
    "tcp": 6,
    "udp": 17,
    "esp": 50,
    "ahp": 51,
    "sctp": 132,
    "pcp": 108,
}
"""What lists for IPv6 call them."""

IPV6_PROTOCOLS: Final[dict[str, str]] = {
    "ipv6": "Any IPv6",
    "icmp": "Internet Control Message Protocol",
    "esp": "Encapsulation Security Payload",
    "ahp": "Authentication Header Protocol",
    "sctp": "Streams Control Transmission Protocol",
    "pcp": "Payload Compression Protocol",
}

PROTOCOLS: Final[dict[str, str]] = {
    "ip": "Any Internet Protocol",
    "icmp": "Internet Control Message Protocol",
    "igmp": "Internet Gateway Message Protocol",
    "ipinip": "IP in IP tunneling",
    "gre": "GRE tunneling",
    "esp": "Encapsulation Security Payload",
    "ahp": "Authentication Header Protocol",
    "eigrp": "EIGRP routing protocol",
    "ospf": "OSPF routing protocol",
    "pim": "Protocol Independent Multicast",
    "pcp": "Payload Compression Protocol",
}
"""Those that take no ports, with their help."""

TCP_PORTS: Final[dict[str, tuple[int, str]]] = {
    "bgp": (179, "Border Gateway Protocol (179)"),
    "daytime": (13, "Daytime (13)"),
    "discard": (9, "Discard (9)"),
    "domain": (53, "Domain Name Service (53)"),
    "echo": (7, "Echo (7)"),
    "finger": (79, "Finger (79)"),
    "ftp": (21, "File Transfer Protocol (21)"),
    "ftp-data": (20, "FTP data connections (20)"),
    "ident": (113, "Ident Protocol (113)"),
    "irc": (194, "Internet Relay Chat (194)"),
    "lpd": (515, "Printer service (515)"),
    "nntp": (119, "Network News Transport Protocol (119)"),
    "pop3": (110, "Post Office Protocol v3 (110)"),
    "smtp": (25, "Simple Mail Transport Protocol (25)"),
    "sunrpc": (111, "Remote Procedure Call (111)"),
    "tacacs": (49, "TAC Access Control System (49)"),
    "telnet": (23, "Telnet (23)"),
    "time": (37, "Time (37)"),
    "whois": (43, "Nicname (43)"),
    "www": (80, "World Wide Web, HTTP (80)"),
}

UDP_PORTS: Final[dict[str, tuple[int, str]]] = {
    "bootpc": (68, "Bootstrap Protocol client (68)"),
    "bootps": (67, "Bootstrap Protocol server (67)"),
    "discard": (9, "Discard (9)"),
    "domain": (53, "Domain Name Service (53)"),
    "echo": (7, "Echo (7)"),
    "isakmp": (500, "Internet Security Association and Key Management Protocol (500)"),
    "netbios-dgm": (138, "NetBios datagram service (138)"),
    "netbios-ns": (137, "NetBios name service (137)"),
    "non500-isakmp": (4500, "ISAKMP behind NAT (4500)"),
    "ntp": (123, "Network Time Protocol (123)"),
    "rip": (520, "Routing Information Protocol (520)"),
    "snmp": (161, "Simple Network Management Protocol (161)"),
    "snmptrap": (162, "SNMP Traps (162)"),
    "sunrpc": (111, "Remote Procedure Call (111)"),
    "syslog": (514, "System Logger (514)"),
    "tacacs": (49, "TAC Access Control System (49)"),
    "tftp": (69, "Trivial File Transfer Protocol (69)"),
    "time": (37, "Time (37)"),
}


def protocol_number(value: str | int, version: int = 4) -> int | None:
    """Number of a protocol typed by name or number; None = any."""
    if isinstance(value, int):
        return value
    return (PROTOCOL_NUMBERS if version == 4 else IPV6_PROTOCOL_NUMBERS)[value]


def port_number(value: str | int, protocol: str) -> int:
    """Number of a port typed by name or number, `protocol` being "tcp" or "udp"."""
    if isinstance(value, int):
        return value
    return (TCP_PORTS if protocol == "tcp" else UDP_PORTS)[value][0]


def protocol_name(number: int | None, version: int = 4) -> str:
    """The name access lists print for a protocol number."""
    table = PROTOCOL_NUMBERS if version == 4 else IPV6_PROTOCOL_NUMBERS
    names = {n: name for name, n in table.items()}
    return names.get(number, str(number))


def port_name(number: int, protocol: int | None) -> str:
    """The name access lists print for a port, or its number."""
    table = {6: TCP_PORTS, 17: UDP_PORTS}.get(protocol or 0, {})
    return next((name for name, (n, _) in table.items() if n == number), str(number))
