"""IPsec: transform sets and what applies to all security associations."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import RouterConfig, TransformSet
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, TRANSFORM
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ipsec.algorithms import CIPHERS, INTEGRITIES

REPLAY_WINDOWS = (64, 128, 256, 512, 1024)
WINDOW = "{" + "|".join(map(str, REPLAY_WINDOWS)) + "}$window"
WINDOW_HELPS = tuple(f"Window size of {size}" for size in REPLAY_WINDOWS)
IDLE_SECONDS = "<60-86400>$seconds"
SECONDS = "<120-2592000>$seconds"
KILOBYTES = "<2560-4294967295>$kilobytes"

CONFIG.begin_block("ipsec")


@CONFIG.line(f"crypto ipsec security-association lifetime seconds {SECONDS}",
             "Time-based key duration", "Security association duration in seconds",
             default="crypto ipsec security-association lifetime seconds 3600")  # fmt: skip
def lifetime_seconds(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, lifetime_seconds=args.number("seconds"))


@CONFIG.line(f"crypto ipsec security-association lifetime kilobytes {KILOBYTES}",
             "Volume-based key duration", "Security association duration in kilobytes encrypted",
             default="crypto ipsec security-association lifetime kilobytes 4608000")  # fmt: skip
def lifetime_kilobytes(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, lifetime_kilobytes=args.number("kilobytes"))


@CONFIG.line(f"crypto ipsec security-association idle-time {IDLE_SECONDS}",
             "Automatically delete IPSec SAs after a given idle period.",
             "Idle time in seconds")  # fmt: skip
def idle_time(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, idle_time=args.number("seconds"))


_REPLAY = "crypto ipsec security-association replay"


@CONFIG.line(f"{_REPLAY} window-size {WINDOW}", "Set replay window size", *WINDOW_HELPS,
             key=_REPLAY, default=f"{_REPLAY} window-size 64", no=_REPLAY)  # fmt: skip
def replay_window(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, replay_window=int(args["window"]))


@CONFIG.line(f"{_REPLAY} disable", "Disable replay checking", key=_REPLAY)
def replay_disable(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, replay_window=0)


DF_BIT_HELPS = (
    "Handling of encapsulated DF bit",
    "Clear DF bit for encapsulated tunnel packets",
    "Copy DF bit from inner packet",
    "Set DF bit for encapsulated tunnel packets",
)
FRAGMENTATION_HELPS = (
    "Handling of fragmentation of near-MTU sized packets",
    "Perform fragmentation after encryption",
    "Perform fragmentation before encryption",
)


@CONFIG.line("crypto ipsec df-bit {clear|copy|set}$policy", *DF_BIT_HELPS,
             default="crypto ipsec df-bit copy")  # fmt: skip
def df_bit(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, df_bit=args.text("policy"))


@CONFIG.line("crypto ipsec fragmentation {after-encryption|before-encryption}$when",
             *FRAGMENTATION_HELPS,
             default="crypto ipsec fragmentation before-encryption")  # fmt: skip
def fragmentation(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, prefragment=args["when"] == "before-encryption")


@CONFIG.line(
    "crypto ipsec nat-transparency udp-encapsulation", "IPsec NAT transparency model",
    "UDP encapsulation of IPsec protocols",
    default="crypto ipsec nat-transparency udp-encapsulation", keeps_no=True,
    refuse=lambda router, _: replace(router, nat_transparency=False),
)  # fmt: skip
def nat_transparency(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, nat_transparency=True)


CONFIG.begin_block("transform sets")

_AH = {i.ah_transform: i for i in INTEGRITIES if i.ah_transform}
_ESP_INTEGRITY = {i.esp_transform: i for i in INTEGRITIES if i.esp_transform}
_CIPHERS = {c.transform: c for c in CIPHERS if c.transform}
_FIXED = [c.transform for c in CIPHERS if c.transform and not c.variable_key]
_SIZED = [c.transform for c in CIPHERS if c.transform and c.variable_key]


def _alternatives(words: list[str], capture: str) -> str:
    return "|".join(f"{word}${capture}" for word in words)


def _begin(_: RouterConfig, args: Args) -> TransformSet:
    _check(args)
    cipher = _CIPHERS.get(args.text("cipher"))
    ah, integrity = _AH.get(args.text("ah")), _ESP_INTEGRITY.get(args.text("integrity"))
    size = 0
    if cipher is not None:
        size = int(args["bits"]) // 8 if "bits" in args else cipher.key_sizes[0]
    return TransformSet(
        args.text("name"),
        ah.name if ah else None,
        cipher.name if cipher else None,
        size,
        integrity.name if integrity else None,
    )


def _finish(router: RouterConfig, transforms: TransformSet) -> RouterConfig:
    sets = {**router.transform_sets, transforms.name: transforms}
    return replace(router, transform_sets=sets)


def _check(args: Args) -> None:
    if "compression" in args:
        raise CommandError(
            f"ERROR: {args['compression']} is not supported: the crypto engine does not compress"
        )
    cipher = _CIPHERS.get(args.text("cipher"))
    if cipher is None and "integrity" in args:
        raise CommandError(f"ERROR: {args['integrity']} needs an ESP cipher (or esp-null) with it")
    if cipher is not None and cipher.aead and "integrity" in args:
        raise CommandError(
            f"ERROR: {cipher.transform} authenticates by itself: it cannot go with"
            f" {args['integrity']}"
        )
    if cipher is not None and cipher.name == "NULL" and not {"integrity", "ah"} & set(args.values):
        raise CommandError("ERROR: esp-null needs an authentication transform with it")


CONFIG.add(
    "crypto ipsec transform-set WORD$name {"
    + _alternatives(list(_AH), "ah") + "|"
    + _alternatives(_FIXED, "cipher") + "|"
    + f"{{{'|'.join(_SIZED)}}}$cipher [{{128|192|256}}$bits]|"
    + _alternatives(list(_ESP_INTEGRITY), "integrity") + "|comp-lzs$compression}...",
    "Define transform and settings", "Transform set tag",
    *(f"AH transform using {i.name}" for i in _AH.values()),
    *(f"ESP transform using {_CIPHERS[word].name}" for word in _FIXED),
    *(f"ESP transform using {_CIPHERS[word].name}" for word in _SIZED),
    "128 bit keys", "192 bit keys", "256 bit keys",
    *(f"ESP transform using {i.name}" for i in _ESP_INTEGRITY.values()),
    "IP Compression using LZS (not supported by the crypto engine)",
    key="crypto ipsec transform-set {name}", no="crypto ipsec transform-set WORD$name",
    enters="cfg-crypto-trans", begin=_begin, finish=_finish,
)  # fmt: skip


@TRANSFORM.line("mode {transport|tunnel}$mode", "Encapsulation mode",
                "Transport (payload encapsulation) mode", "Tunnel (datagram encapsulation) mode",
                default="mode tunnel")  # fmt: skip
def mode(transforms: TransformSet, args: Args) -> TransformSet:
    return replace(transforms, transport=args["mode"] == "transport")
