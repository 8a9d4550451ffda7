"""Replace, recover and copy: restore beside, prove, look again, swap.

Until the swap the live database is only read. Whatever goes wrong before it, or is cancelled, leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from audit import targets
from audit.exceptions import RightsMissing, TovgovError
from audit.postgres import rows
from audit.postgres.connect import ConnInfo
from audit.postgres.databases import DatabaseFacts, Grant, Skipped, apply_facts
from audit.progress import Progress
from backups.copies import good_copies
from backups.exceptions import CopyDamaged, DestinationUnreachable, ProofFailed
from backups.models import BackupCopy, Restore, RestoreMode
from backups.proof import prove
from backups.restore import guard
from backups.restore.case import Case, again
from backups.restore.doubts import doubt, note_proved
from backups.restore.protected import keep_delete_log, say_what_is_missing
from backups.restore.roles import Around, drop_roles, give_owners, make_missing, mapping, read_around, require_roles
from backups.restore.safety import safety_backup
from backups.restore.side_database import empty_again, note, side_database
from backups.restore.swap import renaming, swap_in
from backups.unpack import restore_archive

T = TypeVar("T")
DEFAULT_GRANTS = (Grant(None, "CONNECT"), Grant(None, "TEMPORARY"))
OWNERS_GRANTS = ("CREATE", "CONNECT", "TEMPORARY")


class Beside:
    """One replace, recover or copy."""

    def __init__(self, restore: Restore, case: Case, progress: Progress) -> None:
        self.restore, self.case, self.progress = restore, case, progress
        self.backup, self.manifest = restore.backup, case.manifest
        self.owner: str | None = None  # of the side database, so that objects can be given to it

    def run(self) -> None:
        """All phases. Raises what any of them raises; roles and side database are gone then."""
        try:
            self._guards("Check the guards", (*guard.BEFORE_SWAP, guard.disk))
            around = self._of_a_good_copy(read_around)
            self._roles(around)
            if self.case.replaces:
                note(self.restore, rows_before=sum(table.live or 0 for table in self.case.comparison))
                safety_backup(self.restore, self.progress)
            self._beside(around)
        finally:
            drop_roles(self.restore)
        self._look_back()

    def _beside(self, around: Around) -> None:
        self.progress.phase("Make a side database")
        self.owner = None if self.case.is_copy else self._wanted().owner
        with side_database(self.restore, self._original(), self.progress, owner=self.owner) as side:
            self._prove(side, *self._fill(side))
            self._guards("Check the guards again", guard.BEFORE_SWAP)
            self.progress.phase("Owner, rights and settings")
            self._complete(side.database)
            if self.case.is_copy:
                give_owners(side, around, self.case.owner_map, self.progress)
            keep_delete_log(self.case, self.progress)
            self.progress.phase("Swap")
            self.progress.conclude()
            former = self.case.target.database_oid if self.case.replaces else None
            swap_in(self.restore, former, actor=self.case.actor)
        self.progress.log(_outcome(self.restore))

    def _original(self) -> DatabaseFacts:
        return DatabaseFacts.from_dict(self.manifest.database_facts)

    # --- guards -------------------------------------------------------------------------------------------------

    def _guards(self, phase: str, guards: tuple[guard.Guard, ...]) -> None:
        """Look afresh and ask them all; what live and backup are now stays on the restore's page."""
        self.progress.phase(phase)
        self.case = again(self.case)
        for remark in guard.check(self.case, guards):
            self.progress.log(remark)
        note(self.restore, comparison=[table.as_dict() for table in self.case.comparison])

    def _roles(self, around: Around) -> None:
        if not self.case.is_copy:
            make_missing(self.restore, around, self.progress)
            return
        with renaming(self.restore) as conn:
            mapping(conn, around.owners.values(), self.case.owner_map)
            if self.case.with_privileges:
                require_roles(conn, around.needed)

    # --- fill and prove -----------------------------------------------------------------------------------------

    def _fill(self, side: ConnInfo) -> tuple[BackupCopy, tuple[str, ...]]:
        """Which copy was restored, and what of it had to be left out."""
        is_copy, first = self.case.is_copy, good_copies(self.backup)[0]

        def fill(copy: BackupCopy) -> tuple[BackupCopy, tuple[str, ...]]:
            if copy != first:
                empty_again(self.restore, self._original(), self.owner)
            rights = self.case.with_privileges if is_copy else True
            return copy, restore_archive(self.backup, copy, side, self.progress, owners=not is_copy, privileges=rights)

        return self._of_a_good_copy(fill)

    def _of_a_good_copy(self, act: Callable[[BackupCopy], T]) -> T:
        """``act`` on the nearest copy that can be read whole. One that cannot is verified, which raises its alarm."""
        copies = good_copies(self.backup)
        for copy in copies:
            try:
                return act(copy)
            except (CopyDamaged, DestinationUnreachable) as error:
                self.progress.log(f"The copy in {copy.destination} is of no use: {error.message}")
                doubt(self.backup, copy, self.restore)
                if copy == copies[-1]:
                    raise
        raise AssertionError("good_copies is never empty")

    def _prove(self, side: ConnInfo, copy: BackupCopy, left_out: tuple[str, ...]) -> None:
        proof = prove(side, self.manifest, self.progress, copy=copy, left_out=left_out)
        note(self.restore, proof=proof.to_dict(), rows_after=proof.rows)
        try:
            proof.require()
        except ProofFailed:
            doubt(self.backup, None, self.restore)
            raise
        note_proved(self.restore)
        self.progress.log(f"Proved: {len(proof.tables):,} tables, {proof.rows:,} rows, all equal")

    # --- what does not travel in a dump ---------------------------------------------------------------------------

    def _complete(self, name: str) -> None:
        """Owner, rights, settings and comment before the rename, so that the new database is whole from its first
        moment. What is live now has them; for a database that is gone the backup knows them."""
        facts = self._wanted()
        with renaming(self.restore) as conn:
            skipped = apply_facts(conn, name, facts)
        for line in skipped:
            self.progress.log(f"Could not be given: {line}")
        note(self.restore, plan=self.restore.plan | {"skipped": [str(line) for line in skipped]})
        if self.case.mode == RestoreMode.REPLACE:
            _require_rights(skipped)

    def _wanted(self) -> DatabaseFacts:
        live = self.case.seen.database
        if live is not None:
            return replace(live, is_template=False, allow_connections=True)  # the swap moves the mark of a template
        facts = self._original()
        if not self.case.is_copy:
            return facts
        owner = self._here(facts.owner)
        granted = facts.grants if self.case.with_privileges else DEFAULT_GRANTS
        own = tuple(Grant(owner, privilege) for privilege in OWNERS_GRANTS)
        others = tuple(grant for grant in granted if grant.grantee not in (owner, facts.owner))
        return replace(facts, owner=owner, grants=(*others, *own), is_template=False)

    def _here(self, role: str) -> str:
        with renaming(self.restore) as conn:
            return mapping(conn, [role], self.case.owner_map)[role]

    # --- afterwards ---------------------------------------------------------------------------------------------

    def _look_back(self) -> None:
        """In service: is the target whole to those who watch it, and did anybody write between the last look and the
        swap? Neither can fail the restore any more; both are told."""
        self.progress.phase("Look back")
        if error := targets.check(self.restore.target, actor=self.case.actor):
            self.progress.log(f"The target's check says: {error.message}")
        say_what_is_missing(self.restore, say=self.progress.log)
        try:
            late = self._late_rows()
        except TovgovError as error:
            self.progress.log(f"The former database could not be counted again: {error.message}")
            return
        note(self.restore, plan=self.restore.plan | {"late_rows": late})
        for table, count in late.items():
            self.progress.log(
                f"{table}: {count} rows were written just before the swap; they are in the former database"
            )

    def _late_rows(self) -> dict[str, int]:
        """Rows a table that the former database has more than at the last look."""
        if not self.restore.kept_database:
            return {}
        info = targets.maintenance(self.restore.target).to(self.restore.kept_database)
        now = {(table.schema, table.name): table.rows for table in rows.states_now(info, counts_only=True)}
        before = {(table.schema, table.name): table for table in self.case.comparison}
        more = {before[key].table: count - (before[key].live or 0) for key, count in now.items() if key in before}
        return {table: count for table, count in more.items() if count > 0}


def _require_rights(skipped: list[Skipped]) -> None:
    """A database without its owner or its rights would not serve: better to refuse while live is as it was."""
    if lacking := [str(line) for line in skipped if line.kind in ("owner", "grant")]:
        raise RightsMissing(
            f"The role may not give the database what the live one has: {'; '.join(lacking)}.",
            hint="Let tovgov operate as a member of the database's owner, or as a superuser. Live is as it was.",
        )


def _outcome(restore: Restore) -> str:
    kept = f' The former database is kept as "{restore.kept_database}".' if restore.kept_database else ""
    return (
        f"In service after {restore.rto_seconds:.1f} s; {restore.swap_milliseconds:.0f} ms without a database of this "
        f"name; the data is {restore.rpo_seconds or 0:.0f} s old.{kept}"
    )
