"""How papers look: letterhead, facts, lines, sums, and what stands on every page.

``press`` imports it when something is printed, because the library is slow to import.
"""

from __future__ import annotations

from functools import partial
from html import escape
from io import BytesIO
from typing import Any

from babel.numbers import format_decimal
from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_RIGHT  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.utils import simpleSplit  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    Image,
    KeepTogether,
    LongTable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from gateway.backoffice.rules.money import Line, Totals
from gateway.backoffice.rules.papers import LOCALE, Paper, money
from gateway.backoffice.rules.wordings import worded
from gateway.runtime.lettering import BOLD, PLAIN, register

#: Points: 2 cm at each side. The library's frames keep 6 of them for themselves.
_MARGIN, _PADDING = 56.7, 6

#: Quantity, price, VAT, amount. A billion fits; the description has the rest.
_COLUMNS = (52, 92, 46, 102)

_TEXT = ParagraphStyle("text", fontName=PLAIN, fontSize=9, leading=12.5)
_SMALL = ParagraphStyle("small", _TEXT, fontSize=7.5, leading=10.5, alignment=TA_RIGHT)
_NAME = ParagraphStyle("name", _TEXT, fontName=BOLD, fontSize=12, leading=15)
_TITLE = ParagraphStyle("title", _TEXT, fontName=BOLD, fontSize=17, leading=21, spaceAfter=8)
_LABEL = ParagraphStyle("label", _TEXT, textColor=colors.Color(0.35, 0.35, 0.35))


def typeset(paper: Paper, pages: int) -> tuple[bytes, int]:
    """Return the document, and of how many pages it is.

    Args:
        paper: what it says.
        pages: how many each page says there are.
    """
    register()
    out, side = BytesIO(), _MARGIN - _PADDING
    margins = {f"{name}Margin": side for name in ("left", "right", "top", "bottom")}
    # The same paper gives the same bytes, so that a stored one can be compared.
    told = {"title": paper.title, "author": paper.garage, "invariant": 1}
    template = SimpleDocTemplate(out, pagesize=paper.layout.size, **margins, **told)
    first = partial(_decorate, paper, pages)
    template.build(_story(paper), onFirstPage=first, onLaterPages=first)
    return out.getvalue(), int(template.page)


# Any: the library's flowables have no common type that says anything, here and below.
def _story(paper: Paper) -> list[Any]:
    story: list[Any] = [_head(paper), Spacer(1, 26)] if paper.layout.header else []
    story += [_text(line) for line in paper.addressee if line]
    story += [Spacer(1, 28), _text(paper.title, _TITLE)]
    facts = [[_text(label, _LABEL), _text(value)] for label, value in paper.facts if value]
    if facts:
        story.append(_table(facts, (120, _inner(paper) - 120)))
    story.append(Spacer(1, 16))
    if paper.lines:
        story += [_lines(paper), Spacer(1, 10)]
    end: list[Any] = [] if paper.totals is None else [_totals(paper, paper.totals), Spacer(1, 14)]
    notes = [_text(text) for text in paper.notes.splitlines() if text]
    # Sums never stand apart; notes may be longer than a page.
    return [*story, KeepTogether(end + notes[:1]), *notes[1:], *_signed(paper)]


def _inner(paper: Paper) -> float:
    """Return what is left of the width for text."""
    return paper.layout.size[0] - 2 * _MARGIN


def _word(paper: Paper, word: str) -> str:
    return worded(word, paper.layout.language)


def _text(words: str, style: ParagraphStyle = _TEXT) -> Any:
    return Paragraph(escape(words), style)


