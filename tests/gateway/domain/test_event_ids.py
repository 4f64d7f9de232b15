from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.event_ids import LARGEST_POSITION, event_id, position_of

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_an_id_has_the_form_of_a_ulid() -> None:
    # 01ARYZ6S41 is the sample moment of the ULID specification, 1469918176385 ms.
    moment = datetime.fromtimestamp(1_469_918_176.385, UTC)
    assert event_id(1, moment) == "01ARYZ6S410000000000000001"


@given(st.integers(1, LARGEST_POSITION), MOMENTS)
def test_an_id_leads_back(position: int, moment: datetime) -> None:
    found, when = position_of(event_id(position, moment))
    assert found == position
    assert abs(when - moment) <= timedelta(milliseconds=1)


@given(st.integers(1, LARGEST_POSITION - 1), MOMENTS)
def test_ids_of_one_moment_sort_like_positions(position: int, moment: datetime) -> None:
    assert event_id(position, moment) < event_id(position + 1, moment)


@given(st.text(max_size=40))
def test_anything_else_is_refused(text: str) -> None:
    try:
        position, _ = position_of(text)
    except ValueError:
        return
    assert 0 < position <= LARGEST_POSITION


@pytest.mark.parametrize("name", ["", "0" * 26, "Z" * 26, "01ARYZ6S41000000000000000U", "0" * 25])
def test_some_that_look_alike(name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        position_of(name)
