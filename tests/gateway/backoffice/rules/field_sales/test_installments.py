"""Clients are reminded of instalments, once before the day and once when it has passed."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from gateway.backoffice import schema
from gateway.backoffice.jobs import Jobs
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

DAY = 24 * 3600.0


@pytest.fixture
def jobs(shops: Any, clock: Any) -> Jobs:
    return Jobs(shops, schema.TABLES, clock, structlog.get_logger())


async def instalment(desk: Desk, email: str | None, **more: Any) -> str:
    """Make an instalment that is due on 10 March, eight days from now; return its path."""
    mailbox: dict[str, Any] = {"email": email} if email else {}
    client = await desk.make("/client", name="Jansen", **mailbox)
    contract = await desk.make("/contract", title="Rent <1>", client=client["_id"])
    body = {"contract": contract["_id"], "installment_number": 2, "due_date": "2026-03-10"}
    made = await desk.make("/contract-installment", **(body | {"amount": 100} | more))
    return f"/contract-installment/{made['_id']}"


async def test_reminders_go_out_once_for_each_reason(
    desk: Desk, jobs: Jobs, clock: Any, in_shop: Any
) -> None:
    path = await instalment(desk, "jan@example.test", grace_period_days=2)

    async def after(days: int) -> tuple[int, str]:
        clock.advance(days * DAY)
        await jobs.run_due()
        shown = await desk.see(path)
        return len(shown.get("reminder_dates", ())), shown["status"]

    assert await after(1) == (0, "pending")
    assert await after(5) == (1, "pending")  # two days ahead
    assert await after(1) == (1, "pending")
    assert await after(2) == (1, "pending")  # within its grace
    assert await after(2) == (2, "overdue")
    assert await after(9) == (2, "overdue")
    letters = await in_shop(lambda shop: shop.where("outgoing_mail"))
    assert [letter["subject"] for letter in letters] == [
        "Instalment 2 of Rent <1> is due",
        "Instalment 2 of Rent <1> was due",
    ]
    assert "Rent &lt;1&gt; is due on 10-03-2026: 100.00 USD" in letters[0]["body_html"]
    # A later day is another one to be reminded of.
    status, _ = await desk.door.ask(
        "PATCH", path, json={"due_date": "2026-04-20", "status": "pending"}
    )
    assert status == 200
    assert await after(27) == (3, "pending")


async def test_nobody_is_reminded_who_pays_by_himself_or_has_no_mailbox(
    desk: Desk, jobs: Jobs, clock: Any, in_shop: Any
) -> None:
    auto = await instalment(desk, "jan@example.test", auto_pay_enabled=True)
    silent = await instalment(desk, None)
    clock.advance(20 * DAY)
    await jobs.run_due()
    for path in (auto, silent):
        shown = await desk.see(path)
        assert (shown["status"], shown["reminder_sent"]) == ("overdue", False)
    assert await in_shop(lambda shop: shop.where("outgoing_mail")) == []
