"""Which part of the house may import which: downwards, and never a peer.

A *unit* is a file or folder right below an app: ``audit.jobs``, ``backups.restore``. Each has a height; what has none
in ``HEIGHTS`` is a feature. Within ``backups`` and ``tovgov`` features may use each other as long as no circle arises
(a name that is needed for types alone closes none).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FEATURE = 50
TASKS, ENTRY, APPS = 60, 70, 80
APP_ORDER = {"audit": 0, "backups": 1, "tovgov": 2}
PEERS_MAY_TOUCH = {("backups", FEATURE), ("tovgov", FEATURE)}
KNOW_NO_MODEL = {"audit.postgres", "backups.tools"}

HEIGHTS = {
    "audit": {
        "exceptions": 0,
        "conf": 0,
        "registry": 0,
        "models": 10,
        "postgres": 10,
        "actors": 15,
        "progress": 15,
        "stopping": 20,
        "ledger": 20,
        "incidents": 22,
        "alerts": 25,
        "notifications": 28,
        "locks": 25,
        "looks": 25,
        "partitions": 25,
        "approvals": 21,
        "clients": 30,
        "groups": 30,
        "lists": 35,
        "jobs": 30,
        "noise": 30,
        "seals": 35,
        "signing": 5,
        "secrets": 30,
        "tokens": 30,
        "windows": 30,
        "own_acts": 35,
        "targets": 40,
        "documents": 5,
        "losses": 42,
        "timeline": 40,
        "runbooks": 40,
        "action_items": 40,
        "lessons": 40,
        "exports": 45,
        "postmortems": 45,
        "trends": 45,
        "reports": 50,
        "evidence": 55,
    },
    "backups": {"exceptions": 0, "conf": 5, "cron": 5, "naming": 5, "models": 10, "tools": 10, "drills": 55},
    "tovgov": {},
}
EVERYWHERE = {
    "tasks": TASKS,
    "checks": TASKS,
    "templatetags": TASKS,
    "api": ENTRY,
    "admin": ENTRY,
    "management": ENTRY,
    "urls": ENTRY,
    "apps": APPS,
}


@dataclass(frozen=True)
class Import:
    """``unit`` of ours, in ``file`` at ``line``, imports ``wanted``: a unit of ours, or ``tests`` or ``django``."""

    file: Path
    line: int
    unit: str
    wanted: str
    for_types: bool = False

    def says(self, why: str) -> str:
        return f"{self.file}:{self.line}: {self.unit} imports {self.wanted}: {why}"


def height(unit: str) -> int:
    app, _, name = unit.partition(".")
    return HEIGHTS[app].get(name, EVERYWHERE.get(name, FEATURE)) if app != "tovgov" else FEATURE


def violations(root: Path) -> list[str]:
    """Every import below ``root`` that the house forbids, with its file and line."""
    found = list(imports(root))
    wrong = [one.says(why) for one in found if (why := _objection(one))]
    return wrong + [" → ".join(circle) + " is a circle" for circle in circles(found)]


def _objection(one: Import) -> str:
    app, wanted_app = one.unit.split(".")[0], one.wanted.split(".")[0]
    if wanted_app == "tests":
        return "code never imports tests"
    if one.unit in KNOW_NO_MODEL and (wanted_app == "django" or one.wanted.endswith(".models")):
        return "it knows no model and no Django"
    if wanted_app == "django":
        return ""
    if APP_ORDER[app] < APP_ORDER[wanted_app]:
        return f"{app} never imports {wanted_app}"
    if app == "tovgov":
        return ""
    mine, theirs = height(one.unit), height(one.wanted)
    if mine < theirs:
        return "that points up"
    if mine == theirs and app == wanted_app and (app, mine) not in PEERS_MAY_TOUCH:
        return "peers do not touch; what both need belongs below them (HEIGHTS in tests/house/layers.py)"
    return ""


def circles(found: list[Import]) -> list[list[str]]:
    """Units that import each other, directly or through others; each circle once."""
    graph: dict[str, set[str]] = {}
    for one in found:
        if one.wanted.split(".")[0] in APP_ORDER and not one.for_types:
            graph.setdefault(one.unit, set()).add(one.wanted)
    seen: set[frozenset[str]] = set()
    result = []
    for start in sorted(graph):
        circle = _way_back(graph, start)
        if circle and frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            result.append(circle)
    return result


def _way_back(graph: dict[str, set[str]], start: str) -> list[str]:
    """The shortest way from ``start`` to itself; empty when there is none."""
    ways = [[start]]
    visited: set[str] = set()
    while ways:
        way = ways.pop(0)
        for wanted in sorted(graph.get(way[-1], ())):
            if wanted == start:
                return [*way, start]
            if wanted not in visited:
                visited.add(wanted)
                ways.append([*way, wanted])
    return []


def imports(root: Path) -> Iterator[Import]:
    """What the apps below ``root`` import of each other, of tests and of Django, inside functions too."""
    for app in APP_ORDER:
        for file in sorted((root / app).rglob("*.py")):
            if "migrations" not in file.parts and len(file.relative_to(root).parts) > 1:
                yield from _imports_of(root, file)


def _imports_of(root: Path, file: Path) -> Iterator[Import]:
    parts = file.relative_to(root).with_suffix("").parts
    unit = ".".join(parts[:2])
    tree = ast.parse(file.read_text())
    typing = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        for name in _names(node, parts):
            wanted = _unit(root, name)
            if wanted and wanted != unit:
                line = node.lineno  # type: ignore[attr-defined]
                yield Import(file.relative_to(root), line, unit, wanted, for_types=id(node) in typing)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _names(node: ast.AST, parts: tuple[str, ...]) -> list[str]:
    """The dotted names that an import statement asks for, relative ones made whole."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = list(parts[: len(parts) - node.level]) if node.level else []
    base = ".".join([*package, *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def _unit(root: Path, name: str) -> str:
    """The unit that ``name`` lies in; empty for what is none of our concern."""
    words = name.split(".")
    if words[0] in {"tests", "django"}:
        return words[0]
    if words[0] not in APP_ORDER or len(words) < 2:
        return ""
    there = root / words[0] / words[1]
    return ".".join(words[:2]) if there.is_dir() or there.with_suffix(".py").is_file() else ""
