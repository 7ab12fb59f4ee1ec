"""Lines at the end of a running-config: dial-up, voice and terminal lines, kept as they are."""

from __future__ import annotations

from ipsecplane.ios.commands.modes import CONFIG, CONTROL_PLANE, DIAL_PEER, GATEKEEPER, LINE

CONFIG.keep("dialer-list <1-10> protocol {ip|ipv6|ipx} {permit|deny}",
            "Create a dialer list entry", "Dialer group number",
            "Permit or deny based on protocols", "IP", "IPv6", "Novell IPX",
            "Permit the protocol", "Deny the protocol")  # fmt: skip
CONFIG.begin_block("control plane")
CONFIG.add("control-plane", "Configure control plane services", enters="config-cp")
CONTROL_PLANE.keep("service-policy input WORD", "Configure QoS Service Policy",
                   "Assign policy-map to the input", "policy-map name")  # fmt: skip
CONFIG.begin_block("call")
CONFIG.keep("call rsvp-sync", "Configure Call parameters", "RSVP synchronization", keeps_no=True)
CONFIG.begin_block("mgcp")
CONFIG.keep("mgcp profile {default|WORD}", "Enable MGCP", "Define profile for MGCP",
            "The default profile", "Profile name")  # fmt: skip
CONFIG.begin_block("dial peers")
CONFIG.add("dial-peer cor custom", "Dial Map (Peer) configuration commands",
           "Class of Restriction", "Define the names of capabilities",
           enters="config-dp-cor")  # fmt: skip
DIAL_PEER.keep("name WORD", "Name of a capability", "Name")
CONFIG.begin_block("gatekeeper")
CONFIG.add("gatekeeper", "Gatekeeper Configuration Commands", enters="config-gk")
GATEKEEPER.keep("shutdown", "Shut the gatekeeper down", keeps_no=True)

CONFIG.begin_block("banners")
CONFIG.keep("banner {exec|incoming|login|motd}$kind LINE", "Define a login banner",
            "Set EXEC process creation banner", "Set incoming terminal line banner",
            "Set login banner", "Set Message of the Day banner",
            "c banner-text c, where 'c' is a delimiting character",
            key="banner {kind}")  # fmt: skip

CONFIG.begin_block("lines")
_ORDER = ("console", "con", "aux", "vty")
CONFIG.add(
    "line {{con|aux}$kind <0-0>$first|vty$kind <0-924>$first [<1-924>$last]}",
    "Configure a terminal line", "Primary terminal line", "Auxiliary line", "Line number",
    "Virtual terminal", "First line number", "Last line number",
    key="line {kind} {first} {last}", enters="config-line",
    sort=lambda args: (_ORDER.index(args.text("kind")), args.number("first")),
)  # fmt: skip
LINE.keep("session-timeout <0-35791>", "Set interval for closing connection when there is no input",
          "Session timeout in minutes", key="session-timeout")  # fmt: skip
LINE.keep("exec-timeout <0-35791> [<0-2147483>]", "Set the EXEC timeout", "Timeout in minutes",
          "Timeout in seconds", key="exec-timeout")  # fmt: skip
LINE.keep("privilege level <0-15>", "Change privilege level for line",
          "Assign default privilege level for line", "Level", key="privilege level")  # fmt: skip
LINE.keep("password [0|7] LINE", "Set a password", "The password follows unencrypted",
          "The password follows hidden", "The line password", key="password")  # fmt: skip
LINE.keep("logging synchronous", "Modify message logging facilities",
          "Synchronized message output", keeps_no=True)  # fmt: skip
LINE.keep("login [local]", "Enable password checking", "Local password checking", key="login",
          keeps_no=True)  # fmt: skip
LINE.keep("history size <0-256>", "Enable and control the command history function",
          "Set history buffer size", "Size of history buffer", key="history size")  # fmt: skip
LINE.keep("length <0-512>", "Set number of lines on a screen", "Lines", key="length")
LINE.keep("width <0-512>", "Set width of the display terminal", "Columns", key="width")
LINE.keep("transport {input|output|preferred}$direction {all|none|ssh|telnet}",
          "Define transport protocols for line", "Incoming connections", "Outgoing connections",
          "Preferred protocol", "All protocols", "No protocols", "SSH", "Telnet",
          key="transport {direction}")  # fmt: skip
LINE.keep("speed <0-4294967295>", "Set the transmit and receive speeds", "Speed", key="speed")
LINE.keep("stopbits {1|1.5|2}", "Set async line stop bits", "One stop bit",
          "One and one-half stop bits", "Two stop bits", key="stopbits")  # fmt: skip
