"""The story: registered, backed up, wiped, dropped, damaged; brought back and proved each time; then protected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit import ledger, targets
from audit.exceptions import Refusal
from audit.imports.server_logs import setup
from audit.models import Environment, ImportKind, ImportSource, IncidentKind, Job, Purpose, Target
from backups import copies
from backups.models import Backup, Destination, DestinationKind, RestoreMode
from tovgov.binaries import binaries
from tovgov.demo import accidents
from tovgov.demo.acts import Acts, Recovery, total
from tovgov.demo.club import BACKUP, DATABASE, OPERATOR, WATCHER
from tovgov.demo.destinations import make_bucket, make_folder
from tovgov.demo.exceptions import StorySpoiled
from tovgov.demo.explained import ExplainedAct
from tovgov.demo.named import NamedAct
from tovgov.demo.protected import ProtectedAct
from tovgov.demo.stage import Stage
from tovgov.demo.theatre import Theatre

NAME = "TovPlay production"
DAMAGED = "UserAvailability"
WRONG_NAMES = ("database", "tovplay")


class Story:
    """The eight steps; ``recoveries`` grows with each thing that was mended."""

    def __init__(self, stage: Stage, house: Theatre) -> None:
        self.stage, self.house = stage, house
        self.people, self.club = house.people, house.club
        self.recoveries: list[Recovery] = []

    def play(self, scale: int) -> None:
        """All steps; raises the error of the first that goes wrong."""
        self.before = self.club.fingerprint()
        self.properties = self.club.properties()
        with self.stage.step("1  Register the database"):
            target = self.register(scale)
            source = self.add_log(target)
            self.add_destinations()
        self.acts = Acts(self.stage, self.house, target)
        self.explained = ExplainedAct(self.house, self.acts)
        with self.stage.step("2  Back it up and prove the backup"):
            backup = self.back_up()
        with self.stage.step("3  A stray sync script writes an empty copy over it"):
            self.wiped(backup)
        with self.stage.step("4  Its owner drops the whole database"):
            self.dropped(backup)
        with self.stage.step("5  One table loses rows after new ones were written"):
            self.damaged(backup)
        with self.stage.step("6  Protect it, and try everything against it"):
            ProtectedAct(self.house, self.acts).play()
        with self.stage.step("7  Who did it? The server's own log is asked"):
            NamedAct(self.house, self.acts, source).play()
        with self.stage.step("8  What happened? The incidents, a post-mortem, and evidence for an auditor"):
            self.explained.play()

    # --- 1 ---------------------------------------------------------------------------------------------------------

    def register(self, scale: int) -> Target:
        """Two names that are nearly right are refused; the right one is registered, its identity pinned."""
        for wrong in WRONG_NAMES:
            try:
                self._register(wrong, wrong, scale)
            except Refusal as error:
                self.stage.refused(error)
            else:
                raise StorySpoiled(f'A target named the database "{wrong}", which does not exist, and was registered.')
        accidents.read_the_wrong_database(self.club)
        self.stage.bad(f'The dashboard asks for "{accidents.WRONG_NAME}" all the while, and nobody notices.')
        target = self._register(NAME, DATABASE, scale)
        self.stage.good(
            f'"{target.database}" is registered: server {target.system_identifier}, database {target.database_oid}, '
            f"PostgreSQL {(target.server_version or 0) // 10_000}."
        )
        return target

    def _register(self, name: str, database: str, scale: int) -> Target:
        roles = {Purpose.WATCH: WATCHER, Purpose.BACKUP: BACKUP, Purpose.OPERATE: OPERATOR}
        return targets.register(
            name,
            actor=self.people["manager"].actor,
            credentials={purpose: (role, self.club.passwords[role]) for purpose, role in roles.items()},
            sentinels=[("public", "User", 20 * scale)],
            environment=Environment.PRODUCTION,
            host=self.club.admin.host,
            port=self.club.admin.port,
            database=database,
            sslmode="disable",  # loopback; the bundled server speaks no TLS
        )

    def add_log(self, target: Target) -> ImportSource:
        """From now on the server's log is read each minute."""
        folder = str(self.house.target_server.folder / "log")
        source = setup.add(target, ImportKind.FOLDER, settings={"folder": folder}, actor=self.people["manager"].actor)
        self.stage.good("The server's own log is read each minute from now on.")
        return source

    def add_destinations(self) -> None:
        """A folder and, where an object store runs, a bucket; each is written to and read before it counts."""
        wanted: list[tuple[str, DestinationKind, dict[str, str], dict[str, str]]] = [
            ("Backups on this machine", DestinationKind.FOLDER, {"folder": str(make_folder())}, {})
        ]
        if self.house.store_address:
            wanted.append(("Bucket", DestinationKind.S3, *make_bucket(self.house.store_address)))
        manager = self.people["manager"].actor
        for name, kind, plain, secret in wanted:
            destination = Destination(name=name, kind=kind, settings=plain)
            destination.secrets = secret  # type: ignore[assignment]  # the field takes JSON
            destination.save()
            ledger.append("destination.add", actor=manager, obj=destination, kind=kind, settings=plain)
            error = copies.test_destination(destination, actor=manager)
            if error is not None:
                raise error
            self.stage.good(f"Backups go to: {name} ({destination.get_kind_display()}).")

    # --- 2 ---------------------------------------------------------------------------------------------------------

    def back_up(self) -> Backup:
        """One backup, restored into a scratch database and compared before it counts."""
        backup = self.acts.back_up("Before the season begins.")
        verification = self.acts.prove(backup)
        self.stage.good(
            f"Proved: {backup.tables} tables and {backup.rows:,} rows restored, every count and hash equal "
            f"({backup.stored_bytes:,} bytes stored, {_seconds(verification):.1f} s)."
        )
        self.acts.schedule()
        return backup

    # --- 3 ---------------------------------------------------------------------------------------------------------

    def wiped(self, backup: Backup) -> None:
        """The wipe, the loss, the refusal of the wrong backup, the right one, undo and redo."""
        began = timezone.now()
        accidents.guess_a_password(self.club)
        accidents.stray_sync(self.club, binaries(self.house.target_server.major), Path(settings.VAR_DIR))
        self.stage.bad("The sync script deleted every row and restored an empty schema over the database.")
        self.acts.notice()
        incident = self.explained.open("A sync script emptied the database", IncidentKind.SYNC, began)
        empty = self.acts.back_up("The schedule goes on: a backup of the emptied database.")
        seeded = accidents.seed_games(self.club)
        self.stage.tell(f"The application starts again, finds no games and writes the {seeded} that it ships with.")
        damaged = self.club.fingerprint()
        self.stage.tell("Live against the proved backup, before anybody decides:")
        self.acts.show_loss(backup)

        self.stage.tell("In the hurry, the newest backup is asked for:")
        self.acts.refused_restore(empty, reason="Bring the database back.")

        restore = self.acts.restore(backup, RestoreMode.REPLACE, reason="The sync script emptied the database.")
        self.acts.require_same(self.before)
        self.acts.require_same_properties(self.properties)
        self.recoveries.append(self.acts.recovery("Emptied by a sync script", restore, self.before, total(damaged)))

        self.acts.undo(restore)
        if self.club.fingerprint() != damaged:
            raise StorySpoiled("Undo did not bring back the database as it was before the swap.")
        self.stage.good("Undone: the emptied database is back under its name, as it was.")
        self.acts.redo(restore)
        self.acts.require_same(self.before)
        self.explained.mend(incident, restore, "The script's server is corrected; every row is back.")

    # --- 4 ---------------------------------------------------------------------------------------------------------

    def dropped(self, backup: Backup) -> None:
        """Dropped, noticed, recovered, proved."""
        began = timezone.now()
        accidents.drop_database(self.club)
        self.stage.bad(f'DROP DATABASE "{self.club.database}" WITH (FORCE), by its owner.')
        self.acts.notice()
        incident = self.explained.open("The owner dropped the database", IncidentKind.DROPPED, began)
        restore = self.acts.restore(backup, RestoreMode.RECOVER, reason="The owner dropped the database.")
        self.acts.require_same(self.before)
        self.acts.require_same_properties(self.properties)
        self.recoveries.append(self.acts.recovery("Dropped by its owner", restore, self.before, 0))
        self.explained.mend(incident, restore, "The database is back with its owner, grants and settings.")

    # --- 5 ---------------------------------------------------------------------------------------------------------

    def damaged(self, backup: Backup) -> None:
        """New rows, then a loss among the old ones: only what is missing is put back."""
        new = accidents.write_new_rows(self.club)
        before = self.club.fingerprint()
        began = timezone.now()
        lost = accidents.lose_some_rows(self.club)
        after_loss = self.club.fingerprint()
        self.stage.bad(f'{new:,} new rows were written to "{DAMAGED}"; then a clean-up deleted {lost:,} old ones.')
        incident = self.explained.open("A clean-up deleted too much", IncidentKind.DATA_LOSS, began)
        tables = [f"public.{DAMAGED}"]
        reason = "A clean-up deleted too much."
        plan = self.acts.restore(backup, RestoreMode.MERGE, reason=reason, merge_tables=tables, dry_run=True)
        self.show_plan(plan.plan)
        restore = self.acts.restore(backup, RestoreMode.MERGE, reason=reason, merge_tables=tables)
        self.acts.require_same(before)
        self.stage.good(f"The {lost:,} missing rows are back; the {new:,} new ones were kept.")
        self.recoveries.append(self.acts.recovery("Rows lost in one table", restore, before, total(after_loss)))
        self.explained.mend(incident, restore, "The missing rows were merged; the new ones were kept.")

    def show_plan(self, plan: dict[str, Any]) -> None:
        """What the dry run would do, table by table."""
        rows = [(one["table"], one["live"], one["backup"], one["insert"]) for one in plan["tables"]]
        self.stage.table(("Dry run", "Live", "Backup", "Would come back"), rows)


def _seconds(job: Job) -> float:
    return job.duration.total_seconds() if job.duration else 0.0
