"""A compiled program (bmv2 JSON) as indexed values.

Declarations become values here; what runs is compiled by the modules that generate code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from .declarations import (
    Action,
    ActionCall,
    Array,
    Checksum,
    Conditional,
    FieldType,
    Header,
    HeaderType,
    LearnList,
    Pipeline,
    Profile,
    Stack,
    Table,
    TableKey,
    Union,
    UnionStack,
)
from .jsonpath import Node

SUPPORTED_MAJOR = 2
"""bmv2 JSON format version, major part (`__meta__.version`)."""

CORE_ERRORS = (
    "NoError",
    "PacketTooShort",
    "NoMatch",
    "StackOutOfBounds",
    "HeaderTooShort",
    "ParserTimeout",
    "ParserInvalidArgument",
)


T = TypeVar("T")


@dataclass(slots=True)
class Program:
    """Raises ProgramError or UnsupportedError for what it cannot take."""

    root: Node
    headers: dict[str, Header] = field(default_factory=dict)
    stacks: dict[str, Stack] = field(default_factory=dict)
    unions: dict[str, Union] = field(default_factory=dict)
    union_stacks: dict[str, UnionStack] = field(default_factory=dict)
    union_of: dict[str, Union] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    actions: dict[int, Action] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    counters: dict[str, Array] = field(default_factory=dict)
    meters: dict[str, Array] = field(default_factory=dict)
    registers: dict[str, Array] = field(default_factory=dict)
    calculations: dict[str, Node] = field(default_factory=dict)
    checksums: list[Checksum] = field(default_factory=list)
    field_lists: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    learn_lists: dict[int, LearnList] = field(default_factory=dict)
    aliases: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = self.root
        version = root["__meta__"]["version"]
        if version[0].number() != SUPPORTED_MAJOR:
            raise version.unsupported(f"format version {version.value}")
        if len(root.get("extern_instances")):
            raise root["extern_instances"][0].unsupported("an extern instance")
        self._read_headers()
        self.errors = {name: code for code, name in enumerate(CORE_ERRORS)}
        self.errors.update({e[0].text(): e[1].number() for e in root.get("errors")})
        for node in root["actions"]:
            params = tuple((p["name"].text(), p["bitwidth"].width()) for p in node["runtime_data"])
            action = Action(node["id"].number(), node["name"].text(), params, node["primitives"])
            self.actions[action.id] = action
        self._read_arrays()
        for node in root["calculations"]:
            self.calculations[node["name"].text()] = node
        for node in root.get("field_lists"):
            elements = [self._list_field(e) for e in node["elements"]]
            self.field_lists[node["id"].number()] = elements
        for node in root.get("learn_lists"):
            self.learn_lists[node["id"].number()] = LearnList(node["name"].text(), node["elements"])
        for node in root.get("field_aliases"):
            self.aliases[node[0].text()] = self.field_ref(node[1])
        for node in root["pipelines"]:
            self._read_pipeline(node)
        for node in root["checksums"]:
            self._read_checksum(node)
        for name in ("ingress", "egress"):
            if name not in self.pipelines:
                raise root["pipelines"].error(f"there is no pipeline {name!r}")

    # -- headers -----------------------------------------------------------------------------

    def _read_headers(self) -> None:
        root = self.root
        types = {node["name"].text(): _header_type(node) for node in root["header_types"]}
        by_id: dict[int, str] = {}
        for node in root["headers"]:
            type_ = _lookup(types, node["header_type"], "header type")
            header = Header(
                node["id"].number(), node["name"].text(), type_, node["metadata"].flag()
            )
            if not header.metadata and header.type.fixed_bits % 8:
                raise node.unsupported(
                    f"header {header.name}, which is not a whole number of bytes,"
                )
            self.headers[header.name] = header
            by_id[header.id] = header.name
        for node in root.get("header_stacks"):
            names = tuple(_lookup(by_id, n, "header id") for n in node["header_ids"])
            self.stacks[node["name"].text()] = Stack(node["name"].text(), names)
        union_types = {
            node["name"].text(): tuple(h[0].text() for h in node["headers"])
            for node in root.get("header_union_types")
        }
        unions_by_id: dict[int, str] = {}
        for node in root.get("header_unions"):
            union = Union(
                node["id"].number(),
                node["name"].text(),
                tuple(_lookup(by_id, n, "header id") for n in node["header_ids"]),
                _lookup(union_types, node["union_type"], "header union type"),
            )
            self.unions[union.name] = union
            unions_by_id[union.id] = union.name
            self.union_of.update(dict.fromkeys(union.headers, union))
        for node in root.get("header_union_stacks"):
            names = tuple(_lookup(unions_by_id, n, "union id") for n in node["header_union_ids"])
            self.union_stacks[node["name"].text()] = UnionStack(node["name"].text(), names)

    def header(self, node: Node) -> Header:
        return _lookup(self.headers, node, "header")

    def field_ref(self, node: Node) -> tuple[str, str]:
        """A [header, field] pair that exists (the field may be `$valid$`)."""
        header = self.header(node[0])
        name = node[1].text()
        if name != "$valid$" and header.field(name) is None:
            raise node[1].error(f"header {header.name} has no field {name!r}")
        return header.name, name

    def _list_field(self, node: Node) -> tuple[str, str]:
        if node["type"].text() != "field":
            raise node.unsupported(f"a field list element of type {node['type'].value}")
        return self.field_ref(node["value"])

    # -- arrays ------------------------------------------------------------------------------

    def _read_arrays(self) -> None:
        root = self.root
        for kind, home in (
            ("counter_arrays", self.counters),
            ("meter_arrays", self.meters),
            ("register_arrays", self.registers),
        ):
            for node in root.get(kind):
                name = node["name"].text()
                direct = bool(node.get("is_direct").value)
                target = node.get("result_target")
                meter_type = node.get("type").value
                if kind == "meter_arrays":
                    if meter_type not in ("bytes", "packets"):
                        raise node["type"].unsupported(f"meter type {meter_type!r}")
                    if node.get("rate_count").value not in (None, 2):
                        raise node["rate_count"].unsupported("a meter without exactly two rates")
                home[name] = Array(
                    name,
                    node["size"].width() if not direct else 0,
                    direct,
                    node.get("binding").name(),
                    node["bitwidth"].width() if kind == "register_arrays" else 0,
                    bool(node.get("signed").value),
                    meter_type == "bytes",
                    self.field_ref(target) if direct and target else None,
                )

    # -- controls ----------------------------------------------------------------------------

    def _read_pipeline(self, node: Node) -> None:
        for profile in node.get("action_profiles"):
            name = profile["name"].text()
            selector = profile.get("selector")
            self.profiles[name] = Profile(name, selector if selector else None)
        nodes: dict[str, Table | Conditional | ActionCall] = {}
        for table in node["tables"]:
            nodes[table["name"].text()] = self._table(table)
        for one in node.get("conditionals"):
            name = one["name"].text()
            nodes[name] = Conditional(
                name, one["expression"], one.get("true_next").name(), one.get("false_next").name()
            )
        for call in node.get("action_calls"):
            name = call["name"].text()
            action = _lookup(self.actions, call["action_id"], "action id")
            nodes[name] = ActionCall(name, action, call.get("next_node").name())
        init = node.get("init_table").name()
        name = node["name"].text()
        for target in [init, *(t for n in nodes.values() for t in _successors(n))]:
            if target is not None and target not in nodes:
                raise node.error(f"pipeline {name} has no node {target!r}")
        self.pipelines[name] = Pipeline(name, init, nodes)

    def _table(self, node: Node) -> Table:
        if node["match_type"].text() not in ("exact", "lpm", "ternary", "range"):
            raise node["match_type"].unsupported(f"match type {node['match_type'].value!r}")
        keys = []
        for key in node["key"]:
            kind = key["match_type"].text()
            if kind not in ("exact", "lpm", "ternary", "range", "optional", "valid"):
                raise key["match_type"].unsupported(f"match type {kind!r}")
            if kind == "valid":
                ref = (self.header(key["target"]).name, "$valid$")
            else:
                ref = self.field_ref(key["target"])
            mask = key.get("mask")
            keys.append(TableKey(kind, ref, mask.hexadecimal() if mask else None, key))
        actions = tuple(_lookup(self.actions, n, "action id") for n in node["action_ids"])
        table_type = node["type"].text()
        profile = None
        if table_type in ("indirect", "indirect_ws"):
            profile = _lookup(self.profiles, node["action_profile"], "action profile").name
        elif table_type != "simple":
            raise node["type"].unsupported(f"table type {table_type!r}")
        following = {name: next_.name() for name, next_ in node["next_tables"].mapping().items()}
        by_action = None if "__HIT__" in following or "__MISS__" in following else following
        default = node.get("default_entry")
        default_action = None
        default_data: tuple[int, ...] = ()
        if default:
            default_action = _lookup(self.actions, default["action_id"], "action id")
            default_data = tuple(n.hexadecimal() for n in default.get("action_data"))
            if len(default_data) != len(default_action.params):
                raise default.error(
                    f"action {default_action.name} takes {len(default_action.params)}"
                )
        return Table(
            name=node["name"].text(),
            keys=tuple(keys),
            actions=actions,
            profile=profile,
            next_by_action=by_action,
            next_hit=following.get("__HIT__"),
            next_miss=following.get("__MISS__"),
            base_next=node.get("base_default_next").name(),
            direct_meter=node.get("direct_meters").name(),
            with_counters=bool(node.get("with_counters").value),
            support_timeout=bool(node.get("support_timeout").value),
            default_action=default_action,
            default_data=default_data,
            default_const=bool(default and default.get("action_entry_const").value),
            node=node,
        )

    def _read_checksum(self, node: Node) -> None:
        if node["type"].text() != "generic":
            raise node["type"].unsupported(f"checksum type {node['type'].value!r}")
        name = node["calculation"].text()
        if name not in self.calculations:
            raise node["calculation"].error(f"there is no calculation {name!r}")
        condition = node.get("if_cond")
        verify, update = node.get("verify").value, node.get("update").value
        self.checksums.append(
            Checksum(
                self.field_ref(node["target"]),
                name,
                condition if condition else None,
                verify is not False,
                update is not False,
                node,
            )
        )


def _header_type(node: Node) -> HeaderType:
    if node.get("length_exp"):
        raise node["length_exp"].unsupported("a header type with its own length expression")
    max_length = node["max_length"].width() if node.get("max_length") else 0
    fields: list[FieldType] = []
    for item in node["fields"]:
        varbit = item[1].value == "*"
        width = 0 if varbit else item[1].width()
        signed = len(item) > 2 and item[2].flag()
        fields.append(FieldType(item[0].text(), width, signed, varbit))
    if sum(f.varbit for f in fields) > 1:
        raise node.unsupported("more than one varbit field in a header")
    if any(f.varbit for f in fields):
        fixed = sum(f.width for f in fields)
        top = max(0, max_length * 8 - fixed)
        fields = [FieldType(f.name, top, f.signed, True) if f.varbit else f for f in fields]
        before = 0
        for f in fields:
            if f.varbit:
                break
            before += f.width
        if before % 8:
            raise node.unsupported("a varbit field that does not start on a byte")
    return HeaderType(node["name"].text(), tuple(fields), max_length)


def _lookup(home: dict[str, T] | dict[int, T], node: Node, what: str) -> T:
    if node.key() not in home:
        raise node.error(f"there is no {what} {node.value!r}")
    return home[node.value]


def _successors(node: Table | Conditional | ActionCall) -> Iterable[str | None]:
    match node:
        case Conditional():
            return (node.true_next, node.false_next)
        case ActionCall():
            return (node.next,)
        case Table(next_by_action=None):
            return (node.next_hit, node.next_miss)
    return (*(node.next_by_action or {}).values(), node.base_next)
