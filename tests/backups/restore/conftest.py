"""The club of the demo with its own roles, registered and backed up: what tests of whole restores stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from psycopg import sql

from audit import targets
from audit.actors import Actor
from audit.models import Approval, Credential, Environment, Purpose, Target
from backups import tasks
from backups.models import Backup, Destination, Restore
from backups.restore.request import ask_approval, request
from tests.backups.house import TOVGOV, back_up, databases
from tests.cast import Cast
from tests.conftest import drop_database
from tovgov.binaries import binaries
from tovgov.demo import accidents
from tovgov.demo.club import BACKUP, OPERATOR, WATCHER, Club
from tovgov.embedded import Cluster


@dataclass
class Scene:
    """A club, its target, and who acts."""

    cluster: Cluster
    club: Club
    target: Target
    folder: Path
    cast: Cast

    def back_up(self, **options: Any) -> Backup:
        backup = back_up(self.target, **options)
        assert backup.state == "succeeded", backup.error
        return backup

    def restore(self, backup: Backup, mode: str = "replace", **options: Any) -> Restore:
        """Ask for a restore and do it in this process, however it ends."""
        return perform(self.ask(backup, mode, **options))

    def ask(self, backup: Backup, mode: str = "replace", **options: Any) -> Restore:
        options = {"actor": self.cast.actor("alice"), "target": self.target, "reason": "It was emptied."} | options
        return request(backup, mode=mode, **options)

    def ask_approval(self, backup: Backup, **options: Any) -> Approval:
        """Ask for the approval of a replace, as alice."""
        options = {"actor": self.cast.actor("alice"), "mode": "replace", "reason": "It was emptied."} | options
        return ask_approval(backup, self.target, **options)

    @staticmethod
    def group(name: str) -> Group:
        return Group.objects.get(name=name)

    def wipe(self) -> None:
        accidents.stray_sync(self.club, binaries(self.cluster.major), self.folder)

    def on(self, environment: str) -> None:
        """Let the target stand for that environment."""
        self.target.environment = environment
        self.target.save()

    def left_over(self) -> set[str]:
        """Databases that were made beside the club's."""
        return databases(self.club.admin.to(self.club.database)) - {self.club.database}

    def sql(self, *statements: str, database: str | None = None) -> None:
        with psycopg.connect(**self.cluster.keywords(database or self.club.database), autocommit=True) as conn:  # type: ignore[arg-type]
            for statement in statements:
                conn.execute(sql.SQL(statement))  # type: ignore[arg-type]

    @staticmethod
    def succeeded(restore: Restore) -> None:
        assert restore.state == "succeeded", f"{restore.error} {restore.hint}\n{restore.log}"

    def is_untouched(self, counts: dict[str, int]) -> None:
        """Live is as it was, and there is no side database, session block or lock."""
        assert self.club.counts() == counts
        assert self.left_over() == set()


def perform(restore: Restore) -> Restore:
    tasks.run_restore(restore.pk)
    restore.refresh_from_db()
    return restore


def register(
    club: Club, environment: str = Environment.STAGING, name: str = "TovPlay", database: str | None = None
) -> Target:
    """A target for the club, with a role for each purpose and none of them a superuser."""
    info = club.admin
    target = Target.objects.create(
        name=name,
        environment=environment,
        host=info.host,
        port=info.port,
        database=database or club.database,
        sslmode="disable",
    )
    for purpose, role in ((Purpose.WATCH, WATCHER), (Purpose.BACKUP, BACKUP), (Purpose.OPERATE, OPERATOR)):
        Credential.objects.create(target=target, purpose=purpose, user=role, password=club.passwords[role])
    targets.identify(target, actor=TOVGOV, reason="Some tests register a database twice.")
    return target


def drop_club(cluster: Cluster, club: Club) -> None:
    """Drop what the test made: the club, what stands beside it, and the roles."""
    for name in databases(club.admin.to(club.database)):
        drop_database(cluster, name)
    with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for role in reversed(club.passwords):
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def scene(cluster: Cluster, club_to_ourselves: None, shelf: Destination, cast: Cast, tmp_path: Path) -> Iterator[Scene]:
    """TovPlay on a staging server, not backed up yet."""
    club = Club(cluster.conninfo())
    try:
        club.create()
        yield Scene(cluster, club, register(club), tmp_path, cast)
    finally:
        drop_club(cluster, club)


@pytest.fixture
def tovgov() -> Actor:
    return TOVGOV
