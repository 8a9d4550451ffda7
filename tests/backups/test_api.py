"""The API: the same verbs, refusals and permissions as in the admin, as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from audit import tokens
from audit.actors import Actor
from audit.models import Target
from backups.models import Backup
from tests.cast import Cast
from tests.factories import BackupFactory, DestinationFactory, TargetFactory


def client_of(user: User) -> Client:
    """A client with a token of ``user``; one who may not issue any gets it from before he lost that right."""
    user.user_permissions.add(*_permission("issue_token"))
    user = User.objects.get(pk=user.pk)
    _, text = tokens.issue("pipeline", actor=Actor.person(user, "tests"))
    return Client(headers={"Authorization": f"Bearer {text}"})


def _permission(codename: str) -> Any:
    return Permission.objects.filter(codename=codename)


@pytest.fixture
def target(cast: Cast) -> Target:
    DestinationFactory()
    return TargetFactory()


def test_staff_start_a_backup_and_follow_it(target: Target, cast: Cast) -> None:
    client = client_of(cast.alice)
    body = {"target": target.name, "kind": "before-deployment", "reason": "release 12"}
    answer = client.post("/api/backups", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    job = answer.json()["job"]
    assert client.get(f"/api/jobs/{job}").json()["state"] == "queued"
    backup = Backup.objects.get()
    assert (backup.kind, backup.asked_name) == ("before-deployment", "alice")
    assert backup.asked_via.startswith("api 127.0.0.1 token")


def test_a_second_backup_is_refused_with_its_code(target: Target, cast: Cast) -> None:
    client = client_of(cast.alice)
    client.post("/api/backups", {"target": target.name}, content_type="application/json")
    answer = client.post("/api/backups", {"target": target.name}, content_type="application/json")
    assert answer.status_code == 409
    assert answer.json()["code"] == "backup.already_running"
    assert answer.json()["hint"]


def test_who_may_not_start_a_backup_may_not_here(target: Target, cast: Cast) -> None:
    client = client_of(cast.charlie)
    answer = client.post("/api/backups", {"target": target.name}, content_type="application/json")
    assert answer.status_code == 403
    assert not Backup.objects.exists()
    assert client.get("/api/backups").status_code == 200


def test_an_unknown_target_is_a_clear_word(cast: Cast) -> None:
    client = client_of(cast.alice)
    answer = client.post("/api/backups", {"target": "nowhere"}, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "target.unknown"


def test_a_job_is_cancelled(target: Target, cast: Cast) -> None:
    client = client_of(cast.alice)
    job = client.post("/api/backups", {"target": target.name}, content_type="application/json").json()["job"]
    answer = client.post(f"/api/jobs/{job}/cancel", {"reason": "wrong hour"}, content_type="application/json")
    assert answer.json()["state"] == "cancelled"


def test_a_backup_is_shown_with_its_manifest(cast: Cast) -> None:
    backup = BackupFactory(proved=True)
    shown = client_of(cast.charlie).get(f"/api/backups/{backup.pk}").json()
    assert shown["sha256"] == backup.sha256
    assert shown["level"] == 3
    assert "manifest" in shown
