"""Markdown as people write it: read by markdown-it-py without HTML, and cleaned by nh3 once more."""

from __future__ import annotations

from collections.abc import Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from audit.documents.text import clean

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
}
SCHEMES = {"http", "https", "mailto"}


def reader() -> MarkdownIt:
    """CommonMark with tables and strikethrough. HTML stays text, and an image becomes a link: nothing is fetched."""
    rules = MarkdownIt("commonmark", {"html": False, "linkify": False})
    return rules.enable(["table", "strikethrough"]).disable(["image"])


def tokens(text: str, *, shift: int = 0) -> Sequence[Token]:
    """What the reader sees in ``text``; its highest heading stands right below level ``shift``, and none is left out
    on the way down: a screen reader walks by them."""
    found = reader().parse(clean(text))
    above: list[tuple[int, int]] = []
    for token in found:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while above and above[-1][0] >= level:
                above.pop()
            above.append((level, min((above[-1][1] if above else shift) + 1, 6)))
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{above[-1][1]}"
    return found


def safe_html(markdown: str, *, shift: int = 2) -> SafeString:
    """``markdown`` as HTML for a page: its first heading becomes h3, for h1 and h2 are the page's own."""
    rules = reader()
    dirty = rules.renderer.render(tokens(markdown, shift=shift), rules.options, {})
    safe = nh3.clean(
        dirty,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes=SCHEMES,
        set_tag_attribute_values={name: {"dir": "auto"} for name in ("p", "li", "td", "th", "h3", "h4", "h5", "h6")},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(safe)  # noqa: S308  (nh3 let only TAGS through)
