from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bus.topics import check_topic, matches, topics_of
from gateway.domain.errors import Invalid
from gateway.domain.events import Event

AT = datetime(2026, 3, 2, tzinfo=UTC)
words = st.text("abcxyz_09", min_size=1, max_size=5)
types = st.lists(words, min_size=1, max_size=4).map(".".join)


def event(type_: str, subject: str = "ticket:1") -> Event:
    return Event(type_, subject, None, {}, AT)


def test_an_event_is_heard_by_its_type_families_subject_and_as_everything() -> None:
    assert set(topics_of(event("tickets.ticket.closed"))) == {
        "tickets.ticket.closed",
        "tickets.ticket.*",
        "tickets.*",
        "*",
        "ticket:1",
    }


@given(types)
def test_every_topic_of_an_event_is_well_formed_and_matches_it(type_: str) -> None:
    happened = event(type_)
    for topic in topics_of(happened):
        assert matches(happened, frozenset({check_topic(topic)}))


@pytest.mark.parametrize(
    "topic", ["tickets.ticket", "ticket.*", "tickets.ticket.closed.*", "ticket:11", "ticket:"]
)
def test_near_misses_do_not_match(topic: str) -> None:
    assert not matches(event("tickets.ticket.closed"), frozenset({topic}))


@pytest.mark.parametrize("topic", ["", "**", "a.*.b", "Tickets.*", "ticket:", "a b", "a..b", ".a"])
def test_what_is_no_topic_is_refused_by_name(topic: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_topic(topic)
    assert caught.value.code == "bus.topic_malformed"
