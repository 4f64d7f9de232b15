from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.diagnosis.transfer_state import ENDINGS, FINAL, TABLE, JobState, JobTrigger
from protocols.errors import LocalProtocolError


@given(state=st.sampled_from(JobState), trigger=st.sampled_from(JobTrigger))
def test_every_pair_has_a_row_or_is_refused(state: JobState, trigger: JobTrigger) -> None:
    if TABLE.allows(state, trigger):
        assert isinstance(TABLE.step(state, trigger), JobState)
        return
    with pytest.raises(LocalProtocolError, match=state.name):
        TABLE.step(state, trigger)


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    assert TABLE.reachable() == frozenset(JobState)
    for state in JobState:
        assert state in FINAL or TABLE.reachable(state) & FINAL


def test_the_vehicle_is_restored_before_any_end() -> None:
    for (state, _), to in TABLE.transitions.items():
        assert state is JobState.RESTORING or to not in FINAL
    assert ENDINGS.keys() == FINAL


def test_whoever_is_at_work_can_be_aborted_and_can_lose_power() -> None:
    for state in set(JobState) - FINAL:
        assert TABLE.allows(state, JobTrigger.POWER)
        assert TABLE.allows(state, JobTrigger.ABORT) or state is JobState.RESTORING


def test_the_page_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "jobs.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- states -->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert shown is not None
    assert shown[1] == f"```mermaid\n{TABLE.to_mermaid()}```\n"
