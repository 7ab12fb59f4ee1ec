"""Peers that do not agree, policies that overlap, devices that go: what a person gets to read.

Wrong files and arguments are in `test_command_line`, targets that are not there in `test_targets`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ipsecplane.targets.state import state_text
from played import Played, play, site, two_sites

PING = "{router: a, exec: [ping 192.168.2.1 source 192.168.1.1 repeat 3]"


def tables(played: Played, router: str) -> list[str]:
    """The rows of both devices, by names."""
    devices = played.world.routers[router]
    return [
        line
        for device in (devices.pipeline, devices.accelerator)
        for line in state_text(device.transport).splitlines()
        if line.startswith("# ") and "[" in line and not line.endswith(" packets")
    ]


def nameless(rows: list[str]) -> list[str]:
    """Rows without the numbers that every SA draws anew."""
    return [re.sub(r"((?:spi|epoch|sa_index)=)\w+", r"\1*", row) for row in rows]


def test_a_wrong_pre_shared_key(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        f"""
        - {PING}, expect: [{{contains: Success rate is 0 percent (0/3)}}]}}
        - router: b
          exec: [show crypto isakmp sa]
          expect:
            - {{contains: MM_KEY_EXCH}}
            - {{lacks: QM_IDLE}}
            - router: b
              log: '%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 203\\.0\\.113\\.1 +failed its
                sanity check or is malformed$'
            - {{link: wan, packets: {{IP.proto: 50}}, equals: 0}}
        - wait: 5 min
        - router: a
          exec: [show crypto isakmp sa]
          expect: [{{lacks: MM_KEY_EXCH, why: it is given up in the end}}]
        """,
        {"a": site("a", 1, (2,)), "b": site("b", 2, (1,), key="another")},
    )
    assert played.failures == []


def test_no_key_for_the_peer(tmp_path: Path) -> None:
    configs = two_sites()
    configs["b"] = configs["b"].replace("address 0.0.0.0 0.0.0.0", "address 198.51.100.1")
    played = play(
        tmp_path,
        f"""
        - {PING}, expect: [{{contains: (0/3)}}]}}
        - expect:
            - {{router: b, log: 'IKMP_(NO_PRESHARED_KEY|MODE_FAILURE): .*203.0.113.1'}}
            - {{router: a, command: show crypto isakmp sa, lacks: QM_IDLE}}
        """,
        configs,
    )
    assert played.failures == []


@pytest.mark.parametrize(
    ("theirs", "mode", "said"),
    [
        ({"policy": "encryption aes 256|hash sha512|group 16"}, "Main",
         "phase 1 SA policy not acceptable! (local 203.0.113.2 remote 203.0.113.1)"),
        ({"transform": "esp-3des esp-md5-hmac"}, "Quick",
         "phase 2 SA policy not acceptable! (local 203.0.113.2 remote 203.0.113.1)"),
    ],
)  # fmt: skip
def test_no_proposal_chosen(tmp_path: Path, theirs: dict[str, str], mode: str, said: str) -> None:
    """The responder's log and debugging say so, and the initiator is told by a notification."""
    played = play(
        tmp_path,
        f"""
        - {{router: a, exec: [debug crypto isakmp]}}
        - {{router: b, exec: [debug crypto isakmp]}}
        - {PING}, expect: [{{contains: (0/3)}}]}}
        - expect:
            - router: b
              log: '%CRYPTO-6-IKMP_MODE_FAILURE: Processing of {mode} mode failed with peer at
                203\\.0\\.113\\.1$'
            - {{router: b, log: '{re.escape(said)}'}}
            - {{router: a, log: "NO_PROPOSAL_CHOSEN|Notify has no hash"}}
            - {{link: wan, packets: {{IP.proto: 50}}, equals: 0}}
            - {{router: a, command: show crypto ipsec sa, lacks: "transform:"}}
        """,
        {"a": site("a", 1, (2,)), "b": site("b", 2, (1,), **theirs)},  # type: ignore[arg-type]
    )
    assert played.failures == []


def test_a_policy_that_covers_another_one_is_told(tmp_path: Path) -> None:
    """The earlier entry takes the traffic; the log names the line that can never match."""
    wide = (
        "crypto map wan 1 ipsec-isakmp\n set peer 203.0.113.77\n set transform-set ts\n"
        " match address 120\n"
        "access-list 120 permit ip 192.168.1.0 0.0.0.255 192.168.0.0 0.0.255.255\n"
    )
    played = play(
        tmp_path,
        f"""
        - {PING}, expect: [{{contains: (0/3)}}]}}
        - expect:
            - router: a
              log: 'CONFIG_WARNING: GigabitEthernet0/0: crypto map wan: line 10 of access list 102
                never matches: earlier lines cover it'
            - {{link: wan, packets: {{ARP.pdst: 203.0.113.77}}, at_least: 1}}
            - {{link: wan, packets: {{UDP.dport: 500}}, equals: 0}}
        """,
        {"a": site("a", 1, (2,), extra=wide), "b": site("b", 2, (1,))},
    )
    assert played.failures == []


