"""Where packets go, and with which metadata: drop, multicast, clones, resubmit, recirculate."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import finsy as fy
import pytest

from tests.switch.targets import Both, run_frame

(
    DROP, MULTICAST, CLONE, CLONE_ONLY, RESUBMIT, TRUNCATE, DROP_OR_MULTICAST, EXIT, EGRESS_CLONE,
    RECIRCULATE, TRUNCATE_LATE, EGRESS_DROP, EGRESS_EXIT,
) = range(1, 14)  # fmt: skip
NORMAL, INGRESS_CLONE, E2E_CLONE, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6
GROUP, SESSION, SHORT_SESSION = 9, 5, 6


@dataclass(frozen=True, slots=True)
class Trace:
    """What egress saw (header trace_t)."""

    ingress_port: int
    egress_port: int
    instance_type: int
    rid: int
    length: int
    kept: int
    lost: int
    passes: int

    @classmethod
    def of(cls, frame: bytes) -> Trace:
        return cls(*struct.unpack("!BBBHHHHB", frame[4:16]))


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both("paths")
    pair.write(
        +fy.P4MulticastGroupEntry(GROUP, replicas=[(2, 1), (3, 7)]),
        +fy.P4CloneSessionEntry(SESSION, replicas=[(4, 2)]),
    )
    yield pair
    pair.close()


def test_unicast(both: Both) -> None:
    ((port, frame),) = both.one(run_frame(0, b"data", number=40), port=3)
    assert port == 2
    assert frame[:4] == run_frame(0x80, number=40)
    assert Trace.of(frame) == Trace(3, 2, NORMAL, 0, 8, 41, 42, 0)
    assert frame[16:] == b"data"


def test_drop(both: Both) -> None:
    assert both.one(run_frame(DROP)) == []
    assert both.one(run_frame(EGRESS_DROP, port=3)) == []
    assert len(both.one(run_frame(EGRESS_DROP, port=4))) == 1


def test_multicast(both: Both) -> None:
    sent = both.one(run_frame(MULTICAST, b"data", number=40, port=GROUP))
    assert [(port, Trace.of(frame)) for port, frame in sent] == [
        (2, Trace(1, 2, REPLICATED, 1, 8, 41, 42, 0)),
        (3, Trace(1, 3, REPLICATED, 7, 8, 41, 42, 0)),
    ]
    assert both.one(run_frame(MULTICAST, port=8)) == [], "a group nobody made"


def test_drop_against_multicast(both: Both) -> None:
    assert both.one(run_frame(DROP_OR_MULTICAST, number=1, port=GROUP)) == []
    assert len(both.one(run_frame(DROP_OR_MULTICAST, number=7, port=GROUP))) == 2


def test_ingress_clone_is_the_packet_as_it_came(both: Both) -> None:
    sent = both.one(run_frame(CLONE, b"data", number=40, port=SESSION))
    assert [port for port, _ in sent] == [4, 5]
    clone, original = sent[0][1], sent[1][1]
    assert clone[:4] == run_frame(CLONE | 0x80, number=40, port=SESSION)
    assert Trace.of(clone) == Trace(0, 4, INGRESS_CLONE, 2, 8, 41, 0, 0)
    assert original[:4] == run_frame(CLONE | 0x80, number=0xAAAA, port=SESSION)
    assert Trace.of(original) == Trace(1, 5, NORMAL, 0, 8, 41, 42, 0)


def test_clone_of_a_dropped_packet(both: Both) -> None:
    ((port, frame),) = both.one(run_frame(CLONE_ONLY, number=40, port=SESSION))
    assert (port, Trace.of(frame)) == (4, Trace(0, 4, INGRESS_CLONE, 2, 4, 0, 0, 0))
    assert both.one(run_frame(CLONE_ONLY, port=77)) == [], "a session nobody made"


def test_egress_clone_is_the_packet_as_it_leaves(both: Both) -> None:
    sent = both.one(run_frame(EGRESS_CLONE, b"data", number=40, port=SESSION))
    assert [(port, Trace.of(frame)) for port, frame in sent] == [
        (4, Trace(0, 4, E2E_CLONE, 2, 8 + 12, 41, 0, 0)),
        (5, Trace(1, 5, NORMAL, 0, 8, 41, 42, 0)),
    ]
    for _, frame in sent:
        assert frame[:2] == (40 + 0x100).to_bytes(2, "big")


def test_resubmit(both: Both) -> None:
    """The packet as it came, three more times; of the metadata only `passes` is kept."""
    ((port, frame),) = both.one(run_frame(RESUBMIT, b"data", number=40))
    assert (port, Trace.of(frame)) == (2, Trace(0, 2, NORMAL, 0, 8, 41, 42, 3))


def test_recirculate(both: Both) -> None:
    """The packet as the deparser makes it; each pass parses it anew."""
    ((port, frame),) = both.one(run_frame(RECIRCULATE, b"data", number=40))
    assert (port, Trace.of(frame)) == (2, Trace(0, 2, NORMAL, 0, 20, 41, 42, 2))
    assert len(frame) == 20


def test_truncate(both: Both) -> None:
    ((_, frame),) = both.one(run_frame(TRUNCATE, bytes(100)))
    assert len(frame) == 6
    ((_, frame),) = both.one(run_frame(TRUNCATE_LATE, bytes(100)))
    assert len(frame) == 20


def test_exit(both: Both) -> None:
    ((_, frame),) = both.one(run_frame(EXIT, number=5))
    assert frame[:2] == b"\x00\x05", "ingress goes no further"
    ((_, frame),) = both.one(run_frame(EGRESS_EXIT, number=5))
    assert Trace.of(frame).kept == 6
    assert Trace.of(frame).lost == 0, "egress goes no further, the packet leaves"


def test_a_clone_session_can_truncate(load: Callable[[str], Both]) -> None:
    """BMv2's P4Runtime takes no length: the embedded switch alone."""
    embedded = load("paths").embedded
    embedded.write(
        +fy.P4CloneSessionEntry(SHORT_SESSION, replicas=[(4, 2)], packet_length_bytes=18)
    )
    (frame,) = embedded.run([(1, run_frame(CLONE_ONLY, bytes(100), port=SHORT_SESSION))])[4]
    assert len(frame) == 18


def test_changed_and_deleted_groups(load: Callable[[str], Both]) -> None:
    both = load("paths")
    frame = run_frame(MULTICAST, port=GROUP)
    both.write(+fy.P4MulticastGroupEntry(GROUP, replicas=[(2, 1), (3, 7)]))
    assert [port for port, _ in both.one(frame)] == [2, 3]
    both.write(~fy.P4MulticastGroupEntry(GROUP, replicas=[(5, 1)]))
    assert [port for port, _ in both.one(frame)] == [5]
    both.write(-fy.P4MulticastGroupEntry(GROUP))
    assert both.one(frame) == []


def test_endless_passes_end(load: Callable[[str], Both], monkeypatch: pytest.MonkeyPatch) -> None:
    """BMv2 would go round for ever; here the packet is dropped, and counted."""
    monkeypatch.setattr("ipsecsim.switch.switch.MAX_PASSES", 2)
    embedded = load("paths").embedded
    assert embedded.run([(1, run_frame(RESUBMIT))]) == {}
    assert embedded.switch.drops == {"too many passes": 1}
    assert len(embedded.run([(1, run_frame(RECIRCULATE))])[2]) == 1
