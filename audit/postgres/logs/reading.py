"""Reading a record: its class, its fingerprint, and its texts without secrets and values.

The shape of a text (itself without its values) decides everything, and shapes repeat: what was found out of one is
remembered, up to a bound.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from audit.postgres.logs import pgaudit
from audit.postgres.logs.alike import Alike
from audit.postgres.logs.classes import BY_CODE, LogClass, Severity
from audit.postgres.logs.layouts import AUDITED, PLAIN, TIMED, Layout, layout_of
from audit.postgres.logs.literals import VALUE, between, without_literals
from audit.postgres.logs.masking import (
    Masking,
    changes_messages,
    mask_context,
    mask_detail,
    mask_message,
    secrets_away,
    visible,
)
from audit.postgres.logs.more import as_line, more_text
from audit.postgres.logs.record import LogRecord, Names
from audit.postgres.logs.scrubbing import has_hints
from audit.postgres.logs.shapes import LONGEST, fingerprint, message_shape, statement_shape, without_objects
from audit.postgres.logs.telling import class_of, is_block, statement_class

REMEMBERED = 20_000
"""So many shapes of each sort are remembered; then memory starts anew."""
TITLE = 300
"""Characters of a title."""
DEFAULT = Masking()
RIGHTS = "role-changed"
Fields = dict[str, str] | None
"""Of a record of pgAudit."""


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


@dataclass(slots=True)
class Verdict:
    """What records of one shape have in common; the first fields are those of ``Reading``."""

    kind: str
    severity: int
    fingerprint: int
    row: LogClass
    masks: bool
    may_change: bool = False
    """Whether its message may hold values or secrets."""
    attempted: str = ""
    is_about_rights: bool = False
    """Grants on a hundred tables are one message: its objects are left out."""

    def title(self, message: str) -> str:
        """What a group of such records is called, after the masked message of one."""
        return (without_objects(message) if self.is_about_rights else message)[:TITLE]


@dataclass(slots=True)
class _Statement:
    """What is known of a statement by its shape."""

    text: str
    """The shape, without secrets, visible."""
    row: LogClass | None
    shape: str
    """For fingerprints."""
    is_block: bool
    timed: Verdict | None = None
    """Of its log records with a duration, once there was one."""
    logged: Verdict | None = None


RAISED = "P0001"
"""SQLSTATE of what RAISE says, unless it says another one."""
_AT_RAISE = re.compile(r"[^\n]*PL/pgSQL[^\n]* RAISE(?:\n|\Z)")
"""A context, in any language: the message is a function's own, with whatever values it puts there."""


