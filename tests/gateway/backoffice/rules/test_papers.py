"""Papers as somebody reads them: whose, how many pages, every letter, sums in one place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pypdf
import pytest

from gateway.backoffice.rules import documents, papers, press
from gateway.backoffice.rules.papers import Paper

pytestmark = pytest.mark.slow

GARAGE = "Garage Müller & Zonen, elektrische voertuigen en hybrides"


def line(description: str, price: str = "10", rate: str = "21") -> dict[str, Any]:
    values = {"quantity": Decimal(2), "unit_price": Decimal(price), "vat_rate": Decimal(rate)}
    return {"description": description, **values}


def paper(*lines: dict[str, Any], **more: Any) -> Paper:
    fixed: dict[str, Any] = {
        "title": "Invoice INV-2026-0001",
        "garage": GARAGE,
        "addressee": ("Łukasz Dvořák", "Ždárska 1", "", "VAT number CZ1"),
        "facts": (("Date", papers.day(date(2026, 11, 2))), ("Delivered", "")),
        "lines": lines,
        "totals": documents.sums(lines) if lines else None,
        "foot": "IBAN NL91 ABNA 0417 1643 00",
    }
    return Paper(**fixed | more)


def pages(printed: Paper) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(BytesIO(press.pdf(printed))).pages]


def test_every_page_says_whose_it_is_and_of_how_many() -> None:
    found = pages(paper(*(line(f"Work {number}") for number in range(60))))
    assert len(found) > 2
    for number, text in enumerate(found, 1):
        assert f"{number} / {len(found)}" in text
        assert "INV-2026-0001" in text
        assert "Garage Müller" in text
        assert "NL91 ABNA" in text
    assert all("Description" in text for text in found[:-1])
    assert "Total" in found[-1]
    assert "Total" not in "".join(found[:-1])


def test_letters_of_all_neighbours_are_there() -> None:
    (text,) = pages(paper(line("Ølbørste für Größe 7, Жук, Ωμέγα, 5 €")))
    for part in ("Łukasz Dvořák", "Ždárska 1", "Ølbørste für Größe 7, Жук, Ωμέγα, 5 €"):
        assert part in text
    assert "02-11-2026" in text
    # What is empty takes no line.
    assert "Delivered" not in text


def test_amounts_and_vat_by_rate() -> None:
    lines = (line("A", "1234.5"), line("B", "10", "9"), line("Off", "-5.5"))
    (text,) = pages(paper(*lines))
    plain = text.replace("\N{NO-BREAK SPACE}", " ")
    amounts = ("€ 1.234,50", "€ 2.469,00", "€ -11,00", "of € 2.458,00", "€ 516,18", "€ 2.995,98")
    for part in (*amounts, "VAT 9 %", "of € 20,00", "€ 1,80"):
        assert part in plain


def test_nothing_is_too_long_to_be_printed() -> None:
    long = paper(line("word " * 2_000), line("W" * 400), notes="So. " * 3_000, garage="G " * 400)
    text = "".join(pages(long))
    assert text.count("word") == 2_000
    assert text.count("So.") == 3_000


def test_the_same_paper_is_the_same_bytes() -> None:
    assert press.pdf(paper(line("A"))) == press.pdf(paper(line("A")))


async def test_quotations_and_credit_notes_are_printed(repair: Any) -> None:
    person = {"first_name": "Jan", "last_name": "Vos", "email": "jan@vos.test"}
    await repair.ask("POST", "/customers", json=person)
    work = {"description": "Work", "qty": 2, "unit_price": 50}
    asked = {"customer_id": 1, "lines": [work | {"vat_pct": 21}]}
    quotation = (await repair.ask("POST", "/v1/quotations", json=asked))[1]
    bill = {"customer_id": 1, "invoice_date": "2026-03-02", "lines": [work | {"vat_rate": 21}]}
    invoice = (await repair.ask("POST", "/invoices", json=bill))[1]
    assert (await repair.ask("POST", f"/invoices/{invoice['id']}/send", json={}))[0] == 200
    note = {"invoice_id": invoice["id"], "reason": "Returned", "lines": [work | {"vat_pct": 21}]}
    status, credited = await repair.ask("POST", "/v1/credit-notes", json=note)
    assert status == 201, credited
    for path, parts in (
        (f"/v1/quotations/{quotation['id']}/pdf", ("Quotation QU-", "121,00")),
        (f"/v1/credit-notes/{credited['id']}/pdf", ("Credit note CN-", "Returned", "-121,00")),
    ):
        answer = await repair.raw("GET", path)
        assert (answer.status_code, answer.content_type) == (200, "application/pdf")
        data = await answer.get_data(as_text=False)
        text = pypdf.PdfReader(BytesIO(data)).pages[0].extract_text()
        assert all(part in text for part in (*parts, "Jan Vos")), text
    assert (await repair.raw("GET", "/v1/quotations/99/pdf")).status_code == 404
