"""A target with a record of its own, a signing key, and packs of it that a worker has built."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from audit import tasks
from audit.actors import Actor
from audit.evidence import ask
from audit.models import EvidencePack, ImportKind, ImportSource, Target
from audit.seals import tree
from tests import factories
from tests.audit.seals.conftest import add, write_key
from tests.factories import ago

START, END = ago(days=2), ago(days=-1)

Make = Callable[..., EvidencePack]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of packs; nothing is queued, tests run the task themselves."""
    monkeypatch.setattr(django_settings, "TOVGOV_EXPORTS", tmp_path / "exports")
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)
    return tmp_path / "exports" / "evidence"


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, settings: Any) -> Path:
    there = tmp_path / "keys"
    there.mkdir()
    settings.TOVGOV_KEYS = there
    write_key(there / "signing-key.pem")
    return there


@pytest.fixture
def club(db: None) -> Target:
    """Six sealed sessions, a delete of one row, an alert, an incident with loss and timeline, and approvals."""
    target = factories.TargetFactory(name="Club <b>production</b> | café", production=True)
    sessions_of(target, 6)
    deletes = factories.ImportSourceFactory(target=target, kind=ImportKind.DELETIONS)
    transaction_row = factories.DeleteAuditTransactionFactory(target=target)
    seal_deletes(deletes, [factories.DeleteAuditLogFactory(of_transaction=transaction_row)])
    incident = factories.IncidentFactory(target=target)
    incident.losses.create(table="public.Member", lost=182, basis="captured deletes")
    incident.lines.create(at=ago(hours=1), kind="note", text="Found by Dana.", added_by="alice")
    factories.AlertEvidenceFactory(alert=factories.AlertFactory(target=target))
    factories.ApprovalFactory(target=target)
    return target


def sessions_of(target: Target, count: int, **facts: Any) -> ImportSource:
    """So many sealed sessions of ``target``."""
    source = ImportSource.objects.filter(target=target, kind=ImportKind.SAMPLES).first()
    source = source or factories.ImportSourceFactory(target=target, kind=ImportKind.SAMPLES)
    add(source, count, **facts)
    return source


def seal_deletes(source: ImportSource, rows: list[Any]) -> None:
    """Make deleted rows the next leaves of ``source``, as an import does."""
    from hashlib import sha256

    from audit.seals.entries import DELETIONS, copied

    with transaction.atomic():
        tree.lock(source)
        for row in rows:
            with copied(DELETIONS.select(f"e.id = {row.pk}")) as lines:
                (line,) = list(lines)
            leaf = tree.append(source, [sha256(b"\x00" + line).digest()])
            type(row).objects.filter(pk=row.pk).update(leaf=leaf)


@pytest.fixture
def make(manager: Actor) -> Make:
    """Ask for a pack and have a worker build it."""

    def made(*targets: Target, start: datetime = START, end: datetime = END, **more: Any) -> EvidencePack:
        row = ask.ask(start, end, targets, actor=more.pop("actor", manager), **more)
        return built(row)

    return made


def built(row: EvidencePack) -> EvidencePack:
    tasks.run_evidence(row.pk)
    row.refresh_from_db()
    return row


def file_of(row: EvidencePack) -> Path:
    return Path(django_settings.TOVGOV_EXPORTS) / "evidence" / row.path


def later(moment: datetime, **amount: float) -> datetime:
    return moment + timedelta(**amount)
