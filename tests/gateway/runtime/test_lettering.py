"""The fonts beside the program can be printed with, and have the letters they are there for."""

from __future__ import annotations

import pytest
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]

from gateway.runtime import lettering


@pytest.mark.parametrize("name", [lettering.PLAIN, lettering.BOLD])
def test_both_have_the_letters_of_europe(name: str) -> None:
    lettering.register()
    lettering.register()
    known = pdfmetrics.getFont(name).face.charWidths
    assert [letter for letter in "Aßéøłřőșğи Ωж€•…✓" if ord(letter) not in known] == []
