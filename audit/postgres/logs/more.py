"""What a record tells beside its main columns, as JSON: only what is not empty."""

from __future__ import annotations

import csv
import io
import json
from json.encoder import encode_basestring

from audit.postgres.logs import pgaudit
from audit.postgres.logs.masking import visible
from audit.postgres.logs.record import LogRecord


def more_text(record: LogRecord, attempted: str, fields: dict[str, str] | None) -> str:
    """Of hint, context, inner statement, port, transaction, location, backend type and query id what there is; the
    class of the statement that an error refused, and the fields of pgAudit. Empty when there is none."""
    made = ""
    if record.hint:
        made = f', "hint": {encode_basestring(record.hint)}'
    if record.context:
        made += f', "context": {encode_basestring(record.context)}'
    if record.internal_query:
        made += f', "internal_query": {encode_basestring(record.internal_query)}'
    if record.port:
        made += f', "port": {record.port}'
    if record.transaction:
        made += f', "transaction": {record.transaction}'
    if record.location:
        made += f', "location": {encode_basestring(record.location)}'
    if record.backend_type and record.backend_type != "client backend":
        made += f', "backend_type": {encode_basestring(visible(record.backend_type))}'
    if record.query_id:
        made += f', "query_id": {record.query_id}'
    if attempted:
        made += f', "attempted": "{attempted}"'
    if fields:
        made += f', "pgaudit": {json.dumps(fields, ensure_ascii=False)}'
    return "{" + made[2:] + "}" if made else ""


def as_line(fields: dict[str, str]) -> str:
    """The fields of a record of pgAudit as pgAudit writes them."""
    line = io.StringIO()
    names = [*pgaudit.FIELDS, *(["rows"] if "rows" in fields else [])]
    csv.writer(line, lineterminator="").writerow([fields.get(name, "") for name in names])
    return line.getvalue()
