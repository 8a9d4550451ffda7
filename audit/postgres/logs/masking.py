"""What of a record is taken away on its way in: secrets always, values by class and by the source's choice."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from audit.postgres.logs.classes import LogClass
from audit.postgres.logs.literals import VALUE, without_literals
from audit.postgres.logs.scrubbing import scrub


@dataclass(frozen=True, slots=True)
class Masking:
    """A source's choice: which classes lose their values besides, or instead of, those of the table. Secrets go in
    any case. What was masked is gone."""

    also: frozenset[str] = frozenset()
    """Codes of classes whose values go although the table keeps them."""
    never: frozenset[str] = frozenset()
    """Codes of classes whose values stay although the table masks them."""
    keep_all: bool = False
    """Values stay in every class but those of ``also``."""

    def covers(self, row: LogClass) -> bool:
        """Whether values of this class go."""
        if row.code in self.also:
            return True
        return row.literals and not self.keep_all and row.code not in self.never


_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """``text`` with control characters, terminal escapes, bidirectional overrides and halves of surrogate pairs as
    escapes that can be read; line ends and tabs stay."""
    if text.isprintable():
        return text
    return _INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


# --- messages --------------------------------------------------------------------------------------------------------

_STRING = re.compile(r"'(?>(?:[^'\\]|''|\\.)*)(?:'|\\?\Z)", re.DOTALL)
_QUOTES = re.compile(
    r"(?P<before>\b(?:relation|table|column|enum|type|domain|constraint|function|parameter|encoding|operator) )?"
    r"(?P<open>[\"»«„“])(?P<value>.*?)(?P<close>[\"»«“”](?=[\s.,:;)]|\Z)|\Z)",
    re.DOTALL,
)
_NEAR = re.compile(r"(?P<open>[\"»«„“])(?P<value>[eEbBxXnN]?(?:['0-9$]|--|/\*).*)(?P<close>[\"»«“”])", re.DOTALL)
_MAIL = re.compile(r"(?<![\w.+\-])[\w.+\-]++@[\w\-]+(?:\.[\w\-]+)+")
_NUMBER = re.compile(r"(?<![\w$.,])\d++(?>(?:[.,]\d++)*)(?!\w)")


def _unquoted(match: re.Match[str]) -> str:
    name = match["before"] if "before" in match.re.groupindex else None
    return match.group() if name else match["open"] + VALUE + match["close"]


def _quoted_values(text: str) -> str:
    return _STRING.sub(VALUE, _MAIL.sub(VALUE, _QUOTES.sub(_unquoted, text)))


def _near(text: str) -> str:
    return _NEAR.sub(_unquoted, text)


def _free_text(text: str) -> str:
    return _NUMBER.sub(VALUE, _quoted_values(text))


_MESSAGE: dict[str, Callable[[str], str]] = {
    "bad-value": _quoted_values,
    "syntax-error": _near,
    "raised": _free_text,
    "constraint-violation": lambda text: _MAIL.sub(VALUE, text),
}


def changes_messages(row: LogClass) -> bool:
    """Whether messages of this class hold values."""
    return row.code in _MESSAGE


def mask_message(text: str, row: LogClass) -> str:
    """A message that is no statement. The server's own texts name objects, which stay; a wrong value, the end of a
    statement that was not understood, and what a function raised are values."""
    change = _MESSAGE.get(row.code)
    return change(text) if change else text


# --- details and contexts --------------------------------------------------------------------------------------------

_KEY = re.compile(
    r"\)=\((?:.*\)(?= (?:already exists|is not present in|is still referenced|is duplicated))|.*\)|.*)",
    re.DOTALL,
)
_ROW = re.compile(r"\((?:.*\)|.*)", re.DOTALL)
_PARAMETER = re.compile(r"(\$\d+ = )(?:'[^']*+(?>(?:''[^']*+)*)(?:'|\.\.\.|\Z)|[^,\s]+)")
_STATEMENT_OF = re.compile(r"^(\S+ \d+: )", re.MULTILINE)
_RUNNING = re.compile(r"^([^:\n]*: )(.*)", re.DOTALL)
_PROSE = re.compile(rf"(?P<prose>\b(?:[Tt]h(?:e|is)|Remote) \w+'s )|{_STRING.pattern}", re.DOTALL)
"""A string, or a genitive of the server's own English: “The slot's restart_lsn 0/1000000 exceeds …”."""
_WHOLE_ROW = ("23502", "23514", "44000")


def _after(match: re.Match[str]) -> str:
    return f"{match[1]}{VALUE}"


def mask_detail(text: str, row: LogClass, sqlstate: str) -> str:
    """A DETAIL: values of a key, a failing row, parameters, and the statements in it go."""
    if ")=(" in text:
        return _KEY.sub(f")=({VALUE})", text, count=1)
    if sqlstate in _WHOLE_ROW or text.startswith("Failing row contains"):
        return _ROW.sub(f"({VALUE})", text, count=1)
    if row.code == "deadlock":
        parts = _STATEMENT_OF.split(text)
        return "".join([parts[0], *(one if at % 2 == 0 else without_literals(one) for at, one in enumerate(parts[1:]))])
    if row.code == "crash" or text.startswith("prepare: "):
        return _RUNNING.sub(lambda found: found[1] + without_literals(found[2]), text)
    text = _PROSE.sub(lambda found: found["prose"] or VALUE, _PARAMETER.sub(_after, text))
    return mask_message(text, row)


_COPY = re.compile(r"^(COPY [^\n]*?, line \d+[^:\n]*: )(.*)", re.DOTALL | re.MULTILINE)
_JSON = re.compile(r"^(JSON[^:\n]*: )(.*)$", re.MULTILINE)
_INSIDE = re.compile(r'(?<=")([^\s\"]{1,60}\s.*?)(?="(?:\n|\Z))', re.DOTALL)


def mask_context(text: str) -> str:
    """A CONTEXT: the input of COPY, pieces of JSON, parameters and constants of inner statements go."""
    text = _COPY.sub(rf"\1{VALUE}", text)
    text = _JSON.sub(rf"\1{VALUE}", text)
    text = _INSIDE.sub(lambda found: without_literals(found[1].replace('"', "\1")).replace("\1", '"'), text)
    return _STRING.sub(VALUE, _PARAMETER.sub(_after, text))


def secrets_away(text: str, *, is_statement: bool = False) -> str:
    """``text`` without secrets, every character visible."""
    return visible(scrub(text, is_statement=is_statement))
