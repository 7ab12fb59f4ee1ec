"""Each kind of step does what it says, to a network of two sites with a tunnel between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ipsecsim.scenario.document import ScenarioError
from played import Played, play, two_sites


def marks(played: Played) -> list[str]:
    """Of every ping that a host has done, in order."""
    lines = played.transcript.splitlines()
    said = [line.partition("* ")[2].split()[0] for line in lines if "* " in line]
    return [word for word in said if set(word) <= set("!.UM&C") and word]


def outgoing(played: Played, router: str) -> list[int]:
    """The AH or ESP SPIs that a router sends with, one per SA."""
    (ident,) = played.world.routers[router].agent.idents()
    return [sa.spi for sa in ident.sas if not sa.inbound]


def test_exec_prints_what_a_console_shows(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - router: a
          exec: [show clock, configure terminal, hostname renamed, end, show clock]
        """,
    )
    assert played.report.passed
    assert "[    0.000000] a#show clock\n" in played.transcript
    assert "a(config)#hostname renamed\n" in played.transcript
    assert "renamed#show clock\n" in played.transcript


def test_answers_in_turn_or_by_question(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - router: a
          exec:
            - {command: ping, answers: [ip, 203.0.113.2, 3, 60, ~, n, n]}
          expect: [{contains: "Sending 3, 60-byte"}, {contains: "!!"}]
        - router: a
          exec:
            - command: ping
              answers: {target ip: 203.0.113.2, Repeat: 2}
          expect: [{contains: "Sending 2, 100-byte"}]
        """,
    )
    assert played.failures == []
    assert "Repeat count [5]: 2\nDatagram size [100]: \n" in played.transcript


def test_answers_that_do_not_fit_are_failures(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - router: a
          exec:
            - {command: ping, answers: [ip, 203.0.113.2]}
            - {command: ping, answers: {Target: 203.0.113.2, Colour: blue}}
            - {command: show clock, answers: [yes]}
        """,
    )
    one, two, three = played.failures
    assert one == "13: ping: 2 answers to 7 questions"
    assert two == "14: ping: no question began with 'Colour'"
    assert three == "15: show clock: 1 answers to 0 questions"


def test_refused_commands_are_failures_unless_allowed(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {router: a, exec: [show nonsense, show]}
        - {router: b, exec: [show nonsense], allow_errors: true}
        """,
    )
    wrong, incomplete = played.failures
    assert wrong == "11: show nonsense: refused: % Invalid input"
    assert incomplete.startswith("11: show: refused: % ")


def test_a_command_that_does_not_end_is_interrupted(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {router: a, exec: [ping 203.0.113.77 repeat 100], timeout: 7s}
        - {router: a, exec: [show clock], expect: [{contains: "UTC"}]}
        """,
    )
    assert played.failures == ["11: ping 203.0.113.77 repeat 100: not finished in 7 s"]
    assert played.world.loop.now == pytest.approx(7.0)
    assert "...\n" in played.transcript


def test_a_flow_that_does_not_end_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipsecsim.scenario.runner.PATIENCE", 5.0)
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.1.1, count: 100}}
        - {host: h2, ping: {target: 192.168.2.1, count: 100}, background: more}
        - {join: more}
        """,
    )
    assert played.failures == [
        "11: h1: not finished in 5 s",
        "13: 'more': not finished in 5 s",
    ]


def test_wait_and_at_move_virtual_time(tmp_path: Path) -> None:
    played = play(tmp_path, "- {wait: 90 s}\n- {at: 2 min, title: later}\n- {at: 5 s, title: past}")
    assert played.world.loop.now == 120.0
    assert "[    0.000000] * 90 s pass" in played.transcript


def test_what_goes_on_in_the_background_is_joined(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {router: a, exec: [ping 192.168.2.1 source 192.168.1.1 repeat 4], background: far}
        - {host: h1, ping: {target: 192.168.1.1, count: 30, interval: 0.1}, background: near}
        - {router: a, exec: [show clock]}
        - join: far
          expect: [{contains: Success rate is 75 percent (3/4)}]
        - join: near
          expect: [{flow: near, field: received, equals: 30}]
        """,
    )
    assert played.failures == []
    text = played.transcript
    started = text.index("a: ping 192.168.2.1 source 192.168.1.1 repeat 4 (in the background)")
    assert started < text.index("a#show clock") < text.index("Success rate is 75")
    assert "* near: " + "!" * 30 + " 30/30" in text


def test_joining_what_this_run_did_not_start_is_a_failure(tmp_path: Path) -> None:
    head = (
        "name: x\nparameters: {p: {default: on, choices: {on: , off: }}}\n"
        "routers: {a: {config: a.cfg}}\n"
    )
    played = play(
        tmp_path,
        """
        - {router: a, exec: [show clock], background: x, when: {p: off}}
        - join: x
        """,
        head=head,
    )
    assert played.failures == ["6: 'x' was not started in this run"]


