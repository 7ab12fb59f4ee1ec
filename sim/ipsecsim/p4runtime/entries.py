"""Forwarding state as values: match keys, action calls, table entries; and their wire form.

A match key is a tuple with one item per match field of the table, in p4info order:

    exact, optional   the value
    lpm               (value, prefix length)
    ternary           (value, mask)
    range             (low, high)
    don't care        None (never for exact)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finsy.proto import p4r

from . import bytestrings
from .errors import denied, invalid
from .schema import Action, Field, MatchKind, Scope, Table

MatchValue = int | tuple[int, int] | None
MatchKey = tuple[MatchValue, ...]


@dataclass(frozen=True, slots=True)
class ActionCall:
    """An action with its argument values, in the order of the action's parameters."""

    action: Action
    values: tuple[int, ...]

    def arguments(self) -> dict[str, int]:
        """Values by parameter name."""
        return {p.name: v for p, v in zip(self.action.params, self.values, strict=True)}


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A table entry's reference to an action profile member."""

    member_id: int


@dataclass(frozen=True, slots=True)
class GroupRef:
    """A table entry's reference to an action profile group."""

    group_id: int


@dataclass(frozen=True, slots=True)
class WeightedAction:
    call: ActionCall
    weight: int
    watch_port: bytes


@dataclass(frozen=True, slots=True)
class ActionSet:
    """One-shot action selector programming: the entry carries its own group."""

    actions: tuple[WeightedAction, ...]
    mode: int = 0
    size_semantics: int = 0


TableAction = ActionCall | MemberRef | GroupRef | ActionSet


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """Rates in units (bytes or packets) a second, bursts in units."""

    cir: int
    cburst: int
    pir: int
    pburst: int
    eburst: int = 0


@dataclass(slots=True, eq=False)
class TableEntry:
    """One entry of a table: its identity, what it does, and its live state.

    `packets`, `bytes` and `last_hit` (clock seconds) are written by the data plane on a hit.
    `installed` (its compiled form of the entry) and `meter_state` belong to the device.
    """

    table: Table
    match: MatchKey
    priority: int
    action: TableAction | None
    metadata: bytes = b""
    controller_metadata: int = 0
    idle_timeout_ns: int = 0
    is_const: bool = False
    is_default: bool = False
    meter: MeterConfig | None = None
    packets: int = 0
    bytes: int = 0
    last_hit: float = 0.0
    installed: Any = field(default=None, repr=False)
    meter_state: Any = field(default=None, repr=False)

    def values(self) -> dict[str, MatchValue]:
        """The match by field name."""
        return {f.name: v for f, v in zip(self.table.fields, self.match, strict=True)}


# -- match keys ------------------------------------------------------------------------------


def decode_match(
    fields: Sequence[Field], matches: Iterable[p4r.FieldMatch], where: str
) -> MatchKey:
    """The key that `matches` spell for `fields`.

    Raises INVALID_ARGUMENT for unknown, repeated, missing or mistyped fields and for
    non-canonical values, OUT_OF_RANGE for values that are too wide; `where` starts the message.
    """
    given: dict[int, p4r.FieldMatch] = {}
    for match in matches:
        if match.field_id in given:
            raise invalid(f"{where}: match field id {match.field_id} is given twice")
        given[match.field_id] = match
    key: list[MatchValue] = []
    for spec in fields:
        one = given.pop(spec.id, None)
        name = f"{where}: match field {spec.name}"
        if one is not None:
            key.append(_decode_field(spec, one, name))
        elif spec.kind is MatchKind.EXACT:
            raise invalid(f"{name}: an exact match field cannot be omitted")
        else:
            key.append(None)
    if given:
        raise invalid(f"{where}: no match field has id {next(iter(given))}")
    return tuple(key)


