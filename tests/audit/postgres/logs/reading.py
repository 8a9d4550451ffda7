"""Feed parsers in every way: whole, in pieces, with deaths."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from audit.postgres.logs.record import Fault, Found, LogRecord, Parser

Open = Callable[[dict[str, Any] | None], Parser]


def whole(parser: Parser, text: bytes) -> list[Found | Fault]:
    """All of a text at once."""
    return parser.feed(text) + parser.finish()


def pieces(parser: Parser, text: bytes, cuts: Iterable[int]) -> list[Found | Fault]:
    """The text cut at these offsets."""
    out: list[Found | Fault] = []
    last = 0
    for cut in sorted({min(cut, len(text)) for cut in cuts} | {len(text)}):
        out += parser.feed(text[last:cut])
        last = cut
    return out + parser.finish()


def killed(open_with: Open, text: bytes, cuts: Iterable[int]) -> list[Found | Fault]:
    """A reader that dies at each of these offsets; what it gave out until then and its state are kept."""
    out: list[Found | Fault] = []
    parser = open_with(None)
    for cut in sorted(min(cut, len(text)) for cut in cuts):
        out += parser.feed(text[parser.consumed : max(cut, parser.consumed)])
        parser = open_with(json.loads(json.dumps(parser.state)))
    return out + parser.feed(text[parser.consumed :]) + parser.finish()


def records(given: list[Found | Fault]) -> list[LogRecord]:
    return [one.record for one in given if isinstance(one, Found)]


def faults(given: list[Found | Fault]) -> list[tuple[int, int, str]]:
    """Faults by offset; text that is no record counts as one, in however many pieces it was read."""
    out: list[tuple[int, int, str]] = []
    for one in given:
        if isinstance(one, Fault):
            if out and out[-1][1:] == (one.offset, one.code):
                out[-1] = (out[-1][0], one.end, one.code)
            else:
                out.append((one.offset, one.end, one.code))
    return out


def same(left: list[Found | Fault], right: list[Found | Fault]) -> None:
    """Both gave the same records from the same bytes, and the same faults."""
    assert [one for one in left if isinstance(one, Found)] == [one for one in right if isinstance(one, Found)]
    assert faults(left) == faults(right)
