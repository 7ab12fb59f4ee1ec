"""Programs that cannot be executed are refused when they are loaded, with the place in the JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from finsy.proto import p4r
from ipsecplane.targets.program import load_program
from ipsecsim.p4runtime.errors import Code, P4RuntimeError
from ipsecsim.switch.pipeline import SwitchPipeline

from tests.switch.targets import PROGRAMS

NAMES = sorted(path.stem for path in PROGRAMS.glob("*.json"))


def load(name: str, program: Any) -> SwitchPipeline:
    config = p4r.ForwardingPipelineConfig(
        p4info=load_program(name, PROGRAMS).p4info,
        p4_device_config=json.dumps(program).encode(),
    )
    return SwitchPipeline(
        config,
        clock=lambda: 0.0,
        rng=random.Random(1),
        port_exists=lambda port: True,
        learn=lambda name, values, now: None,
    )


def source(name: str) -> Any:
    return json.loads((PROGRAMS / f"{name}.json").read_text())


def places(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of everything in a JSON value."""
    yield path
    keys: Any = node if isinstance(node, dict) else ()
    if isinstance(node, list):
        keys = range(len(node))
    for key in keys:
        yield from places(node[key], (*path, key))


def find(node: Any, **wanted: Any) -> tuple[str | int, ...]:
    """The path of the first object with these members."""
    for path in places(node):
        found = at(node, path)
        if isinstance(found, dict) and all(found.get(k) == v for k, v in wanted.items()):
            return path
    raise AssertionError(f"nothing has {wanted}")


def at(node: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


def written(path: tuple[str | int, ...]) -> str:
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


# (program, which object, member, new value, code, what the message says after the path)
UNSUPPORTED: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("flow", {"op": "log_msg"}, "op", "teleport", "the primitive 'teleport' is not supported"),
    ("flow", {"op": "=="}, "op", "<=>", "the operation '<=>' is not supported"),
    ("parsing", {"op": "verify"}, "op", "guess", "the parser operation 'guess' is not supported"),
    ("parsing", {"type": "lookahead"}, "type", "crystal", "an operand of type 'crystal' is not"),
    ("tables", {"match_type": "lpm"}, "match_type", "fuzzy", "match type 'fuzzy' is not supported"),
    ("controller", {"type": "indirect"}, "type", "odd", "table type 'odd' is not supported"),
    ("checksums", {"algo": "crc32"}, "algo", "md6", "the hash algorithm 'md6' is not supported"),
    ("checksums", {"type": "payload"}, "type", "rest", "a calculation input of type 'rest' is not"),
    ("checksums", {"type": "generic"}, "type", "fancy", "checksum type 'fancy' is not supported"),
    ("stateful", {"rate_count": 2}, "rate_count", 3, "a meter without exactly two rates is not"),
]


@pytest.mark.parametrize(("name", "which", "member", "value", "said"), UNSUPPORTED)
def test_unsupported_constructs(
    name: str, which: dict[str, Any], member: str, value: Any, said: str
) -> None:
    program = source(name)
    path = find(program, **which)
    at(program, path)[member] = value
    with pytest.raises(P4RuntimeError) as caught:
        load(name, program)
    assert caught.value.code == Code.UNIMPLEMENTED
    place = written((*path, member))
    assert caught.value.message.startswith(f"p4_device_config: {place}: ")
    assert said.split("'")[0] in caught.value.message


def test_externs_and_other_versions() -> None:
    program = source("flow")
    program["extern_instances"] = [{"name": "mine", "id": 0, "type": "magic"}]
    with pytest.raises(P4RuntimeError, match=r"\$\.extern_instances\[0\]: an extern instance"):
        load("flow", program)
    program = source("flow")
    program["__meta__"]["version"] = [3, 0]
    with pytest.raises(P4RuntimeError, match=r"\$\.__meta__\.version: format version \[3, 0\]"):
        load("flow", program)


def test_a_p4info_of_another_program() -> None:
    with pytest.raises(P4RuntimeError, match=r"p4_device_config: \$\.") as caught:
        load("tables", source("controller"))
    assert caught.value.code == Code.INVALID_ARGUMENT


def test_references_to_nothing() -> None:
    program = source("flow")
    path = find(program, op="log_msg")
    vector = at(program, path)["parameters"][1]["value"]
    vector[0]["value"] = ["data", "nowhere"]
    with pytest.raises(P4RuntimeError) as caught:
        load("flow", program)
    assert caught.value.code == Code.INVALID_ARGUMENT
    assert caught.value.message.endswith("header data has no field 'nowhere'")


@pytest.mark.parametrize("name", NAMES)
def test_damaged_json_is_refused_or_runs(name: str) -> None:
    """Whatever is wrong with it, the answer is a P4Runtime error: nothing else comes out."""
    rng = random.Random(name)
    whole = source(name)
    paths = [path for path in places(whole) if path]
    refused: list[str] = []
    for _ in range(60):
        program = copy.deepcopy(whole)
        *path, last = rng.choice(paths)
        home = at(program, tuple(path))
        value: Any = rng.choice(["gone", None, 5, "x", [], {}, True, -1, "0xzz"])
        if value == "gone":
            del home[last]
        else:
            home[last] = value
        try:
            load(name, program)
        except P4RuntimeError as error:
            refused.append(error.message)
    assert len(refused) > 20
    for message in refused:
        assert message.startswith(("p4_device_config: $", "the p4info"))
