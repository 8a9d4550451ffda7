"""Asking for a restore in the admin, against real servers: each way that the page can be open."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from audit import approvals
from audit.models import Approval, ApprovalState, Environment, LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from backups import tasks
from backups.admin.restore_form import restore_url
from backups.models import Backup, Destination, Restore, SwapState
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.backups import house
from tests.backups.conftest import keys, shelf, spool  # noqa: F401
from tests.cast import Cast, gather
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

TABLES = (
    "CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL)",
    "INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 40) n",
)


@pytest.fixture
def people(transactional_db: None) -> Cast:
    return gather()


@pytest.fixture
def club(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    info = make_database(cluster)
    house.run_sql(info, *TABLES)
    return info


@pytest.fixture
def target(club: ConnInfo, shelf: Destination, people: Cast) -> Target:  # noqa: F811
    return house.register(club)


@pytest.fixture
def backup(target: Target) -> Backup:
    made = house.back_up(target)
    house.verified(made)
    return made


def look(user: User, backup: Backup, mode: str = "replace", **more: object) -> str:
    return signed_in(user).get(restore_url(backup, mode, **more)).content.decode()


def test_more_rows_come_back_and_it_starts(people: Cast, backup: Backup, club: ConnInfo) -> None:
    house.run_sql(club, "DELETE FROM notes WHERE id > 10")
    text = look(people.alice, backup)
    assert "No row of today would be lost." in text
    assert "30 rows come back" in text
    assert "Start: replace" in text
    assert not Restore.objects.exists()
    answer = signed_in(people.alice).post(restore_url(backup, "replace"), {"reason": "A script ran."})
    restore = Restore.objects.get()
    assert answer["Location"] == f"/admin/backups/restore/{restore.pk}/change/"
    tasks.run_restore(restore.pk)
    assert house.count(club, "notes") == 40
    text = signed_in(people.charlie).get(answer["Location"]).content.decode()
    assert "It is back, and proved" in text
    assert ">Undo</a>" not in text  # Charlie may only look


def test_a_loss_is_said_in_red_words_and_does_not_start(people: Cast, backup: Backup, club: ConnInfo) -> None:
    house.run_sql(club, "INSERT INTO notes SELECT n, 'new' FROM generate_series(41, 45) n")
    text = look(people.alice, backup)
    assert "restore.would_lose_rows" in text
    assert '<span class="loss">5 rows would be lost</span>' in text
    assert "Start: replace" not in text
    assert "Ask to allow the loss" in text
    answer = signed_in(people.alice).post(restore_url(backup, "replace"), {"reason": "All the same."})
    assert answer.status_code == 409
    assert not Restore.objects.exists()


def test_an_approver_allows_a_loss_and_then_it_starts(people: Cast, backup: Backup, club: ConnInfo) -> None:
    house.run_sql(club, "INSERT INTO notes SELECT n, 'junk' FROM generate_series(41, 45) n")
    client, url = signed_in(people.alice), restore_url(backup, "replace", override="on")
    assert "Ask for approval" in client.get(url).content.decode()
    client.post(url, {"reason": "The five rows are junk."})
    approval = Approval.objects.get()
    assert "It waits for a second person." in client.get(url).content.decode()
    assert client.post(url, {"reason": "Now!"}).status_code == 409
    bob = signed_in(people.bob).get(f"/admin/audit/approval/{approval.pk}/change/").content.decode()
    assert "5 rows would be lost" in bob
    approvals.approve(approval, actor=people.actor("bob"))
    page = client.get(f"/admin/audit/approval/{approval.pk}/change/").content.decode()
    assert "Go on: start it" in page
    assert "override=on" in page
    client.post(url, {"reason": "The five rows are junk."})
    assert Restore.objects.get().override_loss
    assert Approval.objects.get().state == ApprovalState.USED


def test_the_name_is_typed_on_production(people: Cast, backup: Backup) -> None:
    Target.objects.filter(pk=backup.target_id).update(environment=Environment.PRODUCTION)
    client, url = signed_in(people.alice), restore_url(backup, "replace")
    client.post(url, {"reason": "Drill."})
    approvals.approve(Approval.objects.get(), actor=people.actor("bob"))
    assert f"Type {backup.target.database} to confirm" in client.get(url).content.decode()
    answer = client.post(url, {"reason": "Drill.", "typed_name": "something else"})
    assert "Nothing was done." in answer.content.decode()
    assert not Restore.objects.exists()
    client.post(url, {"reason": "Drill.", "typed_name": backup.target.database})
    assert Restore.objects.exists()


def test_a_merge_is_run_dry_first(people: Cast, backup: Backup, club: ConnInfo) -> None:
    house.run_sql(club, "DELETE FROM notes WHERE id > 30", "INSERT INTO notes VALUES (99, 'new')")
    client, url = signed_in(people.alice), restore_url(backup, "merge", table=["public.notes"])
    assert "First a dry run" in client.get(url).content.decode()
    client.post(url, {"reason": "Lost ten."})
    dry = Restore.objects.get()
    assert dry.dry_run
    tasks.run_restore(dry.pk)
    page = client.get(f"/admin/backups/restore/{dry.pk}/change/").content.decode()
    assert "This was a dry run: nothing was changed." in page
    assert "10 rows would come back" in page
    assert "Go on to the merge" in page
    assert house.count(club, "notes") == 31
    client.post(url, {"reason": "Lost ten."})
    tasks.run_restore(Restore.objects.exclude(pk=dry.pk).get().pk)
    assert house.count(club, "notes") == 41


def test_a_dropped_database_is_recovered(people: Cast, backup: Backup, club: ConnInfo) -> None:
    house.run_sql(club.to("postgres"), f'DROP DATABASE "{club.database}"')
    text = look(people.alice, backup, "replace")
    assert "Start: replace" not in text
    signed_in(people.alice).post(restore_url(backup, "recover"), {"reason": "It was dropped."})
    tasks.run_restore(Restore.objects.get().pk)
    assert house.count(club, "notes") == 40


def test_recover_is_refused_while_it_is_there(people: Cast, backup: Backup) -> None:
    assert "restore.database_still_there" in look(people.alice, backup, "recover")


def test_a_lower_environment_is_never_copied_into_a_higher_one(people: Cast, backup: Backup) -> None:
    higher = factories.TargetFactory(production=True)
    text = look(people.alice, backup, "copy", target=higher.pk)
    assert "restore.lower_into_higher" in text
    assert "env-production" in text
    assert "Ask for approval" not in text


def test_undo_and_redo_from_the_page(people: Cast, backup: Backup, club: ConnInfo) -> None:
    from audit.admin.base import act_url

    house.run_sql(club, "DELETE FROM notes")
    client = signed_in(people.alice)
    client.post(restore_url(backup, "replace"), {"reason": "A script ran."})
    restore = Restore.objects.get()
    tasks.run_restore(restore.pk)
    assert "milliseconds" in client.get(act_url(Restore, "undo", restore.pk)).content.decode()
    client.post(act_url(Restore, "undo", restore.pk), {"reason": "To see it."})
    assert house.count(club, "notes") == 0
    client.post(act_url(Restore, "redo", restore.pk), {"reason": "And back."})
    assert house.count(club, "notes") == 40
    restore.refresh_from_db()
    client.post(act_url(Restore, "drop-kept", restore.pk), {"reason": "Sure.", "typed_name": restore.kept_database})
    restore.refresh_from_db()
    assert restore.swap == SwapState.DROPPED


@pytest.mark.parametrize("name", ["charlie", "bob"])
def test_who_may_not_ask(people: Cast, backup: Backup, name: str) -> None:
    client = signed_in(getattr(people, name))
    assert client.get(restore_url(backup, "replace")).status_code == 403
    assert client.post(restore_url(backup, "replace"), {"reason": "Mine."}).status_code == 403
    assert "Restore …" not in client.get(f"/admin/backups/backup/{backup.pk}/change/").content.decode()
    assert not Restore.objects.exists()


def test_a_reason_is_needed(people: Cast, backup: Backup) -> None:
    answer = signed_in(people.alice).post(restore_url(backup, "replace"), {"reason": " "})
    assert "Nothing was done yet." in answer.content.decode()
    assert not Restore.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["backup=99999", "backup=nonsense", "backup=1&mode=everything"])
def test_an_address_that_names_nothing(cast: Cast, query: str) -> None:
    assert signed_in(cast.alice).get(f"/admin/backups/restore/add/?{query}").status_code == 404


@pytest.mark.django_db
def test_without_a_backup_one_is_chosen(cast: Cast) -> None:
    client = signed_in(cast.alice)
    assert "There is no backup to restore" in client.get("/admin/backups/restore/add/").content.decode()
    backup = factories.BackupFactory(proved=True)
    assert f"?backup={backup.pk}&amp;mode=replace" in client.get("/admin/backups/restore/add/").content.decode()


@pytest.mark.django_db
def test_a_server_that_is_silent_is_said(cast: Cast) -> None:
    backup = factories.BackupFactory(proved=True, target__host="127.0.0.1", target__port=1)
    factories.BackupCopyFactory(backup=backup)
    text = look(cast.alice, backup)
    assert "target.unreachable" in text
    assert "Start: replace" not in text
    assert not LedgerEntry.objects.filter(action="restore.request").exists()
