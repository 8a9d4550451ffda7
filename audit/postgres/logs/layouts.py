"""Where things lie in a message: the server's own words before a statement, and what stands between its values."""

from __future__ import annotations

import re
from typing import NamedTuple

from audit.postgres.logs.literals import between

PLAIN, LOGGED, TIMED, AUDITED = "plain", "logged", "timed", "audited"

_DURATION = (
    "duration|Dauer|duración|durée|durata|期間|ხანგრძლივობა|실행시간|수행시간"
    "|продолжительность|varaktighet|тривалість|执行时间"
)
_STATEMENT = (
    "statement|Anweisung|sentencia|instruction|istruzione|文|ოპერატორი|გამოსახულება|명령 구문|оператор|sats|语句"
)
_EXECUTE = (
    "execute|parse|bind|Ausführen|ejecutar|exécute|esecuzione di|実行|取り出し実行|გაშვება|쿼리실행|자료뽑기"
    "|выполнение|выборка из|kör|виконувати|виконати|执行|执行FETCH操作"
)
_HEAD = re.compile(
    rf"(?P<ms>{_DURATION})\s?:? ?[\d.]+ (?:ms|мс|ミリ秒|მწმs?)(?:(?:  ?|, )\S[^:\n]{{0,200}}: )?"
    rf"|(?:{_STATEMENT})\s?: |(?:{_EXECUTE}) [^:\n]{{0,200}}: |(?P<audit>AUDIT: (?=SESSION,|OBJECT,))"
)
"""In the server's own words, in every language of its catalogues: what follows is a statement."""
_DIGITS = re.compile(r"(?<![A-Za-z_])[0-9]++(?!x)")
"""Numbers that tell no messages apart; those that end a name (key1, md5) do."""


class Layout(NamedTuple):
    """The same for messages that differ only in digits."""

    how: str
    """A message of the server's own, a statement that was logged, one with its duration, or a record of pgAudit."""
    end: int
    """Where the statement begins."""
    between: tuple[slice, ...] | None
    """Of a statement the pieces between its values, of a plain message those between numbers that do not count; None
    where they must be looked for each time."""


def layout_of(message: str) -> Layout:
    """How ``message`` lies."""
    head = _HEAD.match(message)
    if head is None:
        return Layout(PLAIN, 0, _between_numbers(message))
    end = head.end()
    if head.lastgroup == "audit":
        return Layout(AUDITED, end, None)
    text = message[end:]
    # what a statement does may stand in what is masked where a backslash is before a quote
    pieces = None if "\\'" in text else between(text)
    moved = None if pieces is None else tuple(slice(one.start + end, one.stop + end) for one in pieces)
    return Layout(TIMED if head.lastgroup == "ms" else LOGGED, end, moved)


def _between_numbers(message: str) -> tuple[slice, ...]:
    ends = [0, *(place for one in _DIGITS.finditer(message) for place in one.span()), len(message)]
    return tuple(slice(start, end) for start, end in zip(ends[::2], ends[1::2], strict=True))
