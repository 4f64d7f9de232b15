"""What is printed: invoices, quotations and price contracts as PDF.

Built from plain records, without the database, so that it runs in a thread of its own while
nobody holds a transaction. The library is slow to import and therefore imported when used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules.money import Totals

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

#: The books' country decides how numbers look.
LOCALE, CURRENCY = "nl_NL", "EUR"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document on its way to the printer.

    Attributes:
        title: ``Invoice INV-2026-0001``.
        garage: name of the one who writes.
        addressee: name, address, place, VAT number; empty lines are left out.
        facts: label and value, above the lines.
        lines: description, quantity, unit price and VAT rate.
        totals: sums over them; ``None`` for papers without amounts.
        notes: below.
        watermark: across the page, for what does not count yet.
        signature: PNG.
        letterhead: the writer's address and numbers, at the top right.
        foot: at the bottom of every page: where to pay, and by which numbers the writer is known.
    """

    title: str
    garage: str
    addressee: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Mapping[str, Any], ...] = ()  # Any: columns hold what their kinds say
    totals: Totals | None = None
    notes: str = ""
    watermark: str = ""
    signature: bytes = field(default=b"", repr=False)
    letterhead: tuple[str, ...] = ()
    foot: str = ""


def money(amount: Decimal) -> str:
    """Return an amount as people write it: ``€ 1.234,50``."""
    from babel.numbers import format_currency  # noqa: PLC0415 - for papers alone

    return str(format_currency(amount, CURRENCY, locale=LOCALE))


def day(value: date) -> str:
    """Return a date as people write it."""
    from babel.dates import format_date  # noqa: PLC0415 - for papers alone

    return str(format_date(value, "d MMMM y", locale=LOCALE))


def pdf(paper: Paper) -> bytes:
    """Return the document; blocking for some tens of milliseconds."""
    from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import
    from reportlab.platypus import SimpleDocTemplate  # type: ignore[import-untyped]  # noqa: PLC0415

    out = BytesIO()
    margin = 56.7  # 2 cm, points
    template = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=paper.title,
        author=paper.garage,
        # The same document gives the same bytes, so that a stored one can be compared.
        invariant=1,
    )

    def decorate(canvas: Canvas, _: object) -> None:
        _decorate(canvas, paper, A4)

    template.build(_story(paper), onFirstPage=decorate, onLaterPages=decorate)
    return out.getvalue()


# Any: the library's flowables have no common type that says anything.
def _story(paper: Paper) -> list[Any]:
    from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.platypus import Paragraph, Spacer  # noqa: PLC0415

    styles = getSampleStyleSheet()
    normal = styles["Normal"]
    story: list[Any] = [Paragraph(escape(paper.garage), styles["Heading3"]), Spacer(1, 20)]
    story += [Paragraph(escape(line), normal) for line in paper.addressee if line]
    story += [Spacer(1, 24), Paragraph(escape(paper.title), styles["Title"])]
    facts = [f"{escape(label)}: {escape(value)}" for label, value in paper.facts if value]
    story += [Paragraph(fact, normal) for fact in facts]
    story.append(Spacer(1, 14))
    if paper.lines:
        story += [_lines(paper, normal), Spacer(1, 12)]
    if paper.totals is not None:
        story += [_totals(paper.totals), Spacer(1, 12)]
    story += [Paragraph(escape(text), normal) for text in paper.notes.splitlines() if text]
    return story + _signed(paper)


def _lines(paper: Paper, style: object) -> Any:
    from babel.numbers import format_decimal  # noqa: PLC0415
    from reportlab.lib import colors  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.platypus import LongTable, Paragraph, TableStyle  # noqa: PLC0415

    rows: list[list[Any]] = [["Description", "Quantity", "Price", "VAT", "Amount"]]
    for line in paper.lines:
        amount = line["quantity"] * line["unit_price"]
        rows.append(
            [
                Paragraph(escape(line["description"]), style),
                format_decimal(line["quantity"].normalize(), locale=LOCALE),
                money(line["unit_price"]),
                f"{line['vat_rate'].normalize():f} %",
                money(amount),
            ]
        )
    table = LongTable(rows, colWidths=[232, 55, 75, 45, 75], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
                ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
                ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.lightgrey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _totals(totals: Totals) -> Any:
    from reportlab.platypus import Table, TableStyle  # noqa: PLC0415

    rows = [["Net", money(totals.excluding)]]
    rows += [
        [f"VAT {rate.normalize():f} % of {money(base)}", money(tax)]
        for rate, (base, tax) in totals.vat_by_rate.items()
    ]
    rows.append(["Total", money(totals.including)])
    table = Table(rows, colWidths=[190, 80], hAlign="RIGHT")
    bold = ("FONTNAME", (0, -1), (-1, -1), "Helvetica-Bold")
    table.setStyle(TableStyle([("ALIGN", (0, 0), (-1, -1), "RIGHT"), bold]))
    return table


def _signed(paper: Paper) -> list[Any]:
    from reportlab.platypus import Image, Spacer  # noqa: PLC0415

    if not paper.signature:
        return []
    return [Spacer(1, 20), Image(BytesIO(paper.signature), width=180, height=70, kind="bound")]


def _decorate(canvas: Canvas, paper: Paper, size: tuple[float, float]) -> None:
    width, height = size
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    if canvas.getPageNumber() == 1:
        for number, text in enumerate(line for line in paper.letterhead if line):
            canvas.drawRightString(width - 56.7, height - 64 - 11 * number, text)
    canvas.drawString(56.7, 30, paper.foot)
    canvas.drawRightString(width - 56.7, 30, f"{paper.title}, page {canvas.getPageNumber()}")
    if paper.watermark:
        canvas.translate(width / 2, height / 2)
        canvas.rotate(45)
        canvas.setFillGray(0.88)
        canvas.setFont("Helvetica-Bold", 90)
        canvas.drawCentredString(0, 0, paper.watermark)
    canvas.restoreState()


def image_pdf(image: bytes) -> bytes:
    """Return an image as a page of its own: a label for the printer.

    Raises:
        Upstream: it is no image.
    """
    from PIL import UnidentifiedImageError  # noqa: PLC0415 - comes with the library below
    from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    try:
        picture = ImageReader(BytesIO(image))
    except (UnidentifiedImageError, OSError):
        raise Upstream("The label is no image.") from None
    width, height = picture.getSize()
    size = (288.0, 288.0 * height / max(width, 1))  # 4 inches wide
    out = BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1)
    canvas.drawImage(picture, 0, 0, *size)
    canvas.save()
    return out.getvalue()
