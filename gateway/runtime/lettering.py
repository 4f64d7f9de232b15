"""The letters of what is printed: DejaVu Sans, which lies beside this file.

Those that every reader of PDF has know no Polish, Greek or Cyrillic letters.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"

_FONTS = Path(__file__).parent / "fonts"


@cache
def register() -> None:
    """Make both known to the printing library, which is slow to import: once, before printing."""
    from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]  # noqa: PLC0415
    from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]  # noqa: PLC0415

    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, _FONTS / f"{name}.ttf"))
