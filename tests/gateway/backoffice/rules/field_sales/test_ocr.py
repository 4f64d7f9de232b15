"""Invoices on paper, through HTTP alone: from the scan to what it says."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from gateway.backoffice.recognition import Recognition
from gateway.backoffice.rules.field_sales.ocr import Unreadable, read_document
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

#: What a template asks for; the second is not on the paper.
RULES = {
    "fields": [
        {"name": "customer", "pattern": "Bill to", "required": True},
        {"name": "iban", "pattern": "IBAN", "required": True},
    ]
}

PAPER = (
    "Invoice number: A-17",
    "Invoice date: 2026-03-01",
    "Due date: 2026-03-31",
    "Bill to: Garage Jansen",
    "Subtotal 100.00",
    "VAT 21 % 21.00",
    "Total due EUR 1.121,00",
)


def printed(*lines: str) -> bytes:
    """Return a PDF with these lines."""
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: PLC0415

    out = BytesIO()
    canvas = Canvas(out)
    for place, line in enumerate(lines):
        canvas.drawString(72, 700 - 20 * place, line)
    canvas.save()
    return out.getvalue()


def scanned(pages: int) -> bytes:
    """Return a PDF with nothing but a picture on each page."""
    from PIL import Image  # noqa: PLC0415
    from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    out = BytesIO()
    canvas = Canvas(out)
    for shade in range(pages):
        canvas.drawImage(ImageReader(Image.new("L", (8, 8), 40 * shade)), 0, 0)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def as_url(document: bytes) -> str:
    return "data:application/pdf;base64," + b64encode(document).decode()


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name that reads the same in every picture, once it has been given one."""
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\ntest $(wc -c) -gt 50 && echo 'Bill to: Garage Jansen'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.fixture
def no_tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


async def job_of(desk: Desk, document: bytes) -> Any:
    """Make a template, a group and a job, and ask for the job to be read; return the job."""
    template = await desk.make(
        "/ocr-invoice-job-template", name="T", ocrEngine="tesseract", documentType="invoice",
        extractionRules=RULES,
    )  # fmt: skip
    group = await desk.make("/ocr-invoice-job-group", name="March", template=template["_id"])
    job = await desk.make(
        "/ocr-invoice-job", jobNumber="1", documentName="paper.pdf",
        documentUrl=as_url(document), template=template["_id"], group=group["_id"],
    )  # fmt: skip
    await desk.make(f"/ocr-invoice-job/{job['_id']}/process", 200)
    return job


async def test_an_invoice_on_paper_becomes_figures(desk: Desk, recognition: Recognition) -> None:
    job = await job_of(desk, printed(*PAPER))
    path = f"/ocr-invoice-job/{job['_id']}"
    assert (await desk.see(f"{path}/results"))["extractedData"] == {}
    await recognition.read_due()
    results = await desk.see(f"{path}/results")
    assert results["extractedData"]["invoice"] == {
        "number": "A-17",
        "date": "2026-03-01",
        "dueDate": "2026-03-31",
        "amounts": {"subtotal": 100, "tax": 21, "total": 1121},
    }
    # What the template asks for was looked for, and what is not there is named.
    checked = results["validationResults"]
    assert (checked["isValid"], [error["field"] for error in checked["errors"]]) == (
        False,
        ["iban"],
    )
    (listed,) = await desk.see(f"/ocr-invoice-job-group/{job['group']}/jobs")
    told = {"jobId": job["_id"], "status": "completed", "documentName": "paper.pdf"}
    assert listed == told


@pytest.mark.usefixtures("no_tesseract")
async def test_a_scan_says_what_it_needs(desk: Desk, recognition: Recognition) -> None:
    job = await job_of(desk, scanned(1))
    await recognition.read_due()
    shown = await desk.see(f"/ocr-invoice-job/{job['_id']}")
    assert (shown["status"], "Tesseract" in shown["errorLog"]) == ("failed", True)


@pytest.mark.usefixtures("tesseract")
async def test_a_scan_is_read_page_by_page(desk: Desk, recognition: Recognition) -> None:
    job = await job_of(desk, scanned(2))
    await recognition.read_due()
    shown = await desk.see(f"/ocr-invoice-job/{job['_id']}")
    assert (shown["status"], shown["documentInfo"]["pages"]) == ("completed", 2)
    # Less sure than of printed text.
    assert 0 < shown["confidence"]["overall"] <= 0.8
    assert read_document(scanned(2)).text.count("Garage Jansen") == 2


def test_what_cannot_be_read_says_why() -> None:
    for document, reason in ((printed(), "no picture"), (b"%PDF-1.7 and no more", "broken")):
        with pytest.raises(Unreadable, match=reason):
            read_document(document)
