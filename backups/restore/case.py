"""One restore that somebody thinks of: what is known of it on paper, and what the target's server says now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import psycopg

from audit import targets
from audit.actors import Actor
from audit.exceptions import DatabaseMissing, NotIdentified, WrongName, WrongServer
from audit.models import Environment, Purpose, Target
from audit.postgres import identity
from audit.postgres.connect import connect
from audit.postgres.databases import DatabaseFacts, read_facts
from backups.exceptions import CountingTooLong
from backups.manifest import Manifest
from backups.models import Backup, Restore, RestoreMode
from backups.restore.compare import TableComparison, compare, live_counts
from backups.restore.disk import free_bytes
from backups.restore.environment import environment_of
from backups.restore.shape import read

COUNT_SECONDS = 20.0  # a page waits no longer for live counts; the worker does


@dataclass(frozen=True, slots=True)
class Seen:
    """What the target's server is now. ``database`` is None when there is none of the target's name; ``attached`` is
    what holds on to it and does not come along."""

    server: identity.Identity
    database: DatabaseFacts | None
    free_bytes: int | None
    attached: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """``patient`` waits for live counts however long they take. ``approved_losses`` is rows a table, as the approver
    of an override saw them; ``is_approved`` is None while nobody has been asked yet."""

    backup: Backup
    target: Target
    mode: RestoreMode
    actor: Actor
    tables: tuple[str, ...] = ()
    owner_map: dict[str, str] = field(default_factory=dict)
    with_privileges: bool = False
    override_loss: bool = False
    dry_run: bool = False
    typed_name: str = ""
    patient: bool = False
    approved_losses: dict[str, int] | None = None
    is_approved: bool | None = None

    @cached_property
    def manifest(self) -> Manifest:
        """Raises ``ManifestInvalid``."""
        return Manifest.from_dict(self.backup.manifest)

    @cached_property
    def seen(self) -> Seen:
        """Look at the server, once. Raises what ``connect`` and the guards of identity raise."""
        return look(self)

    @property
    def comparison(self) -> list[TableComparison]:
        """Live against backup. Without a live database nothing can be lost. Raises ``CountingTooLong``."""
        if isinstance(self._counted, CountingTooLong):
            raise self._counted
        return self._counted

    @cached_property
    def _counted(self) -> list[TableComparison] | CountingTooLong:
        """Counted once: what took too long is not waited for again."""
        if self.seen.database is None:
            return compare([], self.manifest.tables)
        try:
            live = live_counts(self.target, seconds=None if self.patient else COUNT_SECONDS)
        except CountingTooLong as error:
            return error
        return compare(live, self.manifest.tables)

    @property
    def is_copy(self) -> bool:
        return self.mode == RestoreMode.COPY

    @property
    def replaces(self) -> bool:
        """Whether an existing database would be put aside."""
        return self.mode in (RestoreMode.REPLACE, RestoreMode.COPY) and self.seen.database is not None

    @cached_property
    def environment(self) -> Environment:
        """Of the database that would be written to, see ``environment_of``."""
        return environment_of(self.target)

    @property
    def is_production(self) -> bool:
        return self.environment == Environment.PRODUCTION

    @property
    def needs_approval(self) -> bool:
        """Production needs a second person, and so does a loss anywhere; a dry run changes nothing."""
        return not self.dry_run and (self.is_production or self.override_loss)

    @property
    def needs_typed_name(self) -> bool:
        """Whoever puts a production database aside types its name."""
        return self.is_production and self.mode != RestoreMode.MERGE and not self.dry_run

    def what(self) -> dict[str, Any]:
        """The exact act, for an approval: another table, target or backup needs another one."""
        return {
            "backup": str(self.backup.uuid),
            "target": self.target.pk,
            "database": self.target.database,
            "server": [self.target.host, self.target.port, self.target.service, self.target.system_identifier],
            "mode": str(self.mode),
            "tables": sorted(self.tables),
            "override_loss": self.override_loss,
            "owner_map": self.owner_map,
            "with_privileges": self.with_privileges,
        }


def case_of(restore: Restore, actor: Actor) -> Case:
    """The case of a restore that was asked for, to be looked at with all the time it takes."""
    approved = restore.approval.detail.get("losses", {}) if restore.approval and restore.override_loss else None
    return Case(
        backup=restore.backup,
        target=restore.target,
        mode=RestoreMode(restore.mode),
        actor=actor,
        tables=tuple(restore.merge_tables),
        owner_map=restore.owner_map,
        with_privileges=restore.with_privileges,
        override_loss=restore.override_loss,
        dry_run=restore.dry_run,
        patient=True,
        approved_losses=approved,
        is_approved=restore.approval is not None,
    )


def again(case: Case) -> Case:
    """The same case, looked at afresh: rows of the backup and the target may have changed too."""
    backup, target = Backup.objects.get(pk=case.backup.pk), Target.objects.get(pk=case.target.pk)
    return replace(case, backup=backup, target=target)


def look(case: Case) -> Seen:
    """Connect to where the case would act, confirm who is there, and read what is there."""
    target = case.target
    if case.mode in (RestoreMode.REPLACE, RestoreMode.MERGE):
        with targets.connected(target, Purpose.OPERATE, actor=case.actor, read_only=True) as conn:
            return _read(conn, target)
    with connect(targets.maintenance(target), read_only=True) as conn:
        seen = _read(conn, target)
    if target.is_identified:
        _confirm(target, seen, actor=case.actor)
    elif seen.database is not None or case.mode == RestoreMode.RECOVER:
        raise NotIdentified(f"The identity of {target} was never pinned.")
    return seen


def _read(conn: psycopg.Connection, target: Target) -> Seen:
    server = identity.read_identity(conn)
    try:
        database = read_facts(conn, target.database)
    except DatabaseMissing:
        database = None
    attached = tuple(row[0] for row in conn.execute(read("restore/attached"), {"name": target.database}))
    return Seen(server, database, free_bytes(conn), attached)


def _confirm(target: Target, seen: Seen, *, actor: Actor) -> None:
    """For a database that may be gone: the server must be the pinned one, and what is there must be ours."""
    if seen.database is not None:
        with targets.connected(target, Purpose.OPERATE, actor=actor, read_only=True):
            return
    if target.database != target.pinned_database:
        raise WrongName(f'{target} was registered as "{target.pinned_database}"; its page says "{target.database}".')
    if seen.server.system_identifier != target.system_identifier:
        raise WrongServer(
            f"{target} was registered on server {target.system_identifier}; this is {seen.server.system_identifier}.",
            hint="To bring the database to another server, register that server as a target and use Copy to.",
        )
