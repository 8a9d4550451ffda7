"""Production needs a second person through the API too; an approval cannot be given there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit import approvals, tokens
from audit.models import Approval, Environment, Target
from backups.models import Restore
from tests.backups.restore.conftest import Scene, perform

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]


class Api:
    """A client with Alice's token."""

    def __init__(self, scene: Scene) -> None:
        _, text = tokens.issue("runbook", actor=scene.cast.actor("alice"))
        self.client = Client(headers={"Authorization": f"Bearer {text}"})

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = self.client.post(f"/api/restores{path}", body, content_type="application/json")
        return answer.status_code, answer.json()


def test_production_needs_a_second_person_through_the_api(scene: Scene) -> None:
    Target.objects.filter(pk=scene.target.pk).update(environment=Environment.PRODUCTION)
    backup = scene.back_up()
    counts = scene.club.counts()
    scene.sql('DELETE FROM "UserNotifications"')
    api = Api(scene)
    body = {"backup": f"backup-{backup.pk}", "mode": "replace", "reason": "emptied", "typed_name": "TovPlay"}

    _, seen = api.post("/preview", body)
    assert (seen["lost"], seen["needs_approval"]) == (0, True)
    status, refused = api.post("", body)
    assert (status, refused["code"]) == (409, "approval.missing")

    status, asked = api.post("/approval", body)
    assert (status, asked["state"]) == (200, "waiting")
    assert api.post("", body)[0] == 409
    approvals.approve(Approval.objects.get(pk=asked["approval"]), actor=scene.cast.actor("bob"))
    status, started = api.post("", body)
    assert (status, started["state"]) == (200, "queued")

    restore = perform(Restore.objects.get())
    Scene.succeeded(restore)
    assert restore.asked_via.startswith("api ")
    assert scene.club.counts() == counts


def test_the_api_types_the_name_too(scene: Scene) -> None:
    Target.objects.filter(pk=scene.target.pk).update(environment=Environment.PRODUCTION)
    backup = scene.back_up()
    body = {"backup": f"backup-{backup.pk}", "mode": "replace", "reason": "emptied", "typed_name": "tovplay"}
    status, refused = Api(scene).post("", body)
    assert (status, refused["code"]) == (409, "restore.name_not_typed")
    assert not Restore.objects.exists()
