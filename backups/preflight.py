"""What *Test connection* asks on this machine: do the client tools fit the target, is there room for a dump."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.db.models import Max

from audit.exceptions import TovgovError
from audit.models import Target
from backups import conf
from backups.models import Backup
from backups.tools.finding import Tool, find_tool

TOOLS = ("pg_dump", "pg_restore")
ROOM = 1.5  # the next dump may be larger than the largest so far


def lines(target: Target) -> Iterator[dict[str, str]]:
    """One line a tool, and one about the spool."""
    for name in TOOLS:
        yield _tool(name, target)
    yield _room(target)


def _tool(name: str, target: Target) -> dict[str, str]:
    sslmode = "" if target.service else target.sslmode
    try:
        tool = find_tool(name, target.server_version, pg_bin=conf.pg_bin(), sslmode=sslmode)
    except TovgovError as error:
        return _line(name, "FAIL", error.message, error.hint)
    if target.server_version is None:
        return _line(name, "UNKNOWN", f"{_words(tool)}; the server's version is not known yet.")
    return _line(name, "PASS", f"{_words(tool)}.", " ".join(tool.warnings))


def _words(tool: Tool) -> str:
    return f"{tool.text} in {tool.path.parent}"


def _room(target: Target) -> dict[str, str]:
    spool = conf.spool()
    place = next(folder for folder in (spool, *spool.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    words = f"{free / 1e9:,.1f} GB are free in {spool}"
    largest = Backup.objects.filter(target=target).aggregate(largest=Max("stored_bytes"))["largest"]
    if largest is None:
        return _line("Room for a dump", "UNKNOWN", f"{words}; how large a backup is shows the first one.")
    words += f", the largest backup has {largest / 1e9:,.1f} GB"
    if free < largest * ROOM:
        return _line("Room for a dump", "FAIL", f"{words}.", "Free some space, or point TOVGOV_SPOOL elsewhere.")
    return _line("Room for a dump", "PASS", f"{words}.")


def _line(check: str, status: str, detail: str, hint: str = "") -> dict[str, str]:
    return {"check": check, "status": status, "detail": detail, "hint": hint}
