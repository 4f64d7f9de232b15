"""Reminders and recurring items: each once, on however many nodes, caught up after a stop."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import structlog
import trio

from gateway.backoffice import schema
from gateway.backoffice.jobs import Jobs
from gateway.backoffice.rules.planner import appointments, coming, scheduling
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit

LATER = datetime(2026, 3, 30, 8, tzinfo=UTC)  # four weeks on


def subjects(shop: Shop) -> list[str]:
    return [row["subject"] for row in shop.where("outgoing_mail")]


def reminders(shop: Shop) -> list[str]:
    return [subject for subject in subjects(shop) if subject.startswith("Reminder")]


def booked(shop: Shop, begin: datetime = LATER) -> int:
    window = {"plan_from": begin - timedelta(days=1), "plan_to": begin + timedelta(days=1)}
    return appointments.create(shop, make_visit(shop).values(time_from=begin, **window))


def at(shop: Shop, moment: datetime) -> Shop:
    return Shop(shop.connection, shop.tables, shop.tenant_id, None, moment)


def test_two_reminders_once_each(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        made = booked(shop)
        for days, sent in ((8, 0), (7, 1), (6, 1), (1, 2), (0.5, 2)):
            coming.remind(at(shop, LATER - timedelta(days=days)))
            assert len(reminders(shop)) == sent, days
        row = shop.get("appointment", made)
        assert row["send_reminder_at"] == LATER - timedelta(days=7)
        assert row["send_reminder_2_at"] == LATER - timedelta(days=1)

    trial_shop(rule)


def test_after_a_stop_one_letter_is_enough(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        booked(shop)
        for _ in range(2):
            coming.remind(at(shop, LATER - timedelta(hours=12)))
        assert len(reminders(shop)) == 1

    trial_shop(rule)


def test_who_booked_late_is_not_reminded_of_it(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        booked(shop, shop.now + timedelta(hours=20))
        coming.remind(at(shop, shop.now + timedelta(hours=1)))
        assert reminders(shop) == []

    trial_shop(rule)


@pytest.mark.parametrize("stamp", ["canceled_at", "visited_at", "not_visited_at"])
def test_what_is_over_is_not_reminded_of(trial_shop: Any, stamp: str) -> None:
    def rule(shop: Shop) -> None:
        made = booked(shop)
        shop.change("appointment", made, {stamp: shop.now})
        assert coming.remind(at(shop, LATER - timedelta(days=1))) == 0

    trial_shop(rule)


def test_settings_say_how_early(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        shop.change("planner_setting", scheduling.hold(shop), {"reminder_days": 14})
        booked(shop)
        coming.remind(at(shop, LATER - timedelta(days=14)))
        assert len(reminders(shop)) == 1
        nothing = {"reminder_days": None, "reminder_2_days": None}
        shop.change("planner_setting", scheduling.hold(shop), nothing)
        assert coming.remind(at(shop, LATER - timedelta(hours=1))) == 0

    trial_shop(rule)


def test_an_unanswered_invitation_is_sent_once_more(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        values = make_visit(shop).values(appointment_or_invite="invite")
        values["plan_to"] = LATER
        appointments.create(shop, values)
        for days, sent in ((6, 1), (7, 2), (8, 2)):
            coming.remind(at(shop, shop.now + timedelta(days=days)))
            assert len(subjects(shop)) == sent, days

    trial_shop(rule)


def test_recurring_items_are_made_ready_once(trial_shop: Any) -> None:
    def rule(shop: Shop) -> None:
        due = date(2026, 5, 1)
        plan = {"recurring": True, "plan_cycle": 12, "date_from": due}
        visit = make_visit(shop, **plan, appointment_or_invite="invite", user_id=11)
        assert coming.prepare(at(shop, datetime(2026, 3, 31, 12, tzinfo=UTC))) == 0
        soon = at(shop, datetime(2026, 4, 1, 12, tzinfo=UTC))
        assert coming.prepare(soon) == 1
        (row,) = shop.where("appointment")
        assert (row["plan_from"].date(), row["appointment_or_invite"]) == (
            date(2026, 4, 30),  # midnight here is the day before in UTC
            "invite",
        )
        assert appointments.users_of(shop, row["id"]) == [11]
        assert [subject.split(" at ")[0] for subject in subjects(shop)] == ["Choose a time"]
        # Cancelled, it is the garage's turn.
        appointments.cancel(soon, row)
        assert coming.prepare(soon) == 0
        assert shop.get("item", visit.item)["plan_next_date"] == due

    trial_shop(rule)


@pytest.mark.both_engines
@pytest.mark.slow
async def test_nodes_send_a_reminder_once(shops: Any, in_shop: Any, clock: Any) -> None:
    await in_shop(booked)
    log = structlog.get_logger()
    nodes = [Jobs(shops, schema.TABLES, clock, log) for _ in range(3)]
    clock.now = LATER - timedelta(days=7)
    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(node.run_due)
    assert len(await in_shop(reminders)) == 1
    # Everything stands still for six days; the next look catches up.
    clock.now = LATER - timedelta(hours=20)
    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(node.run_due)
    assert len(await in_shop(reminders)) == 2
