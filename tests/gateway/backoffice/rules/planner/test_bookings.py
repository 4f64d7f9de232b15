"""The signed link and its page, through the running app, as a browser would use it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from gateway.backoffice.rules.planner import appointments, bookings
from gateway.backoffice.rules.planner.bookings import Booking
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import WINDOW
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit


def invited(shop: Shop, **more: Any) -> int:
    values = make_visit(shop).values(appointment_or_invite="invite", **more)
    return appointments.create(shop, values)


@pytest.fixture
async def invitation(in_shop: Any) -> int:
    return int(await in_shop(invited))


@pytest.fixture
def visitor(app: Any, outside: Any) -> Any:
    """Open or send the page of an appointment without any token but the link's."""
    client = app.test_client()

    async def go(appointment: int, tenant: int = 1, **form: str) -> tuple[int, str, Any]:
        token = bookings.make_token(outside.sealer, Booking(tenant, appointment))
        path = f"/backoffice/planner/book/{token}"
        sent = {"form": form} if form else {}
        if form:
            sent["headers"] = {"Content-Type": "multipart/form-data"}
            answer = await client.post(path, files={}, **sent)
        else:
            answer = await client.get(path)
        return answer.status_code, await answer.get_data(as_text=True), answer.headers

    return go


def offered(page: str) -> list[str]:
    return re.findall(r'name="slot" value="([^"]+)"', page)


async def test_a_client_chooses_a_time(
    visitor: Any, invitation: int, in_shop: Any, planner: Any
) -> None:
    status, page, headers = await visitor(invitation)
    assert status == 200
    slots = offered(page)
    assert slots[:2] == ["2026-03-09T07:00:00Z", "2026-03-09T07:30:00Z"]
    assert "Monday 9 March 2026" in page
    assert "> 08:00</label>" in page
    # Nothing is loaded from anywhere, and nothing runs.
    assert not re.search(r"<script|<img|<link|src=|https?://", page)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"

    status, page, _ = await visitor(invitation, slot=slots[1], agreed="1")
    assert status == 200, page
    assert "It is confirmed" in page
    assert "Monday 9 March 2026 at 08:30" in page
    shown = (await planner.ask("GET", f"/appointment/{invitation}"))[1]
    assert (shown["status_system"], shown["confirmed_at"]) == ("confirmed", "2026-03-02")
    assert [user["id"] for user in shown["users"]] == [1]
    assert (await visitor(invitation, slot=slots[3], agreed="1"))[0] == 409
    again = (await planner.ask("GET", f"/appointment/{invitation}"))[1]
    assert again["time_from"] == shown["time_from"]  # it has a time already


async def test_a_time_that_is_taken_is_refused_in_words(
    visitor: Any, invitation: int, in_shop: Any
) -> None:
    slot = offered((await visitor(invitation))[1])[0]

    def engage(shop: Shop) -> None:
        row = shop.get("appointment", invitation)
        taken = {"time_from": WINDOW[0], "users": [1], "services": []}
        parts = {n: row[n] for n in ("customer_id", "address_id", "appointment_type_id")}
        begin = datetime(2026, 3, 9, 7, tzinfo=UTC)
        appointments.create(shop, parts | taken | {"time_from": begin})

    await in_shop(engage)
    status, page, _ = await visitor(invitation, slot=slot, agreed="1")
    assert status == 409
    assert "has just been taken" in page
    assert slot not in offered(page)
    outside_window = "2026-04-20T07:00:00Z"
    assert (await visitor(invitation, slot=outside_window, agreed="1"))[0] == 409


async def test_an_appointment_with_a_time_is_agreed_to(visitor: Any, in_shop: Any) -> None:
    def fixed(shop: Shop) -> int:
        begin = datetime(2026, 3, 9, 9, tzinfo=UTC)
        return appointments.create(shop, make_visit(shop).values(time_from=begin))

    made = await in_shop(fixed)
    assert "Confirm this appointment" in (await visitor(made))[1]
    assert "It is confirmed" in (await visitor(made, agreed="1"))[1]


async def test_links_that_lead_nowhere(
    visitor: Any, invitation: int, in_shop: Any, app: Any, outside: Any
) -> None:
    assert (await visitor(invitation, tenant=2))[0] == 404
    token = bookings.make_token(outside.sealer, Booking(1, invitation))
    forged = ("x", token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), outside.sealer.seal("x"))
    for wrong in (*forged, outside.sealer.seal("other:1:1")):
        answer = await app.test_client().get(f"/backoffice/planner/book/{wrong}")
        assert answer.status_code == 404, wrong

    def cancel(shop: Shop) -> None:
        appointments.cancel(shop, shop.get("appointment", invitation))

    await in_shop(cancel)
    assert (await visitor(invitation))[0] == 404
    assert (await visitor(invitation, agreed="1"))[0] == 404


def test_tokens_come_back() -> None:
    from cryptography.fernet import Fernet  # noqa: PLC0415

    from gateway.backoffice.sealing import Sealer  # noqa: PLC0415

    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    token = bookings.make_token(Sealer((old,)), Booking(3, 14))
    assert re.fullmatch(r"[\w-]+", token)
    assert bookings.read_token(Sealer((new, old)), token) == Booking(3, 14)
    assert bookings.read_token(Sealer((new,)), token) is None


@pytest.mark.both_engines
@pytest.mark.slow
async def test_two_who_choose_the_same_hour(in_shop: Any) -> None:
    first, second = await in_shop(invited), await in_shop(invited)
    slot = datetime(2026, 3, 9, 7, tzinfo=UTC)
    statuses: list[int] = []

    async def choose(appointment: int) -> None:
        page = await in_shop(bookings.choose, Booking(1, appointment), slot)
        statuses.append(page.status)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(choose, first)
        nursery.start_soon(choose, second)
    assert sorted(statuses) == [200, 409]
