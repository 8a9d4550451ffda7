"""What a dump of one database does not hold: roles, owner, rights, settings, extensions. Kept beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from audit.exceptions import RightsMissing, TovgovError
from audit.postgres.connect import ConnInfo
from audit.postgres.databases import read_facts
from audit.postgres.queries import read
from audit.progress import Progress
from backups import conf
from backups.exceptions import ToolMissing
from backups.tools.finding import find_tool
from backups.tools.pg_dump import globals_of

SQL = Path(__file__).parent / "sql"
JSON_FILE, SQL_FILE = "globals.json", "globals.sql"


@dataclass(frozen=True, slots=True)
class Globals:
    """``facts`` are of the database itself and of what it stands on; ``script`` is what pg_dumpall writes of all roles
    (without passwords), empty when the role may not ask for it."""

    facts: dict[str, Any]
    script: str

    def files(self) -> dict[str, bytes]:
        """File name → content."""
        text = json.dumps(self.facts, sort_keys=True, ensure_ascii=False, indent=1) + "\n"
        scripts = {SQL_FILE: self.script.encode("utf-8", "surrogateescape")} if self.script else {}
        return {JSON_FILE: text.encode()} | scripts


def read_globals(connection: psycopg.Connection, info: ConnInfo, progress: Progress) -> Globals:
    """Read them from the server of ``connection``. A role that may not read all roles leaves the script out, which
    the log says; nothing else is left out."""
    facts = {
        "database": read_facts(connection, info.database).as_dict(),
        "extensions": _rows(connection, "extensions"),
        "roles": _rows(connection, "roles"),
        "memberships": _rows(connection, "memberships"),
        "owners": _rows(connection, "owners"),
        "needed_roles": [row["name"] for row in _rows(connection, "needed_roles")],
    }
    return Globals(facts, _script(connection, info, progress))


def _rows(connection: psycopg.Connection, name: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read(f"globals/{name}", SQL)).fetchall()


def _script(connection: psycopg.Connection, info: ConnInfo, progress: Progress) -> str:
    try:
        version = connection.info.server_version
        tool = find_tool("pg_dumpall", version, pg_bin=conf.pg_bin(), sslmode=info.sslmode)
        return globals_of(info, tool, cancelled=progress.must_stop)
    except (RightsMissing, ToolMissing) as error:
        return _without(error, progress)


def _without(error: TovgovError, progress: Progress) -> str:
    progress.log(f"No globals.sql; the roles stand in globals.json. {error.message}")
    return ""
