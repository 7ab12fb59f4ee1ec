"""IPsec profiles: the protection of tunnel interfaces. Their lines are those of crypto maps."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import IpsecProfile, RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, IPSEC_PROFILE

CONFIG.begin_block("ipsec profiles")


def _finish(router: RouterConfig, profile: IpsecProfile) -> RouterConfig:
    return replace(router, ipsec_profiles={**router.ipsec_profiles, profile.name: profile})


def _begin(_: RouterConfig, args: Args) -> IpsecProfile:
    return IpsecProfile(name=args.text("name"))


CONFIG.add(
    "crypto ipsec profile WORD$name", "Configure an ipsec policy profile", "Profile name",
    key="crypto ipsec profile {name}", enters="ipsec-profile", begin=_begin, finish=_finish,
    spaced=True,
)  # fmt: skip


@IPSEC_PROFILE.line("responder-only", "Do not initiate SAs from this device")
def responder_only(profile: IpsecProfile, _: Args) -> IpsecProfile:
    return replace(profile, responder_only=True)
