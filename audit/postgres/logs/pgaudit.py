"""Records of the pgAudit extension: ``AUDIT: SESSION,1,1,DDL,DROP TABLE,TABLE,public.x,"drop table x",<none>``."""

from __future__ import annotations

import csv

PREFIX = "AUDIT: "
FIELDS = ("audit_type", "statement_id", "substatement_id", "class", "command", "object_type", "object_name",
          "statement", "parameters")  # fmt: skip
"""In the order of pgAudit's README, "Format"; rows counted by ``pgaudit.log_rows`` come after them."""


def fields(message: str) -> dict[str, str] | None:
    """The fields of a record by name, the statement and its parameters among them; None when it is not one."""
    if not message.startswith(PREFIX):
        return None
    try:
        row = next(csv.reader([message.removeprefix(PREFIX)], strict=False), [])
    except csv.Error:
        return None
    if len(row) < len(FIELDS) - 1 or row[0] not in ("SESSION", "OBJECT"):
        return None
    named = dict(zip(FIELDS, row, strict=False))
    if len(row) > len(FIELDS):
        named["rows"] = row[len(FIELDS)]
    return {name: value for name, value in named.items() if value}
