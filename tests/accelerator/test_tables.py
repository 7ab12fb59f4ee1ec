"""Programming through P4Runtime: what is refused and why, secrets, epochs, atomicity, counters."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from finsy.proto import p4r
from ipsecplane.targets.crypto_header import Reason
from ipsecplane.targets.tables import entry
from ipsecsim.accelerator import Accelerator
from ipsecsim.p4runtime.errors import Code, P4RuntimeError
from scapy.layers.inet import IP, UDP

SECRETS = {"cipher_key", "salt", "esp_integrity_key", "ah_integrity_key", "iv_seed"}


def packet(n: int = 1) -> bytes:
    return bytes(IP(src="10.0.0.1", dst="10.0.2.2", id=n) / UDP() / b"payload")


def refused(rig: Any, table: str, action: str, parameters: dict[str, int]) -> str:
    """The message with which a row is refused; nothing of it stays."""
    with pytest.raises(P4RuntimeError) as raised:
        rig.write(("INSERT", entry(table, {"sa_index": 5}, action, parameters)))
    (detail,) = raised.value.details
    assert detail.canonical_code == Code.INVALID_ARGUMENT
    assert not rig.store.table(table).entries
    assert not rig.store.outbound
    assert not rig.store.inbound
    return str(detail.message)


WRONG = [
    ({"cipher": 99}, "sa_index 5: cipher: no cipher has number 99"),
    ({"cipher": 0}, "cipher: no cipher has number 0"),
    ({"cipher_key_size": 17}, "cipher_key_size: 17 octets, AES-CBC takes 16 or 24 or 32"),
    ({"cipher_key": 1 << 128}, "cipher_key: longer than 16 octets"),
    ({"esp_integrity": 6}, "esp_integrity: no algorithm has number 6"),
    ({"esp_integrity_key": 1 << 160}, "esp_integrity_key: longer than 20 octets"),
    ({"esp_integrity": 0}, "esp_integrity_key: given, but esp_integrity is 0"),
    ({"cipher": 5}, "esp_integrity: AES-GCM authenticates by itself"),
    ({"salt": 5}, "salt: AES-CBC has none"),
    ({"esp_spi": 0}, "cipher: given, but esp_spi is 0"),
    ({"ah_spi": 7}, "ah_integrity: AH needs an algorithm"),
    ({"ah_integrity": 2}, "ah_integrity: given, but ah_spi is 0"),
    ({"ah_integrity_key": 2}, "ah_integrity_key: given, but ah_integrity is 0"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_rows(rig: Any, tunnel: Any, change: dict[str, int], message: str) -> None:
    sa = tunnel("AES-CBC", "HMAC-SHA1-96")
    assert message in refused(rig, "sa_encrypt", "encrypt", sa.outbound() | change)
    assert message in refused(rig, "sa_decrypt", "decrypt", sa.inbound() | change)


def test_wrong_outbound_rows(rig: Any, tunnel: Any) -> None:
    good = tunnel("AES-CBC", "HMAC-SHA1-96").outbound()
    for change, message in (
        ({"outer_version": 5}, "outer_version: 5, must be 4 or 6"),
        ({"outer_version": 0}, "outer_version: 0"),
        ({"src": 1 << 32}, "src: longer than 4 octets"),
        ({"ttl": 0}, "ttl: 0"),
        ({"udp_dst": 4500}, "either both or none"),
    ):
        assert message in refused(rig, "sa_encrypt", "encrypt", good | change)
    bundle = tunnel("AES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96")
    udp = {"udp_src": 4500, "udp_dst": 4500}
    assert "AH cannot" in refused(rig, "sa_encrypt", "encrypt", bundle.outbound() | udp)


def test_wrong_inbound_rows(rig: Any, tunnel: Any) -> None:
    good = tunnel("AES-CBC", "HMAC-SHA1-96").inbound()
    message = refused(rig, "sa_decrypt", "decrypt", good | {"window": 1025})
    assert "window: 1025 packets, at most 1024" in message
    bundle = tunnel("AES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96").inbound()
    assert "AH cannot" in refused(rig, "sa_decrypt", "decrypt", bundle | {"udp_encap": 1})
    nothing = dict.fromkeys(good, 0) | {"epoch": 1}
    assert "neither ESP nor AH" in refused(rig, "sa_decrypt", "decrypt", nothing)
    null = tunnel("NULL").inbound()
    assert "protects nothing" in refused(rig, "sa_decrypt", "decrypt", null)


def test_messages_hold_no_keys(rig: Any, tunnel: Any) -> None:
    sa = tunnel("AES-CBC", "HMAC-SHA1-96", cipher_key=bytes.fromhex("c0ffee" * 8))
    message = refused(rig, "sa_encrypt", "encrypt", sa.outbound() | {"cipher_key_size": 16})
    assert "c0ffee" not in message
    assert str(int.from_bytes(sa.cipher_key, "big")) not in message


@pytest.mark.parametrize("suite", [("AES-GCM", "", ""), ("DES-CBC", "HMAC-MD5-96", "HMAC-SHA1-96")])
def test_keys_cannot_be_read(rig: Any, tunnel: Any, suite: tuple[str, str, str]) -> None:
    sa = rig.install(tunnel(*suite))
    entities = rig.read(p4r.Entity(table_entry=p4r.TableEntry()))
    rows = {one.table: one for one in (rig.codec.decode(e.table_entry) for e in entities)}
    for name, given in (("sa_encrypt", sa.outbound()), ("sa_decrypt", sa.inbound())):
        for parameter, value in given.items():
            expected = 0 if parameter in SECRETS else value
            assert rows[name].param(parameter) == expected
    text = repr(entities) + repr(rig.store.table("sa_encrypt").entries)
    assert "cipher_key" in text  # it is the schema's name, with nothing in it
    for key in (sa.cipher_key, sa.integrity_key, sa.ah_key):
        if key:
            assert str(int.from_bytes(key, "big")) not in text
            assert key not in b"".join(e.SerializeToString() for e in entities)


def test_deletion_leaves_no_reference_to_keys(rig: Any, tunnel: Any) -> None:
    sa = rig.install(tunnel("AES-CBC", "HMAC-SHA1-96"))
    alive = [
        weakref.ref(row.sa.esp.transform) for row in (rig.store.outbound[1], rig.store.inbound[1])
    ]
    rig.write(("DELETE", rig.out_entry(sa)), ("DELETE", rig.in_entry(sa)))
    gc.collect()
    assert [reference() for reference in alive] == [None, None]
    (answer,) = rig.encrypt(packet())
    assert answer.reason is Reason.UNKNOWN_SA


def test_epochs(rig: Any, tunnel: Any) -> None:
    """The same epoch keeps numbers and window, another one starts afresh."""
    sa = rig.install(tunnel("AES-CBC", "HMAC-SHA1-96"))
    first = rig.seal(packet())
    assert rig.refusal(first) is Reason.OK
    rig.install(sa, kind="MODIFY")
    (answer,) = rig.encrypt(packet())
    assert answer.header.sequence == 2
    assert rig.refusal(first) is Reason.REPLAYED
    sa.epoch = 8
    rig.install(sa, kind="MODIFY")
    assert rig.encrypt(packet())[0].reason is Reason.WRONG_EPOCH
    (answer,) = rig.encrypt(packet(), epoch=8)
    assert answer.header.sequence == 1
    assert rig.refusal(first, epoch=8) is Reason.OK


def test_a_failed_batch_changes_nothing(rig: Any, tunnel: Any) -> None:
    """Replacements and deletions before the failure are taken back, keys and numbers included."""
    sa = rig.install(tunnel("AES-CBC", "HMAC-SHA1-96"))
    rig.install(tunnel("AES-GCM"), 2)
    other = tunnel("AES-GCM", epoch=9)
    before = rig.seal(packet())
    for kind in ("MODIFY", "DELETE"):
        with pytest.raises(P4RuntimeError):
            rig.write(
                (kind, rig.out_entry(other)),
                (kind, rig.in_entry(other)),
                ("INSERT", rig.out_entry(other, 3)),
                ("INSERT", rig.out_entry(other, 2)),  # exists already
            )
    assert set(rig.store.outbound) == set(rig.store.inbound) == {1, 2}
    assert rig.refusal(before) is Reason.OK
    (answer,) = rig.encrypt(packet())
    assert answer.header.sequence == 2
    assert rig.open(answer.packet) == packet()
    rig.install(sa, 3)


def test_reloading_keeps_the_sas(rig: Any, tunnel: Any) -> None:
    """RECONCILE_AND_COMMIT keeps keys that nobody can read; VERIFY_AND_COMMIT starts empty."""
    rig.install(tunnel("AES-GCM"))
    first = rig.seal(packet())
    assert rig.refusal(first) is Reason.OK
    rig.load(p4r.SetForwardingPipelineConfigRequest.RECONCILE_AND_COMMIT)
    assert rig.refusal(first) is Reason.REPLAYED
    assert rig.refusal(rig.seal(packet())) is Reason.OK
    assert rig.store.outbound[1].entry.packets == 2
    rig.load()
    assert rig.encrypt(packet())[0].reason is Reason.UNKNOWN_SA


def test_direct_counters(rig: Any, tunnel: Any) -> None:
    """Packets and cleartext octets that succeeded; readable and resettable."""
    sa = rig.install(tunnel("AES-GCM"))
    for n in range(5):
        rig.open(rig.seal(packet(n)))
    rig.encrypt(packet(), epoch=99)
    for one in (rig.out_entry(sa), rig.in_entry(sa)):
        key = p4r.DirectCounterEntry(table_entry=rig.codec.encode_key(one))
        (answer,) = rig.read(p4r.Entity(direct_counter_entry=key))
        data = answer.direct_counter_entry.data
        assert (data.packet_count, data.byte_count) == (5, 5 * len(packet()))
        key.data.SetInParent()
        update = p4r.Update(type=p4r.Update.MODIFY, entity=p4r.Entity(direct_counter_entry=key))
        rig.service.write(
            p4r.WriteRequest(device_id=2, election_id=p4r.Uint128(low=1), updates=[update])
        )
        (answer,) = rig.read(p4r.Entity(direct_counter_entry=key))
        assert answer.direct_counter_entry.data.packet_count == 0


def counter(rig: Any, name: str, index: int) -> int:
    entry = p4r.CounterEntry(counter_id=rig.codec.counter_id(name), index=p4r.Index(index=index))
    (answer,) = rig.read(p4r.Entity(counter_entry=entry))
    return int(answer.counter_entry.data.packet_count)


def test_error_counters(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM"), 300)
    sealed = bytearray(rig.seal(packet(), index=300))
    sealed[-1] ^= 1
    for _ in range(3):
        rig.decrypt(bytes(sealed), index=300)
    rig.encrypt(packet(), index=300, epoch=1)
    rig.encrypt(packet(), index=301)
    rig.accelerator.process(b"nonsense", 0.0)
    assert counter(rig, "sa_errors", 1 << 21 | 300 << 5 | Reason.BAD_ICV) == 3
    assert counter(rig, "sa_errors", 300 << 5 | Reason.WRONG_EPOCH) == 1
    assert counter(rig, "errors", Reason.UNKNOWN_SA) == 1
    assert counter(rig, "errors", Reason.BAD_HEADER) == 1
    reset = p4r.CounterEntry(
        counter_id=rig.codec.counter_id("sa_errors"),
        index=p4r.Index(index=1 << 21 | 300 << 5 | Reason.BAD_ICV),
        data=p4r.CounterData(),
    )
    update = p4r.Update(type=p4r.Update.MODIFY, entity=p4r.Entity(counter_entry=reset))
    rig.service.write(
        p4r.WriteRequest(device_id=2, election_id=p4r.Uint128(low=1), updates=[update])
    )
    assert counter(rig, "sa_errors", 1 << 21 | 300 << 5 | Reason.BAD_ICV) == 0


def test_another_p4info_is_refused(rig: Any) -> None:
    from ipsecplane.targets.program import load_program

    config = p4r.ForwardingPipelineConfig(p4info=load_program("ipsec").p4info)
    with pytest.raises(P4RuntimeError, match="no table sa_encrypt"):
        Accelerator().prepare(config)
    for mutate, message in (
        (lambda i: i.tables[0].direct_resource_ids.pop(), "no direct counter"),
        (lambda i: i.actions[0].params[0].__setattr__("name", "era"), "parameters differ"),
        (lambda i: i.counters[0].__setattr__("size", 5), "no counter sa_errors of at least"),
    ):
        info = load_program("accelerator").p4info
        mutate(info)
        with pytest.raises(P4RuntimeError, match=message):
            Accelerator().prepare(p4r.ForwardingPipelineConfig(p4info=info))


def test_without_a_program(tunnel: Any) -> None:
    """An accelerator that nobody has programmed answers, and has no packet I/O."""
    from ipsecplane.targets.crypto_header import CryptoHeader, Operation

    accelerator = Accelerator()
    for operation, reason in (
        (Operation.ENCRYPT, Reason.UNKNOWN_SA),
        (Operation.DECRYPT, Reason.UNKNOWN_SA),
        (Operation.FRAGMENT, Reason.OK),
    ):
        frame = bytes(12) + b"\x88\xb5" + CryptoHeader(operation).encode() + packet()
        (answer,) = accelerator.process(frame, 0.0)
        assert answer[15] == reason
    with pytest.raises(P4RuntimeError):
        accelerator.packet_out(p4r.PacketOut())
    with pytest.raises(P4RuntimeError):
        accelerator.acknowledge(p4r.DigestListAck())
