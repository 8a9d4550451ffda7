"""The live row beside a deleted one, and the pages from the deleted row to the rows put back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit import approvals, tasks
from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import Approval, DeleteAuditLog, DeleteAuditTransaction, Environment, Target, Undelete
from audit.undelete.live import Beside, live_row
from tests.audit.admin.test_acts import signed_in
from tests.audit.undelete.conftest import MakePlace, Place
from tests.audit.undelete.steps import rows
from tests.cast import Cast
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

YARD = """
CREATE SCHEMA yard;
CREATE TYPE yard.mood AS ENUM ('glad', 'sad');
CREATE TABLE yard.cat (id int PRIMARY KEY, name text, price numeric, feels yard.mood, secret text);
CREATE TABLE yard.word (word text);
INSERT INTO yard.cat VALUES (1, 'Mitzi', 1.50, 'glad', 'hush'), (2, 'Nala', 2, NULL, 'hush');
INSERT INTO yard.word VALUES ('one');
"""


@pytest.fixture
def yard(cluster: Cluster, place: MakePlace) -> Place:
    return place(cluster, YARD, masked={"yard.cat": ["secret"]})


def cat(yard: Place) -> DeleteAuditLog:
    yard.delete("DELETE FROM yard.cat WHERE id = 1")
    return DeleteAuditLog.objects.get(table_name="cat")


# --- the live row ----------------------------------------------------------------------------------------------------


def test_a_row_that_is_gone_is_absent(yard: Place, auditor: Actor) -> None:
    assert live_row(cat(yard), actor=auditor).beside is Beside.ABSENT


def test_a_row_that_is_there_again_is_the_same_whatever_is_masked(yard: Place, auditor: Actor) -> None:
    deleted = cat(yard)
    yard.run("INSERT INTO yard.cat VALUES (1, 'Mitzi', 1.50, 'glad', 'another secret')")
    found = live_row(deleted, actor=auditor)
    assert (found.beside, found.differs) == (Beside.SAME, frozenset())
    assert "secret" not in found.values


def test_differences_are_named_column_by_column(yard: Place, auditor: Actor) -> None:
    deleted = cat(yard)
    yard.run("INSERT INTO yard.cat VALUES (1, 'Mitzi', 1.5, 'sad', NULL)")
    found = live_row(deleted, actor=auditor)
    assert (found.beside, found.differs) == (Beside.DIFFERENT, {"price", "feels"})
    assert (found.values["price"], found.values["feels"]) == ("1.5", '"sad"')


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("DROP TABLE yard.cat", "gone"),
        ("ALTER TABLE yard.cat DROP CONSTRAINT cat_pkey", "key"),
        ("ALTER TABLE yard.cat ENABLE ROW LEVEL SECURITY; ALTER TABLE yard.cat FORCE ROW LEVEL SECURITY", "security"),
    ],
)
def test_what_cannot_be_known_is_said(yard: Place, auditor: Actor, statement: str, word: str) -> None:
    deleted = cat(yard)
    yard.run(statement)
    found = live_row(deleted, actor=auditor)
    assert found.beside is Beside.UNKNOWN
    assert word in found.why


def test_a_target_that_is_down_is_no_error(yard: Place, auditor: Actor) -> None:
    deleted = cat(yard)
    Target.objects.update(port=1)
    deleted.refresh_from_db()
    assert live_row(deleted, actor=auditor).beside is Beside.UNKNOWN


def test_who_may_not_see_deletes_sees_no_live_row(yard: Place, alice: Any) -> None:
    deleted = cat(yard)
    alice.groups.clear()
    with pytest.raises(NotPermitted):
        live_row(deleted, actor=Actor.person(type(alice).objects.get(pk=alice.pk), "tests"))


# --- pages -----------------------------------------------------------------------------------------------------------


def act(client: Client, obj: Any, slug: str, *more: Any, **data: object) -> str:
    """POST an act and return the page that follows."""
    ids = ",".join(str(one.pk) for one in (obj, *more))
    url = reverse(f"admin:audit_{obj._meta.model_name}_act", args=[slug]) + f"?ids={ids}"
    assert client.get(url).status_code == 200
    answer = client.post(url, data, follow=True)
    assert answer.status_code == 200, answer.content.decode()[:3000]
    return answer.content.decode()


def work() -> Undelete:
    undelete = Undelete.objects.latest("pk")
    tasks.run_undelete(undelete.pk)
    undelete.refresh_from_db()
    assert undelete.state == "succeeded", undelete.error
    return undelete


def page(client: Client, obj: Any) -> str:
    answer = client.get(reverse(f"admin:audit_{obj._meta.model_name}_change", args=[obj.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_rows_page_shows_the_live_row(yard: Place, cast: Cast) -> None:
    deleted = cat(yard)
    client = signed_in(cast.charlie)
    assert "Not in the table" in page(client, deleted)
    yard.run("INSERT INTO yard.cat VALUES (1, 'Mitzi', 9, 'glad', 'another secret')")
    shown = page(client, deleted)
    assert "Another row has its key" in shown
    assert "differs" in shown
    assert "another secret" not in shown


def test_from_the_transaction_to_its_rows_put_back(yard: Place, cast: Cast) -> None:
    deleted = cat(yard)
    client = signed_in(cast.alice)
    transaction = DeleteAuditTransaction.objects.get()
    assert "Put back (dry run)" in page(client, transaction)
    act(client, transaction, "put-back-dry-run", on_conflict="refuse")
    shown = page(client, work())
    assert "This was a dry run: nothing was changed." in shown
    assert "INSERT INTO" in shown
    assert "secret was masked" in shown
    assert rows(yard.info, "SELECT count(*) FROM yard.cat") == [(1,)]
    act(client, Undelete.objects.get(), "put-back", reason="By mistake.")
    assert "1 row is back" in page(client, work())
    assert "There, and equal" in page(client, deleted)


def test_chosen_rows_of_the_list_are_one_act(yard: Place, cast: Cast) -> None:
    yard.delete("DELETE FROM yard.cat")
    yard.delete("DELETE FROM yard.word")
    client = signed_in(cast.alice)
    first, _, third = DeleteAuditLog.objects.order_by("pk")
    act(client, first, "put-back-dry-run", third, on_conflict="refuse", accept=[])
    assert work().plan["put"] == 2
    act(client, first, "put-back", third, on_conflict="refuse", reason="By mistake.")
    work()
    assert rows(yard.info, "SELECT id FROM yard.cat") == [(1,)]


def test_on_production_the_page_asks_and_the_approvals_page_leads_back(
    yard: Place, cast: Cast, approver: Actor
) -> None:
    Target.objects.update(environment=Environment.PRODUCTION)
    cat(yard)
    client = signed_in(cast.alice)
    act(client, DeleteAuditTransaction.objects.get(), "put-back-dry-run", on_conflict="refuse")
    shown = work()
    refused = client.post(
        reverse("admin:audit_undelete_act", args=["put-back"]) + f"?ids={shown.pk}", {"reason": "By mistake."}
    )
    assert refused.status_code == 409
    act(client, shown, "put-back-ask", reason="By mistake.")
    approval = Approval.objects.get()
    approvals.approve(approval, actor=approver)
    assert reverse("admin:audit_undelete_change", args=[shown.pk]) in page(client, approval)
    act(client, shown, "put-back", reason="By mistake.")
    assert work().approval == approval


def test_what_stands_in_the_way_is_shown_and_offers_no_button(yard: Place, cast: Cast) -> None:
    cat(yard)
    yard.run("INSERT INTO yard.cat VALUES (1, 'Imposter', 1.50, 'glad', '')")
    client = signed_in(cast.alice)
    act(client, DeleteAuditTransaction.objects.get(), "put-back-dry-run", on_conflict="refuse")
    shown = page(client, work())
    assert "stands in the way" in shown
    assert "Imposter" in shown
    assert "put-back/" not in shown


def test_who_may_not_gets_no_button_and_a_403(yard: Place, cast: Cast) -> None:
    cat(yard)
    client = signed_in(cast.charlie)
    transaction = DeleteAuditTransaction.objects.get()
    assert "Put back (dry run)" not in page(client, transaction)
    url = reverse("admin:audit_deleteaudittransaction_act", args=["put-back-dry-run"]) + f"?ids={transaction.pk}"
    assert client.post(url, {"on_conflict": "refuse"}).status_code == 403
