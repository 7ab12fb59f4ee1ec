"""Control flow graphs as structured Python.

P4's controls and parsers come as graphs whose nodes name their successors; Python has no goto.
A node with one predecessor is written in place, inside the branch that leads to it. A node where
paths meet becomes a *label*: a block that follows, in topological order, and that runs when the
variable `s` says so:

    if condition:            # node 1
        ...                  # node 2, in place
        s = 4
    else:
        ...                  # node 3, in place
        s = 5
    if s == 4: ...           # label 4: not every path comes here
        s = 5
    ...                      # label 5: every path does, so nothing is asked and nothing set

Labels that form a cycle (loops in parsers and actions) are wrapped in `while s in (...)`, which
raises EndlessLoop after MAX_TURNS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from .writer import Writer

MAX_DEPTH = 24
"""Nodes written in place inside each other; Python refuses 100 levels of indentation."""

MAX_TURNS = 200_000
"""Turns of one loop for one packet: above what nested 8-bit counters take."""

S = TypeVar("S")
Goto = Callable[[Writer, str | None, S], None]
"""goto(writer, successor, state): continue there; None is the end."""
Emit = Callable[[Writer, str, S, Goto[S]], None]
"""emit(writer, node, state, goto) writes a node's code and calls goto at the end of each branch."""


class Flow(Generic[S]):
    """`successors` maps each node to the nodes it may continue with (None: the end).

    `state` is what the emitter knows at a point (a parser's offset, say): passed along inside a
    block, `flush`ed into variables before a jump to a label or the end, and `fresh` in a label.
    `variable` is the one that says which label is next.
    """

    def __init__(
        self,
        successors: Mapping[str, Sequence[str | None]],
        entry: str,
        emit: Emit[S],
        fresh: S,
        flush: Callable[[Writer, S], None] = lambda writer, state: None,
        variable: str = "s",
    ) -> None:
        self._var = variable
        self._next = successors
        self._entry = entry
        self._emit = emit
        self._fresh = fresh
        self._flush = flush
        self._labels = self._find_labels()
        self._number = {name: n + 1 for n, name in enumerate(self._labels)}
        self._targets = {label: self._targets_of(label) for label in self._labels}
        self._groups = self._order()
        self._jumps: set[str] = set()

    @property
    def loops(self) -> bool:
        """Whether there is a cycle."""
        return any(len(g) > 1 or g[0] in self._targets[g[0]] for g in self._groups)

    def write(self, writer: Writer, start: S) -> None:
        """Write everything reachable from the entry; `start` is the state there."""
        plan: list[tuple[list[str], bool]] = []
        pending: set[str | None] = {self._entry}
        for group in self._groups:
            cyclic = len(group) > 1 or group[0] in self._targets[group[0]]
            guarded = cyclic or pending != {group[0]}
            plan.append((group, guarded))
            if guarded:
                self._jumps.update(group)
            pending -= set(group)
            for label in group:
                pending |= self._targets[label] - set(group)
        if self._jumps:
            writer.line(f"{self._var} = {self._number[self._entry]}")
        state = start
        if self._entry in self._jumps:
            self._flush(writer, start)
            state = self._fresh
        for group, guarded in plan:
            if len(group) > 1 or group[0] in self._targets[group[0]]:
                names = ", ".join(str(self._number[label]) for label in group)
                comma = "," if len(group) == 1 else ""
                writer.line(f"{self._var}_turns = 0")
                with writer.block(f"while {self._var} in ({names}{comma})"):
                    writer.line(f"{self._var}_turns += 1")
                    with writer.block(f"if {self._var}_turns > {MAX_TURNS}"):
                        writer.line("raise EndlessLoop")
                    for label in group:
                        self._label(writer, label, True, self._fresh, in_loop=True)
            else:
                first = group[0] == self._entry
                self._label(writer, group[0], guarded, state if first else self._fresh)

    def _label(
        self, writer: Writer, label: str, guarded: bool, state: S, in_loop: bool = False
    ) -> None:
        def goto(w: Writer, target: str | None, current: S) -> None:
            if target is not None and target not in self._number:
                self._emit(w, target, current, goto)
                return
            self._flush(w, current)
            if target is not None and (in_loop or target in self._jumps):
                w.line(f"{self._var} = {self._number[target]}")
            elif in_loop:
                w.line(f"{self._var} = 0")

        if guarded:
            with writer.block(f"if {self._var} == {self._number[label]}"):
                self._emit(writer, label, state, goto)
        else:
            self._emit(writer, label, state, goto)

    # -- analysis ----------------------------------------------------------------------------

    def _find_labels(self) -> list[str]:
        """The entry, nodes with several predecessors, targets of back edges, nodes too deep."""
        predecessors: dict[str, int] = {self._entry: 1}
        labels = {self._entry}
        reachable: list[str] = [self._entry]
        for node in reachable:
            for target in self._next[node]:
                if target is None:
                    continue
                if target not in predecessors:
                    predecessors[target] = 0
                    reachable.append(target)
                predecessors[target] += 1
        labels |= {node for node in reachable if predecessors[node] > 1}
        # Every cycle is entered somewhere, so it has a node with two predecessors: a label.
        depth = dict.fromkeys(labels, 0)
        work = list(depth)
        while work:
            node = work.pop()
            for target in dict.fromkeys(self._next[node]):
                if target is None or target in labels:
                    continue
                depth[target] = depth[node] + 1
                if depth[target] > MAX_DEPTH:
                    labels.add(target)
                    depth[target] = 0
                work.append(target)
        return [node for node in reachable if node in labels]

    def _targets_of(self, label: str) -> set[str | None]:
        """The labels (and None) that the block of `label` may jump to."""
        found: set[str | None] = set()
        work = [label]
        while work:
            for target in self._next[work.pop()]:
                if target is None or target in self._number:
                    found.add(target)
                else:
                    work.append(target)
        return found

    def _order(self) -> list[list[str]]:
        """Strongly connected components of the label graph, in topological order (Tarjan)."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        components: list[list[str]] = []

        def visit(label: str) -> None:
            index[label] = low[label] = len(index)
            stack.append(label)
            for target in self._targets[label]:
                if target is None:
                    continue
                if target not in index:
                    visit(target)
                    low[label] = min(low[label], low[target])
                elif target in stack:
                    low[label] = min(low[label], index[target])
            if low[label] == index[label]:
                at = stack.index(label)
                components.append(sorted(stack[at:], key=self._labels.index))
                del stack[at:]

        visit(self._entry)
        return components[::-1]
