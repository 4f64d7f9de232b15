"""What is printed, as PDF.

Made of plain records, without the database, so that it runs in a thread of its own while nobody
holds a transaction. The library is slow to import and therefore imported when used.
"""

from __future__ import annotations

from io import BytesIO

from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules.papers import Paper


def pdf(paper: Paper) -> bytes:
    """Return the document; blocking for some tens of milliseconds."""
    from gateway.backoffice.rules.typesetting import typeset  # noqa: PLC0415 - its library is slow

    # Once to count the pages, and once to print: each page says of how many it is.
    _, pages = typeset(paper, 0)
    return typeset(paper, pages)[0]


def image_pdf(image: bytes) -> bytes:
    """Return an image as a page of its own: a label for the printer.

    Raises:
        Upstream: it is no image.
    """
    from PIL import UnidentifiedImageError  # noqa: PLC0415 - comes with the library below
    from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: PLC0415

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
