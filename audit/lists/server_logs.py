"""The two lists of server logs: alike entries of a day, and each by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.db.models import Q

from audit.lists.listing import EXACT, Column, Filter, Listing, number, since, until
from audit.lists.questions import GROUP, REVIEW, ROW, SPAN, TARGET, assignee, noise, noise_of_group, one_of, state
from audit.models import LogSeverity, LogWords, ServerLogEntry, ServerLogGroup
from audit.postgres.logs.classes import CLASSES

LEVELS = ("PANIC", "FATAL", "ERROR", "WARNING", "NOTICE", "INFO", "LOG", "DEBUG")


def classes() -> list[tuple[str, str]]:
    """Code and label of each class, as people look for them."""
    found = {one.code: one.label for one in CLASSES}
    return sorted(found.items(), key=lambda pair: pair[1].lower())


def _class(answer: str) -> Q:
    return one_of(answer, "kind", [code for code, _ in classes()])


def _severity(answer: str) -> Q:
    """A severity alone, or with ``+`` and above."""
    exact, plus, _ = answer.partition("+")
    if exact not in {str(value) for value in LogSeverity.values}:
        raise ValueError(f"“{answer[:40]}” is no severity.")
    return Q(severity__gte=int(exact)) if plus else Q(severity=int(exact))


def _severities() -> list[tuple[str, str]]:
    above = [(f"{value}+", f"{label} and above") for value, label in LogSeverity.choices[1:-1]]
    return [*reversed(above), *((str(value), f"{label} only") for value, label in reversed(LogSeverity.choices))]


def _level(answer: str) -> Q:
    return Q(level__startswith="DEBUG") if answer == "DEBUG" else one_of(answer, "level", LEVELS)


def _sqlstate(answer: str) -> Q:
    """A SQLSTATE, or the first two signs of its class."""
    code = answer.upper()
    if not (code.isascii() and code.isalnum() and len(code) in (2, 5)):
        raise ValueError(f"“{answer[:40]}” is no SQLSTATE; it has five signs, its class has two.")
    return Q(sqlstate=code) if len(code) == 5 else Q(sqlstate__startswith=code)


def _run(answer: str) -> Q:
    """What one run of tovgov's own did, or any of them."""
    return ~Q(explained_by="") if answer == "tovgov" else Q(explained_by=answer) & ~Q(explained_by="")


def _mark(letter: str, longest: int | None = None) -> Callable[[str], list[str]]:
    """The mark of a field's own value, as ``tovgov_log_marks`` has it."""
    return lambda answer: [f"{EXACT}{letter}{answer[:longest]}"]


def _severity_marks(answer: str) -> list[str]:
    exact, plus, _ = answer.partition("+")
    values = [value for value in LogSeverity.values if value >= int(exact)] if plus else [exact]
    return [f"{EXACT}g{value}" for value in values]


def _level_marks(answer: str) -> list[str]:
    levels = [f"DEBUG{number}" for number in range(1, 6)] + ["DEBUG"] if answer == "DEBUG" else [answer]
    return [f"{EXACT}l{level}" for level in levels]


CLASS = Filter("class", "Class", _class, "choice", classes, marks=_mark("k"))
SEVERITY = Filter("severity", "Severity", _severity, "choice", _severities, marks=_severity_marks)

GROUPS = Listing(
    page="audit_serverloggroup",
    model=ServerLogGroup,
    order=("at", "id"),
    filters=(
        TARGET,
        CLASS,
        SEVERITY,
        Filter("role", "Role", lambda text: Q(role=text)),
        state(),
        assignee(),
        noise("Noise"),
        Filter("explained", "Done by", _run, hint="protectionrun-12"),
        since("at"),
        until("at"),
    ),
    columns=(
        *GROUP,
        Column("class", "kind"),
        Column("severity", "severity", is_text=False),
        Column("role", "role"),
        Column("title", "title"),
        *SPAN,
        Column("is_noise", "is_noise", is_text=False),
        Column("explained_by", "explained_by"),
        Column("fingerprint", "fingerprint", is_text=False),
        *REVIEW,
    ),
    export_permission="audit.export_log",
    related=("target",),
    words=("tovgov_log_group_words", "title", "kind", "role"),
    words_hint="Words of the message, its class or role",
)

ENTRIES = Listing(
    page="audit_serverlogentry",
    model=ServerLogEntry,
    order=("at", "id"),
    filters=(
        replace(TARGET, marks=_mark("t")),
        CLASS,
        SEVERITY,
        Filter("level", "Level", _level, "choice", lambda: [(name, name) for name in LEVELS], marks=_level_marks),
        Filter(
            "sqlstate", "SQLSTATE", _sqlstate, hint="28P01, or 28", marks=lambda answer: [f"{EXACT}s{answer.upper()}"]
        ),
        Filter("role", "Role", lambda text: Q(role=text), marks=_mark("r")),
        Filter("database", "Database", lambda text: Q(database=text), marks=_mark("d")),
        Filter(
            "address",
            "Address",
            lambda text: Q(address="" if text == "local" else text),
            hint="10.0.0.7 or local",
            marks=lambda answer: _mark("a")("" if answer == "local" else answer),
        ),
        Filter("application", "Application", lambda text: Q(application=text), marks=_mark("p", 200)),
        Filter("session", "Session", lambda text: Q(session=text), marks=_mark("n")),
        noise_of_group("Noise"),
        Filter(
            "group", "Group", lambda text: Q(of_group=number(text)), is_indexed=True, is_few=True, hint="its number"
        ),
        since("at"),
        until("at"),
    ),
    columns=(
        *ROW,
        Column("target", "target__name"),
        Column("level", "level"),
        Column("sqlstate", "sqlstate"),
        Column("class", "kind"),
        Column("severity", "severity", is_text=False),
        Column("role", "role"),
        Column("database", "database"),
        Column("address", "address"),
        Column("application", "application"),
        Column("command", "command"),
        Column("pid", "pid", is_text=False),
        Column("session", "session"),
        Column("line", "line", is_text=False),
        Column("message", "message"),
        Column("detail", "detail"),
        Column("query", "query"),
        Column("more", "more"),
        Column("leaf", "leaf", is_text=False),
    ),
    export_permission="audit.export_log",
    related=("target",),
    left_out=("query", "more"),
    words=("tovgov_log_words", "message", "detail", "query"),
    words_hint="Words of the message, its detail or statement",
    noted=LogWords,
)
