"""The queues of the hardware: their registers, and an engine of a given speed that has them.

Time is the world's, not the model's cycles: the hardware is told the tick with each packet. Where
the engine takes time, packets leave their queues one by one, each when the one before is done; so
the hardware chooses as it would with a path of that speed behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ipsecsim.accelerator.classes import ClassTable
from ipsecsim.accelerator.engine import tick
from ipsecsim.accelerator.frontend import Request
from ipsecsim.accelerator.llq import CLASS_DEFAULT, CLASSES, Cause, LlqClass

from . import registers as reg
from .driver import DriverError, Registers

_PER_REGISTER = 8  # classes in a register of the table
_PATIENCE = 10_000  # reads of `llq_class`
_PACKETS_WRAP = 1 << 32
_OCTETS_WRAP = 1 << 48


class Queues:
    """The registers of LLQ. Raises DriverError."""

    def __init__(self, device: Registers) -> None:
        """`device` has been reset."""
        self._device = device
        self._rules: dict[int, LlqClass] = {}
        self._classes = [0] * reg.LLQ_SELECT.count
        self._counted: dict[tuple[bool, int, Cause | None], tuple[int, int]] = {}
        self._tick = 0
        self._revision = -1
        self._of: ClassTable | None = None

    def follow(self, table: ClassTable) -> None:
        """Make the hardware go by the rows of `table`, whatever it has now."""
        if self._of is table and self._revision == table.revision:
            return
        for number in range(CLASSES):
            rules = table.rules.get(number, CLASS_DEFAULT)
            if rules != self._rules.get(number, CLASS_DEFAULT):
                self._set_rules(number, rules)
        for place in range(reg.LLQ_SELECT.count):
            word = sum(
                table.class_of(*divmod(place * _PER_REGISTER + n, 256)) << 4 * n
                for n in range(_PER_REGISTER)
            )
            if word != self._classes[place]:
                self._device.put(reg.LLQ_SELECT, word, place)
                self._classes[place] = word
        self._rules = dict(table.rules)
        self._of, self._revision = table, table.revision

    def _set_rules(self, number: int, rules: LlqClass) -> None:
        device = self._device
        device.put(
            reg.LLQ_RULE,
            reg.LLQ_RULE_LEVEL.put(rules.level)
            | reg.LLQ_RULE_WEIGHT.put(rules.weight)
            | reg.LLQ_RULE_CONDITIONAL.put(int(rules.conditional)),
        )
        device.put(reg.LLQ_LIMIT, rules.limit)
        device.put(reg.LLQ_POLICE_RATE, rules.police_rate)
        device.put(reg.LLQ_POLICE_BURST, rules.police_burst)
        device.put(reg.LLQ_CLASS, reg.LLQ_CLASS_CLASS_ID.put(number))
        for _ in range(_PATIENCE):
            if not reg.LLQ_CLASS_BUSY.get(device.get(reg.LLQ_CLASS)):
                return
        raise DriverError(f"the rules of class {number} do not come into force")

    def at(self, now: float) -> None:
        """Tell the time, in seconds; it matters only where something is policed."""
        if (ticks := tick(now)) != self._tick and any(r.police_rate for r in self._rules.values()):
            self._device.put(reg.LLQ_TIME, ticks)
            self._tick = ticks

    def gate(self, gated: bool) -> None:
        """Packets leave only when they are granted it."""
        self._device.put(reg.LLQ_MODE, reg.LLQ_MODE_GATED.put(int(gated)))

    def grant(self, inbound: bool) -> None:
        field = reg.LLQ_GRANT_INBOUND if inbound else reg.LLQ_GRANT_OUTBOUND
        self._device.put(reg.LLQ_GRANT, field.put(1))

    def last(self, inbound: bool) -> tuple[int, int]:
        """How many packets have left (modulo 256), and the octets of the last one."""
        word = self._device.get(reg.LLQ_LAST, int(inbound))
        return reg.LLQ_LAST_TURNS.get(word), reg.LLQ_LAST_OCTETS.get(word)

    def take(self, inbound: bool, number: int, drops: Cause | None = None) -> tuple[int, int]:
        """Packets and octets that class `number` has let through, or dropped for this cause, since
        the last call."""
        device = self._device
        device.put(
            reg.LLQ_COUNT,
            reg.LLQ_COUNT_ABOVE_LIMIT.put(int(drops is Cause.ABOVE_LIMIT))
            | reg.LLQ_COUNT_CLASS_ID.put(number)
            | reg.LLQ_COUNT_DROPS.put(int(drops is not None))
            | reg.LLQ_COUNT_INBOUND.put(int(inbound)),
        )
        now = device.get(reg.LLQ_PACKETS), device.get(reg.LLQ_OCTETS)
        before = self._counted.get((inbound, number, drops), (0, 0))
        self._counted[inbound, number, drops] = now
        return (now[0] - before[0]) % _PACKETS_WRAP, (now[1] - before[1]) % _OCTETS_WRAP


class HardwareEngine:
    """What `Engine` is to the software model, with the queues of the hardware.

    `rate` is in octets a second; 0 = it takes no time. `through` gives a frame, or nothing, to the
    hardware and returns what comes out by the time it rests.
    """

    def __init__(
        self,
        inbound: bool,
        rate: int,
        queues: Callable[[], Queues],
        through: Callable[[bytes], list[bytes]],
    ) -> None:
        self._inbound = inbound
        self._rate = rate
        self._queues = queues
        self._through = through
        self._granted = False  # the next packet may go
        self._results: list[bytes] = []  # of the packet that is worked on until `_done`
        self._done: float | None = None

    @property
    def due(self) -> float | None:
        """When `collect` has something next, in seconds; None if nothing is under way."""
        return self._done

    def configure(self, classes: Mapping[int, LlqClass], now: float) -> None:
        """Rules go to the hardware with their rows."""

    def offer(self, item: Request, size: int, number: int, now: float) -> list[bytes]:
        """Give a packet to the queues. Returns what is done by `now`."""
        results = self.collect(now)
        self._queues().at(now)
        if not self._rate:
            return results + self._through(item.frame)
        if self._done is None:
            self._start(now, item.frame)
        else:
            self._through(item.frame)
        return results + self.collect(now)

    def collect(self, now: float) -> list[bytes]:
        """The results that are done by `now`, in the order in which they were done."""
        results: list[bytes] = []
        while self._done is not None and self._done <= now:
            results += self._results
            done, self._done = self._done, None
            self._start(done)
        return results

    def _start(self, now: float, frame: bytes = b"") -> None:
        """Let one packet go, now or as soon as there is one."""
        queues = self._queues()
        if not self._granted:
            queues.grant(self._inbound)
            self._granted = True
        before, _ = queues.last(self._inbound)
        frames = self._through(frame)
        turns, octets = queues.last(self._inbound)
        if turns != before:
            self._granted = False
            self._results = frames
            self._done = now + octets / self._rate
