"""docs/commands.md is what the grammar says."""

from __future__ import annotations

from pathlib import Path

from ipsecplane.ios.reference import commands_markdown

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == commands_markdown(), "run python -m ipsecplane.ios.reference"


def test_the_page_names_every_kind_of_thing() -> None:
    page = commands_markdown()
    assert "| `show crypto isakmp sa [detail]` | Show ISAKMP Security Associations |" in page
    assert "| `ip cef` | Cisco Express Forwarding | kept |" in page
    assert "### config-crypto-map" in page