def test_entries_that_overlap_in_part_are_taken_in_order(tmp_path: Path) -> None:
    """`deny` hands a host's traffic on to the next entry; nobody else's."""
    configs = two_sites()
    configs["a"] = configs["a"].replace(
        "access-list 102 permit",
        "access-list 102 deny ip host 192.168.1.9 any\naccess-list 102 permit",
    ).replace("end\n", "crypto map wan 20 ipsec-isakmp\n set peer 203.0.113.2\n"
        " set transform-set strong\n match address 120\n"
        "crypto ipsec transform-set strong esp-gcm 256\n"
        "access-list 120 permit ip host 192.168.1.9 192.168.2.0 0.0.0.255\nend\n")  # fmt: skip
    configs["b"] = configs["b"].replace(
        "end\n",
        "crypto ipsec transform-set strong esp-gcm 256\n"
        "crypto map wan 1 ipsec-isakmp\n set transform-set ts strong\nend\n",
    )
    configs["b"] = configs["b"].replace(
        "access-list 101 permit", "access-list 101 permit ip 192.168.2.0 0.0.0.255 host"
        " 192.168.1.9\naccess-list 101 permit",
    )  # fmt: skip
    played = play(
        tmp_path,
        f"""
        - {PING}, expect: [{{contains: .!!}}]}}
        - host: h1
          ping: {{target: 192.168.2.9, count: 3, interval: 0.1}}
          expect:
            - {{flow: h1, field: marks, equals: .!!}}
            - router: a
              command: show crypto ipsec sa
              contains: "transform: esp-gcm 256 ,"
              equals: 2
            - router: a
              command: show crypto ipsec sa
              contains: "transform: esp-aes esp-sha256-hmac ,"
              equals: 2
        """,
        configs,
    )
    assert played.failures == []


# -- devices ---------------------------------------------------------------------------------------


REBOOT = """
- {host: h1, ping: {target: 192.168.2.9, count: 3, interval: 0.1}}
- {reboot: a, device_state: STATE}
- {host: h1, ping: {target: 192.168.2.9, count: 5}}
- title: the end
  expect:
    - {flow: h1, field: received, at_least: 3}
    - {router: a, log: 'P4RT-5-TARGET_UP', equals: 2}
    - {router: a, log: 'P4RT-3|PROGRAM', equals: 0}
"""


def test_a_restarted_agent_finds_its_tables_and_leaves_no_duplicates(tmp_path: Path) -> None:
    """Devices that kept their rows end with the same ones as devices that lost them."""
    configs = two_sites(extra="crypto isakmp invalid-spi-recovery\n")
    rows = {}
    for state in ("kept", "lost"):
        played = play(tmp_path / state, REBOOT.replace("STATE", state), configs)
        assert played.failures == []
        rows[state] = tables(played, "a")
        assert len(set(rows[state])) == len(rows[state]) > 15
        spis = {sa.spi for sa in played.world.routers["a"].agent.idents()[0].sas}
        shown = re.findall(r"esp_spi=(\w+)|sad_v4\[.* spi=(\w+)", "\n".join(rows[state]))
        assert {int(one or other, 16) for one, other in shown} == spis, "none of before"
    assert nameless(rows["kept"]) == nameless(rows["lost"])


@pytest.mark.parametrize("device", ["pipeline", "accelerator"])
def test_what_changes_while_a_device_is_away_is_put_right(tmp_path: Path, device: str) -> None:
    """It comes back with rows of SAs that ended meanwhile."""
    played = play(
        tmp_path,
        f"""
        - {{host: h1, ping: {{target: 192.168.2.9, count: 3, interval: 0.1}}}}
        - router: a
          exec: [show crypto ipsec sa]
          save: {{old: 'outbound esp sas:\\s+spi: 0x([0-9A-F]+)'}}
        - {{outage: {{router: a, device: {device}, for: 5 s, device_state: kept}}}}
        - {{router: a, exec: [clear crypto sa]}}
        - wait: 40 s
        - host: h1
          ping: {{target: 192.168.2.9, count: 4}}
          expect:
            - {{flow: h1, field: received, at_least: 2}}
            - {{router: a, log: 'P4RT-3-TARGET_LOST: {device} .*: connection lost', equals: 1}}
            - {{router: a, log: 'P4RT-5-TARGET_UP: {device}', equals: 2}}
        """,
    )
    assert played.failures == []
    rows = tables(played, "a")
    assert len(set(rows)) == len(rows)
    old = f"{int(played.runner.saved['old'], 16):#x}"
    assert not any(old in row for row in rows)
    (ident,) = played.world.routers["a"].agent.idents()
    assert len([row for row in rows if row.startswith("# sa_encrypt[")]) == len(ident.sas) / 2 == 1


def test_without_an_accelerator_what_needs_none_goes_on(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        f"""
        - {{outage: {{router: a, device: accelerator}}}}
        - {PING}, expect: [{{contains: (0/3)}}]}}
        - router: a
          exec: [show crypto ipsec sa, show crypto isakmp sa, ping 203.0.113.2]
          expect:
            - {{matches: 'Success rate is (80|100) percent'}}
            - {{router: a, log: 'P4RT-3-TARGET_LOST: accelerator', equals: 1}}
        """,
    )
    assert played.failures == []