def test_a_link_down_loses_everything_until_it_is_up(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 3, interval: 0.1}}
        - {link: wan, state: down}
        - {host: h1, ping: {target: 192.168.2.9, count: 2, interval: 0.1}}
        - {link: wan, state: up}
        - host: h1
          ping: {target: 192.168.2.9, count: 3, interval: 0.1}
          expect: [{link: wan, counter: link_down, from: a.Gi0/0, equals: 2}]
        """,
    )
    assert played.failures == []
    assert marks(played) == [".!!", "..", "!!!"]


def test_impairments_change_for_one_direction_or_both(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.1.1, count: 3, interval: 0.1}}
        - {link: lan1, impair: {latency: 20 ms, from: h1}}
        - {host: h1, ping: {target: 192.168.1.1, count: 3, interval: 0.1}}
        - {link: lan1, impair: {latency: 50 ms}}
        - {host: h1, ping: {target: 192.168.1.1, count: 3, interval: 0.1}}
        - {link: lan1, impair: {loss: 100%, from: a.Gi0/1}}
        - {host: h1, ping: {target: 192.168.1.1, count: 3, interval: 0.1}}
        """,
    )
    said = [line for line in played.transcript.splitlines() if "round trip" in line]
    assert [line.rpartition("/")[2] for line in said] == ["0.000 ms", "20.000 ms", "100.000 ms"]
    assert marks(played)[3:] == ["..."]
    assert "* link lan1 from h1: latency 0.02" in played.transcript


def test_flows_of_hosts(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - host: h1
          ping: {target: 192.168.2.9, count: 4, size: 500, df: true, dscp: 46, interval: 0.1}
          expect:
            - {flow: h1, field: marks, equals: .!!!}
            - {link: lan2, packets: {IP.len: 500, IP.tos: 184, IP.flags: DF}, from: h2, equals: 0}
            - {link: lan2, packets: {IP.len: 500, IP.tos: 184, IP.flags: DF}, equals: 3}
        - host: h1
          udp: {target: 192.168.2.9, count: 20, rate: 100, size: 200}
          expect:
            - {flow: h1, field: echoed, equals: 20}
            - {host: h2, field: udp.7.received, equals: 20}
        - host: h1
          tcp: {target: 192.168.2.9, size: 200 kB}
          expect:
            - {flow: h1, field: bytes_acknowledged, equals: 200000}
            - {flow: h1, field: error, equals: ""}
            - {host: h2, field: tcp.5001.received_bytes, equals: 200000}
        - {host: h1, ping: {target: "2001:db8:99::1", count: 1, timeout: 0.5}}
        """,
    )
    assert played.failures == []


def test_a_host_without_an_address_for_the_target_is_a_failure(tmp_path: Path) -> None:
    head = "name: x\nrouters: {a: {config: a.cfg}}\nhosts: {h: {addresses: [192.168.1.9/24]}}\n"
    head += "links: {lan: {ends: [a.Gi0/1, h]}}\n"
    played = play(tmp_path, "- {host: h, ping: {target: '2001:db8::1'}}", head=head)
    assert played.failures == ["6: host h has no IPv6 address"]


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_reboot(tmp_path: Path, state: str) -> None:
    played = play(
        tmp_path,
        f"""
        - {{host: h1, ping: {{target: 192.168.2.9, count: 3, interval: 0.1}}}}
        - {{router: b, exec: [configure terminal, hostname unsaved, end]}}
        - {{reboot: b, device_state: {state}}}
        - router: b
          exec: [show crypto ipsec sa]
          expect: [{{lacks: "transform:"}}]
        - {{host: h1, ping: {{target: 192.168.2.9, count: 6}}}}
        """,
        configs=two_sites(extra="crypto isakmp invalid-spi-recovery\n"),
    )
    assert played.failures == []
    assert "b#show crypto ipsec sa" in played.transcript  # the start-up configuration
    word = "keep" if state == "kept" else "lose"
    assert f"* b restarts; its devices {word} their state" in played.transcript
    assert marks(played)[1].endswith("!!!")


@pytest.mark.parametrize("device", ["pipeline", "accelerator"])
@pytest.mark.parametrize("state", ["kept", "lost"])
def test_outage(tmp_path: Path, device: str, state: str) -> None:
    played = play(
        tmp_path,
        f"""
        - {{host: h1, ping: {{target: 192.168.2.9, count: 3, interval: 0.1}}}}
        - {{outage: {{router: a, device: {device}, for: 4 s, device_state: {state}}}}}
        - {{wait: 1 s}}
        - {{router: a, exec: [show crypto ipsec sa]}}
        - {{wait: 20 s}}
        - {{host: h1, ping: {{target: 192.168.2.9, count: 5, interval: 1}}}}
        - title: the end
          expect:
            - {{router: a, log: "%P4RT-3-TARGET_LOST: {device}", equals: 1}}
            - {{router: a, log: "%P4RT-5-TARGET_UP: {device}", equals: 2}}
        """,
    )
    assert played.failures == []
    assert f"* a loses its {device}\n" in played.transcript
    how = "as it was" if state == "kept" else "restarted"
    assert f"* a's {device} is back, {how}\n" in played.transcript
    last = marks(played)[1]
    assert last == "!!!!!" if state == "kept" else last.endswith("!!!")


def test_an_outage_without_an_end(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {outage: {router: a, device: pipeline}}
        - {wait: 1 h}
        - {router: a, exec: [show logging], expect: [{contains: TARGET_LOST}]}
        """,
    )
    assert played.failures == []
    assert "is back" not in played.transcript


