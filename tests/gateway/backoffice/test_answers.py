"""How answers leave: exact amounts, files that nobody runs, pages that load nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.backoffice.answers import answer
from gateway.backoffice.records import File, Html


@pytest.mark.parametrize(
    ("document", "asked", "status", "body"),
    [
        (None, 200, 204, b""),
        (None, 202, 202, b""),
        ({"total": Decimal("0.10")}, 201, 201, b'{"total":0.10}'),
        ([], 200, 200, b"[]"),
    ],
)
async def test_documents(document: object, asked: int, status: int, body: bytes) -> None:
    response = answer(document, asked)
    assert (response.status_code, await response.get_data(as_text=False)) == (status, body)


async def test_files_are_what_they_say() -> None:
    response = answer(File("a.pdf", "application/pdf", b"%PDF"))
    assert await response.get_data(as_text=False) == b"%PDF"
    assert response.content_type == "application/pdf"
    assert response.headers["Content-Disposition"] == 'inline; filename="a.pdf"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_load_nothing_and_tell_nobody_where_they_were() -> None:
    response = answer(Html("<p>x</p>", 302, "https://garage.example/"))
    assert (response.status_code, response.headers["Location"]) == (302, "https://garage.example/")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_a_body_that_is_too_large_is_told_what_to_do(app: Any, repair: Any) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100
    status, answered = await repair.ask("POST", "/customers", data=b"x" * 101)
    assert (status, "Send less" in answered["message"]) == (413, True)
