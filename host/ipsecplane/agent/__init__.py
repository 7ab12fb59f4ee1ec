"""The agent: a router's control plane, between EXEC commands and two P4Runtime targets."""

from .core import Agent
from .options import AgentOptions

__all__ = ["Agent", "AgentOptions"]
