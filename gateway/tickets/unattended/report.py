"""What was found and done, as a PDF for the garage."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from gateway.runtime.lettering import BOLD, PLAIN, register
from gateway.storage.queries.ticket_records import Ticket

if TYPE_CHECKING:
    from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
    from reportlab.platypus import Flowable  # type: ignore[import-untyped]

#: Rows of one table beyond which the rest is only counted; a control unit with thousands of codes
#: is broken, and nobody reads them all.
MOST_ROWS = 2_000

#: Points: at each side of an A4 page, and between them. The library keeps 6 of its frame.
MARGIN, WIDTH, _PADDING = 56.7, 481.9, 6


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report tells.

    Attributes:
        title: what was ordered.
        results: of each finished step, as ``steps.perform`` returns them.
        reason: why it was handed over; ``None`` where all is done.
        at: when it ended, UTC.
    """

    title: str
    results: Sequence[dict[str, Any]]  # JSON by nature
    reason: str | None
    at: datetime


def write(ticket: Ticket, findings: Findings) -> bytes:
    """Return the report; blocking, a few tenths of a second for the first one."""
    from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer  # noqa: PLC0415

    register()
    text, heading, title = _styles()
    story: list[Flowable] = [Paragraph(escape(findings.title), title)]
    story += [Paragraph(escape(line), text) for line in _head(ticket, findings)]
    for number, result in enumerate(findings.results, 1):
        # No heading stays behind at the end of a page.
        story += [
            CondPageBreak(70),
            Spacer(1, 12),
            Paragraph(f"{number}. {escape(result['title'])}", heading),
        ]
        story.append(_table(result))
    if findings.reason is not None:
        story += [Spacer(1, 12), Paragraph("Handed over to an operator", heading)]
        story.append(Paragraph(escape(findings.reason), text))

    def sign(canvas: Canvas, _: object) -> None:
        canvas.setFont(PLAIN, 7.5)
        canvas.drawString(MARGIN, 30, f"Ticket {ticket.id}, {ticket.vin}")
        canvas.drawRightString(A4[0] - MARGIN, 30, f"page {canvas.getPageNumber()}")

    sink, side = io.BytesIO(), MARGIN - _PADDING
    margins = {f"{name}Margin": side for name in ("left", "right", "top", "bottom")}
    document = SimpleDocTemplate(sink, pagesize=A4, title=findings.title, invariant=1, **margins)
    document.build(story, onFirstPage=sign, onLaterPages=sign)
    return sink.getvalue()


def _styles() -> tuple[ParagraphStyle, ParagraphStyle, ParagraphStyle]:
    """Return how text, headings and the title look."""
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415

    text = ParagraphStyle("text", fontName=PLAIN, fontSize=8.5, leading=11.5)
    heading = ParagraphStyle(
        "heading", text, fontName=BOLD, fontSize=10.5, leading=14, spaceAfter=4
    )
    return text, heading, ParagraphStyle("title", heading, fontSize=16, leading=20, spaceAfter=10)


def _head(ticket: Ticket, findings: Findings) -> list[str]:
    ended = findings.at.astimezone(UTC)
    outcome = "done" if findings.reason is None else "not finished, see the end"
    return [
        f"Ticket {ticket.id}" + (f", {ticket.reference}" if ticket.reference else ""),
        f"Vehicle {' '.join(ticket.vehicle)}, {ticket.vin}",
        f"Carried out without an operator on {ended:%Y-%m-%d %H:%M} UTC: {outcome}",
    ]


# Any: as above.
def _table(result: dict[str, Any]) -> Flowable:
    from reportlab.lib import colors  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
    from reportlab.platypus import LongTable, Paragraph  # noqa: PLC0415

    text = _styles()[0]
    rows = [result["header"], *result["rows"][:MOST_ROWS]]
    if (more := len(result["rows"]) - MOST_ROWS) > 0:
        rows.append([f"and {more} more", *[""] * (len(result["header"]) - 1)])
    looks = [ParagraphStyle("head", text, fontName=BOLD), *[text] * (len(rows) - 1)]
    cells = [
        [Paragraph(escape(str(cell)), look) for cell in row]
        for row, look in zip(rows, looks, strict=True)
    ]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
    ]
    return LongTable(cells, repeatRows=1, colWidths=_widths(rows), style=style, splitInRow=1)


def _widths(rows: Sequence[Sequence[object]]) -> list[float]:
    """Return points for each column: by its longest words, so that long ones get more room."""
    columns = zip(*rows, strict=True)
    longest = [min(max(8, *(len(str(cell)) for cell in column)), 60) for column in columns]
    return [WIDTH * one / sum(longest) for one in longest]
