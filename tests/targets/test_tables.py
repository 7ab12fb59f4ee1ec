"""Entries and their P4Runtime form, by the project's own p4info."""

from __future__ import annotations

import pytest
from finsy.proto import p4i
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.targets.dependencies import RANK, target_of
from ipsecplane.targets.packetio import Mode, PacketCodec, PacketIn, PacketOut
from ipsecplane.targets.program import ProgramError, load_program
from ipsecplane.targets.tables import (
    Lpm,
    TableCodec,
    TableEntry,
    TableError,
    Ternary,
    by_key,
    entry,
)

PIPELINE = load_program("ipsec").p4info
ACCELERATOR = load_program("accelerator").p4info
CODECS = {"pipeline": TableCodec(PIPELINE), "accelerator": TableCodec(ACCELERATOR)}
CODEC = CODECS["pipeline"]


@st.composite
def any_entry(draw: st.DrawFn) -> tuple[TableCodec, TableEntry]:
    """A valid entry of any table, as the p4info has it."""
    info = draw(st.sampled_from([PIPELINE, ACCELERATOR]))
    table = draw(st.sampled_from([t for t in info.tables if not t.is_const_table]))
    actions = {a.preamble.id: a for a in info.actions}
    usable = [r.id for r in table.action_refs if r.scope != p4i.ActionRef.DEFAULT_ONLY]
    action = actions[draw(st.sampled_from(usable))]
    match: dict[str, object] = {}
    ternary = False
    for spec in table.match_fields:
        top = (1 << spec.bitwidth) - 1
        if spec.match_type == p4i.MatchField.EXACT:
            match[spec.name] = draw(st.integers(0, top))
        elif spec.match_type == p4i.MatchField.LPM:
            length = draw(st.integers(0, spec.bitwidth))
            value = draw(st.integers(0, top)) >> (spec.bitwidth - length)
            match[spec.name] = Lpm(value << (spec.bitwidth - length), length)
        else:
            ternary = True
            match[spec.name] = Ternary(draw(st.integers(0, top)), draw(st.integers(0, top)))
    params = {p.name: draw(st.integers(0, (1 << p.bitwidth) - 1)) for p in action.params}
    priority = draw(st.integers(1, 1 << 30)) if ternary else 0
    codec = CODECS["pipeline" if info is PIPELINE else "accelerator"]
    alias = table.preamble.alias
    return codec, entry(alias, match, action.preamble.alias, params, priority)  # type: ignore[arg-type]


@given(any_entry())
def test_every_entry_survives_the_wire(case: tuple[TableCodec, TableEntry]) -> None:
    codec, one = case
    message = codec.encode(one)
    assert codec.decode(message) == one
    key = codec.encode_key(one)
    assert codec.decode(key).key == one.key
    for match in message.match:  # P4Runtime's canonical form: the shortest octets, no don't-cares
        kind = getattr(match, str(match.WhichOneof("field_match_type")))
        octets = kind.value
        assert len(octets) == 1 or octets[0] != 0
        if match.HasField("ternary"):
            assert int.from_bytes(kind.mask, "big") != 0


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (entry("nat_v4", {}, "x"), "no table nat_v4"),
        (entry("local_v4", {"dst": 1}, "remote"), "table local_v4: no action remote"),
        (entry("local_v4", {"dts": 1}, "local"), "table local_v4: no match field dts"),
        (entry("local_v4", {}, "local"), "table local_v4: match field dst is missing"),
        (entry("local_v4", {"dst": 1 << 32}, "local"), "dst=0x100000000 does not fit 32 bits"),
        (entry("local_v4", {"dst": Lpm(0, 8)}, "local"), "dst is EXACT"),
        (entry("local_v4", {"dst": 1}, "local", priority=3), "takes no priority"),
        (entry("my_mac", {"if_id": 1}, "admit"), "needs a priority"),
        (
            entry("sa_in", {"sa_index": 1}, "sa_in_data", {"epoch": 1}),
            "parameter window is missing",
        ),
        (
            entry("route_v4", {"dst": Lpm(0x0A000001, 8)}, "route_discard"),
            "dst has bits beyond /8",
        ),
        (
            entry("route_v4", {"dst": Lpm(0, 8)}, "route_discard", {"if_id": 1}),
            "route_discard: no parameter if_id",
        ),
    ],
)
def test_what_does_not_fit_is_named(one: TableEntry, message: str) -> None:
    with pytest.raises(TableError, match=message.replace("(", r"\(")):
        CODEC.encode(one)


def test_two_entries_of_one_key_are_an_error() -> None:
    one = entry("route_v4", {"dst": Lpm(0, 0)}, "route_discard")
    two = entry("route_v4", {}, "route_connected", {"if_id": 1})
    assert one.key == two.key
    with pytest.raises(TableError, match="two entries for one key"):
        by_key([one, two])


def test_text_is_for_people_and_keeps_secrets() -> None:
    match = {
        "spd_policy": 1,
        "dst": Ternary(0x0A000202, 0xFFFFFFFF),
        "src": Ternary(0x0A00, 0xFF00),
    }
    text = str(entry("spd_out_v4", match, "spd_protect", {"sa_index": 3}, 10))
    assert text == (
        "spd_out_v4[dst=10.0.2.2 spd_policy=1 src=0.0.10.0&0xff00] priority 10"
        " spd_protect(sa_index=3)"
    )
    secret = entry("sa_decrypt", {"sa_index": 1}, "decrypt", {"epoch": 1, "cipher_key": 0xFEED})
    assert str(secret) == "sa_decrypt[sa_index=1] decrypt(epoch=1)"


def test_all_our_tables_are_in_the_programs() -> None:
    for table in RANK:
        assert table in CODECS[target_of(table)].tables


def test_packet_headers_survive_the_wire() -> None:
    codec = PacketCodec(PIPELINE)
    out = codec.encode(PacketOut(Mode.RECEIVE, b"frame", 7))
    assert out.payload == b"frame"
    values = {m.metadata_id: m.value for m in out.metadata}
    names = {m.id: m.name for h in PIPELINE.controller_packet_metadata for m in h.metadata
             if h.preamble.name == "packet_out"}  # fmt: skip
    assert {names[i]: int.from_bytes(v, "big") for i, v in values.items()} == {
        "port": 7, "mode": 3, "pad": 0,
    }  # fmt: skip
    with pytest.raises(TableError, match="port=65536 does not fit"):
        codec.encode(PacketOut(Mode.DIRECT, b"", 1 << 16))
    with pytest.raises(TableError, match="no packet_out header"):
        PacketCodec(ACCELERATOR).encode(PacketOut(Mode.DIRECT, b""))
    from finsy.proto import p4r

    ids = {m.name: m.id for h in PIPELINE.controller_packet_metadata for m in h.metadata
           if h.preamble.name == "packet_in"}  # fmt: skip
    message = p4r.PacketIn(payload=b"x")
    for number, name in enumerate(sorted(ids), 1):
        message.metadata.add(metadata_id=ids[name], value=bytes([number]))
    want = {name: number for number, name in enumerate(sorted(ids), 1)}
    assert codec.decode(message) == PacketIn(b"x", **want)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ProgramError, match=r"nothing\.p4info\.txtpb: No such file"):
        load_program("nothing")
