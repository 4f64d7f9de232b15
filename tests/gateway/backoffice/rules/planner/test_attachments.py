"""Files of items: through the multipart door, replaced, refused, fetched, never run."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override
from werkzeug.datastructures import FileStorage, MultiDict

from gateway.backoffice.rules.planner import attachments
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit


def files(*named: tuple[str, bytes]) -> MultiDict[str, FileStorage]:
    """Return files of one name; the test client asks for ``items`` without ``multi``."""
    found = _Files()
    for name, data in named:
        found.add("attachments[]", FileStorage(BytesIO(data), name, "attachments[]"))
    return found


class _Files(MultiDict[str, FileStorage]):
    @override
    def items(self, multi: bool = True) -> Any:
        return super().items(multi=multi)


@pytest.fixture
async def path(in_shop: Any) -> str:
    visit = await in_shop(make_visit)
    return f"/client/{visit.client}/item/{visit.item}"


async def test_files_are_added_replaced_and_fetched(planner: Any, path: str, tokens: Any) -> None:
    two = files(("../manual.pdf", b"%PDF-1"), ("photo.PNG", b"\x89PNG\r\n\x1a\n"))
    status, item = await planner.ask("POST", f"{path}/attachments", files=two, form={"x": ""})
    assert status == 200, item
    assert [file["name"] for file in item["attachments"]] == ["manual.pdf", "photo.PNG"]
    new = {"files": files(("notes.txt", b"<script>")), "form": {"delete_attachments": "1"}}
    item = (await planner.ask("POST", f"{path}/attachment", **new))[1]
    (file,) = item["attachments"]
    assert (file["size"], file["mime_type"]) == (8, "text/plain")
    local = file["url"].removeprefix(planner.mount)
    answer = await planner.raw("GET", local)
    assert await answer.get_data(as_text=False) == b"<script>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "text/plain"
    foreign = type(planner)(planner.app, planner.mount, await tokens.grant("planner", tenant_id=2))
    assert (await foreign.raw("GET", local)).status_code == 404
    assert (await planner.raw("GET", local + "0")).status_code == 404


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"x"),
        ("run.exe", b"x"),
        ("none", b"x"),
        ("fake.pdf", b"MZ"),
        ("fake.png", b""),
    ],
)
async def test_other_files_are_refused(planner: Any, path: str, name: str, data: bytes) -> None:
    good = ("good.pdf", b"%PDF-1")
    body = {"files": files(good, (name, data)), "form": {"delete_attachments": "1"}}
    status, answer = await planner.ask("POST", f"{path}/attachments", **body)
    assert (status, list(answer["errors"])) == (422, ["attachments"])
    assert (await planner.ask("GET", path))[1]["attachments"] == []


async def test_put_by_post_brings_files_along(planner: Any, path: str) -> None:
    body = {"files": files(("a.pdf", b"%PDF-1")), "form": {"_method": "PUT", "name": "Piano"}}
    status, item = await planner.ask("POST", path, **body)
    assert (status, item["name"], len(item["attachments"])) == (200, "Piano", 1)
    assert (await planner.ask("POST", path, json={"name": "Organ"}))[1]["name"] == "Organ"


@pytest.mark.parametrize("tail", ["", "/attachments"])
async def test_nobody_sends_files_without_a_token(app: Any, path: str, tail: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": "Bearer 1|x"}
    asked = app.test_client().request(
        f"/backoffice/planner{path}{tail}", method="POST", headers=headers
    )
    # The rest of the form never comes: whoever waited for it would wait for ever.
    with trio.fail_after(5):
        async with asked as connection:
            await connection.send(b"--b\r\n")
            assert (await connection.as_response()).status_code == 401


async def test_an_item_is_made_with_files(planner: Any, path: str, in_shop: Any) -> None:
    address = await in_shop(lambda shop: shop.where("address")[0]["id"])
    form = {"name": "Boiler", "address_id": str(address), "recurring": "1", "plan_cycle": "24"}
    form |= {"date_from": "2026-03-13T14:40:23", "user_id": "0"}
    body = {"files": files(("a.pdf", b"%PDF-1")), "form": form}
    status, item = await planner.ask("POST", path.rpartition("/")[0], **body)
    assert status == 200, item
    assert (item["plan_next_date"], item["recurring"], item["user_id"]) == ("2026-03-13", True, 0)
    assert len(item["attachments"]) == 1


def test_so_many_and_no_more(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        from gateway.backoffice.records import File  # noqa: PLC0415
        from gateway.backoffice.refusal import Unprocessable  # noqa: PLC0415

        one = File("a.txt", "text/plain", b"")
        attachments.add(shop, visit.item, [one] * attachments.MOST_FILES)
        with pytest.raises(Unprocessable):
            attachments.add(shop, visit.item, [one])
        attachments.clear(shop, visit.item)
        assert shop.where("item_file") == []

    at_client(rule)


@given(st.text(max_size=400))
def test_names_are_safe(name: str) -> None:
    safe = attachments.safe_name(name)
    assert len(safe) <= 216
    assert not set(safe) & set('/\\"\r\n\0')
    assert safe not in {".", ".."}
