"""Lines at the top of a running-config: services, host name, logging, passwords, clock."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import RouterConfig, Timestamps
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG

CONFIG.explain("""
    service: Modify use of network based services
    service timestamps: Timestamp debug/log messages
    enable: Modify enable password parameters
    logging: Modify message logging facilities
    clock: Configure time-of-day clock
    ip: Global IP configuration subcommands
    ip audit: Intrusion Detection System
    aaa: Authentication, Authorization and Accounting
    no: Negate a command
    voice: Global voice configuration
    voice hpi: Voice HPI
    mpls: Configure MPLS parameters
    mpls ldp: Configure LDP parameters
    crypto: Encryption module
    crypto isakmp: Configure ISAKMP policy
    crypto ipsec: Configure IPSEC policy
    crypto ipsec client: Configure a client
    crypto pki: Public Key components
    crypto isakmp client: Set client configuration policy
    crypto isakmp client configuration: Set client configuration parameters
    aaa authentication: Authentication configurations parameters
    aaa authorization: Authorization configurations parameters
    ip local: Specify local options
    crypto ipsec security-association: Security association parameters
    crypto ipsec security-association lifetime: Security association lifetime
    crypto ipsec security-association replay: Set replay checking
    ipv6: Global IPv6 configuration commands
""")

CONFIG.begin_block("service")
CONFIG.keep("version LINE", "Software version of the configuration", "Version number",
            key="version")  # fmt: skip
CONFIG.keep("service pad [to-xot|from-xot]", "Enable PAD commands", "PAD to XOT",
            "PAD from XOT", keeps_no=True)  # fmt: skip


def _timestamps(args: Args) -> Timestamps:
    return Timestamps(
        datetime="datetime" in args,
        uptime="uptime" in args,
        msec="msec" in args,
        localtime="localtime" in args,
        show_timezone="show_timezone" in args,
        year="year" in args,
    )


_STAMP = (
    "{uptime$uptime|datetime$datetime"
    " [msec$msec|localtime$localtime|show-timezone$show_timezone|year$year]...}"
)
_STAMP_HELPS = (
    "Timestamp with system uptime",
    "Timestamp with date and time",
    "Include milliseconds in timestamp",
    "Use local time zone for timestamps",
    "Add time zone information to timestamp",
    "Include year in timestamp",
)
_NONE = Timestamps(datetime=False, msec=False)


@CONFIG.line(
    f"service timestamps debug {_STAMP}", "Timestamp debug messages", *_STAMP_HELPS,
    keeps_no=True, default="service timestamps debug datetime msec",
    refuse=lambda router, _: replace(router, clock=replace(router.clock, debug=_NONE)),
)  # fmt: skip
def debug_timestamps(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, clock=replace(router.clock, debug=_timestamps(args)))


@CONFIG.line(
    f"service timestamps log {_STAMP}", "Timestamp log messages", *_STAMP_HELPS,
    keeps_no=True, default="service timestamps log datetime msec",
    refuse=lambda router, _: replace(router, clock=replace(router.clock, log=_NONE)),
)  # fmt: skip
def log_timestamps(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, clock=replace(router.clock, log=_timestamps(args)))


for _service, _help in (
    ("password-encryption", "Encrypt system passwords"),
    ("udp-small-servers", "Enable small UDP servers"),
    ("tcp-small-servers", "Enable small TCP servers"),
    ("tcp-keepalives-in", "Generate keepalives on idle incoming connections"),
    ("tcp-keepalives-out", "Generate keepalives on idle outgoing connections"),
    ("call-home", "Enable call-home service"),
    ("dhcp", "Enable DHCP server and relay agent"),
    ("finger", "Allow responses to finger requests"),
    ("config", "TFTP load config files"),
):
    CONFIG.keep(f"service {_service}", _help, keeps_no=True)

CONFIG.begin_block("hostname")


@CONFIG.line("hostname WORD$name", "Set system's network name", "This system's network name",
             default="hostname Router")  # fmt: skip
def hostname(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, hostname=args.text("name"))


CONFIG.begin_block("boot")
CONFIG.keep("boot-start-marker", "Start of boot commands")
CONFIG.keep("boot system LINE", "Modify system boot parameters", "System image", "Image")
CONFIG.keep("boot-end-marker", "End of boot commands")

CONFIG.begin_block("logging")
CONFIG.keep("logging queue-limit <100-2147483647>", "Set logger message queue size",
            "Queue size", key="logging queue-limit")  # fmt: skip

LEVELS = (
    "emergencies", "alerts", "critical", "errors", "warnings", "notifications", "informational",
    "debugging",
)  # fmt: skip
_LEVEL = "{" + "|".join(["<0-7>", *LEVELS]) + "}$level"
_LEVEL_HELPS = ("Logging severity level", *(f"Severity {n}" for n in range(8)))


def _level(args: Args) -> int:
    value = args.get("level", 7)
    return value if isinstance(value, int) else LEVELS.index(value)


@CONFIG.line(
    f"logging buffered [<4096-2147483647>$size] [{_LEVEL}]", "Set buffered logging parameters",
    "Logging buffer size", *_LEVEL_HELPS, keeps_no=True,
    refuse=lambda router, _: replace(router, logging=replace(router.logging, buffered_size=0)),
)  # fmt: skip
def logging_buffered(router: RouterConfig, args: Args) -> RouterConfig:
    size = args.number("size", router.logging.buffered_size)
    settings = replace(router.logging, buffered_size=size, buffered_level=_level(args))
    return replace(router, logging=settings)


@CONFIG.line(
    f"logging console [{_LEVEL}]", "Set console logging parameters", *_LEVEL_HELPS,
    default="logging console", keeps_no=True,
    refuse=lambda router, _: replace(router, logging=replace(router.logging, console=False)),
)  # fmt: skip
def logging_console(router: RouterConfig, args: Args) -> RouterConfig:
    settings = replace(router.logging, console=True, console_level=_level(args))
    return replace(router, logging=settings)


@CONFIG.line("logging rate-limit [all] <1-10000>$rate", "Set messages per second limit",
             "For all messages, including debug messages", "Messages per second")  # fmt: skip
def logging_rate_limit(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, logging=replace(router.logging, rate_limit=args.number("rate")))


CONFIG.keep(f"logging monitor [{_LEVEL}]", "Set terminal line (monitor) logging parameters",
            *_LEVEL_HELPS, key="logging monitor", keeps_no=True)  # fmt: skip
CONFIG.keep(f"logging trap [{_LEVEL}]", "Set syslog server logging level", *_LEVEL_HELPS,
            key="logging trap", keeps_no=True)  # fmt: skip
CONFIG.keep("logging host A.B.C.D", "Set syslog server IP address", "Address of the syslog server")

CONFIG.begin_block("passwords")
CONFIG.keep("enable secret [level <1-15>] [0|5|8|9] LINE", "Assign the privileged level secret",
            "Set exec level password", "Level number", "The secret follows unencrypted",
            "The secret follows as MD5", "The secret follows as PBKDF2",
            "The secret follows as scrypt", "The secret", key="enable secret")  # fmt: skip
CONFIG.keep("enable password [0|7] LINE", "Assign the privileged level password",
            "The password follows unencrypted", "The password follows hidden", "The password",
            key="enable password")  # fmt: skip

CONFIG.begin_block("aaa")


@CONFIG.line("aaa new-model", "Enable new access control commands and functions", keeps_no=True)
def aaa_new_model(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, aaa=True)


@CONFIG.line("aaa authentication login {default|WORD}$list local",
             "Set authentication lists for logins",
             "The default authentication list", "Named authentication list",
             "Use local username authentication",
             key="aaa authentication login {list}")  # fmt: skip
def aaa_login(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, login_lists=router.login_lists | {args.text("list")})


@CONFIG.line("aaa authorization network {default|WORD}$list local",
             "For network services",
             "The default authorization list", "Named authorization list", "Use local database",
             key="aaa authorization network {list}")  # fmt: skip
def aaa_network(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, network_lists=router.network_lists | {args.text("list")})


CONFIG.keep("aaa session-id common", "AAA session ID", "The same for all services")

CONFIG.begin_block("clock")


@CONFIG.line("clock timezone WORD$zone <-23-23>$hours [<0-59>$minutes]", "Configure time zone",
             "Name of time zone", "Hours offset from UTC", "Minutes offset from UTC",
             default="clock timezone UTC 0")  # fmt: skip
def clock_timezone(router: RouterConfig, args: Args) -> RouterConfig:
    hours, minutes = args.number("hours"), args.number("minutes")
    offset = hours * 60 + (-minutes if hours < 0 else minutes)
    clock = replace(router.clock, timezone=args.text("zone"), offset_minutes=offset)
    return replace(router, clock=clock)


@CONFIG.line("clock summer-time WORD$zone recurring", "Configure summer (daylight savings) time",
             "Name of time zone in summer", "Configure recurring summer time")  # fmt: skip
def clock_summer_time(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, clock=replace(router.clock, summer_timezone=args.text("zone")))


CONFIG.begin_block("ip")
CONFIG.keep("ip subnet-zero", "Allow 'subnet zero' subnets", keeps_no=True)
CONFIG.keep("ip source-route", "Process packets with source routing options", keeps_no=True)
CONFIG.begin_block("names")
CONFIG.keep("ip domain lookup", "IP DNS Resolver", "Enable IP domain name lookup",
            key="ip domain lookup", keeps_no=True)  # fmt: skip
CONFIG.keep("ip domain-lookup", "Enable IP domain name lookup", key="ip domain lookup",
            keeps_no=True)  # fmt: skip


@CONFIG.line("ip domain name WORD$domain", "IP DNS Resolver", "Define the default domain name",
             "Default domain name", key="ip domain name")  # fmt: skip
def domain_name(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, domain_name=args.text("domain"))


@CONFIG.line("ip domain-name WORD$domain", "Define the default domain name", "Default domain name",
             key="ip domain name")  # fmt: skip
def domain_name_as_before(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, domain_name=args.text("domain"))


@CONFIG.line("ip host WORD$host {A.B.C.D|X:X:X:X::X}$address", "Add an entry to the host table",
             "Name of host", "Host IP address", "Host IPv6 address",
             key="ip host {host}", no="ip host WORD$host")  # fmt: skip
def ip_host(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, hosts={**router.hosts, args.text("host"): args.address("address")})


CONFIG.keep("ip name-server A.B.C.D...", "Specify address of name server", "Server address")
CONFIG.begin_block("features")
CONFIG.keep("cns event-service server", "CNS agents", "CNS event service", "To the server")
CONFIG.keep("ip cef", "Cisco Express Forwarding", keeps_no=True)
CONFIG.keep("ip audit notify log", "Notification mechanisms", "Send events as syslog messages",
            keeps_no=True)  # fmt: skip
CONFIG.keep("ip audit po max-events <1-65535>", "Specify post office",
            "Number of queued events", "Number of events",
            key="ip audit po max-events")  # fmt: skip
CONFIG.keep("mpls ldp logging neighbor-changes", "Set LDP logging facilities",
            "Log LDP neighbor up/down changes", keeps_no=True)  # fmt: skip
CONFIG.keep("ftp-server write-enable", "FTP server", "Allow writing", keeps_no=True)
CONFIG.keep("ipv6 cef", "Cisco Express Forwarding for IPv6", keeps_no=True)
CONFIG.keep("ipv6 unicast-routing", "Enable unicast routing", keeps_no=True)
CONFIG.keep("multilink bundle-name authenticated", "PPP multilink global configuration",
            "Method for naming multilink bundles", "Use authenticated name")  # fmt: skip
CONFIG.begin_block("voice")
CONFIG.keep("voice hpi capture {buffer|destination}", "Voice HPI capture", "Capture buffer",
            "Capture destination", keeps_no=True)  # fmt: skip
CONFIG.begin_block("mta")
CONFIG.keep("mta receive maximum-recipients <0-1024>", "Modify use of mail transfer agent",
            "Configure the mail receive", "Maximum number of recipients", "Number of recipients",
            key="mta receive maximum-recipients")  # fmt: skip
CONFIG.begin_block("users")


@CONFIG.line("username WORD$name [privilege <0-15>] {password|secret} LINE$password",
             "Establish User Name Authentication", "User name", "Set user privilege level",
             "User privilege level", "Specify the password for the user",
             "Specify the secret for the user", "The password", key="username {name}")  # fmt: skip
def username(router: RouterConfig, args: Args) -> RouterConfig:
    """A password in clear (type 0); from a hash no XAUTH answer can be checked."""
    kind, _, rest = args.text("password").partition(" ")
    if rest and kind != "0" and kind.isdigit():
        return router
    password = rest if rest and kind == "0" else args.text("password")
    return replace(router, users={**router.users, args.text("name"): password})