def _decode_field(spec: Field, match: p4r.FieldMatch, name: str) -> MatchValue:
    kind = match.WhichOneof("field_match_type")
    if kind != spec.kind.value:
        raise invalid(f"{name}: is {spec.kind.value}, the request says {kind or 'nothing'}")
    width = spec.bitwidth
    match spec.kind:
        case MatchKind.EXACT:
            return bytestrings.decode(match.exact.value, width, name)
        case MatchKind.OPTIONAL:
            return bytestrings.decode(match.optional.value, width, name)
        case MatchKind.LPM:
            value = bytestrings.decode(match.lpm.value, width, name)
            length = match.lpm.prefix_len
            if not 0 <= length <= width:
                raise invalid(f"{name}: prefix length {length} is not in 1..{width}")
            if length == 0:
                raise invalid(f"{name}: prefix length 0 is a don't care: omit the field")
            if value & ((1 << (width - length)) - 1):
                raise invalid(f"{name}: {value:#x} has bits set beyond its prefix of {length}")
            return value, length
        case MatchKind.TERNARY:
            value = bytestrings.decode(match.ternary.value, width, name)
            mask = bytestrings.decode(match.ternary.mask, width, name)
            if mask == 0:
                raise invalid(f"{name}: mask 0 is a don't care: omit the field")
            if value & ~mask:
                raise invalid(f"{name}: {value:#x} has bits set outside its mask {mask:#x}")
            return value, mask
        case MatchKind.RANGE:
            low = bytestrings.decode(match.range.low, width, name)
            high = bytestrings.decode(match.range.high, width, name)
            if low > high:
                raise invalid(f"{name}: low bound {low:#x} is above high bound {high:#x}")
            if low == 0 and high == (1 << width) - 1:
                raise invalid(f"{name}: the full range is a don't care: omit the field")
            return low, high


def encode_match(fields: Sequence[Field], key: MatchKey) -> list[p4r.FieldMatch]:
    """The inverse of `decode_match`: don't cares omitted, shortest byte strings."""
    matches = []
    for spec, value in zip(fields, key, strict=True):
        if value is None:
            continue
        match = p4r.FieldMatch(field_id=spec.id)
        if isinstance(value, int):
            member = match.exact if spec.kind is MatchKind.EXACT else match.optional
            member.value = bytestrings.encode(value)
        else:
            first, second = value
            match spec.kind:
                case MatchKind.LPM:
                    match.lpm.value = bytestrings.encode(first)
                    match.lpm.prefix_len = second
                case MatchKind.TERNARY:
                    match.ternary.value = bytestrings.encode(first)
                    match.ternary.mask = bytestrings.encode(second)
                case _:
                    match.range.low = bytestrings.encode(first)
                    match.range.high = bytestrings.encode(second)
        matches.append(match)
    return matches


def matches(fields: Sequence[Field], key: MatchKey, values: Sequence[int]) -> bool:
    """Whether a packet's field `values` satisfy `key`: the reference meaning of each match kind."""
    for spec, want, value in zip(fields, key, values, strict=True):
        if want is None:
            continue
        if isinstance(want, int):
            if value != want:
                return False
        elif spec.kind is MatchKind.RANGE:
            if not want[0] <= value <= want[1]:
                return False
        else:
            mask = want[1]
            if spec.kind is MatchKind.LPM:
                mask = ((1 << want[1]) - 1) << (spec.bitwidth - want[1])
            if value & mask != want[0]:
                return False
    return True


# -- actions ---------------------------------------------------------------------------------


def decode_call(actions: Mapping[int, Action], message: p4r.Action, where: str) -> ActionCall:
    """An action of `actions` with every parameter given exactly once, of the right width."""
    action = actions.get(message.action_id)
    if action is None:
        raise invalid(f"{where}: action id {message.action_id:#x} is not one of its actions")
    given: dict[int, bytes] = {}
    for param in message.params:
        if param.param_id in given:
            raise invalid(
                f"{where}: action {action.name}: parameter id {param.param_id} is given twice"
            )
        given[param.param_id] = param.value
    return make_call(action, given, where)


def make_call(action: Action, given: Mapping[int, bytes], where: str) -> ActionCall:
    """An action call from values by parameter id."""
    rest = dict(given)
    values = []
    for spec in action.params:
        value = rest.pop(spec.id, None)
        if value is None:
            raise invalid(f"{where}: action {action.name}: parameter {spec.name} is missing")
        what = f"{where}: action {action.name}: parameter {spec.name}"
        values.append(bytestrings.decode(value, spec.bitwidth, what))
    if rest:
        raise invalid(f"{where}: action {action.name} has no parameter with id {next(iter(rest))}")
    return ActionCall(action, tuple(values))


