"""The compiled programs: made from these sources, and what docs/contracts.md says they are."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from finsy.proto import p4i
from ipsecplane.targets.program import load_program

ROOT = Path(__file__).resolve().parents[2]


def _compile_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("p4_compile", ROOT / "p4" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMPILE = _compile_script()


def test_artifacts_are_not_stale() -> None:
    assert not COMPILE.stale(), "p4/build was made from other sources: run `make p4`"


def test_a_changed_source_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = COMPILE.sources()[0]
    original = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        return original(path) + (b"\n" if path == first else b"")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert COMPILE.stale()


@pytest.mark.skipif(
    shutil.which(COMPILE.COMPILER) is None, reason="NOT RECOMPILED: p4c-bm2-ss is not on PATH"
)
@pytest.mark.parametrize("name", COMPILE.PROGRAMS)
def test_recompiling_gives_the_same_without_a_warning(name: str, tmp_path: Path) -> None:
    COMPILE.compile_program(name, tmp_path)
    for made in sorted(tmp_path.iterdir()):
        assert made.read_bytes() == (COMPILE.BUILD / made.name).read_bytes(), made.name


# -- the contract ------------------------------------------------------------------------------

CONTRACTS = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
NAME = re.compile(r"`([^`]+)`")
CALL = re.compile(r"(\w+)\(((?:[^()]|\([^()]*\))*)\)")
PARAM = re.compile(r"(\w+):(\d+)")
KEY = re.compile(r"\b([xlt]) (\w+)(?::([\d/]+))?")
KINDS = {"x": p4i.MatchField.EXACT, "l": p4i.MatchField.LPM, "t": p4i.MatchField.TERNARY}


def _rows(heading: str) -> list[tuple[list[str], str, str]]:
    """Tables named, key text and action text of each row of the section's table."""
    section = CONTRACTS.split(f"## {heading}")[1].split("\n## ")[0]
    rows = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or len(cells) != 3 or not cells[0].startswith("`"):
            continue
        first, *others = NAME.findall(cells[0])
        names = [first, *(o if len(o) > 4 else first.removesuffix("_v4") + o for o in others)]
        rows.append((names, cells[1], cells[2]))
    return rows


@pytest.mark.parametrize(
    ("program", "heading"),
    [("ipsec", "Pipeline tables"), ("accelerator", "Accelerator tables")],
)
def test_tables_are_the_documented_ones(program: str, heading: str) -> None:
    p4info = load_program(program).p4info
    tables = {t.preamble.alias: t for t in p4info.tables}
    actions = {a.preamble.id: a for a in p4info.actions}
    documented = _rows(heading)
    assert {name for names, _, _ in documented for name in names} == set(tables)

    for names, keys, calls in documented:
        for name in names:
            table = tables[name]
            fields = KEY.findall(keys)
            assert [f[1] for f in fields] == [m.name for m in table.match_fields], name
            for (kind, field, width), match in zip(fields, table.match_fields, strict=True):
                assert match.match_type == KINDS[kind], (name, field)
                if width and "/" not in width:
                    assert match.bitwidth == int(width), (name, field)
            written = {
                actions[ref.id].preamble.alias: actions[ref.id]
                for ref in table.action_refs
                if ref.scope != p4i.ActionRef.DEFAULT_ONLY
            }
            if table.is_const_table:
                continue
            told = dict(CALL.findall("".join(NAME.findall(calls))))
            assert set(told) == set(written), name
            for action, params in told.items():
                assert [(p.name, str(p.bitwidth)) for p in written[action].params] == PARAM.findall(
                    params
                ), (name, action)


SIZES = {
    "INTERFACE_TABLE_SIZE": ("interface_in", "interface_out", "gre_in", "gre_out", "tunnel_out"),
    "MY_MAC_TABLE_SIZE": ("my_mac",),
    "LOCAL_TABLE_SIZE": ("local_v4", "local_v6"),
    "ROUTE_TABLE_SIZE": ("route_v4", "route_v6"),
    "ADJACENCY_TABLE_SIZE": ("adjacency_v4", "adjacency_v6"),
    "POLICY_TABLE_SIZE": tuple(
        f"{table}_v{n}"
        for table in (
            "inner_policy",
            "cleartext",
            "classify_in",
            "classify",
            "classify_tunnel",
            "spd_out",
        )
        for n in (4, 6)
    ),
    "SAD_TABLE_SIZE": ("sad_v4", "sad_v6"),
    "NAT_RULE_TABLE_SIZE": ("nat_rule_v4",),
    "NAT_FLOW_TABLE_SIZE": ("nat_in_v4", "nat_out_v4"),
    "SA_TABLE_SIZE": ("sa_in", "sa_out", "path_mtu", "pre_classified", "tunnel_in"),
    "CLASS_TABLE_SIZE": ("class_in", "class_out", "class_tunnel"),
    "LLQ_GROUP_TABLE_SIZE": ("llq_group",),
}


def test_sizes_are_the_guaranteed_ones() -> None:
    source = (ROOT / "p4" / "include" / "sizes.p4").read_text(encoding="utf-8")
    defined = {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)", source)}
    expected = {table: defined[name] for name, tables in SIZES.items() for table in tables}
    tables = load_program("ipsec").p4info.tables
    assert {t.preamble.alias: t.size for t in tables if not t.is_const_table} == expected


@pytest.mark.parametrize("program", COMPILE.PROGRAMS)
def test_names_are_unique_and_ids_explicit(program: str) -> None:
    p4info = load_program(program).p4info
    kinds = (
        p4info.tables, p4info.actions, p4info.counters, p4info.direct_counters, p4info.meters,
        p4info.registers, p4info.controller_packet_metadata,
    )  # fmt: skip
    preambles = [one.preamble for kind in kinds for one in kind if one.preamble.name != "NoAction"]
    assert len({p.alias for p in preambles}) == len(preambles)
    for preamble in preambles:
        # An id that p4c makes up is a hash: its low 24 bits are large.
        assert preamble.id & 0xFFFFFF < 0x100, preamble.name


@pytest.mark.parametrize(
    ("header", "fields"),
    [("packet-out", "packet_out"), ("packet-in", "packet_in")],
)
def test_controller_headers_are_the_documented_ones(header: str, fields: str) -> None:
    (text,) = re.findall(header + r" header(?:\*\*:)? `\{([^}]*)\}`", CONTRACTS)
    p4info = load_program("ipsec").p4info
    (metadata,) = (
        c.metadata for c in p4info.controller_packet_metadata if c.preamble.alias == fields
    )
    assert [(m.name, str(m.bitwidth)) for m in metadata] == PARAM.findall(text)
