"""Tables of a PDF. reportlab's own wrap each cell as a paragraph, minutes for 10,000 rows; these draw lines of text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from audit.documents import fonts

SIZE, LEADING, PAD = 7.5, 9.5, 3.0
LINE, SHADE = HexColor("#b8b8b8"), HexColor("#eeeeee")
FEWEST_LINES = 5
"""A row higher than the room is cut only when so many of its lines fit."""
SAMPLE = 200
"""Column widths are found from so many rows."""


@dataclass(frozen=True)
class Shown:
    """One cell: its words, where they lead, and whether they stand at the right."""

    text: str
    url: str = ""
    is_number: bool = False


@dataclass
class Row:
    """A row cut into lines."""

    cells: Sequence[Shown]
    lines: list[list[str]] = field(default_factory=list)

    @property
    def height(self) -> float:
        return max(map(len, self.lines), default=1) * LEADING + 2 * PAD

    def cut(self, count: int) -> tuple[Row, Row]:
        """The first ``count`` lines of each cell, and the rest."""
        first, rest = [one[:count] for one in self.lines], [one[count:] for one in self.lines]
        return Row(self.cells, first), Row(self.cells, rest)


class RowsTable(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A table that flows over pages, its header on each; cells wrap, and a row higher than a page is cut.
    Without a header its first column is bold."""

    def __init__(self, head: Row | None, rows: list[Row], widths: list[float] | None = None) -> None:
        super().__init__()
        self.head, self.rows, self.widths = head, rows, widths
        self.start, self.stop = 0, len(rows)
        self.below: list[float] = []

    @property
    def head_height(self) -> float:
        return self.head.height if self.head else 0.0

    def wrap(self, wide: float, high: float) -> tuple[float, float]:
        if self.widths is None:
            head = [self.head] if self.head else []
            self.widths = _widths([*head, *self.rows[:SAMPLE]], wide, spread=self.head is not None)
            for row in [*head, *self.rows]:
                _cut_into_lines(row, self.widths)
        if not self.below:
            self.below = list(accumulate((row.height for row in self.rows), initial=0.0))
        self.width = wide
        self.height = self.head_height + self.below[self.stop] - self.below[self.start]
        return self.width, self.height

    def split(self, wide: float, high: float) -> list[Flowable]:
        """What fits, and the rest. Nothing when not even a row fits: then a new page comes first."""
        self.wrap(wide, high)
        room = high - self.head_height
        fit = bisect_right(self.below, self.below[self.start] + room, self.start, self.stop + 1) - 1
        if fit > self.start:
            return [self._part(self.start, fit), self._part(fit, self.stop)]
        count = int((room - 2 * PAD) // LEADING)
        if self.start == self.stop or count < FEWEST_LINES:
            return []
        first, rest = self.rows[self.start].cut(count)
        return [
            RowsTable(self.head, [first], self.widths),
            RowsTable(self.head, [rest, *self.rows[self.start + 1 : self.stop]], self.widths),
        ]

    def draw(self) -> None:
        y = self.height
        for row in [*([self.head] if self.head else []), *self.rows[self.start : self.stop]]:
            y -= row.height
            self._draw_row(row, y)

    def _part(self, start: int, stop: int) -> RowsTable:
        """The same rows, some of them: nothing is copied, however long the table."""
        part = RowsTable(self.head, self.rows, self.widths)
        part.start, part.stop, part.below = start, stop, self.below
        return part

    def _draw_row(self, row: Row, y: float) -> None:
        canvas: Canvas = self.canv
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.4)
        if row is self.head:
            canvas.setFillColor(SHADE)
            canvas.rect(0, y, self.width, row.height, stroke=0, fill=1)
        canvas.line(0, y, self.width, y)
        x = 0.0
        for number, (cell, lines, wide) in enumerate(zip(row.cells, row.lines, self.widths or [], strict=True)):
            is_bold = row is self.head or (self.head is None and number == 0)
            font = fonts.BOLD if is_bold else fonts.PLAIN
            self._draw_cell(cell, lines, (x, y + row.height - PAD, wide), font)
            x += wide

    def _draw_cell(self, cell: Shown, lines: list[str], place: tuple[float, float, float], font: str) -> None:
        x, top, wide = place
        canvas: Canvas = self.canv
        canvas.setFillColor(HexColor("#1a4f8b") if cell.url else HexColor("#000000"))
        canvas.setFont(font, SIZE)
        for number, line in enumerate(lines):
            base = top - number * LEADING - SIZE
            if cell.is_number:
                canvas.drawRightString(x + wide - PAD, base, line)
            else:
                canvas.drawString(x + PAD, base, line)
        if cell.url and lines and not cell.url.startswith(("/", "#")):
            canvas.linkURL(cell.url, (x, top - len(lines) * LEADING, x + wide, top), relative=1)


def _widths(rows: list[Row], wide: float, *, spread: bool) -> list[float]:
    """Each column gets what its longest cell needs; when that is too much, narrow columns keep theirs and the wide
    ones share the rest. What is left over is spread, or goes to the last column."""
    wanted = [12.0] * len(rows[0].cells)
    for row in rows:
        for place, cell in enumerate(row.cells):
            longest = max(stringWidth(line[:200], fonts.BOLD, SIZE) for line in cell.text.split("\n"))
            wanted[place] = max(wanted[place], longest + 2 * PAD + 1)
    left, open_columns, result = wide, sorted(range(len(wanted)), key=wanted.__getitem__), list(wanted)
    while open_columns:
        share = left / len(open_columns)
        place = open_columns.pop(0)
        result[place] = min(wanted[place], share)
        left -= result[place]
    if not spread:
        return [*result[:-1], result[-1] + left]
    return [one + left / len(result) for one in result]


def _cut_into_lines(row: Row, widths: list[float]) -> None:
    """By the bold font's widths, for it is the wider one."""
    row.lines = [
        [line for one in cell.text.split("\n") for line in cut(one, wide - 2 * PAD, fonts.BOLD, SIZE)]
        for cell, wide in zip(row.cells, widths, strict=True)
    ]


def cut(text: str, wide: float, font: str, size: float) -> list[str]:
    """``text`` in lines at most ``wide`` points wide: cut at spaces, and inside words that are longer."""
    if stringWidth(text, font, size) <= wide:
        return [text]
    lines, now = [], ""
    for word in text.split(" "):
        longer = f"{now} {word}" if now else word
        if stringWidth(longer, font, size) <= wide:
            now = longer
            continue
        if now:
            lines.append(now)
        *whole, now = _pieces(word, wide, font, size)
        lines += whole
    return [*lines, now] if now else lines


def _pieces(word: str, wide: float, font: str, size: float) -> list[str]:
    """A word in pieces that fit; a piece has at least one character."""
    pieces, start, used = [], 0, 0.0
    for place, char in enumerate(word):
        width = stringWidth(char, font, size)
        if used + width > wide and place > start:
            pieces.append(word[start:place])
            start, used = place, 0.0
        used += width
    return [*pieces, word[start:]]
