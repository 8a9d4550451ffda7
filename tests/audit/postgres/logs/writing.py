"""Records as PostgreSQL writes them, made up by a test: what a real server would not write at will."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.audit.postgres.logs.syslogging import framed

PREFIX = "%m [%p] <%u> "
AT = "2026-11-20 10:40:01.123 CET"
BEGAN = "2026-11-20 10:30:00 CET"
Event = dict[str, Any]


def event(
    message: str = "hello", *, level: str = "LOG", pid: int = 7, role: str = "clerk", detail: str = "", query: str = ""
) -> Event:
    return {"message": message, "level": level, "pid": pid, "role": role, "detail": detail, "query": query}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def csvlog(one: Event, line: int = 1) -> str:
    """A row of 26 columns."""
    sqlstate = "00000" if one["level"] == "LOG" else "22012"
    columns = [
        AT, quoted(one["role"]), quoted("shop"), str(one["pid"]), quoted("10.0.0.5:54321"), f"691ee8b1.{one['pid']:x}",
        str(line), quoted("SELECT"), BEGAN, "3/14", "0", one["level"], sqlstate, quoted(one["message"]),
        quoted(one["detail"]) if one["detail"] else "", "", "", "", "", quoted(one["query"]) if one["query"] else "",
        "", "", quoted("psql"), quoted("client backend"), "", "0",
    ]  # fmt: skip
    return ",".join(columns) + "\n"


def jsonlog(one: Event, line: int = 1) -> str:
    found = {
        "timestamp": AT, "user": one["role"], "dbname": "shop", "pid": one["pid"], "remote_host": "10.0.0.5",
        "remote_port": 54321, "session_id": f"691ee8b1.{one['pid']:x}", "line_num": line, "ps": "SELECT",
        "session_start": BEGAN, "txid": 0, "error_severity": one["level"], "message": one["message"],
        "detail": one["detail"], "statement": one["query"], "application_name": "psql",
        "backend_type": "client backend", "query_id": 0,
    }  # fmt: skip
    if one["level"] != "LOG":
        found["state_code"] = "22012"
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"


def stderr(one: Event, line: int = 1) -> str:
    prefix = f"{AT} [{one['pid']}] <{one['role']}> "
    parts = [(one["level"], one["message"]), ("DETAIL", one["detail"]), ("STATEMENT", one["query"])]
    return "".join(
        f"{prefix}{word}:  {text}\n".replace("\n", "\n\t")[:-1] for word, text in parts if text or word == one["level"]
    )


def syslog(one: Event, line: int = 1) -> str:
    """``line`` numbers the messages of the server."""
    return framed([(one["pid"], stderr(one).encode())], first=line).decode()


WRITERS: dict[str, Callable[..., str]] = {"csvlog": csvlog, "jsonlog": jsonlog, "stderr": stderr, "syslog": syslog}
