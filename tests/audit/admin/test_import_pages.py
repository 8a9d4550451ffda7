"""Imports in the admin: a log's page, an import asked for there, its seals verified; who may not meets 403."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import tasks
from audit.models import AuditImport, DeleteAuditLog, DeleteCount, ImportSource, SealVerification, Target
from audit.postgres.connect import ConnInfo
from audit.seals import checkpoints
from tests.audit.admin.test_acts import signed_in
from tests.audit.imports.conftest import execute, make_shop, registered
from tests.audit.seals.conftest import write_key
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_shop(make_database(cluster))


@pytest.fixture
def source(info: ConnInfo, cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> ImportSource:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    settings.TOVGOV_KEYS = tmp_path
    write_key(tmp_path / "signing-key.pem")
    target: Target = registered(info, name="Club")
    return ImportSource.objects.create(target=target, kind="deletions")


def act_url(source: ImportSource, slug: str) -> str:
    return reverse("admin:audit_importsource_act", args=[slug]) + f"?ids={source.pk}"


def page(client: Client, row: ImportSource | AuditImport | SealVerification | DeleteAuditLog) -> str:
    answer = client.get(reverse(f"admin:audit_{row._meta.model_name}_change", args=[row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def verified(client: Client, source: ImportSource) -> SealVerification:
    assert client.post(act_url(source, "verify-seals"), {"reason": ""}, follow=True).status_code == 200
    row = SealVerification.objects.latest("pk")
    tasks.run_seal_verification(row.pk)
    row.refresh_from_db()
    return row


def test_an_import_is_asked_for_seen_and_verified(source: ImportSource, info: ConnInfo, cast: Cast) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    client = signed_in(cast.alice)
    assert client.post(act_url(source, "import-now"), {"reason": "Now."}, follow=True).status_code == 200
    run = AuditImport.objects.get()
    tasks.run_import(run.pk)
    shown = page(client, run)
    assert "What it brought" in shown
    assert AuditImport.objects.get().seal in shown
    assert "3 entries of 1 sources are as they were sealed." in page(client, verified(client, source))
    _proof_is_downloaded(client, cast)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_deleteauditlog SET row = '{}'")
    assert DeleteAuditLog.objects.count() == 3
    broken = verified(client, source)
    assert (broken.state, broken.error_code) == ("failed", "imports.seal_broken")
    assert "leaves 0 to 2 were altered" in page(client, broken)


def _proof_is_downloaded(client: Client, cast: Cast) -> None:
    entry = DeleteAuditLog.objects.get(leaf=1)
    assert "leaf 1; its checkpoint is not signed yet" in page(client, entry)
    proof = reverse("admin:audit_seal_proof", args=["deleteauditlog", entry.pk])
    assert client.get(proof).status_code == 404
    checkpoints.watch()
    assert "leaf 1 of checkpoint 1" in page(client, entry)
    assert proof in page(client, entry)
    assert client.get(proof).json()["entry"]["leaf"] == 1
    watcher = signed_in(cast.bob)  # an approver takes nothing away
    assert proof not in page(watcher, entry)
    assert watcher.get(proof).status_code == 403


def test_the_logs_page_says_what_is_wrong(source: ImportSource, cast: Cast) -> None:
    now = timezone.now()
    DeleteCount.objects.create(
        target=source.target, table_oid=1, table="shop.Order", at=now, since=now, counted=9, captured=2, rollbacks=0,
        surplus=7, is_certain=True,
    )  # fmt: skip
    source.error_code, source.error = "imports.log_missing", "Club has no table tovgov.delete_audit_record."
    source.save()
    shown = page(signed_in(cast.charlie), source)
    assert "Club has no table" in shown
    assert "7 rows between" in shown
    assert "Import now" not in shown


def test_who_may_not_meets_403(source: ImportSource, cast: Cast) -> None:
    assert signed_in(cast.charlie).post(act_url(source, "import-now"), {"reason": "x"}).status_code == 403
    assert AuditImport.objects.count() == 0
