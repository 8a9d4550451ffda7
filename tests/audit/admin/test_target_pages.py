"""The pages of targets: from an empty form to a pinned identity, and what happens when a key is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from audit import approvals, ledger, targets
from audit.admin.base import act_url
from audit.models import Approval, Environment, LedgerEntry, Preflight, Purpose, Target
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tests.factories import CredentialFactory, TargetFactory
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(target: Target) -> str:
    return f"/admin/audit/target/{target.pk}/change/"


def facts(target: Target, **more: Any) -> dict[str, Any]:
    """What a browser sends from the page of the act Change."""
    names = ("name", "environment", "host", "port", "database", "service", "sslmode", "maintenance_database", "notes")
    return {name: getattr(target, name) or "" for name in names} | {"is_active": "on", "reason": ""} | more


def test_a_test_of_the_connection_is_kept_and_shown(cast: Cast, cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    target = register(info)
    answer = signed_in(cast.alice).post(act_url(target, "test", target.pk), follow=True).content.decode()
    assert Preflight.objects.get().by == "alice"
    assert "It is the database that was registered" in answer
    assert info.password not in answer
    assert ledger.verify().is_sound


def test_a_failed_test_is_shown_with_what_to_do(cast: Cast) -> None:
    target = TargetFactory(host="127.0.0.1", port=1)
    answer = signed_in(cast.alice).post(act_url(target, "test", target.pk), follow=True).content.decode()
    assert "Check host, port and firewall" in answer


@pytest.mark.parametrize("slug", ["test", "change", "role", "sentinel", "lower", "identify"])
def test_an_auditor_gets_403(cast: Cast, slug: str) -> None:
    target = TargetFactory(production=True)
    assert signed_in(cast.charlie).post(act_url(target, slug, target.pk)).status_code == 403


def test_a_password_whose_key_is_lost_keeps_no_page_from_opening_and_can_be_entered_again(cast: Cast) -> None:
    row = CredentialFactory()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_credential SET password = 'written with a lost key'")
    client = signed_in(cast.miriam)
    assert client.get(page(row.target)).status_code == 200
    data = {"purpose": "operate", "user": "tovplay_admin", "password": "marlin-2"}
    assert client.post(act_url(row.target, "role", row.target.pk), data).status_code == 302
    assert targets.conninfo(row.target, Purpose.OPERATE).password == "marlin-2"
    assert "marlin-2" not in client.get(page(row.target)).content.decode()


def test_a_name_of_64_bytes_is_refused(cast: Cast) -> None:
    target = TargetFactory()
    answer = signed_in(cast.miriam).post(act_url(target, "change", target.pk), facts(target, database="ü" * 32))
    assert "at most 63 bytes; this has 64" in answer.content.decode()
    target.refresh_from_db()
    assert target.database == "TovPlay"


def test_production_is_lowered_by_two_people(cast: Cast) -> None:
    target, client = TargetFactory(production=True), signed_in(cast.miriam)
    change = facts(target, environment="staging", reason="retired")
    assert client.post(act_url(target, "change", target.pk), change).status_code == 409
    client.post(act_url(target, "lower", target.pk), {"environment": "staging", "reason": "retired"})
    approvals.approve(Approval.objects.get(), actor=cast.actor("bob"))
    assert client.post(act_url(target, "change", target.pk), change).status_code == 302
    target.refresh_from_db()
    assert target.environment == Environment.STAGING
    assert LedgerEntry.objects.filter(action="approval.use").count() == 1
