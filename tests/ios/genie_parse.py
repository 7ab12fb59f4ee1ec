"""Runs in Genie's own environment: [{command: output}] in, [{command: its parse}] out.

Which of its iosxe parsers a command has, Genie finds by itself; one without is told as
{"unknown": …}, one that refuses the output as {"error": …}.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from genie.libs.parser.utils import get_parser
from genie.libs.parser.utils.common import ParserNotFound

NOWHERE = ("platform", "model", "version", "pid", "submodel", "chassis_type", "os_flavor")
ROUTER = SimpleNamespace(os="iosxe", name="router", type="router", custom={},
                         **dict.fromkeys(NOWHERE))  # fmt: skip


def parsed(command: str, output: str) -> Any:
    try:
        parser, arguments = get_parser(command, ROUTER)
    except ParserNotFound:
        return {"unknown": command}
    try:
        return parser(device=Mock()).parse(output=output, **arguments)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


outputs = json.load(sys.stdin)
json.dump(
    [{command: parsed(command, text) for command, text in one.items()} for one in outputs],
    sys.stdout,
)
