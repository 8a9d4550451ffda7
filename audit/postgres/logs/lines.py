"""Text to lines, for the formats whose records have several."""

from __future__ import annotations

from audit.postgres.logs.record import LIMIT

PIECE = 1024 * 1024


class Lines:
    """Cuts text into lines. What is longer than any record may be comes in parts: the first as a line, the others as
    its continuation. ``at`` is the offset up to which lines were given out."""

    def __init__(self, at: int, *, within: bool = False) -> None:
        self.at = at
        self.within = within
        """Whether ``at`` lies within such a line."""
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[tuple[bytes, int, bool]]:
        """Lines without their ends, how many bytes they take with it, whether they continue a long one."""
        out: list[tuple[bytes, int, bool]] = []
        self._pieces.append(data)
        self._size += len(data)
        if b"\n" not in data and self._size <= LIMIT:
            return out
        *lines, rest = b"".join(self._pieces).split(b"\n")
        for line in lines:
            line = self._long(line, out)
            out.append((line, len(line) + 1, self.within))
            self.within = False
        rest = self._long(rest, out)
        self._pieces, self._size = ([rest] if rest else []), len(rest)
        return out

    def finish(self) -> list[tuple[bytes, int, bool]]:
        """The line without an end, if there is one."""
        rest = b"".join(self._pieces)
        within, self.within = self.within, False
        self._pieces, self._size = [], 0
        return [(rest, len(rest), within)] if rest else []

    def _long(self, line: bytes, out: list[tuple[bytes, int, bool]]) -> bytes:
        while len(line) > LIMIT:
            out.append((line[:LIMIT], LIMIT, self.within))
            self.within = True
            line = line[LIMIT:]
        return line
