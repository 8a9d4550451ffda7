"""Reading a record: its class, its fingerprint, and its texts without secrets and values.

The shape of a text (itself without its values) decides everything, and shapes repeat: what was found out of one is
remembered, up to a bound.
"""

from __future__ import annotations

import csv
import io
import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from audit.postgres.logs import pgaudit
from audit.postgres.logs.classes import BY_CODE, LogClass, Severity
from audit.postgres.logs.literals import VALUE, Literals, without_literals
from audit.postgres.logs.masking import (
    Masking,
    changes_messages,
    mask_context,
    mask_detail,
    mask_message,
    secrets_away,
    visible,
)
from audit.postgres.logs.record import LogRecord
from audit.postgres.logs.scrubbing import has_hints
from audit.postgres.logs.telling import class_of, is_block, statement_class

REMEMBERED = 20_000
"""So many shapes of each sort are remembered; then memory starts anew."""
LONGEST = 2_000
"""Shapes longer than this are not remembered, and tell groups apart by their beginning of so many characters."""
TITLE = 300
"""Characters of a title."""

DEFAULT = Masking()


class Reading(NamedTuple):
    """What a record means. Its texts are masked in place."""

    kind: str
    """The code of its class."""
    severity: int
    fingerprint: int
    """Signed, 64 bits: the same for records of one class that differ only in values."""
    title: str
    """The masked message's beginning."""
    more: dict[str, Any] | None
    """What is not empty of hint, context, inner statement, port, transaction, location, backend type and query id; the
    fields of pgAudit; ``attempted``, the class of the statement that an error refused."""


class _Statement(NamedTuple):
    """What is known of a statement by its shape."""

    text: str
    """The shape, without secrets, visible."""
    row: LogClass | None
    shape: str
    """For fingerprints."""
    is_block: bool


class _Verdict(NamedTuple):
    kind: str
    severity: int
    row: LogClass
    fingerprint: int
    masks: bool
    may_change: bool
    attempted: str
    is_about_rights: bool = False
    """Grants on a hundred tables are one message: its objects are left out."""


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
_LISTS = re.compile(r"\((?:\s*-?[?](?:\s*,\s*-?[?])*\s*)\)(?:\s*,\s*\((?:\s*-?[?](?:\s*,\s*-?[?])*\s*)\))*")
_SIGN = re.compile(r"([=(,<>+*/]|\b(?:AND|LIMIT|THEN|ELSE|WHEN|BETWEEN)) ?- ?(?=[?])", re.IGNORECASE)
_COMMENT = re.compile(r"/\*\?\*/|--\?")
_MESSAGE_VALUES = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b[0-9a-fA-F]+/[0-9a-fA-F]+\b|(?<![\w.+\-])[\w.+\-]++@[\w\-]+(?:\.[\w\-]+)+"
    r"|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}|\b0x[0-9a-fA-F]+|'(?:[^']|'')*+(?:'|\Z)|\b[0-9A-F]{24}\b"
    r"|(?<![A-Za-z_])[0-9]+(?:[.,:\-/][0-9]+)*"
)
_OBJECT = r"(?!(?:\w+ )?\"?(?:pg_|tovgov|information_schema))"
_RIGHTS = re.compile(
    rf"(\bON (?:TABLE |SEQUENCE |FUNCTION |PROCEDURE |ROUTINE |TYPE )?)(?!(?:SCHEMA|DATABASE|FOREIGN|PARAMETER|LANGUAGE"
    rf"|TABLESPACE|LARGE|ALL|DOMAIN)\b){_OBJECT}[^;]+?(?= (?:TO|FROM) )"
    rf"|(\bALTER (?:TABLE|SEQUENCE|FUNCTION|PROCEDURE|TYPE|(?:MATERIALIZED )?VIEW) ){_OBJECT}[^;]+?(?= OWNER TO )",
    re.IGNORECASE,
)
"""What a right is granted on, or who owns it, of the user's own objects; the role it goes to stays."""
RIGHTS = "role-changed"
_NAMES = ("role", "database", "address", "session", "command")


def _verdict(row: LogClass, *rest: Any) -> _Verdict:
    return _Verdict(row.code, int(row.severity), row, *rest)


