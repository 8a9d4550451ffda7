"""Cells that the long lists share, and texts of strangers: shown as text, signs made visible, cut with a way to all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.templatetags.format import visible
from audit.templatetags.tovgov import environment_badge

__all__ = ["Shown", "line", "shown", "target_cell", "visible", "when"]

LONGEST = 20_000
"""So many characters of a text stand on its page; ``?whole`` shows ``WHOLE``, an export has all of it."""
WHOLE = 2_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as a page shows it."""

    text: str
    left_out: int = 0
    """So many characters are not shown."""
    can_be_whole: bool = False


def shown(text: str, *, whole: bool = False) -> Shown:
    """A text for its page: cut to ``LONGEST`` characters, or to ``WHOLE``."""
    end = WHOLE if whole else LONGEST
    return Shown(visible(text[:end]), max(0, len(text) - end), not whole and len(text) > LONGEST)


def line(text: str, length: int = 100) -> str:
    """A text as one line of a list."""
    return Truncator(visible(" ".join(text[: length * 5].split()))).chars(length)


def when(moment: Any) -> SafeString:
    """A moment of a list, to the second: day and time may stand on two lines."""
    local = timezone.localtime(moment)
    return format_html(
        '<span class="nowrap">{},</span> <span class="nowrap">{}</span>', f"{local:%d %b %Y}", f"{local:%H:%M:%S}"
    )


def target_cell(obj: Any) -> SafeString:
    """A target with its environment."""
    return format_html("{} {}", environment_badge(obj.target.environment), obj.target)
