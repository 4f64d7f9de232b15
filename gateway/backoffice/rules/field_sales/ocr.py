"""Invoices that come as documents: what is written in them, and what of it is an invoice.

Text PDFs are read as they are. Scans need Tesseract on this machine; without it a job fails and
says so. Patterns of templates are labels: the value is what follows them on the line. (They are
no regular expressions, because a bad one could hold a processor for hours.)
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any

from gateway.backoffice.rules.field_sales import ocr_queue
from gateway.backoffice.shop import Shop, Values

#: No invoice says more, and nobody waits longer.
_MOST_TEXT, _MOST_PAGES, _SECONDS = 200_000, 50, 60

#: A scan has one picture a page; what has many more is no document.
_MOST_PICTURES = 20

_LABELS = {
    "number": ("invoice number", "invoice no", "factuurnummer", "invoice"),
    "date": ("invoice date", "factuurdatum", "date"),
    "dueDate": ("due date", "vervaldatum"),
}
_AMOUNTS = {
    "total": ("total due", "amount due", "totaal", "total"),
    "tax": ("vat", "btw", "tax"),
    "subtotal": ("subtotal", "subtotaal"),
}
_AMOUNT = re.compile(r"-?\d{1,12}(?:[.,]\d{3})*[.,]\d{2}\b")
_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


@dataclass(frozen=True, slots=True)
class Read:
    """What a document says.

    Attributes:
        text: of all pages.
        pages: how many.
        sure: 1 for text, less for what was recognized.
    """

    text: str
    pages: int
    sure: float


class Unreadable(Exception):
    """A document that cannot be read; the text says why, and what to do."""


def inline(url: str) -> bytes | None:
    """Return the bytes of a ``data:`` URL, ``None`` for others; raises ``Unreadable``."""
    if not url.startswith("data:"):
        return None
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("The data URL is not valid base64.") from None


def read_document(data: bytes) -> Read:
    """Return what a document says; blocking, for a worker thread.

    A PDF without text is a scan: then the pictures on its pages are read.

    Raises:
        Unreadable: it is broken, or a scan and there is no Tesseract.
    """
    if not data.startswith(b"%PDF"):
        return _recognized(data)
    from pypdf import PdfReader  # noqa: PLC0415 - slow to import
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        pages = PdfReader(BytesIO(data)).pages
        text = "\n".join(page.extract_text() for page in pages[:_MOST_PAGES])
        pictures = [] if text.strip() else list(islice(_pictures(pages), _MOST_PICTURES))
    except (PyPdfError, ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise Unreadable(f"The PDF is broken: {error}.") from None
    if text.strip():
        return Read(text[:_MOST_TEXT], len(pages), 1.0)
    if not pictures:
        raise Unreadable("There is nothing on the pages of this PDF: no text and no picture.")
    scans = [_recognized(picture) for picture in pictures]
    whole = "\n".join(scan.text for scan in scans)
    return Read(whole[:_MOST_TEXT], len(pages), min(scan.sure for scan in scans))


# Any: pypdf's pages, which is imported where it is needed.
def _pictures(pages: Iterable[Any]) -> Iterator[bytes]:
    """Yield the pictures on the first pages, in order."""
    for page in islice(pages, _MOST_PAGES):
        yield from (picture.data for picture in page.images)


def _recognized(data: bytes) -> Read:
    program = shutil.which("tesseract")
    if program is None:
        raise Unreadable("Scans need Tesseract, which is not installed on this machine.")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, no shell
            [program, "stdin", "stdout"],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise Unreadable(f"Tesseract could not read the image: {error}.") from None
    return Read(done.stdout.decode(errors="replace")[:_MOST_TEXT], 1, 0.8)


def extract(text: str) -> tuple[Values, Values]:
    """Return the invoice in a text, and how sure each member is."""
    facts = {name: _after(text, labels) for name, labels in _LABELS.items()}
    amounts = {name: _amount(text, labels) for name, labels in _AMOUNTS.items()}
    invoice: Values = {name: value for name, value in facts.items() if value}
    for name in ("date", "dueDate"):
        found = _DAY.search(invoice.pop(name, ""))
        if found:
            invoice[name] = found.group()
    known = {name: value for name, value in amounts.items() if value is not None}
    if known:
        invoice["amounts"] = known
    sure = dict.fromkeys((*invoice, *known), 0.9)
    return {"invoice": invoice, "lineItems": []}, sure


def fields(text: str, template: Values) -> Values:
    """Return what follows the labels of a template's fields."""
    rules = (template["extraction_rules"] or {}).get("fields") or []
    found = {
        rule["name"]: _after(text, (rule["pattern"],))
        for rule in rules
        if rule.get("name") and rule.get("pattern")
    }
    return {name: value for name, value in found.items() if value}