class Reader:
    """Reads the records of one source. Keep it: it remembers shapes. Not for several threads at once."""

    def __init__(self, masking: Masking = DEFAULT) -> None:
        self.masking = masking
        self._statements: dict[str, _Statement] = {}
        self._verdicts: dict[tuple[str, ...], Verdict] = {}
        self._layouts: Alike[Layout] = Alike(layout_of, kept=REMEMBERED, longest=LONGEST)
        self._literals: Alike[tuple[slice, ...]] = Alike(between, kept=REMEMBERED, longest=LONGEST)
        self._texts: dict[str, str] = {}

    def read(self, record: LogRecord) -> Reading:
        """Tell the class of ``record`` and mask its texts in place."""
        verdict, fields = self.judge(record)
        record.role, record.database, record.address, record.application, record.command = self.names_of(record)
        record.session = visible(record.session)
        more = more_text(record, verdict.attempted, fields)
        title = verdict.title(record.message)
        return Reading(verdict.kind, verdict.severity, verdict.fingerprint, title, json.loads(more) if more else None)

    def judge(self, record: LogRecord) -> tuple[Verdict, Fields]:
        """Tell the class of ``record`` and mask its texts in place; not its names, which ``names_of`` gives. With
        the fields of pgAudit, if it is a record of that."""
        message = record.message
        layout = self._layouts.of(message)
        assert layout is not None
        fields: Fields = None
        if layout.how == PLAIN:
            verdict = self._plain(record, message, layout)
        elif layout.how == AUDITED:
            verdict, fields = self._pgaudit(record, message)
        else:
            verdict = self._logged(record, message, layout)
        self._rest(record, verdict)
        return verdict, fields

    def names_of(self, record: LogRecord) -> Names:
        """The names in ``record``, each visible and without secrets: they are whatever a client makes them."""
        application = self._clean(record.application) if record.application else ""
        role, database, address, command = map(visible, (record.role, record.database, record.address, record.command))
        return Names(role, database, address, application, command)

    # --- messages ----------------------------------------------------------------------------------------------------

    def _logged(self, record: LogRecord, message: str, layout: Layout) -> Verdict:
        """A statement that was logged as such, or how long it took."""
        end, is_timed = layout.end, layout.how == TIMED
        if layout.between is None:
            statement = self._statement(message[end:])
        else:
            shape = VALUE.join([message[piece] for piece in layout.between])
            known = self._statements.get(shape)
            statement = self._learnt(shape, message[end:]) if known is None or known.is_block else known
        verdict = statement.timed if is_timed else statement.logged
        if verdict is None:
            verdict = self._of_logged(statement, is_timed)
        record.message = visible(message[:end]) + (
            statement.text if verdict.masks else secrets_away(message[end:], is_statement=True)
        )
        return verdict

    def _of_logged(self, statement: _Statement, is_timed: bool) -> Verdict:
        usual = BY_CODE["slow-statement" if is_timed else "statement"]
        row = statement.row if statement.row and statement.row.severity >= usual.severity else usual
        is_rights = row.code == RIGHTS
        print_ = fingerprint(row.code, "", without_objects(statement.shape) if is_rights else statement.shape)
        verdict = _verdict(row, print_, self.masking.covers(row), is_about_rights=is_rights)
        if is_timed:
            statement.timed = verdict
        else:
            statement.logged = verdict
        return verdict

    def _plain(self, record: LogRecord, message: str, layout: Layout) -> Verdict:
        """A message of the server's own, perhaps with the statement that it is about."""
        query = record.query
        statement = self._statement(query) if query else _NOTHING
        is_raised = bool(record.context and _AT_RAISE.match(record.context))
        sqlstate = record.sqlstate or (RAISED if is_raised and record.level == "ERROR" else "")
        detail = record.detail if sqlstate == "28P01" or (not sqlstate and record.level == "FATAL") else ""
        alike = "0".join([message[piece] for piece in layout.between or ()])
        attempted = statement.row.code if statement.row else ""
        key = (sqlstate, record.level, alike, statement.shape, detail, attempted)
        verdict = self._verdicts.get(key)
        if verdict is None:
            row = class_of(sqlstate=sqlstate, level=record.level, message=message, detail=detail)
            shape = "" if row.flat else message_shape(mask_message(message, row))
            verdict = _verdict(
                row,
                fingerprint(row.code, sqlstate, shape, statement.shape),
                self.masking.covers(row),
                may_change=changes_messages(row) or has_hints(message),
                attempted=attempted if row.severity > Severity.INFO else "",
            )
            self._remember(key, verdict)
        if is_raised and verdict.masks:
            record.message = self._clean(mask_message(message, BY_CODE["raised"]))
        elif verdict.may_change or not message.isprintable():
            record.message = self._clean(mask_message(message, verdict.row) if verdict.masks else message)
        if query:
            record.query = self._shown(statement, query, verdict.masks)
        return verdict

    def _pgaudit(self, record: LogRecord, message: str) -> tuple[Verdict, Fields]:
        """A record of pgAudit: the class of its statement, and its fields."""
        fields = pgaudit.fields(message)
        if fields is None:
            record.message = secrets_away(without_literals(message.replace('"', "\1")).replace("\1", '"'))
            row = BY_CODE["pgaudit"]
            return _verdict(row, fingerprint(row.code, "", ""), True), None
        text = fields.get("statement", "")
        statement = self._statement(text)
        row = statement.row or BY_CODE["pgaudit"]
        masks = self.masking.covers(row)
        fields["statement"] = self._shown(statement, text, masks)
        if masks and not fields.get("parameters", "<none>").startswith("<"):
            fields["parameters"] = VALUE
        fields = {name: secrets_away(value) for name, value in fields.items()}
        record.message = pgaudit.PREFIX + as_line(fields)
        shape = "\0".join([fields["audit_type"], fields["command"], fields.get("object_name", ""), statement.shape])
        return _verdict(row, fingerprint(row.code, "", shape), masks), fields

    # --- statements and other texts ----------------------------------------------------------------------------------

    def _statement(self, text: str) -> _Statement:
        found = self._statements.get(text)  # a shape's shape is itself
        if found is not None and not found.is_block:
            return found
        pieces = self._literals.of(text)
        shape = without_literals(text) if pieces is None else VALUE.join([text[piece] for piece in pieces])
        if "\\'" in text:  # what it does may stand in what is masked
            return _of(shape, text)
        found = self._statements.get(shape)
        return self._learnt(shape, text) if found is None or found.is_block else found

    def _learnt(self, shape: str, text: str) -> _Statement:
        found = _of(shape, text)
        if len(shape) <= LONGEST:
            if len(self._statements) >= REMEMBERED:
                self._statements.clear()
            self._statements[shape] = found
        return found

    def _shown(self, statement: _Statement, text: str, masks: bool) -> str:
        return statement.text if masks else secrets_away(text, is_statement=True)

    def _rest(self, record: LogRecord, verdict: Verdict) -> None:
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

    def _remember(self, key: tuple[str, ...], verdict: Verdict) -> None:
        if sum(map(len, key)) <= 2 * LONGEST:
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = verdict


def _verdict(row: LogClass, print_: int, masks: bool, **more: Any) -> Verdict:
    return Verdict(row.code, int(row.severity), print_, row, masks, **more)


def _of(shape: str, text: str) -> _Statement:
    clean = secrets_away(shape, is_statement=True)
    return _Statement(clean, statement_class(shape, text), statement_shape(clean), is_block(shape))


_NOTHING = _Statement("", None, "", False)
_reader = lru_cache(maxsize=50)(Reader)


def read(record: LogRecord, *, mask: Masking = DEFAULT) -> Reading:
    """What ``record`` means; its texts are masked in place. For many records keep a ``Reader``."""
    return _reader(mask).read(record)
