"""Who may do what on a server and in one of its databases, as the catalogues say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from audit.postgres import queries
from audit.postgres.connect import translate

ATTRIBUTES = (
    ("superuser", "SUPERUSER"), ("rolcreaterole", "CREATEROLE"), ("rolcreatedb", "CREATEDB"),
    ("rolreplication", "REPLICATION"), ("rolbypassrls", "BYPASSRLS"), ("login", "LOGIN"),
)  # fmt: skip
MOST = 50_000
"""So many rights are kept of one database; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Access:
    """Roles and rights; ``left_out`` says in sentences what is not among them."""

    roles: list[dict[str, Any]]
    grants: list[dict[str, str]]
    left_out: list[str]


def read_access(conn: psycopg.Connection) -> Access:
    """Read it; any role may. Raises what ``translate`` makes of an error of the server."""
    try:
        with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
            roles = cursor.execute(queries.load("access/roles")).fetchall()
            grants = cursor.execute(queries.load("access/grants")).fetchall()
            default = cursor.execute(queries.load("access/default_routines")).fetchone() or {"count": 0}
    except psycopg.Error as error:
        raise translate(error) from error
    left_out = [f"{default['count']:,} routines that everybody may execute are not listed."] if default["count"] else []
    left_out += [f"{len(grants) - MOST:,} rights more than {MOST:,} are not listed."] if len(grants) > MOST else []
    return Access([_role(row) for row in roles], grants[:MOST], left_out)


def _role(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": row["role"],
        "attributes": [word for name, word in ATTRIBUTES if row[name]] + ([] if row["rolinherit"] else ["NOINHERIT"]),
        "superuser": row["superuser"],
        "login": row["login"],
        "member_of": row["member_of"],
        "valid_until": row["valid_until"],
    }
