"""The values in a statement, found without a parser: constants and comments become ``?``, the rest stays as it is.

After PostgreSQL's own lexer (src/backend/parser/scan.l), as one regular expression that runs wholly in C: it gives the
pieces *between* the values. Where the text may be read in two ways (a backslash before a quote, which depends on
``standard_conforming_strings``), everything to the end counts as a value.
"""

from __future__ import annotations

import re

VALUE = "?"
_END = "\0"

_WORD = r"[^\W\d][\w$]*+"
_NAME = r'"[^"\0]*+"'
_PARAMETER = r"\$\d++"
_REST = r"[^\w'\"$\0/-]++"
_EMPTY = r"--(?=[\n\0])|/\*(?=\*/|\0)"
_BETWEEN = rf"(?>(?:{_WORD}|{_REST}|{_NAME}|{_PARAMETER}|-(?!-)|/(?!\*)|{_EMPTY}|\"|\$DOLLAR)*)(?>(?:--|/\*)?)"

_ESCAPED = r"(?<=[eE])(?<![\w\"$][eE])'[^'\\\0]*+(?>(?:(?:''|\\[^\0])[^'\\\0]*+)*)(?:'|\\?+(?=\0))"
_PLAIN = r"'[^'\\\0]*+(?>(?:(?:''|\\[^'\0])[^'\\\0]*+)*)(?:'|\\'[^\0]*+|\\?+(?=\0))"
_STANDARD = r"'[^'\0]*+(?>(?:''[^'\0]*+)*)(?:'|(?=\0))"
_NUMBER = r"\d[\w.]*+(?>(?:(?<=[eE])[+-]\d++)?)"
_DOLLAR = r"\$(?P<tag>(?>(?:[^\W\d]\w*+)?))\$(?>(?:(?!\$(?P=tag)\$)[^\0])*)(?:\$(?P=tag)\$|(?=\0))"


def _comment(depth: int) -> str:
    """What may stand in a comment that holds comments, this deep."""
    inner = rf"|/\*{_comment(depth - 1)}(?:\*/|(?=\0))" if depth else r"|/(?=\*)"
    return rf"(?>(?:[^*/\0]++|\*(?!/)|/(?!\*){inner})*)"


def _lexer(string: str, dollar: bool) -> re.Pattern[str]:
    between = _BETWEEN.replace("DOLLAR", r"(?!(?>(?:[^\W\d]\w*+)?)\$)" if dollar else "")
    values = [r"(?<=--)[^\n\0]++", rf"(?<=/\*)(?!\*/|\0){_comment(4)}", _ESCAPED, string, _NUMBER, _END]
    return re.compile(f"({between})(?:{'|'.join([*values, _DOLLAR] if dollar else values)})")


_QUICK, _WITH_DOLLARS = _lexer(_PLAIN, dollar=False), _lexer(_PLAIN, dollar=True)
_SURE = _lexer(_STANDARD, dollar=True)
_TAG = re.compile(r"\$(?>(?:[^\W\d]\w*+)?)\$")


def without_literals(text: str) -> str:
    """``text`` with each constant, dollar-quoted body and comment's text as ``?``. Any text is allowed; an open quote
    reaches to the end. What came out goes in unchanged."""
    if _END in text:
        text = text.replace(_END, "")
    if "$" in text and _TAG.search(text):
        return VALUE.join([between for between, _ in _WITH_DOLLARS.findall(text + _END)])
    return VALUE.join(_QUICK.findall(text + _END))


def between(text: str) -> tuple[slice, ...] | None:
    """Where the pieces between the values of ``text`` lie, which other digits would not change: joined by ``?`` they
    are ``without_literals(text)``. None where they might: tags of dollar quotes, and what PostgreSQL does not store."""
    if _END in text or ("$" in text and _TAG.search(text)):
        return None
    return tuple(slice(*one.span(1)) for one in _QUICK.finditer(text + _END))


def as_the_server_reads(text: str) -> str:
    """Like ``without_literals``, but a backslash before a quote means nothing, as by default since 9.1. For telling
    what a statement does; not for masking."""
    return VALUE.join([between for between, _ in _SURE.findall(text.replace(_END, "") + _END)])
