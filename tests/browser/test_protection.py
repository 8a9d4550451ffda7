"""Protection in a browser, against a real server: planned, approved, installed; rows deleted, seen, put back."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from audit.models import Approval, DeleteAuditTransaction, Environment, Protection, Target
from audit.postgres.connect import ConnInfo
from audit.protection import policies
from audit.templatetags.tovgov import page_of
from tests.backups import house
from tests.browser.conftest import Worker
from tests.browser.visitor import Visitor
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tests.horizon import others_have_ended
from tovgov.embedded import Cluster

Visit = Callable[..., Visitor]
CLUB = (
    'CREATE TABLE "User" (id int PRIMARY KEY, name text NOT NULL)',
    'CREATE TABLE "GameRequest" (id int PRIMARY KEY, user_id int NOT NULL REFERENCES "User" ON DELETE CASCADE)',
    """INSERT INTO "User" SELECT n, 'Player ' || n FROM generate_series(1, 23) n""",
    'INSERT INTO "GameRequest" SELECT n, 1 + n % 23 FROM generate_series(1, 182) n',
)


@pytest.fixture
def club(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    info = make_database(cluster)
    house.run_sql(info, *CLUB)
    return info


@pytest.fixture
def production(people: Cast, club: ConnInfo) -> Target:
    policies.ensure_policies()
    return house.register(club, name="TovPlay production", environment=Environment.PRODUCTION)


def approved_by(bob: Visitor, approval: Approval) -> None:
    bob.go(page_of(approval))
    bob.press("Approve")
    bob.press("Approve")
    assert bob.sees("Approved.")


def test_a_policy_is_planned_approved_and_installed_and_deletes_come_back(
    production: Target, club: ConnInfo, visit: Visit, worker: Worker
) -> None:
    miriam, alice, bob = visit("miriam"), visit("alice"), visit("bob")

    # Miriam plans; nothing is changed. She asks, Bob approves exactly this plan, she installs it.
    miriam.go(page_of(production))
    miriam.press("Plan protection")
    miriam.page.select_option("select[name=policy]", label="standard v1")
    miriam.press("Plan protection")
    miriam.shot("protection-plan")
    assert miriam.page.locator("pre", has_text="CREATE OR REPLACE TRIGGER tovgov_delete_audit").count()
    assert miriam.sees("Event triggers never fire for DROP DATABASE")
    miriam.shot("protection-plan")
    miriam.press("Ask for approval")
    miriam.page.fill("#act_reason", "The sync script must not do it again.")
    miriam.press("Ask for approval")
    approved_by(bob, Approval.objects.get())
    protection = Protection.objects.get()
    miriam.go(page_of(protection))
    miriam.page.locator("a.button").filter(has_text="Install").first.click()
    miriam.page.fill("#act_reason", "The sync script must not do it again.")
    miriam.press("Install")
    assert worker.run() == 1
    miriam.go(page_of(protection))
    assert miriam.sees("standard v1")
    miriam.shot("protection-installed")
    assert miriam.sees("Installed")
    assert "MISSING" not in miriam.text()
    with psycopg.connect(**club.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="tovgov refused"):
            connection.execute('DROP TABLE "User" CASCADE')
        connection.execute('DELETE FROM "User" WHERE id <= 3')

    # Alice imports, sees who did it, tries it without changing anything, asks; Bob approves; the rows are back.
    others_have_ended(club)
    lost = (3, 23)
    assert counted(club) == (23 - lost[0], 182 - lost[1])
    alice.go("/admin/audit/importsource/")
    bring(alice, worker)
    deleted = DeleteAuditTransaction.objects.get()
    alice.go(page_of(deleted))
    assert alice.sees('DELETE FROM "User" WHERE id <= 3')
    alice.press("Put back (dry run)")
    alice.press("Put back (dry run)")
    assert worker.run() == 1
    assert counted(club) == (20, 159)
    alice.page.reload()
    assert alice.sees("26")
    alice.shot("undelete-dry-run")
    alice.go(page_of(deleted))
    alice.press("Ask for approval")
    alice.page.fill("#act_reason", "They were not meant.")
    alice.press("Ask for approval")
    approved_by(bob, Approval.objects.latest("pk"))
    alice.go(page_of(deleted))
    alice.page.locator("a.button").filter(has_text="Put back").filter(has_not_text="dry").first.click()
    alice.page.fill("#act_reason", "They were not meant.")
    alice.press("Put back")
    assert worker.run() == 1
    assert counted(club) == (23, 182)
    alice.page.reload()
    alice.shot("undelete-done")
    assert miriam.faults() == alice.faults() == bob.faults() == []


def bring(alice: Visitor, worker: Worker) -> None:
    """Import the delete log from its page."""
    from audit.imports import deletions

    source = deletions.source_of(Target.objects.get())
    alice.go(page_of(source))
    alice.press("Import now")
    alice.press("Import now")
    assert worker.run() == 1


def counted(info: ConnInfo) -> tuple[int, int]:
    return house.count(info, '"User"'), house.count(info, '"GameRequest"')
