"""Documents as PDF: what they say, and how callers want them to look."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pypdf
import pytest

from gateway.backoffice.rules.wordings import LANGUAGES, language_of, worded
from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow


async def invoice(desk: Desk) -> str:
    """Store an invoice of a taxed and an untaxed line; return its id."""
    tax = await desk.make("/tax", name="VAT", rate=21, type="additive")
    client = await desk.make("/client", name="Garage Jansen")
    taxed, free = [await desk.product(**more) for more in ({"sv_tax": tax["_id"]}, {})]
    lines = [{"product": one["_id"], "quantity": 2, "price": 10} for one in (taxed, free)]
    made = await desk.make("/fullinvoices", client=client["_id"], items=lines)
    assert made["total"] == 44.2
    return str(made["_id"])


async def printed(desk: Desk, document: str, **asked: Any) -> tuple[Any, pypdf.PageObject]:
    """Ask for a link and follow it; return the answer and the first page."""
    body = {"documentType": "invoice", "documentId": document} | asked
    status, made = await desk.door.ask("POST", "/quick-convert-to-pdf", json=body)
    assert status == 200, made
    path = made["pdfUrl"].partition(desk.door.mount)[2]
    answer = await Door(desk.door.app, desk.door.mount, "").raw("GET", path)
    return made, pypdf.PdfReader(BytesIO(await answer.get_data(as_text=False))).pages[0]


async def test_taxes_are_told_by_their_rates(desk: Desk) -> None:
    made, page = await printed(desk, await invoice(desk))
    text = page.extract_text()
    for told in ("Garage Jansen", "02-03-2026", "21 %", "4,20", "44,20", "our workshop", "1 / 1"):
        assert told in text, text
    assert (made["filename"], made["pages"]) == ("Invoice SI-2026-0001.pdf", 1)
    assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]


async def test_it_looks_as_the_options_say(desk: Desk) -> None:
    document = await invoice(desk)
    options = {
        "includeHeader": False, "includeFooter": False, "watermark": "KOPIE",
        "orientation": "landscape", "format": "Letter",
    }  # fmt: skip
    made, page = await printed(
        desk, document, options=options, language="nl-NL", template="standard"
    )
    text = page.extract_text()
    assert made["filename"] == "Factuur SI-2026-0001.pdf"
    for told in ("KOPIE", "Omschrijving", "Totaal", "Btw 21 %"):
        assert told in text, text
    for left_out in ("our workshop", "1 / 1", "Description"):
        assert left_out not in text
    assert [round(float(side)) for side in page.mediabox[2:]] == [792, 612]


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"template": "fancy"}, {"documentId": "x"}])
async def test_what_is_not_served_is_refused(desk: Desk, wrong: dict[str, str]) -> None:
    body = {"documentType": "invoice", "documentId": await invoice(desk)} | wrong
    status, answer = await desk.door.ask("POST", "/quick-convert-to-pdf", json=body)
    assert (status, next(iter(wrong)) in answer["error"]) == (400, True)


def test_languages_know_their_words() -> None:
    assert [language_of(tag) for tag in ("EN", "nl_NL", "de-AT", "fr")] == list(LANGUAGES)
    assert worded("Invoice", "de") == "Rechnung"
    assert worded("Invoice", "en") == worded("Invoice", "it") == "Invoice"
