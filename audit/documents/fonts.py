"""The fonts of a PDF: DejaVu, shipped under ``static/fonts/dejavu`` with its licence."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FOLDER = Path(__file__).resolve().parents[2] / "static" / "fonts" / "dejavu"
PLAIN, BOLD, SLANTED, CODE = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"
BOX = "□"


@cache
def load() -> None:
    """Make the fonts known to reportlab, once a process."""
    for name in (PLAIN, BOLD, SLANTED, CODE):
        pdfmetrics.registerFont(TTFont(name, str(FOLDER / f"{name}.ttf")))
    for bold, slanted, name in ((0, 0, PLAIN), (1, 0, BOLD), (0, 1, SLANTED), (1, 1, BOLD)):
        addMapping(PLAIN, bold, slanted, name)
    for bold, slanted in ((0, 0), (1, 0), (0, 1), (1, 1)):
        addMapping(CODE, bold, slanted, CODE)


def shown(text: str) -> str:
    """``text`` with a box for each character that the plain font lacks. Those beyond U+FFFF are lacking too:
    reportlab cannot say in a PDF which characters they are."""
    if text.isascii():
        return text
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    return "".join(char if char.isspace() or (ord(char) in known and char <= "\uffff") else BOX for char in text)
