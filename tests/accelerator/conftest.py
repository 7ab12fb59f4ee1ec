"""A software accelerator programmed through P4Runtime messages, and packets to send through it."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from finsy.proto import p4r
from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITY
from ipsecplane.targets.crypto_header import (
    ETHERTYPE,
    LENGTH,
    CryptoHeader,
    DfPolicy,
    Operation,
    Reason,
)
from ipsecplane.targets.program import load_program
from ipsecplane.targets.tables import TableCodec, TableEntry, entry
from ipsecsim.accelerator import Accelerator
from ipsecsim.p4runtime.service import Service

ETHERNET = bytes.fromhex("02000000aa01 02000000aa02") + ETHERTYPE.to_bytes(2, "big")


@dataclass
class Answer:
    """A frame from the accelerator, taken apart."""

    header: CryptoHeader
    carried: bytes
    packet: bytes
    ethernet: bytes

    @property
    def reason(self) -> Reason:
        return self.header.reason


@dataclass
class Tunnel:
    """The parameters of one SA in both directions; override any by name."""

    cipher: str = ""
    integrity: str = ""
    ah: str = ""
    key_size: int = 0
    transport: bool = False
    outer: int = 4
    esn: bool = False
    udp: bool = False
    window: int = 64
    epoch: int = 7
    cipher_key: bytes = b""
    salt: bytes = b""
    integrity_key: bytes = b""
    ah_key: bytes = b""
    esp_spi: int = 0x1001
    ah_spi: int = 0x2002
    src: str = ""
    dst: str = ""
    extra: dict[str, int] = field(default_factory=dict)
    extra_in: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cipher:
            cipher = CIPHER[self.cipher]
            size = self.key_size or cipher.key_sizes[0]
            self.cipher_key = self.cipher_key or secrets.token_bytes(size)
            self.salt = self.salt or secrets.token_bytes(cipher.salt_size)
        if self.integrity:
            size = INTEGRITY[self.integrity].key_size
            self.integrity_key = self.integrity_key or secrets.token_bytes(size)
        if self.ah:
            self.ah_key = self.ah_key or secrets.token_bytes(INTEGRITY[self.ah].key_size)
        self.src = self.src or ("10.1.1.1" if self.outer == 4 else "2001:db8:a::1")
        self.dst = self.dst or ("10.2.2.2" if self.outer == 4 else "2001:db8:b::2")

    def _common(self) -> dict[str, int]:
        number = int.from_bytes
        return {
            "epoch": self.epoch,
            "transport": int(self.transport),
            "esp_spi": self.esp_spi if self.cipher else 0,
            "ah_spi": self.ah_spi if self.ah else 0,
            "cipher": CIPHER[self.cipher].accelerator_id if self.cipher else 0,
            "cipher_key_size": len(self.cipher_key),
            "cipher_key": number(self.cipher_key, "big"),
            "salt": number(self.salt, "big"),
            "esp_integrity": INTEGRITY[self.integrity].accelerator_id if self.integrity else 0,
            "esp_integrity_key": number(self.integrity_key, "big"),
            "ah_integrity": INTEGRITY[self.ah].accelerator_id if self.ah else 0,
            "ah_integrity_key": number(self.ah_key, "big"),
            "esn": int(self.esn),
        }

    def outbound(self) -> dict[str, int]:
        return (
            self._common()
            | {
                "outer_version": 0 if self.transport else self.outer,
                "src": 0 if self.transport else int(ipaddress.ip_address(self.src)),
                "dst": 0 if self.transport else int(ipaddress.ip_address(self.dst)),
                "ttl": 0 if self.transport else 64,
                "dscp_copy": 1,
                "dscp": 0,
                "ecn_copy": 1,
                "udp_src": 4500 if self.udp else 0,
                "udp_dst": 4500 if self.udp else 0,
                "iv_seed": 0x1122334455667788,
            }
            | self.extra
        )

    def inbound(self) -> dict[str, int]:
        return self._common() | {"udp_encap": int(self.udp), "window": self.window} | self.extra_in


class Rig:
    """An accelerator behind the P4Runtime service, with the election won."""

    def __init__(self, rate: int = 0, accelerator: Any = None) -> None:
        """`accelerator`: another one than the software model."""
        self.accelerator = accelerator or Accelerator(rate=rate)
        self.p4info = load_program("accelerator").p4info
        self.codec = TableCodec(self.p4info)
        self.service = Service(self.accelerator)
        self.stream = self.service.open_stream(lambda message: None)
        arbitration = p4r.MasterArbitrationUpdate(device_id=2, election_id=p4r.Uint128(low=1))
        self.stream.send(p4r.StreamMessageRequest(arbitration=arbitration))
        self.load()

    def load(self, action: Any = None) -> None:
        request = p4r.SetForwardingPipelineConfigRequest
        self.service.set_pipeline(
            request(
                device_id=2,
                election_id=p4r.Uint128(low=1),
                action=action or request.VERIFY_AND_COMMIT,
                config=p4r.ForwardingPipelineConfig(p4info=self.p4info),
            )
        )

    @property
    def store(self) -> Any:
        return self.accelerator._store

    # -- programming

    def write(self, *updates: tuple[str, TableEntry]) -> None:
        """Apply (INSERT/MODIFY/DELETE, entry) pairs as one batch."""
        self.service.write(
            p4r.WriteRequest(
                device_id=2,
                election_id=p4r.Uint128(low=1),
                atomicity=p4r.WriteRequest.ROLLBACK_ON_ERROR,
                updates=[
                    p4r.Update(
                        type=p4r.Update.Type.Value(kind),
                        entity=p4r.Entity(table_entry=self.codec.encode(one)),
                    )
                    for kind, one in updates
                ],
            )
        )

    def read(self, entity: p4r.Entity) -> list[p4r.Entity]:
        request = p4r.ReadRequest(device_id=2, entities=[entity])
        return [e for response in self.service.read(request) for e in response.entities]

    @staticmethod
    def out_entry(sa: Tunnel, index: int = 1) -> TableEntry:
        return entry("sa_encrypt", {"sa_index": index}, "encrypt", sa.outbound())

    @staticmethod
    def in_entry(sa: Tunnel, index: int = 1) -> TableEntry:
        return entry("sa_decrypt", {"sa_index": index}, "decrypt", sa.inbound())

    def install(self, sa: Tunnel, index: int = 1, kind: str = "INSERT") -> Tunnel:
        self.write((kind, self.out_entry(sa, index)), (kind, self.in_entry(sa, index)))
        return sa

    # -- packets

    def send(
        self,
        operation: Operation,
        packet: bytes,
        *,
        index: int = 1,
        epoch: int = 7,
        mtu: int = 0,
        df: DfPolicy = DfPolicy.COPY,
        prefragment: bool = False,
        sequence: int = 0,
        carried: bytes = b"",
    ) -> list[Answer]:
        version = packet[0] >> 4 if packet else 4
        header = CryptoHeader(
            operation, index, mtu=mtu, df_policy=df, prefragment=prefragment, epoch=epoch,
            ethertype=0x86DD if version == 6 else 0x0800, sequence=sequence,
            l3_offset=len(carried), level=2, qos_group=9, ingress_if=3, egress_if=4,
        )  # fmt: skip
        frame = ETHERNET + header.encode() + carried + packet
        answers = [self.take_apart(f) for f in self.accelerator.process(frame, 0.0)]
        for answer in answers:
            assert answer.header.operation == operation + 8
            assert answer.carried == carried
            for name in ("sa_index", "level", "qos_group", "mtu", "ingress_if", "egress_if"):
                assert getattr(answer.header, name) == getattr(header, name)
        return answers

    @staticmethod
    def take_apart(frame: bytes) -> Answer:
        header = CryptoHeader.decode(frame[14:])
        at = 14 + LENGTH + header.l3_offset
        return Answer(header, frame[14 + LENGTH : at], frame[at:], frame[:14])

    def encrypt(self, packet: bytes, **options: Any) -> list[Answer]:
        return self.send(Operation.ENCRYPT, packet, **options)

    def decrypt(self, packet: bytes, **options: Any) -> list[Answer]:
        return self.send(Operation.DECRYPT, packet, **options)

    def seal(self, packet: bytes, **options: Any) -> bytes:
        """Encrypt to exactly one packet."""
        (answer,) = self.encrypt(packet, **options)
        assert answer.reason is Reason.OK
        return answer.packet

    def open(self, packet: bytes, **options: Any) -> bytes:
        """Decrypt to exactly one packet."""
        (answer,) = self.decrypt(packet, **options)
        assert answer.reason is Reason.OK, answer.reason
        return answer.packet

    def refusal(self, packet: bytes, **options: Any) -> Reason:
        """The reason why decryption is refused; the packet comes back as it was."""
        (answer,) = self.decrypt(packet, **options)
        if answer.reason is not Reason.OK:
            assert answer.packet == packet
        return answer.reason


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(scope="session")
def tunnel() -> type[Tunnel]:
    return Tunnel


@pytest.fixture(scope="session")
def rig_class() -> type[Rig]:
    return Rig
