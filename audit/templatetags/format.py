"""Numbers, sizes and times in words that people read without thinking. Plain text; the command line uses it too."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django import template
from django.utils import timezone

register = template.Library()

NOTHING = "–"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@register.filter
def size(count: float | None) -> str:
    """Bytes as people say them: ``1234567`` is "1.2 MB" (decimal units); None is a dash."""
    if count is None:
        return NOTHING
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


@register.filter
def count(number: int | None) -> str:
    """A whole number with its thousands apart: 1,234,567; None is a dash."""
    return NOTHING if number is None else f"{number:,}"


@register.filter
def duration(length: timedelta | float | None) -> str:
    """A length of time, two units at most: "34 ms", "4.2 s", "2 min 5 s", "3 h 12 min", "5 d 2 h"."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if 0 < seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 and seconds != int(seconds) else f"{seconds:.0f} s"
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    big, small, names = 60, 1, ("min", "s")
    if seconds >= 86400:
        big, small, names = 86400, 3600, ("d", "h")
    elif seconds >= 3600:
        big, small, names = 3600, 60, ("h", "min")
    high, low = seconds // big, seconds % big // small
    return f"{high} {names[0]}" + (f" {low} {names[1]}" if low else "")


def rough(length: timedelta) -> str:
    """One unit only: "40 s", "12 min", "3 h", "5 d"."""
    seconds = abs(length.total_seconds())
    for whole, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= whole * (2 if name == "d" else 1):
            return f"{seconds / whole:.0f} {name}"
    return f"{seconds:.0f} s"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, or how soon: "3 h ago", "in 2 h", "just now"; None is "never"."""
    if moment is None:
        return "never"
    passed = timezone.now() - moment
    if abs(passed) < timedelta(seconds=5):
        return "just now"
    return f"{rough(passed)} ago" if passed > timedelta(0) else f"in {rough(passed)}"


@register.filter
def moment(value: datetime | str | None) -> str:
    """A moment to the second, with its zone: "12 Mar 2026, 06:00:04 UTC"."""
    if not value:
        return NOTHING
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    local = timezone.localtime(value)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


@register.filter
def clock(value: datetime) -> str:
    """The time of a day to the millisecond: "06:00:04.123"."""
    local = timezone.localtime(value)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


@register.filter
def unlocal(value: float) -> str:
    """A number as SVG wants it, whatever the language is."""
    return f"{value:g}"


@register.filter
def version(number: int | None) -> str:
    """A server version as PostgreSQL writes it: ``160014`` is "16.14"."""
    return NOTHING if not number else f"{number // 10000}.{number % 10000}"


@register.filter
def short(digest: str, length: int = 12) -> str:
    """The first characters of a hash."""
    return digest[:length] if digest else NOTHING


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Signs that move a terminal's cursor, hide what follows or turn its direction."""


@register.filter
def visible(text: str) -> str:
    """``text`` with signs that cannot be seen written out: ESC is ␛, a sign of direction is ⟨U+202E⟩."""
    return CONTROL.sub(_written, text)


def _written(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
