from __future__ import annotations

import pytest

from gateway.domain.errors import Invalid
from gateway.ws.partner.following import Following
from gateway.ws.partner.messages import SubscribeToEvent, parse


def test_each_event_is_wanted_once() -> None:
    following = Following()
    assert not len(following)
    following.add("tickets.ticket.*", 10)
    following.add("tickets.ticket.closed", 20)
    assert (following.begin, len(following)) == (10, 2)
    assert not following.pass_by("tickets.ticket.closed", 10)
    assert following.pass_by("tickets.ticket.closed", 11)
    assert not following.pass_by("tickets.service_center.changed", 12)
    assert following.begin == 12, "what is not wanted is passed by too"
    assert following.pass_by("tickets.ticket.closed", 21)
    assert not following.pass_by("tickets.ticket.closed", 21)
    following.remove("tickets.ticket.*")
    following.remove("tickets.ticket.*")
    assert "tickets.ticket.*" not in following
    assert not following.pass_by("tickets.ticket.created", 22)


def test_nothing_is_wanted_at_first() -> None:
    assert Following().begin is None


def test_a_subscription_begins_anew() -> None:
    following = Following()
    following.add("*", 30)
    assert following.pass_by("anything", 31)
    following.add("*", 5)
    assert following.pass_by("anything", 31)


@pytest.mark.parametrize("pattern", ["*", "a", "a.b_2", "a.b.*"])
def test_what_can_be_asked_for(pattern: str) -> None:
    said = parse(f'{{"action": "subscribe-to-event", "event_type": "{pattern}"}}')
    assert said == SubscribeToEvent(pattern)


@pytest.mark.parametrize("pattern", ["", "**", "a.*.b", "A", "a..b", ".a", "a*", "x" * 65])
def test_what_cannot(pattern: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(f'{{"action": "subscribe-to-event", "event_type": "{pattern}"}}')
    assert refused.value.field == "event_type"
