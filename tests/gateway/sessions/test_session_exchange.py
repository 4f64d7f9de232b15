from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError, Invalid, Unavailable, VehicleFault
from gateway.sessions.exchange import MAX_DETAIL, answers, connector_time_line
from protocols.link.messages import ExchangeResponse, ExchangeResult

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def _noon(_stamp: int) -> datetime:
    return NOON


def _answer(data: str, pending: int = 0) -> dict[str, object]:
    response = ExchangeResponse(0x7E8, bytes.fromhex(data), pending, 0, 0)
    [answer] = answers(ExchangeResult(1, (response,)), _noon)
    return answer.to_json()


def test_an_answer_has_the_members_of_the_operator_api() -> None:
    assert _answer("62F190AB", pending=2) == {
        "ecu": 0x7E8,
        "data": "62F190AB",
        "negative": None,
        "pending": 2,
        "sent_at": "2026-03-02T12:00:00+00:00",
        "received_at": "2026-03-02T12:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("data", "negative"),
    [
        ("7F2231", {"code": 0x31, "name": "requestOutOfRange"}),
        ("7F2233", {"code": 0x33, "name": "securityAccessDenied"}),
        ("7F22", None),
        ("7F", None),
        ("", None),
    ],
)
def test_a_negative_answer_is_named(data: str, negative: dict[str, object] | None) -> None:
    assert _answer(data)["negative"] == negative


def test_a_negative_code_nobody_knows_is_passed_on() -> None:
    negative = _answer("7F2205")["negative"]
    assert isinstance(negative, dict)
    assert negative["code"] == 5
    assert negative["name"]


def test_answers_keep_their_order_and_there_may_be_none() -> None:
    responses = tuple(ExchangeResponse(source, b"\x41", 0, 0, 0) for source in (3, 1, 2))
    assert [answer.ecu for answer in answers(ExchangeResult(1, responses), _noon)] == [3, 1, 2]
    assert answers(ExchangeResult(1), _noon) == ()


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("no_response", VehicleFault),
        ("pending_too_long", VehicleFault),
        ("busy_too_long", VehicleFault),
        ("transport", VehicleFault),
        ("unknown_bus", Invalid),
        ("unknown_ecu", Invalid),
        ("refused", Unavailable),
    ],
)
def test_each_failure_has_a_code_and_says_what_to_do(word: str, error: type[GatewayError]) -> None:
    with pytest.raises(error) as failed:
        answers(ExchangeResult(1, failure=word, detail="can0"), _noon)
    assert type(failed.value) is error
    assert failed.value.code == f"vehicle.{word}"
    assert failed.value.detail.endswith("(can0)")
    assert len(failed.value.detail) > 20


def test_a_failure_nobody_knows_has_one_stable_code() -> None:
    with pytest.raises(VehicleFault) as failed:
        answers(ExchangeResult(1, failure="flux", detail="y" * 10_000), _noon)
    assert failed.value.code == "vehicle.failed"
    assert "flux" in failed.value.detail
    assert len(failed.value.detail) < MAX_DETAIL + 100


# --- the time line -------------------------------------------------------------------------


def test_a_stamp_is_put_on_the_wall_clock() -> None:
    # The connector's clock is two hours ahead of ours; it is 100 s since we started.
    line = connector_time_line(NOON, 100.0, offset_us=7_200_000_000)
    assert line(7_300_000_000) == NOON
    assert line(7_299_250_000) == NOON - timedelta(milliseconds=750)


@pytest.mark.slow
@given(st.integers(0, 10**9), st.integers(-(10**15), 10**15), st.floats(0, 1e8))
def test_intervals_stay_what_they_were(apart: int, offset: int, monotonic: float) -> None:
    line = connector_time_line(NOON, monotonic, offset)
    start = round(monotonic * 1e6) + offset
    between = (line(start + apart) - line(start)).total_seconds()
    assert between == pytest.approx(apart / 1e6, abs=1e-5)


@pytest.mark.parametrize("stamp", [2**63 - 1, -(2**63), 2**64 - 1, 10**18])
def test_a_stamp_from_no_calendar_is_the_present(stamp: int) -> None:
    line = connector_time_line(NOON, 100.0, offset_us=0)
    assert abs((line(stamp) - NOON).days) < 366 * 10_000
    assert line(2**63 - 1) == NOON
