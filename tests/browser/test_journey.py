"""The whole way, in a browser, against real servers: back up, prove, lose rows, ask, approve, restore, undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from audit import targets
from audit.models import Approval, Environment, Target
from audit.postgres.connect import ConnInfo
from audit.templatetags.tovgov import page_of
from backups.models import Backup, Destination, Restore
from tests.backups import house
from tests.browser.conftest import Worker
from tests.browser.visitor import PHONE, Visitor
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

Visit = Callable[..., Visitor]

CLUB = (
    'CREATE TABLE "User" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL)',
    'CREATE TABLE "GameRequest" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,'
    ' user_id uuid NOT NULL REFERENCES "User", at timestamptz NOT NULL DEFAULT now())',
    """INSERT INTO "User" (name) SELECT 'Player ' || n FROM generate_series(1, 23) n""",
    'INSERT INTO "GameRequest" (user_id) SELECT id FROM "User", generate_series(1, 8)',
)
STRAY_SYNC = ('DELETE FROM "GameRequest"', 'DELETE FROM "User"')


@pytest.fixture
def club(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    """A database named TovPlay with 23 users and 184 requests."""
    info = make_database(cluster, name="TovPlay")
    house.run_sql(info, *CLUB)
    return info


@pytest.fixture
def production(people: Cast, club: ConnInfo, shelf: Destination) -> Target:
    return house.register(club, name="TovPlay production", environment=Environment.PRODUCTION)


def rows(info: ConnInfo) -> tuple[int, int]:
    """Users and requests that are there now."""
    return house.count(info, '"User"'), house.count(info, '"GameRequest"')


def test_from_nothing_to_a_scheduled_proof(
    people: Cast, club: ConnInfo, keys: Path, spool: Path, tmp_path: Path, visit: Visit, worker: Worker
) -> None:
    """Miriam follows the steps on the empty dashboard to their end."""
    copies = tmp_path / "copies"
    copies.mkdir()
    miriam = visit("miriam")
    assert miriam.sees("Nothing is protected yet.")

    miriam.press("Add a destination")
    miriam.page.fill("#id_name", "Rack 2")
    miriam.page.select_option("#id_kind", "folder")
    expect(miriam.page.locator("#id_bucket")).to_be_hidden()
    miriam.page.fill("#id_folder", str(copies))
    miriam.press("Save")
    miriam.page.click("text=Rack 2")
    miriam.press("Test")
    miriam.press("Test")
    assert miriam.sees("Rack 2 works: a probe was written, read back and removed.")

    miriam.go("/admin/")
    miriam.press("Add a target")
    miriam.page.fill("#target_name", "TovPlay production")
    miriam.page.select_option("#target_environment", "production")
    miriam.page.fill("#target_database", "tovplay")
    miriam.page.fill("#target_host", club.host)
    miriam.page.fill("#target_port", str(club.port))
    miriam.page.select_option("#target_sslmode", "disable")
    miriam.page.fill("#target_user_operate", club.user)
    miriam.page.fill("#target_password_operate", club.password)
    miriam.page.fill("#target_sentinels", "public.User 20")
    miriam.press("Connect and register")
    assert miriam.sees('"TovPlay"')  # the right name is said
    assert miriam.sees("target.database_missing")
    assert not Target.objects.exists()
    miriam.page.fill("#target_database", "TovPlay")
    miriam.page.fill("#target_password_operate", club.password)
    miriam.press("Connect and register")
    assert miriam.sees("PRODUCTION TovPlay production")
    assert miriam.sees("is registered and pinned")

    miriam.press("Test connection")
    miriam.press("Test connection")
    assert miriam.sees("Last connection test")
    assert miriam.faults() == []

    miriam.go("/admin/")
    miriam.press("Back up")
    miriam.press("Back up now")
    worker.run()
    miriam.go("/admin/")
    miriam.press("Schedule")
    assert miriam.page.input_value("#id_target") == str(Target.objects.get().pk)
    miriam.press("Save")
    miriam.go("/admin/")
    assert miriam.sees("All is well: your target can be brought back.")
    assert miriam.sees("Nothing to do. The next backup is due in")
    assert "From nothing to a proved backup" not in miriam.text()
    assert miriam.faults() == []


def test_a_dropped_database_is_noticed_and_recovered(
    production: Target, club: ConnInfo, visit: Visit, worker: Worker
) -> None:
    backup = house.back_up(production)
    house.verified(backup)
    house.run_sql(club.to("postgres"), 'DROP DATABASE "TovPlay"')
    targets.confirm_all(actor=house.TOVGOV)

    alice, bob = visit("alice", width=PHONE), visit("bob", width=PHONE)
    alice.go("/admin/")
    assert alice.sees("Look here first: TovPlay production.")
    alice.press("Recover …")
    assert alice.sees("Recover the dropped database")
    alice.page.fill("#restore_reason", "Somebody dropped it.")
    alice.press("Ask for approval")
    approval = Approval.objects.get()
    bob.go(page_of(approval))
    bob.press("Approve")
    bob.press("Approve")
    alice.page.reload()
    alice.press("Go on: start it")
    alice.page.fill("#restore_typed_name", "TovPlay")
    alice.press("Start: recover")
    expect(alice.page.locator(".job-now")).to_have_text("Waiting for a worker.")
    worker.run()
    assert rows(club) == (23, 184)
    expect(alice.page.get_by_text("It is back, and proved")).to_be_visible()
    assert alice.faults() == []
    alice.go("/admin/")
    assert "Look here first" not in alice.text()


def test_from_a_backup_to_an_undone_restore(production: Target, club: ConnInfo, visit: Visit, worker: Worker) -> None:
    alice, bob, charlie = visit("alice"), visit("bob"), visit("charlie")

    # Alice backs up and proves, and sees it happen.
    alice.go("/admin/")
    assert alice.sees("There is no backup yet.")
    alice.press("Back up now")
    assert alice.sees("PRODUCTION TovPlay production")
    alice.press("Back up now")
    expect(alice.page.locator(".job-now")).to_have_text("Waiting for a worker.")
    assert worker.run() == 2  # the backup, and its proof
    expect(alice.page.locator(".badge").filter(has_text="Succeeded").first).to_be_visible()
    backup = Backup.objects.get()
    alice.page.reload()
    assert alice.sees("every count and every hash was equal. You can rely on it.")
    assert alice.sees("207 in 2 tables")

    # A stray script empties the tables; the page says what a restore would bring back, and asks for a second person.
    house.run_sql(club, *STRAY_SYNC)
    alice.press("Restore …")
    assert alice.sees("No row of today would be lost.")
    assert alice.sees("184 rows come back")
    assert alice.sees("This needs a second person.")
    alice.shot("journey-ask")
    alice.page.fill("#restore_reason", "The sync script emptied the tables at 02:10.")
    alice.press("Ask for approval")
    assert alice.sees("It waits for a second person.")
    assert alice.page.locator("a.button", has_text="Approve").count() == 0

    # Charlie may only look, whatever he sends.
    charlie.go(f"/admin/backups/backup/{backup.pk}/change/")
    assert charlie.page.locator("a.button, .buttons").count() == 0
    assert charlie.forge(f"/admin/backups/backup/act/prove/?ids={backup.pk}") == 403
    assert charlie.forge(f"/admin/backups/restore/add/?backup={backup.pk}&mode=replace", reason="Mine.") == 403

    # Bob reads the facts and agrees; Alice types the name and starts it.
    bob.go("/admin/")
    bob.page.click("text=Replace the database")
    assert bob.sees("The sync script emptied the tables at 02:10.")
    assert bob.sees("184 rows come back")
    bob.shot("journey-approve")
    bob.press("Approve")
    bob.page.fill("#act_reason", "Seen: both tables are empty.")
    bob.press("Approve")
    assert bob.sees("Approved. alice may start it now.")
    alice.page.reload()
    alice.press("Go on: start it")
    assert alice.sees("Approved by bob")
    alice.shot("journey-start")
    alice.page.fill("#restore_typed_name", "tovplay")
    alice.press("Start: replace")
    assert alice.sees("This is not “TovPlay”. Nothing was done.")
    assert rows(club) == (0, 0)
    alice.page.fill("#restore_typed_name", "TovPlay")
    alice.press("Start: replace")
    expect(alice.page.locator(".job-now")).to_have_text("Waiting for a worker.")
    worker.run()
    assert rows(club) == (23, 184)
    expect(alice.page.get_by_text("It is back, and proved")).to_be_visible()
    assert alice.sees("RTO: asked to back in service")
    alice.shot("journey-done")
    assert alice.sees("It can be undone in a moment.")
    assert alice.faults() == []

    # Undo, and redo.
    alice.press("Undo")
    alice.page.fill("#act_reason", "Only to see that it works.")
    alice.press("Undo")
    assert alice.sees("Undone: the former database is in service")
    assert rows(club) == (0, 0)
    alice.press("Redo")
    alice.page.fill("#act_reason", "Back to the good one.")
    alice.press("Redo")
    assert rows(club) == (23, 184)
    assert Restore.objects.get().rto_seconds