class Reader:
    """Reads the records of one source. Keep it: it remembers shapes. Not for several threads at once."""

    def __init__(self, masking: Masking = DEFAULT) -> None:
        self.masking = masking
        self._statements: dict[str, _Statement] = {}
        self._verdicts: dict[tuple[str, ...], _Verdict] = {}
        self._literals = Literals(REMEMBERED, LONGEST)
        self._texts: dict[str, str] = {}

    def read(self, record: LogRecord) -> Reading:
        """Tell the class of ``record`` and mask its texts in place."""
        message = record.message
        head = _HEAD.match(message)
        if head is None:
            verdict = self._plain(record, message)
            fields = None
        elif head.lastgroup == "audit":
            verdict, fields = self._pgaudit(record, message)
        else:
            verdict, fields = self._logged(record, message, head.end(), is_timed=head.lastgroup == "ms"), None
        self._rest(record, verdict)
        more = _more(record, verdict.attempted, fields)
        title = _without_objects(record.message) if verdict.is_about_rights else record.message
        return Reading(verdict.kind, verdict.severity, verdict.fingerprint, title[:TITLE], more)

    # --- messages ----------------------------------------------------------------------------------------------------

    def _logged(self, record: LogRecord, message: str, end: int, *, is_timed: bool) -> _Verdict:
        """A statement that was logged as such, or how long it took."""
        text = message[end:]
        statement = self._statement(text)
        head = message[:end]
        key = ("timed" if is_timed else "logged", statement.shape, statement.row.code if statement.row else "")
        verdict = self._verdicts.get(key)
        if verdict is None:
            usual = BY_CODE["slow-statement" if is_timed else "statement"]
            row = statement.row if statement.row and statement.row.severity >= usual.severity else usual
            is_rights = row.code == RIGHTS
            print_ = fingerprint(row.code, "", _without_objects(statement.shape) if is_rights else statement.shape)
            verdict = self._remember(key, _verdict(row, print_, self.masking.covers(row), False, "", is_rights))
        record.message = visible(head) + self._shown(statement, text, verdict.masks)
        return verdict

    def _plain(self, record: LogRecord, message: str) -> _Verdict:
        """A message of the server's own, perhaps with the statement that it is about."""
        query = record.query
        statement = self._statement(query) if query else _NOTHING
        sqlstate = record.sqlstate
        detail = record.detail if sqlstate == "28P01" else ""
        key = (
            sqlstate,
            record.level,
            _DIGITS.sub("0", message),
            statement.shape,
            detail,
            statement.row.code if statement.row else "",
        )
        verdict = self._verdicts.get(key)
        if verdict is None:
            row = class_of(sqlstate=sqlstate, level=record.level, message=message, detail=detail)
            masks = self.masking.covers(row)
            shape = "" if row.flat else _message_shape(mask_message(message, row))
            print_ = fingerprint(row.code, sqlstate, shape, statement.shape)
            may_change = changes_messages(row) or has_hints(message)
            attempted = statement.row.code if statement.row and row.severity > Severity.INFO else ""
            verdict = self._remember(key, _verdict(row, print_, masks, may_change, attempted))
        if verdict.may_change or not message.isprintable():
            record.message = self._clean(mask_message(message, verdict.row) if verdict.masks else message)
        if query:
            record.query = self._shown(statement, query, verdict.masks)
        return verdict

    def _pgaudit(self, record: LogRecord, message: str) -> tuple[_Verdict, dict[str, str] | None]:
        """A record of pgAudit: the class of its statement, and its fields."""
        fields = pgaudit.fields(message)
        if fields is None:
            record.message = secrets_away(without_literals(message.replace('"', "\1")).replace("\1", '"'))
            row = BY_CODE["pgaudit"]
            return _verdict(row, fingerprint(row.code, "", ""), True, False, ""), None
        text = fields.get("statement", "")
        statement = self._statement(text)
        row = statement.row or BY_CODE["pgaudit"]
        masks = self.masking.covers(row)
        fields["statement"] = self._shown(statement, text, masks)
        if masks and not fields.get("parameters", "<none>").startswith("<"):
            fields["parameters"] = VALUE
        fields = {name: secrets_away(value) for name, value in fields.items()}
        record.message = pgaudit.PREFIX + _csv(fields)
        shape = "\0".join([fields["audit_type"], fields["command"], fields.get("object_name", ""), statement.shape])
        return _verdict(row, fingerprint(row.code, "", shape), masks, False, ""), fields

    # --- statements and other texts ----------------------------------------------------------------------------------

    def _statement(self, text: str) -> _Statement:
        found = self._statements.get(text)  # a shape's shape is itself
        if found is not None and not found.is_block:
            return found
        shape = self._literals.without(text)
        if "\\'" in text:  # what it does may stand in what is masked
            return _of(shape, text)
        found = self._statements.get(shape)
        if found is None or found.is_block:
            found = _of(shape, text)
            if len(shape) <= LONGEST:
                if len(self._statements) >= REMEMBERED:
                    self._statements.clear()
                self._statements[shape] = found
        return found

    def _shown(self, statement: _Statement, text: str, masks: bool) -> str:
        return statement.text if masks else secrets_away(text, is_statement=True)

    def _rest(self, record: LogRecord, verdict: _Verdict) -> None:
        """The texts beside the message and its statement."""
        masks = verdict.masks
        if record.detail:
            text = mask_detail(record.detail, verdict.row, record.sqlstate) if masks else record.detail
            record.detail = self._clean(text)
        if record.hint:
            record.hint = self._clean(mask_message(record.hint, verdict.row) if masks else record.hint)
        if record.context:
            record.context = self._clean(mask_context(record.context) if masks else record.context)
        if record.internal_query:
            record.internal_query = self._shown(self._statement(record.internal_query), record.internal_query, masks)
        if record.application:
            record.application = self._clean(record.application)
        if not f"{record.role}{record.database}{record.address}{record.session}{record.command}".isprintable():
            for name in _NAMES:
                setattr(record, name, visible(getattr(record, name)))

    def _clean(self, text: str) -> str:
        """``secrets_away``, remembered: without their values texts repeat."""
        found = self._texts.get(text)
        if found is None:
            found = secrets_away(text)
            if len(text) <= LONGEST:
                if len(self._texts) >= REMEMBERED:
                    self._texts.clear()
                self._texts[text] = found
        return found

    def _remember(self, key: tuple[str, ...], verdict: _Verdict) -> _Verdict:
        if sum(map(len, key)) <= 2 * LONGEST:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return verdict


