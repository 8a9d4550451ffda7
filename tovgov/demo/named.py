"""Who did it: the server's own log is read, classed and sealed; each deed has a role, an address and a program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from audit.anomalies import run as anomalies
from audit.exceptions import ImportRunning
from audit.imports import asking
from audit.lists import around
from audit.models import (
    Alert,
    ConnectionAuditLog,
    DeleteAuditTransaction,
    ImportSource,
    ServerLogEntry,
    ServerLogGroup,
    Severity,
)
from audit.postgres.logs.classes import CLASSES
from audit.seals import verify
from tovgov.demo.accidents import CLEAN_UP, CLIENT, SYNC, WRONG_NAME
from tovgov.demo.acts import Acts, wait_for
from tovgov.demo.club import APPLICATION, OWNER
from tovgov.demo.exceptions import NotProved
from tovgov.demo.theatre import Theatre

LABELS = {one.code: one.label for one in CLASSES}
ALARMS = 6  # the gravest
NEAR = 12  # moments of the line of time around the worst deed


@dataclass(frozen=True)
class Deed:
    """What was done, and how the log knows it again. A login that was refused has told no program yet."""

    what: str
    kind: str
    role: str
    program: str = ""
    database: str = ""


DEEDS = (
    Deed("Wrong name asked for", "unknown-database", APPLICATION, database=WRONG_NAME),
    Deed("Password guessed", "failed-password", OWNER),
    Deed("All rows deleted", "delete-all", OWNER, SYNC),
    Deed("Tables replaced", "drop", OWNER, "pg_restore"),
    Deed("Database dropped", "drop-database", OWNER, CLIENT),
    Deed("Too much deleted", "statement", APPLICATION, CLEAN_UP),
)
WORST = DEEDS[4]


class NamedAct:
    """Step 7 of the story."""

    def __init__(self, house: Theatre, acts: Acts, source: ImportSource) -> None:
        self.acts, self.stage, self.target, self.source = acts, acts.stage, acts.target, source
        self.staff, self.auditor = house.people["staff"].actor, house.people["auditor"].actor

    def play(self) -> None:
        """Everything in order. Raises ``NotProved``."""
        self.bring()
        found = self.name_them()
        self.show_time_line(found[WORST])
        self.show_alarms()
        self.forge(found[WORST])

    def bring(self) -> None:
        """Have the server's log imported, as workers do each minute anyway."""
        try:
            run = asking.request(self.source, actor=self.staff, reason="Who was it?")
            self.stage.follow(run, actor=self.staff, lines=2)
        except ImportRunning:
            self.stage.tell("A worker imports the server's log already.")
        wait_for(lambda: self._entry(DEEDS[-1]), "The server's log was not imported.")
        entries = ServerLogEntry.objects.filter(target=self.target)
        groups = ServerLogGroup.objects.filter(target=self.target)
        loud = groups.filter(is_noise=False).count()
        self.stage.good(
            f"{entries.count():,} entries of the server's own log are sealed; of {groups.count():,} kinds of message"
            f" {loud:,} wait for a person, the others are hidden and counted."
        )

    def name_them(self) -> dict[Deed, ServerLogEntry]:
        """Who did each deed. Raises ``NotProved`` for one without a name."""
        found = {deed: entry for deed in DEEDS if (entry := self._entry(deed)) is not None}
        if missing := [deed.what for deed in DEEDS if deed not in found]:
            raise NotProved(f"The log names nobody for: {', '.join(missing)}.")
        self.stage.table(
            ("What happened", "UTC", "Role", "From", "Program", "Class"),
            [
                (deed.what, f"{entry.at:%H:%M:%S}", entry.role, entry.address, entry.application, LABELS[entry.kind])
                for deed, entry in found.items()
            ],
        )
        return found

    def _entry(self, deed: Deed) -> ServerLogEntry | None:
        rows = ServerLogEntry.objects.filter(target=self.target, kind=deed.kind, role=deed.role)
        if deed.program:
            rows = rows.filter(application=deed.program)
        if deed.database:
            rows = rows.filter(database=deed.database)
        return rows.order_by("at").first()

    def show_time_line(self, entry: ServerLogEntry) -> None:
        """What happened around it: log lines, connections, deletes, alarms, incidents and restores on one line."""
        kinds = (ServerLogEntry, ConnectionAuditLog, DeleteAuditTransaction, Alert)
        line = around.of(self.target, entry.at, minutes=1, kinds=kinds, size=NEAR)
        if entry.pk not in {one.pk for one in line.moments if isinstance(one.row, ServerLogEntry)}:
            raise NotProved("The line of time leaves the deed out.")
        self.stage.tell(f"Around {entry.at:%H:%M:%S} UTC, on one line of time:")
        self.stage.table(
            ("UTC", "", "What"),
            [(f"{one.at:%H:%M:%S}", one.kind, _short(f"{one.row} {one.what}")) for one in line.moments],
        )

    def show_alarms(self) -> None:
        """What the anomaly rules make of it. Raises ``NotProved`` when they are silent."""
        anomalies.run(self.target)
        rows = Alert.objects.filter(target=self.target, kind__startswith="anomaly", resolved_at=None)
        if not rows:
            raise NotProved("No anomaly rule saw any of it.")
        gravest = sorted(rows, key=lambda row: (Severity.values.index(row.severity), row.opened_at))
        for row in gravest[:ALARMS]:
            self.stage.alarm(row.title)
        if len(gravest) > ALARMS:
            self.stage.tell(f"… and {len(gravest) - ALARMS} alarms more, on the alerts' page.")

    def forge(self, entry: ServerLogEntry) -> None:
        """The owner of tovgov's own database puts another name into the entry; the seals find it. Raises
        ``NotProved`` when they do not."""
        with _forged(entry):
            verdict = verify.verify(self.target, actor=self.auditor)
        if verdict.is_sound:
            raise NotProved("A forged entry was not found.")
        self.stage.bad("The owner of tovgov's own database writes another name into that entry.")
        self.stage.good(f"Found by the seals: {verdict.faults[0]}")
        again = verify.required(verify.verify(self.target, actor=self.auditor))
        self.stage.good(f"Put right again. {again.words(self.target)}")


@contextmanager
def _forged(entry: ServerLogEntry) -> Iterator[None]:
    statement = "UPDATE audit_serverlogentry SET role = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(statement, ["somebody_else", entry.pk])
        try:
            yield
        finally:
            cursor.execute(statement, [entry.role, entry.pk])


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 90 else f"{line[:89]}…"
