"""A month with something of everything in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from audit import ledger
from audit.actors import Actor
from audit.models import Protection, ProtectionPolicy, ProtectionRun, Target
from audit.protection import policies
from tests import factories

DAY = datetime(2026, 3, 12, 6, 0, 4, tzinfo=UTC)
MARCH = "from=2026-03-01&to=2026-03-31&zone=UTC"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "TOVGOV_EXPORTS", tmp_path / "exports")
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)
    return tmp_path / "exports"


@dataclass
class Month:
    """March: two targets, and what happened to them."""

    target: Target
    other: Target
    run: ProtectionRun


@pytest.fixture
def month(db: None, cast: object) -> Month:
    """Deletes by two actors, connections, a backup, a restore, an attack, an incident, an approval, the ledger."""
    target = factories.TargetFactory(name="Club", created_at=DAY)
    other = factories.TargetFactory(name="Shop")
    Target.objects.update(created_at=DAY - timedelta(days=400))
    deletes = {"target": target, "at": DAY, "last_at": DAY + timedelta(seconds=5)}
    factories.DeleteAuditTransactionFactory(
        **deletes, tables={"public.User": 182, "public.Game": 3}, row_count=185, session_role="clerk",
        application_user="dan",
    )  # fmt: skip
    factories.DeleteAuditTransactionFactory(
        **deletes, tables={"public.User": 18}, row_count=18, session_role="clerk", application_user="dan",
        client_address="10.0.0.99",
    )  # fmt: skip
    factories.DeleteAuditTransactionFactory(
        target=other, at=DAY, last_at=DAY, tables={"public.Order": 1}, session_role="admin", application_user=""
    )
    late = datetime(2026, 4, 1, tzinfo=UTC)
    factories.DeleteAuditTransactionFactory(target=target, at=late, last_at=late, tables={"public.User": 999})
    factories.ConnectionGroupFactory(target=target, at=DAY, count=40)
    factories.ConnectionGroupFactory(target=target, at=DAY + timedelta(days=1), count=2)
    factories.ConnectionGroupFactory(target=target, at=DAY, count=7, outcome="failed password", role="root")
    backup = factories.BackupFactory(target=target, proved=True, queued_at=DAY)
    factories.RestoreFactory(target=target, backup=backup, queued_at=DAY + timedelta(hours=1), reason="The night.")
    incident = factories.IncidentFactory(target=target, began_at=DAY, detected_at=DAY + timedelta(minutes=30))
    type(incident).objects.filter(pk=incident.pk).update(opened_at=DAY + timedelta(minutes=31))
    approval = factories.ApprovalFactory(target=target)
    type(approval).objects.filter(pk=approval.pk).update(asked_at=DAY)
    policies.ensure_policies()
    policy = ProtectionPolicy.objects.get(name="standard")
    Protection.objects.create(target=target, policy=policy, installed_at=DAY, installed_by="miriam", verified_at=DAY)
    results = [{"outcome": one} for one in ("refused", "refused", "recorded", "detected", "not covered", "not tried")]
    run = ProtectionRun.objects.create(
        target=target, policy=policy, kind="attack", report=results, state="succeeded", queued_at=DAY,
        started_at=DAY, finished_at=DAY, asked_name="miriam",
    )  # fmt: skip
    ledger.append("target.test", actor=Actor.system("tests"), obj=target, target=target, reason="=1+1")
    return Month(target, other, run)


@pytest.fixture
def people(cast: object) -> dict[str, User]:
    """Everybody by name."""
    return {user.username: user for user in User.objects.all()}