def encode_call(call: ActionCall) -> p4r.Action:
    return p4r.Action(
        action_id=call.action.id,
        params=[
            p4r.Action.Param(param_id=p.id, value=bytestrings.encode(v))
            for p, v in zip(call.action.params, call.values, strict=True)
        ],
    )


def decode_action(
    table: Table, message: p4r.TableAction, where: str, *, default: bool = False
) -> TableAction:
    """The action of an entry (or of the `default` entry) of `table`; scopes are checked.

    Whether a member or group exists is for the action profile to say.
    """
    kind = message.WhichOneof("type")
    if table.profile is None:
        if kind != "action":
            raise invalid(f"{where}: the table takes an action, the request has {kind or 'none'}")
        call = decode_call(table.actions, message.action, where)
        wrong = Scope.ENTRIES_ONLY if default else Scope.DEFAULT_ONLY
        if table.scopes[call.action.id] is wrong:
            place = "the default entry" if default else "table entries"
            raise denied(f"{where}: action {call.action.name} is not for {place}")
        return call
    profile = table.profile
    match kind:
        case "action_profile_member_id":
            return MemberRef(message.action_profile_member_id)
        case "action_profile_group_id" if profile.with_selector:
            return GroupRef(message.action_profile_group_id)
        case "action_profile_action_set" if profile.with_selector:
            return _decode_set(table, message.action_profile_action_set, where)
    takes = "a member, a group or an action set" if profile.with_selector else "a member"
    raise invalid(f"{where}: the table takes {takes}, the request has {kind or 'none'}")


def _decode_set(table: Table, message: p4r.ActionProfileActionSet, where: str) -> ActionSet:
    actions = []
    for one in message.action_profile_actions:
        if one.weight <= 0:
            raise invalid(f"{where}: action set: weight {one.weight} is not positive")
        call = decode_call(table.actions, one.action, where)
        actions.append(WeightedAction(call, one.weight, one.watch_port))
    if not actions:
        raise invalid(f"{where}: empty action set")
    return ActionSet(tuple(actions), message.action_selection_mode, message.size_semantics)


def encode_action(action: TableAction) -> p4r.TableAction:
    match action:
        case ActionCall():
            return p4r.TableAction(action=encode_call(action))
        case MemberRef():
            return p4r.TableAction(action_profile_member_id=action.member_id)
        case GroupRef():
            return p4r.TableAction(action_profile_group_id=action.group_id)
        case ActionSet():
            message = p4r.TableAction()
            body = message.action_profile_action_set
            body.action_selection_mode = action.mode  # type: ignore[assignment]
            body.size_semantics = action.size_semantics  # type: ignore[assignment]
            for one in action.actions:
                item = body.action_profile_actions.add(
                    action=encode_call(one.call), weight=one.weight
                )
                if one.watch_port:
                    item.watch_port = one.watch_port
            return message


# -- direct resources ------------------------------------------------------------------------


def decode_meter(message: p4r.MeterConfig, meter_type: int, where: str) -> MeterConfig:
    """A meter configuration that suits the meter's type (p4.config.v1.MeterSpec.Type)."""
    config = MeterConfig(message.cir, message.cburst, message.pir, message.pburst, message.eburst)
    if min(config.cir, config.cburst, config.pir, config.pburst, config.eburst) < 0:
        raise invalid(f"{where}: negative meter rate or burst")
    if meter_type != 0 and (config.pir, config.pburst) != (config.cir, config.cburst):
        raise invalid(f"{where}: a single rate meter needs pir = cir and pburst = cburst")
    if meter_type != 1 and config.eburst:
        raise invalid(f"{where}: eburst is only for single rate three colour meters")
    if config.pir < config.cir:
        raise invalid(f"{where}: peak rate {config.pir} is below committed rate {config.cir}")
    return config


def encode_meter(config: MeterConfig) -> p4r.MeterConfig:
    return p4r.MeterConfig(
        cir=config.cir,
        cburst=config.cburst,
        pir=config.pir,
        pburst=config.pburst,
        eburst=config.eburst,
    )
