"""The accelerator's contract as a program: finds the SA of a request and says what it may say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, Operation, Reason
from ipsecplane.targets.program import load_program
from ipsecplane.targets.tables import entry
from scapy.layers.inet import IP

from tests.p4 import duts

PACKET = bytes(IP(src="10.0.0.1", dst="10.0.0.2"))
PARAMS = {
    a.preamble.alias: [p.name for p in a.params] for a in load_program("accelerator").p4info.actions
}


@pytest.fixture(scope="module")
def block() -> Iterator[duts.Dut]:
    device = duts.make(duts.Embedded.name, "accelerator")
    for action, epoch in (("encrypt", 7), ("decrypt", 8)):
        params = dict.fromkeys(PARAMS[action], 0) | {"epoch": epoch}
        device.write([entry(f"sa_{action}", {"sa_index": 4095}, action, params)])
    yield device
    device.close()


REQUEST = CryptoHeader(Operation.ENCRYPT, sa_index=4095, epoch=7, mtu=1500, level=1, egress_if=2)


@pytest.mark.parametrize(
    ("request_", "reason", "counter", "index"),
    [
        (REQUEST, Reason.UNSUPPORTED, "sa_errors", 4095 << 5 | 18),
        (replace(REQUEST, epoch=8), Reason.WRONG_EPOCH, "sa_errors", 4095 << 5 | 3),
        (
            replace(REQUEST, operation=Operation.DECRYPT, epoch=8),
            Reason.UNSUPPORTED,
            "sa_errors",
            1 << 21 | 4095 << 5 | 18,
        ),
        (replace(REQUEST, sa_index=1), Reason.UNKNOWN_SA, "errors", 2),
        (replace(REQUEST, operation=Operation.FRAGMENT), Reason.UNSUPPORTED, "errors", 18),
        (replace(REQUEST, operation=Operation.ENCRYPTED), Reason.BAD_HEADER, "errors", 1),
    ],
)
def test_answers(
    block: duts.Dut, request_: CryptoHeader, reason: Reason, counter: str, index: int
) -> None:
    frame = bytes(12) + b"\x88\xb5" + request_.encode() + PACKET
    before = block.session.read_counters(counter, [index])[index].packets
    (output,) = block.send(1, frame)
    assert isinstance(output, duts.Sent)
    answer = replace(request_, operation=Operation(request_.operation | 8), reason=reason)
    assert (output.port, output.frame[14:46]) == (1, answer.encode())
    assert output.frame[46:] == PACKET
    assert block.session.read_counters(counter, [index])[index].packets == before + 1


def test_other_frames_end_there(block: duts.Dut) -> None:
    assert block.send(1, bytes(12) + b"\x08\x00" + PACKET) == []
