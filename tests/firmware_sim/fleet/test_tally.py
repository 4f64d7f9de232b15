from __future__ import annotations

import msgspec

from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.tally import Summary, Tally
from protocols.link.messages import CloseCode


def test_codes_are_told_by_their_names_and_unknown_ones_by_number() -> None:
    tally = Tally(3)
    tally.refusal(CloseCode.OVERLOADED)
    tally.refusal(CloseCode.OVERLOADED)
    tally.refusal(99)
    tally.ending(CloseCode.SILENT, by_gateway=True)
    tally.ending(CloseCode.SILENT, by_gateway=False)
    summary = tally.summary()
    assert summary.refusals == {"overloaded": 2, "code 99": 1}
    assert summary.endings == {"silent by gateway": 1, "silent by connector": 1}


def test_reasons_of_failed_dials_are_bounded() -> None:
    tally = Tally(1)
    for number in range(100):
        tally.failed_dial(f"reason {number}")
    tally.failed_dial("reason 0")
    reasons = tally.summary().failed_dials
    assert len(reasons) == 17
    assert reasons["other"] == 84
    assert reasons["reason 0"] == 2


def test_a_summary_stands_still_and_survives_json() -> None:
    tally = Tally(2)
    tally.fates(FaultKind.CUT).injected += 1
    tally.links, tally.ever_connected = 5, 2
    summary = tally.summary()
    tally.fates(FaultKind.CUT).injected += 1
    assert summary.faults["cut"].injected == 1
    assert summary.reconnects == 3
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary
