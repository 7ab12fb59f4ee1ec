"""Packets per second of the software accelerator, by suite: `python bench/accelerator_pps.py`.

One thread; 100-octet UDP packets in IPv4 tunnels, whole frames as the pipeline sends them. The
last line is a FRAGMENT request with nothing to cut: what the frame format alone costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from finsy.proto import p4r
from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITY
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.program import load_program
from ipsecplane.targets.tables import TableCodec, entry
from ipsecsim.accelerator import Accelerator
from ipsecsim.accelerator.ip import ipv4_header

SUITES = [
    ("AES-GCM", "", ""),
    ("AES-CBC", "HMAC-SHA1-96", ""),
    ("AES-CBC", "HMAC-SHA2-256-128", ""),
    ("DES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96"),
]
PACKETS = 20_000
ETHERNET = bytes.fromhex("020000000001 020000000002 88b5")


def parameters(cipher: str, integrity: str, ah: str) -> dict[str, int]:
    """What both directions have in common."""
    key = int.from_bytes(bytes(range(1, CIPHER[cipher].key_sizes[0] + 1)), "big")
    return {
        "epoch": 1, "transport": 0, "esp_spi": 0x1000, "ah_spi": 0x2000 if ah else 0,
        "cipher": CIPHER[cipher].accelerator_id, "cipher_key_size": CIPHER[cipher].key_sizes[0],
        "cipher_key": key, "salt": 7 if CIPHER[cipher].aead else 0,
        "esp_integrity": INTEGRITY[integrity].accelerator_id if integrity else 0,
        "esp_integrity_key": 5 if integrity else 0,
        "ah_integrity": INTEGRITY[ah].accelerator_id if ah else 0,
        "ah_integrity_key": 6 if ah else 0, "esn": 0,
    }  # fmt: skip


def make() -> Accelerator:
    """An accelerator with an SA a suite, in rows 0, 1, 2…"""
    accelerator = Accelerator()
    p4info = load_program("accelerator").p4info
    codec = TableCodec(p4info)
    store = accelerator.prepare(p4r.ForwardingPipelineConfig(p4info=p4info))
    accelerator.commit(store, None)
    for index, suite in enumerate(SUITES):
        both = parameters(*suite)
        outbound = both | {
            "outer_version": 4, "src": 0x0A010101, "dst": 0x0A020202, "ttl": 64, "dscp_copy": 1,
            "dscp": 0, "ecn_copy": 1, "udp_src": 0, "udp_dst": 0, "iv_seed": 1,
        }  # fmt: skip
        inbound = both | {"udp_encap": 0, "window": 1024}
        key = {"sa_index": index}
        for one in (
            entry("sa_encrypt", key, "encrypt", outbound),
            entry("sa_decrypt", key, "decrypt", inbound),
        ):
            entity = p4r.Entity(table_entry=codec.encode(one))
            store.write(p4r.Update(type=p4r.Update.INSERT, entity=entity))
    return accelerator


def run(accelerator: Accelerator, frames: Iterable[bytes]) -> tuple[float, list[bytes]]:
    """Packets per second, and the answers."""
    frames = list(frames)
    process = accelerator.process
    start = time.perf_counter()
    answers = [process(frame, 0.0)[0] for frame in frames]
    elapsed = time.perf_counter() - start
    assert all(answer[15] == 0 for answer in answers)
    return len(frames) / elapsed, answers


def main() -> None:
    accelerator = make()
    payload = bytes(80)
    packet = ipv4_header(
        b"\x0a\0\0\x01", b"\x0a\0\x02\x02", 17, len(payload),
        traffic_class=0, ttl=63, identification=1, dont_fragment=False,
    ) + payload  # fmt: skip
    print(f"{'suite':45}{'encrypt/s':>12}{'decrypt/s':>12}")
    for index, suite in enumerate(SUITES):
        request = CryptoHeader(Operation.ENCRYPT, index, mtu=1500, epoch=1).encode()
        sealing, sealed = run(accelerator, [ETHERNET + request + packet] * PACKETS)
        back = CryptoHeader(Operation.DECRYPT, index, epoch=1).encode()
        opening, _ = run(accelerator, (ETHERNET + back + frame[46:] for frame in sealed))
        name = " + ".join(part for part in (suite[2] and f"AH {suite[2]}", *suite[:2]) if part)
        print(f"{name:45}{sealing:12,.0f}{opening:12,.0f}")
    request = CryptoHeader(Operation.FRAGMENT, mtu=1500).encode()
    plain, _ = run(accelerator, [ETHERNET + request + packet] * PACKETS)
    print(f"{'FRAGMENT, fits':45}{plain:12,.0f}")


if __name__ == "__main__":
    main()
