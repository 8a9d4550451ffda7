"""Every list and every record page opens, for each of the four, and says what it must."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import ledger
from audit.actors import Actor
from audit.admin.jobs import live
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.browser import scenery
from tests.cast import Cast

pytestmark = pytest.mark.django_db

PEOPLE = ["miriam", "alice", "bob", "charlie"]


@pytest.fixture
def scene(db: None) -> Cast:
    return scenery.build()


@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_opens(scene: Cast, name: str) -> None:
    user: User = getattr(scene, name)
    client = signed_in(user)
    assert client.get("/admin/").status_code == 200
    opened = 0
    for model, model_admin in admin.site._registry.items():
        if not user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"):
            continue
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{stem}_changelist")).status_code == 200, model
        for row in model_admin.get_queryset(client.get("/admin/").wsgi_request)[:5]:
            assert client.get(reverse(f"{stem}_change", args=[row.pk])).status_code == 200, row
            opened += 1
    assert opened > 15


def test_lists_do_not_ask_row_by_row(scene: Cast) -> None:
    client = signed_in(scene.charlie)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get("/admin/backups/backup/")
    assert len(queries) < 22


def test_sections_instead_of_apps(scene: Cast) -> None:
    page = signed_in(scene.charlie).get("/admin/").content.decode()
    for section in ("Overview", "Recover", "Protect the copies", "Databases", "People", "Record"):
        assert f">{section}</span>" in page
    assert signed_in(scene.charlie).get("/admin/backups/")["Location"] == "/admin/"


def test_the_queue_and_the_lockouts_are_no_pages(admin_client: Client) -> None:
    assert admin_client.get("/admin/django_q/schedule/").status_code == 404


def test_an_empty_list_says_what_to_do(cast: Cast) -> None:
    page = signed_in(cast.alice).get("/admin/backups/backup/").content.decode()
    assert "No backups yet" in page
    assert "Back up now" in page


def test_a_search_without_result_offers_the_way_back(scene: Cast) -> None:
    page = signed_in(scene.alice).get("/admin/backups/backup/?q=zzzz").content.decode()
    assert "Nothing fits." in page


def test_nothing_inline_anywhere(scene: Cast) -> None:
    client = signed_in(scene.miriam)
    for url in ("/admin/", "/admin/backups/backup/", "/admin/audit/target/1/change/", "/admin/audit/target/add/"):
        page = client.get(url).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert "onclick" not in page


# --- the ledger ----------------------------------------------------------------------------------------------------


def test_the_ledger_is_verified_from_its_list(cast: Cast) -> None:
    ledger.append("target.add", actor=Actor.system("tests"))
    client = signed_in(cast.charlie)
    answer = client.post(reverse("admin:audit_ledgerentry_verify"), follow=True)
    assert "The ledger is sound: 1 entries" in answer.content.decode()
    assert client.get(reverse("admin:audit_ledgerentry_verify")).status_code == 405


def test_nobody_writes_the_ledger_here(admin_client: Client) -> None:
    ledger.append("target.add", actor=Actor.system("tests"))
    assert admin_client.get("/admin/audit/ledgerentry/add/").status_code == 403
    assert admin_client.post("/admin/audit/ledgerentry/1/delete/", {"post": "yes"}).status_code == 403
    assert b"_save" not in admin_client.get("/admin/audit/ledgerentry/1/change/").content


# --- jobs ----------------------------------------------------------------------------------------------------------


def test_live_tells_rate_and_time_left() -> None:
    began = factories.ago(seconds=10)
    backup = factories.BackupFactory(
        running=True, unit="bytes", done=100_000_000, total=400_000_000, phase="Dump",
        phases=[factories.phase("Snapshot", began, 0.1), factories.phase("Dump", began, None)],
    )  # fmt: skip
    told = live(backup)
    assert told.amount == "100 MB of 400 MB"
    assert told.rate.endswith("MB/s")
    assert told.left == "about 30 s left"
    assert [phase.look for phase in told.phases] == ["", "is-running"]


def test_live_keeps_the_tail_of_a_long_log() -> None:
    told = live(factories.BackupFactory(running=True, log="\n".join(f"line {n}" for n in range(500))))
    assert told.log.splitlines()[-1] == "line 499"
    assert told.log_cut == 440


def test_a_running_page_refreshes_with_and_without_script(cast: Cast) -> None:
    backup, client = factories.BackupFactory(running=True), signed_in(cast.charlie)
    page = client.get(reverse("admin:backups_backup_change", args=[backup.pk])).content.decode()
    live_url = reverse("admin:backups_backup_live", args=[backup.pk])
    assert f'data-live="{live_url}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    panel = client.get(live_url)
    assert 'data-open="yes"' in panel.content.decode()
    assert "<html" not in panel.content.decode()


def test_a_finished_page_does_not_refresh(cast: Cast) -> None:
    backup = factories.BackupFactory(failed=True)
    page = signed_in(cast.charlie).get(reverse("admin:backups_backup_change", args=[backup.pk])).content.decode()
    assert "data-live=" not in page
    assert "http-equiv" not in page
    assert "target.connection_lost" in page


def test_the_list_of_all_jobs_filters(scene: Cast) -> None:
    client = signed_in(scene.charlie)
    everything = client.get("/admin/jobs/").content.decode()
    assert "Verification of TovPlay production" in everything
    failed = client.get("/admin/jobs/?kind=backup&state=failed").content.decode()
    assert "Verification of" not in failed
    assert failed.count("<tr>") == 2


def test_jobs_are_for_people_who_may_see_them(client: Client, django_user_model: type[User]) -> None:
    nobody = django_user_model.objects.create_user("nobody", is_staff=True)
    assert signed_in(nobody).get("/admin/jobs/").status_code == 403
