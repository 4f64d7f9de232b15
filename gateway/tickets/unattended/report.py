"""What was found and done, as a PDF for the garage."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from gateway.storage.queries.ticket_records import Ticket

if TYPE_CHECKING:
    from reportlab.platypus import Flowable  # type: ignore[import-untyped]

#: Rows of one table beyond which the rest is only counted; a control unit with thousands of codes
#: is broken, and nobody reads them all.
MOST_ROWS = 2_000


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
    from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer  # noqa: PLC0415

    styles = getSampleStyleSheet()
    story: list[Flowable] = [Paragraph(escape(findings.title), styles["Title"])]
    story += [Paragraph(escape(line), styles["Normal"]) for line in _head(ticket, findings)]
    for number, result in enumerate(findings.results, 1):
        story += [Spacer(1, 12), Paragraph(f"{number}. {escape(result['title'])}", styles["h3"])]
        story.append(_table(result))
    if findings.reason is not None:
        story += [Spacer(1, 12), Paragraph("Handed over to an operator", styles["h3"])]
        story.append(Paragraph(escape(findings.reason), styles["Normal"]))
    sink = io.BytesIO()
    document = SimpleDocTemplate(sink, pagesize=A4, title=findings.title, invariant=1)
    document.build(story)
    return sink.getvalue()


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
    from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415
    from reportlab.platypus import Paragraph, Table, TableStyle  # noqa: PLC0415

    style = getSampleStyleSheet()["BodyText"]
    rows = [result["header"], *result["rows"][:MOST_ROWS]]
    if (more := len(result["rows"]) - MOST_ROWS) > 0:
        rows.append([f"and {more} more", *[""] * (len(result["header"]) - 1)])
    cells = [[Paragraph(escape(str(cell)), style) for cell in row] for row in rows]
    table = Table(cells, repeatRows=1, colWidths=[450 / len(result["header"])] * len(cells[0]))
    lines = [
        ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table.setStyle(TableStyle(lines))
    return table