def _after(text: str, labels: tuple[str, ...]) -> str:
    """Return what follows the first label on its line."""
    for label in labels:
        for line in text.splitlines():
            place = line.lower().find(label.lower())
            rest = line[place + len(label) :].strip(" :#.\t") if place >= 0 else ""
            if rest:
                return rest[:255]
    return ""


def _amount(text: str, labels: tuple[str, ...]) -> float | None:
    for label in labels:
        for line in text.splitlines():
            # "subtotal" holds "total", and is another thing.
            words = re.split(r"[^a-z]+", line.lower())
            if all(word in words for word in label.split()):
                found = _AMOUNT.findall(line)
                if found:
                    whole, cents = re.sub(r"[.,]", "", found[-1])[:-2], found[-1][-2:]
                    return float(f"{whole}.{cents}")
    return None


def finish_job(shop: Shop, row: Values, read: Read) -> None:
    """Note what a job found, and whether that is an invoice."""
    template = shop.get("ocr_job_template", row["template"])
    data, sure = extract(read.text)
    named = fields(read.text, template)
    sure |= dict.fromkeys(named, 1.0)
    missing = [
        {"field": rule["name"], "message": "was not found", "severity": "error"}
        for rule in (template["extraction_rules"] or {}).get("fields") or []
        if rule.get("required") and rule.get("name") not in named
    ]
    overall = round(read.sure * (sum(sure.values()) / len(sure) if sure else 0), 4)
    _end(
        shop,
        "ocr_job",
        row,
        {
            "progress": {"percentage": 100, "currentStep": "done", "totalSteps": 3},
            "document_info": {"pages": read.pages},
            "extracted_data": data,
            "confidence": {"overall": overall, "fields": sure | {}},
            "validation_results": {"isValid": not missing, "errors": missing},
        },
    )


def finish_page(shop: Shop, row: Values, read: Read) -> None:
    """Note what a page says."""
    job = shop.get("ocr_job", row["job"])
    named = fields(read.text, shop.get("ocr_job_template", job["template"]))
    _end(
        shop,
        "ocr_job_page",
        row,
        {
            "ocr_results": {"text": read.text, "confidence": read.sure},
            "extracted_fields": named,
            "quality_score": read.sure,
        },
    )


def create_job(shop: Shop, values: Values) -> int:
    """Store a job; its group counts it."""
    job_id = shop.insert("ocr_job", values | {"status": "created", "retry_count": 0})
    if values.get("group"):
        ocr_queue.count_group(shop, values["group"])
    return job_id


def change_job(shop: Shop, row: Values, values: Values) -> None:
    """Change a job; the groups that it leaves and joins count again."""
    shop.change("ocr_job", row["id"], values)
    for group_id in {row["group"], values.get("group", row["group"])} - {None}:
        ocr_queue.count_group(shop, group_id)


def remove_job(shop: Shop, row: Values) -> None:
    """Remove a job; its group counts again."""
    shop.remove("ocr_job", row["id"])
    if row["group"]:
        ocr_queue.count_group(shop, row["group"])


def _end(shop: Shop, noun: str, row: Values, found: Values) -> None:
    ocr_queue.end(shop, noun, row, "completed", found)


def jobs_of(shop: Shop, row: Values, _: Values) -> list[Values]:
    """Return the jobs of a group."""
    return [
        {
            "jobId": f"{job['id']:024x}",
            "status": job["status"],
            "documentName": job["document_name"],
        }
        for job in shop.where("ocr_job", group=row["id"])
    ]


def results(_: Shop, row: Values, __: Values) -> Values:
    """Return what a job found; nothing while it has not ended."""
    return {
        "extractedData": row["extracted_data"] or {},
        "confidence": row["confidence"] or {},
        "validationResults": row["validation_results"] or {},
        "processingTime": row["processing_time"] or 0,
    }
