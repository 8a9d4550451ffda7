"""A target on a real server, keys and a folder to put backups in: what tests of whole backups stand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from audit import targets
from audit.actors import Actor
from audit.models import Credential, Environment, Purpose, Target
from audit.postgres.connect import ConnInfo
from backups import create, tasks, transfer, verify
from backups.models import Backup, BackupCopy, Destination, Level, Verification
from tests.backups.places import Place

TOVGOV = Actor.system("tests")


def register(info: ConnInfo, *, name: str = "TovPlay", environment: str = Environment.STAGING) -> Target:
    """A target for ``info`` with its identity pinned."""
    target = Target.objects.create(
        name=name,
        environment=environment,
        host=info.host,
        port=info.port,
        database=info.database,
        sslmode="disable",
    )
    give_role(target, info)
    targets.identify(target, actor=TOVGOV)
    return target


def give_role(target: Target, info: ConnInfo, purpose: Purpose = Purpose.OPERATE) -> None:
    """Let tovgov act as the role of ``info``."""
    Credential.objects.update_or_create(
        target=target, purpose=purpose, defaults={"user": info.user, "password": info.password}
    )


def folder(path: Path, name: str = "folder") -> Destination:
    """A folder destination at ``path``, which is made."""
    path.mkdir(parents=True, exist_ok=True)
    return Destination.objects.create(name=name, kind="folder", settings={"folder": str(path)})


def destination(place: Place, name: str) -> Destination:
    return Destination.objects.create(name=name, kind=place.kind, settings=place.settings, secrets=place.secrets)


def back_up(target: Target, **options: Any) -> Backup:
    """Ask for a backup and make it in this process, as workers would; however it ends."""
    backup = create.request(target, actor=TOVGOV, **options)
    while backup.state == "queued":
        tasks.run_backup(backup.pk)
        backup.refresh_from_db()
    return backup


def verified(backup: Backup, level: Level = Level.PROVED, copy: BackupCopy | None = None) -> Verification:
    """Verify ``backup`` in this process, however it ends."""
    verification = verify.request(backup, level, actor=TOVGOV, copy=copy)
    while verification.state == "queued":
        tasks.run_verification(verification.pk)
        verification.refresh_from_db()
    backup.refresh_from_db()
    return verification


def run_sql(info: ConnInfo, *statements: str) -> None:
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def count(info: ConnInfo, table: str) -> int:
    """Rows of ``table``, named as in SQL."""
    with psycopg.connect(**info.keywords()) as connection:  # type: ignore[arg-type]
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


def databases(info: ConnInfo) -> set[str]:
    """The database of ``info`` and what was made beside it."""
    with psycopg.connect(**info.to("postgres").keywords()) as connection:  # type: ignore[arg-type]
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [info.database[:30]]
        )
        return {row[0] for row in rows}


def our_sessions(info: ConnInfo) -> int:
    """How many sessions of tovgov and its tools are in the database of ``info``."""
    with psycopg.connect(**info.to("postgres").keywords()) as connection:  # type: ignore[arg-type]
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name ~ '^tovgov'",
            [info.database],
        ).fetchone()
        assert row is not None
        return int(row[0])


def clear(backup: Backup) -> None:
    """Remove the stored files of a backup."""
    for copy in backup.copies.all():
        transfer.remove(copy.destination, copy.path)