def _table(rows: list[list[Any]], widths: tuple[float, ...], *styles: Any, **kwargs: Any) -> Any:
    """Return a table whose text begins and ends where all other text does."""
    flush = [
        ("FONT", (0, 0), (-1, -1), PLAIN, 9, 12.5),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    kind = kwargs.pop("kind", Table)
    return kind(rows, colWidths=widths, style=TableStyle([*flush, *styles]), **kwargs)


def _head(paper: Paper) -> Any:
    address = [_text(line, _SMALL) for line in paper.letterhead if line]
    return _table([[_text(paper.garage, _NAME), address]], (_inner(paper) - 170, 170))


def _lines(paper: Paper) -> Any:
    heads = ("Description", "Quantity", "Price", "VAT", "Amount")
    rows: list[list[Any]] = [[_word(paper, head) for head in heads]]
    for line in paper.lines:
        amount = Line(line["quantity"], line["unit_price"], line["vat_rate"]).excluding
        rows.append(
            [
                _text(line["description"]),
                format_decimal(line["quantity"].normalize(), locale=LOCALE),
                money(line["unit_price"]),
                _percent(line["vat_rate"]),
                money(amount),
            ]
        )
    styles = (
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("FONTNAME", (0, 0), (-1, 0), BOLD),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    )
    # A description may be longer than a page: then its row is parted.
    widths = (_inner(paper) - sum(_COLUMNS), *_COLUMNS)
    return _table(rows, widths, *styles, kind=LongTable, repeatRows=1, splitInRow=1)


def _totals(paper: Paper, totals: Totals) -> Any:
    vat, of = _word(paper, "VAT"), _word(paper, "of")
    rows = [[_word(paper, "Net"), "", money(totals.excluding)]]
    rows += [
        [f"{vat} {_percent(rate)}", f"{of} {money(base)}", money(tax)]
        for rate, (base, tax) in totals.vat_by_rate.items()
    ]
    rows.append([_word(paper, "Total"), "", money(totals.including)])
    styles = (
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("FONTNAME", (0, -1), (-1, -1), BOLD),
        ("LINEABOVE", (0, -1), (-1, -1), 0.7, colors.black),
        ("TOPPADDING", (0, -1), (-1, -1), 4),
    )
    return _table(rows, (80, 120, 102), *styles, hAlign="RIGHT")


def _percent(rate: Any) -> str:
    return f"{format_decimal(rate.normalize(), locale=LOCALE)} %"


def _signed(paper: Paper) -> list[Any]:
    if not paper.signature:
        return []
    image = Image(BytesIO(paper.signature), width=180, height=70, kind="bound", hAlign="LEFT")
    return [KeepTogether([Spacer(1, 20), _text(_word(paper, "Signature"), _LABEL), image])]


def _decorate(paper: Paper, pages: int, canvas: Canvas, _: object) -> None:
    canvas.saveState()
    if paper.watermark:
        _watermark(canvas, paper)
    canvas.setFont(PLAIN, 7.5)
    width, height = paper.layout.size
    number = canvas.getPageNumber()
    if paper.layout.footer:
        canvas.drawString(_MARGIN, 30, paper.foot)
        canvas.drawRightString(width - _MARGIN, 30, f"{number} / {pages}")
    if number > 1 and paper.layout.header:
        # Pages get apart from each other: each says whose it is and to what it belongs.
        name = simpleSplit(paper.garage, PLAIN, 7.5, _inner(paper) - 170)[0]
        canvas.drawString(_MARGIN, height - 38, name)
        canvas.drawRightString(width - _MARGIN, height - 38, paper.title)
        canvas.setLineWidth(0.25)
        canvas.line(_MARGIN, height - 43, width - _MARGIN, height - 43)
    canvas.restoreState()


def _watermark(canvas: Canvas, paper: Paper) -> None:
    text, (width, height) = paper.watermark, paper.layout.size
    canvas.saveState()
    canvas.translate(width / 2, height / 2)
    canvas.rotate(45)
    canvas.setFillGray(0.9)
    # As large as fits across the page.
    size = min(90.0, 90.0 * 560 / max(pdfmetrics.stringWidth(text, BOLD, 90), 1))
    canvas.setFont(BOLD, size)
    canvas.drawCentredString(0, 0, text)
    canvas.restoreState()
