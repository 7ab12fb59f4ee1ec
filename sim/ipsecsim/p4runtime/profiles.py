"""Action profiles and selectors: members, groups, and who refers to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finsy.proto import p4r

from .changes import Change, Kind, Listener, Undo, apply, set_attributes
from .entries import (
    ActionCall,
    ActionSet,
    GroupRef,
    MemberRef,
    TableAction,
    decode_call,
    encode_call,
)
from .errors import already_exists, exhausted, invalid, not_found, precondition
from .schema import Action, ActionProfile


@dataclass(slots=True, eq=False)
class Member:
    profile: ActionProfile
    member_id: int
    call: ActionCall
    installed: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GroupMember:
    member_id: int
    weight: int
    watch_port: bytes


@dataclass(slots=True, eq=False)
class Group:
    profile: ActionProfile
    group_id: int
    members: tuple[GroupMember, ...]
    max_size: int
    installed: Any = field(default=None, repr=False)


class ProfileState:
    """The members and groups of one action profile."""

    def __init__(
        self,
        profile: ActionProfile,
        actions: Mapping[int, Action],
        listener: Listener,
        port_exists: Callable[[int], bool],
    ) -> None:
        self.profile = profile
        self.members: dict[int, Member] = {}
        self.groups: dict[int, Group] = {}
        self._actions = actions
        self._listener = listener
        self._port_exists = port_exists
        self._uses: Counter[TableAction] = Counter()
        self._one_shots = 0
        self._where = f"action profile {profile.name}"

    # -- references from table entries -------------------------------------------------------

    def check_reference(self, action: TableAction, where: str) -> None:
        """NOT_FOUND for a member or group that is not there; no mixing of programming styles."""
        match action:
            case MemberRef(member_id) if member_id not in self.members:
                raise not_found(f"{where}: {self._where} has no member {member_id}")
            case GroupRef(group_id) if group_id not in self.groups:
                raise not_found(f"{where}: {self._where} has no group {group_id}")
            case ActionSet() if self.members or self.groups:
                raise invalid(
                    f"{where}: {self._where} has members, so action sets cannot be used with it"
                )
            case ActionSet(actions):
                for one in actions:
                    self._check_watch(one.watch_port, where)
                self._check_size([a.weight for a in actions], 0, where)

    def move_reference(self, old: TableAction | None, new: TableAction | None) -> None:
        """Account for an entry's action changing from `old` to `new` (None: no entry)."""
        for action, step in ((old, -1), (new, 1)):
            if isinstance(action, ActionSet):
                self._one_shots += step
            elif action is not None:
                self._uses[action] += step

    # -- members -----------------------------------------------------------------------------

    def insert_member(self, message: p4r.ActionProfileMember) -> Undo:
        member_id = message.member_id
        if member_id == 0:
            raise invalid(f"{self._where}: member id 0 is reserved")
        if self._one_shots:
            raise invalid(f"{self._where}: is used with action sets, so it takes no members")
        if member_id in self.members:
            raise already_exists(f"{self._where}: member {member_id} exists")
        if self.profile.size and len(self.members) >= self.profile.size:
            raise exhausted(f"{self._where}: full, its size is {self.profile.size}")
        member = Member(self.profile, member_id, self._call(message))
        return self._put(Kind.INSERT, self.members, member_id, member)

    def modify_member(self, message: p4r.ActionProfileMember) -> Undo:
        member = self.member(message.member_id)
        do, undo = set_attributes(member, call=self._call(message))
        return apply(self._listener, Change(Kind.MODIFY, member), do, undo)

    def delete_member(self, message: p4r.ActionProfileMember) -> Undo:
        member_id = message.member_id
        member = self.member(member_id)
        if self._uses[MemberRef(member_id)]:
            raise precondition(f"{self._where}: member {member_id} is used by a table entry")
        for group in self.groups.values():
            if any(m.member_id == member_id for m in group.members):
                raise precondition(
                    f"{self._where}: member {member_id} is part of group {group.group_id}"
                )
        return self._put(Kind.DELETE, self.members, member_id, member)

    def member(self, member_id: int) -> Member:
        member = self.members.get(member_id)
        if member is None:
            raise not_found(f"{self._where}: no member {member_id}")
        return member

    def _call(self, message: p4r.ActionProfileMember) -> ActionCall:
        if not message.HasField("action"):
            raise invalid(f"{self._where}: member {message.member_id} needs an action")
        where = f"{self._where}: member {message.member_id}"
        return decode_call(self._actions, message.action, where)

    def read_members(self, member_id: int) -> Iterator[p4r.ActionProfileMember]:
        """The member with this id, or (0) all."""
        for member in list(self.members.values()) if not member_id else [self.member(member_id)]:
            yield p4r.ActionProfileMember(
                action_profile_id=self.profile.id,
                member_id=member.member_id,
                action=encode_call(member.call),
            )

    # -- groups ------------------------------------------------------------------------------

    def insert_group(self, message: p4r.ActionProfileGroup) -> Undo:
        group_id = message.group_id
        if group_id == 0:
            raise invalid(f"{self._where}: group id 0 is reserved")
        self._need_selector()
        if self._one_shots:
            raise invalid(f"{self._where}: is used with action sets, so it takes no groups")
        if group_id in self.groups:
            raise already_exists(f"{self._where}: group {group_id} exists")
        limit = self.profile.max_group_size
        if message.max_size < 0 or (limit and message.max_size > limit):
            raise invalid(f"{self._where}: group {group_id}: max_size is limited to {limit}")
        group = Group(self.profile, group_id, self._members_of(message), message.max_size)
        return self._put(Kind.INSERT, self.groups, group_id, group)

    def modify_group(self, message: p4r.ActionProfileGroup) -> Undo:
        self._need_selector()
        group = self.group(message.group_id)
        if message.max_size != group.max_size:
            raise invalid(f"{self._where}: group {group.group_id}: max_size cannot be changed")
        do, undo = set_attributes(group, members=self._members_of(message))
        return apply(self._listener, Change(Kind.MODIFY, group), do, undo)

    def delete_group(self, message: p4r.ActionProfileGroup) -> Undo:
        self._need_selector()
        group = self.group(message.group_id)
        if self._uses[GroupRef(group.group_id)]:
            raise precondition(f"{self._where}: group {group.group_id} is used by a table entry")
        return self._put(Kind.DELETE, self.groups, group.group_id, group)

    def group(self, group_id: int) -> Group:
        group = self.groups.get(group_id)
        if group is None:
            raise not_found(f"{self._where}: no group {group_id}")
        return group

    def read_groups(self, group_id: int) -> Iterator[p4r.ActionProfileGroup]:
        """The group with this id, or (0) all."""
        for group in list(self.groups.values()) if not group_id else [self.group(group_id)]:
            message = p4r.ActionProfileGroup(
                action_profile_id=self.profile.id,
                group_id=group.group_id,
                max_size=group.max_size,
            )
            for one in group.members:
                item = message.members.add(member_id=one.member_id, weight=one.weight)
                if one.watch_port:
                    item.watch_port = one.watch_port
            yield message

    def _members_of(self, message: p4r.ActionProfileGroup) -> tuple[GroupMember, ...]:
        where = f"{self._where}: group {message.group_id}"
        members: dict[int, GroupMember] = {}
        for one in message.members:
            if one.member_id in members:
                raise invalid(f"{where}: member {one.member_id} is given twice")
            if one.member_id not in self.members:
                raise not_found(f"{where}: no member {one.member_id}")
            if one.weight <= 0:
                raise invalid(f"{where}: member {one.member_id}: weight is not positive")
            self._check_watch(one.watch_port, f"{where}: member {one.member_id}")
            members[one.member_id] = GroupMember(one.member_id, one.weight, one.watch_port)
        self._check_size([m.weight for m in members.values()], message.max_size, where)
        return tuple(members.values())

    def _check_watch(self, port: bytes, where: str) -> None:
        """A watch port has to exist. Ports of these devices are never down."""
        if port and not self._port_exists(int.from_bytes(port, "big")):
            raise invalid(f"{where}: there is no watch port {port.hex()}")

    def _check_size(self, weights: list[int], max_size: int, where: str) -> None:
        limit = max_size or self.profile.max_group_size
        size = len(weights) if self.profile.sum_of_members else sum(weights)
        if limit and size > limit:
            raise exhausted(f"{where}: group size {size} is above {limit}")
        top = self.profile.max_member_weight
        if top and max(weights, default=0) > top:
            raise invalid(f"{where}: a weight is above {top}")

    def _need_selector(self) -> None:
        if not self.profile.with_selector:
            raise invalid(f"{self._where}: has no selector, so it has no groups")

    def _put(self, kind: Kind, home: dict[int, Any], key: int, what: Member | Group) -> Undo:
        def add() -> None:
            home[key] = what

        def remove() -> None:
            del home[key]

        do, undo = (add, remove) if kind is Kind.INSERT else (remove, add)
        return apply(self._listener, Change(kind, what), do, undo)
