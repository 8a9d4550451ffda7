"""What audit needs of the apps above it, registered by them in ``AppConfig.ready()`` as Django's own checks are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ticks: list[Callable[[], object]] = []
"""Called once a minute by ``audit.tasks.tick``."""


def every_minute(act: Callable[[], object]) -> Callable[[], object]:
    """Register ``act`` to be called once a minute by a worker."""
    if act not in ticks:
        ticks.append(act)
    return act


ledger_anchors: list[Callable[[], dict[int, str]]] = []
"""Each returns number → hash of ledger entries that were published outside tovgov's database."""


def anchors() -> dict[int, str]:
    """All published anchors, for ``audit.ledger.verify``."""
    return {number: value for source in ledger_anchors for number, value in source().items()}


preflight_probes: list[Callable[[Any], Iterable[dict[str, str]]]] = []
"""Each takes a target and returns lines for *Test connection*: check, status (PASS, FAIL, UNKNOWN), detail, hint."""


log_importers: list[Callable[[Any, bool], None]] = []
"""Each takes a target and imports what waits in its delete log, before the log goes. True: beyond open transactions
too, because its triggers are gone. What could not be imported is left where it is; nothing is raised."""


def import_log(target: Any, *, to_the_end: bool = False) -> None:
    """Import what waits in the delete log of ``target``."""
    for importer in log_importers:
        importer(target, to_the_end)


moments: list[Callable[[Any, Any, Any], Iterable[tuple[Any, Any, str]]]] = []
"""Each takes a target and two moments and returns what happened between them: when, its row, and a word (“began”). For
*Everything around this moment*."""


schema_copiers: list[Callable[[Any, Any, Callable[[], bool]], None]] = []
"""The first one copies a schema without its rows: from a database (ConnInfo) into an empty one of the same server; the
third argument says whether to stop."""


TableCount = tuple[str, int, datetime]
"""schema.table, how many rows it had, when."""

table_counts: list[Callable[[Any], Iterable[TableCount]]] = []
"""Each takes a target and returns what is known of the sizes of its tables, lately."""


@dataclass(frozen=True, slots=True)
class KnownCounts:
    """How many rows each table of a target had at one moment, by ``schema.table``, and the record that says so."""

    at: datetime
    tables: Mapping[str, int]
    row: Any
    words: str


proved_counts: list[Callable[[Any, datetime], KnownCounts | None]] = []
"""Each takes a target and a moment and returns the newest proved counts of before that moment."""

seen_counts: list[Callable[[Any, datetime], Iterable[KnownCounts]]] = []
"""Each takes a target and a moment and returns what was counted in the live target since then."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """An act that may have brought rows of a target back. ``at`` is when they were in service; ``counts`` are the rows
    that each table had then, for an act that replaced all of them; ``puts`` are those that were added."""

    row: Any
    line: str
    target_id: int
    began: datetime
    at: datetime | None
    data_at: datetime | None = None
    """The data is of this moment; None: it is exactly what was deleted."""
    passed: bool = False
    """Its comparison passed, and it is in service."""
    dry_run: bool = False
    undone: bool = False
    counts: Mapping[str, int] | None = None
    puts: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its model, as ``Incident.proof_kind`` names it."""
        return str(self.row._meta.label)


recoveries: list[Callable[[Any, datetime], Iterable[Recovery]]] = []
"""Each takes a target and a moment and returns the recoveries that ended since then, in whatever way."""

recovery_of: dict[str, Callable[[Any], Recovery]] = {}
"""By the name of a model: a row of it as a recovery."""


@dataclass(frozen=True, slots=True)
class Door:
    """A page of the admin that a step of a runbook leads to."""

    label: str
    """What it does, or what is there, in the admin's own words."""
    permission: str
    """Who does not have it is shown the words without a link."""
    way: Callable[[Any], str]
    """Takes an incident and returns the page's address for its target, backup or time; "" when there is none."""
    missing: str = "The incident names no target."
    """Why there is none, in a sentence."""


doors: dict[str, Door] = {}
"""By the name that the steps of runbooks use."""


incident_opened: list[Callable[[Any], None]] = []
"""Each takes an incident that was opened, or whose kind has become known, in the transaction in which that happens."""


reports: list[Any] = []
"""Reports (``audit.reports.report.Report``) of other apps: they stand beside audit's own."""


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A record for an evidence pack: a line of ``records/{file}.jsonl``."""

    file: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file for an evidence pack, as it is."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at for a topic of controls: ``sample`` of ``population`` things, what was wrong with them, and
    what could not be seen. ``what`` names the things and the question: “backups, were they proved?”"""

    topic: str
    what: str
    population: int
    sample: int
    exceptions: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


evidence: list[Callable[[Any, datetime, datetime], Iterable[EvidenceLine | EvidenceFile | Checked]]] = []
"""Each takes a target, the first moment of a period and the first one after it, and returns what an evidence pack
holds of it and what was checked."""