def _of(shape: str, text: str) -> _Statement:
    clean = secrets_away(shape, is_statement=True)
    return _Statement(clean, statement_class(shape, text), statement_shape(clean), is_block(shape))


_NOTHING = _Statement("", None, "", False)
_reader = lru_cache(maxsize=50)(Reader)


def read(record: LogRecord, *, mask: Masking = DEFAULT) -> Reading:
    """What ``record`` means; its texts are masked in place. For many records keep a ``Reader``."""
    return _reader(mask).read(record)


def fingerprint(*parts: str) -> int:
    """A signed number of 64 bits over the parts: BLAKE2b, RFC 7693."""
    digest = blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def statement_shape(text: str) -> str:
    """A statement without values as it is compared: lists of values are one value, spaces, comments and the case of
    letters do not count."""
    text = _SIGN.sub(r"\1 ", _COMMENT.sub(" ", text))
    return _LISTS.sub("(?)", " ".join(text.lower().split()))[:LONGEST]


def _without_objects(text: str) -> str:
    """A text about rights without the names of tables and the like: “GRANT SELECT ON TABLE … TO reporting”."""
    return _RIGHTS.sub(lambda found: f"{found[1] or found[2]}…", text)


def _message_shape(text: str) -> str:
    return _MESSAGE_VALUES.sub(VALUE, text)[:LONGEST]


def _more(record: LogRecord, attempted: str, fields: dict[str, str] | None) -> dict[str, Any] | None:
    more: dict[str, Any] = {}
    if record.hint:
        more["hint"] = record.hint
    if record.context:
        more["context"] = record.context
    if record.internal_query:
        more["internal_query"] = record.internal_query
    if record.port:
        more["port"] = record.port
    if record.transaction:
        more["transaction"] = record.transaction
    if record.location:
        more["location"] = record.location
    if record.backend_type and record.backend_type != "client backend":
        more["backend_type"] = visible(record.backend_type)
    if record.query_id:
        more["query_id"] = record.query_id
    if attempted:
        more["attempted"] = attempted
    if fields:
        more["pgaudit"] = fields
    return more or None


def _csv(fields: dict[str, str]) -> str:
    line = io.StringIO()
    names = [*pgaudit.FIELDS, *(["rows"] if "rows" in fields else [])]
    csv.writer(line, lineterminator="").writerow([fields.get(name, "") for name in names])
    return line.getvalue()
