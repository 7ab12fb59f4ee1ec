"""The running configuration of a router, shared by its sessions."""

from __future__ import annotations

from dataclasses import dataclass

from ipsecplane.config import RouterConfig
from ipsecplane.ios.configuration import Configuration
from ipsecplane.ios.loader import load_running_config


@dataclass(slots=True)
class ConfigurationStore:
    """The tree of lines and what it means; sessions replace both together."""

    configuration: Configuration
    router: RouterConfig

    @classmethod
    def load(cls, text: str, filename: str = "<running-config>") -> ConfigurationStore:
        """From a running-config. Raises ConfigurationErrors."""
        return cls(*load_running_config(text, filename))

    @classmethod
    def empty(cls) -> ConfigurationStore:
        return cls.load("")