def test_what_is_saved_stands_for_itself_in_commands_and_expectations(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 3, interval: 0.1}}
        - router: a
          exec: [show crypto ipsec sa]
          save: {spi: 'current outbound spi: 0x([0-9A-F]+)', peer: 'current_peer (\\S+)'}
        - router: a
          exec: ["ping ${peer} repeat 2"]
          expect: [{contains: Echos to 203.0.113.2}]
        - title: as texts, in patterns and as numbers
          expect:
            - {router: b, command: show crypto ipsec sa, contains: "spi: 0x${spi}("}
            - {router: b, command: show crypto ipsec sa, matches: 'spi: 0x${spi}\\('}
            - {link: wan, packets: {ESP.spi: "0x${spi}"}, equals: 2}
        - router: a
          exec: [show clock]
          save: {nothing: 'no such (text)'}
        """.replace("\\\\", "\\"),
    )
    assert played.failures == ["23: save nothing: the output does not match /no such (text)/"]
    assert played.runner.saved["peer"] == "203.0.113.2"
    assert int(played.runner.saved["spi"], 16) == outgoing(played, "a")[0]


def test_within_waits_until_it_holds(tmp_path: Path) -> None:
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 10}, background: p}
        - title: look
          expect:
            - {flow: p, field: received, at_least: 4, within: 30 s}
            - {flow: p, field: received, at_least: 40, within: 1 s}
        """,
    )
    assert [f.splitlines()[1] for f in played.failures] == ["found 5"]
    assert 5.0 < played.world.loop.now < 7.0


def test_parameters_choose_steps_expectations_and_configurations(tmp_path: Path) -> None:
    head = """\
name: parameters
parameters:
  mode:
    default: plain
    choices:
      plain:
      other:
        - {replace: hostname a, with: hostname changed, router: a}
        - {append: no ip domain lookup}
routers: {a: {config: a.cfg}, b: {config: b.cfg}}
"""
    timeline = """
        - {router: a, exec: [show clock], when: {mode: other}}
        - title: both
          expect:
            - {router: a, command: show running-config, contains: hostname a, when: {mode: plain}}
            - {router: a, command: show run, contains: hostname changed, when: {mode: other}}
        """
    plain = play(tmp_path / "1", timeline, head=head)
    assert plain.failures == []
    assert "show clock" not in plain.transcript
    assert "with mode=plain" in plain.transcript
    other = play(tmp_path / "2", timeline, head=head, mode="other")
    assert other.failures == []
    assert "changed#show clock" in other.transcript
    assert plain.report.expectations == other.report.expectations == 1


def test_measures_go_into_the_results(tmp_path: Path) -> None:
    """Numbers of every subject, and the answers' times of a flow."""
    timeline = """\
  - host: h1
    ping: {target: 192.168.2.9, count: 3}
    measure:
      answered: {flow: h1, field: received}
      delays: {flow: h1, field: round_trips}
      lost: {link: wan, counter: lost}
      clear: {link: wan, packets: {ICMP.type: 8}}
      uptime: {router: a, command: show clock, number: '(\\d+):'}
      logged: {router: a, log: P4RT-5-TARGET_UP}
"""
    played = play(tmp_path, timeline)
    measures = played.report.measures
    delays = measures.pop("delays")
    assert isinstance(delays, list)
    assert len(delays) == measures["answered"]
    assert all(0 < delay < 1 for delay in delays)
    assert measures == {
        "answered": measures["answered"], "lost": 0, "clear": 0, "uptime": 4, "logged": 2,
    }  # fmt: skip
    assert "logged: 2" in played.transcript


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        ("{router: a, command: show clock}", "needs number only"),
        ("{router: a, command: show clock, contains: x}", "unknown field"),
        ("{flow: h1, field: sent, equals: 3}", "unknown field"),
        ("{flow: nobody, field: sent}", "no ping or flow"),
        ("{}", "."),
    ],
)
def test_measures_that_make_no_sense(tmp_path: Path, measure: str, problem: str) -> None:
    timeline = f"""\
  - host: h1
    ping: {{target: 192.168.2.9, count: 1}}
    measure: {{x: {measure}}}
"""
    with pytest.raises(ScenarioError, match=problem):
        play(tmp_path, timeline)


def test_a_measure_without_a_number_is_a_failure(tmp_path: Path) -> None:
    timeline = """\
  - host: h1
    ping: {target: 192.168.2.9, count: 1}
    measure: {x: {flow: h1, field: marks}}
"""
    played = play(tmp_path, timeline)
    assert ["is no number" in failure.text for failure in played.report.failures] == [True]
