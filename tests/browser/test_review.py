"""The staff's review in a browser: find what was deleted, judge it, ask a second person, keep a filter, export."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from audit.models import DeleteAuditTransaction, Incident, LedgerEntry
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.browser.visitor import Visitor
from tests.cast import Cast
from tests.factories import ago

Visit = Callable[..., Visitor]
LIST = "/admin/audit/deleteaudittransaction/"


def night(**more: object) -> DeleteAuditTransaction:
    """A stray script on production, and the application's own clean-up beside it."""
    target = factories.TargetFactory(name="TovPlay production", production=True)
    for minutes in (5, 50, 500):
        row = factories.DeleteAuditTransactionFactory(target=target, at=ago(minutes=minutes), **more)
        factories.DeleteAuditLogFactory(of_transaction=row)
    stray: DeleteAuditTransaction = factories.DeleteAuditTransactionFactory(
        target=target,
        at=ago(hours=2),
        session_role="tovplay_admin",
        query='DELETE FROM "User" WHERE last_seen < now()',
        tables={"public.User": 2},
        row_count=2,
    )
    for number in range(2):
        factories.DeleteAuditLogFactory(
            of_transaction=stray, position=number + 1, table_name="User", masked=["email"], row='{"id":7,"name":"Dana"}'
        )
    return stray


def test_a_suspicious_delete_is_found_and_closed_by_a_second_person(people: Cast, visit: Visit) -> None:
    stray = night()
    alice, bob, charlie = visit("alice"), visit("bob"), visit("charlie")

    # Alice sees on the dashboard's queue that something waits, and finds it by its words.
    alice.go("/admin/")
    alice.page.click("nav.rail >> text=Review queue")
    assert alice.sees("TovPlay production")
    alice.page.click("text=All unreviewed")
    alice.page.fill("#filter_q", "last_seen")
    alice.press("Show")
    assert alice.sees("1 delete transaction")
    alice.page.click("text=tovplay_admin deleted 2 rows of public.User")
    assert alice.sees("Nobody has looked at it yet.")
    alice.page.click("a:has-text('{\"id\"') >> nth=0")
    assert alice.sees("What the policy masks was never kept")
    alice.page.go_back()

    # She takes it, finds it suspicious, and cannot close it herself.
    alice.press("Review it")
    alice.press("Review it")
    assert alice.sees("alice looks at it")
    alice.press("Suspicious")
    alice.page.fill("#act_reason", "Nobody of us ran this.")
    alice.press("Suspicious")
    assert alice.sees("An incident needs a title.")
    alice.page.fill("#act_title", "Users deleted by hand")
    alice.press("Suspicious")
    assert alice.sees("alice found it suspicious")
    assert alice.page.locator("a.button", has_text="Close").count() == 0
    assert alice.forge(f"{LIST}act/close/?ids={stray.pk}", reason="Mine.") == 409

    # Charlie reads all of it and may do nothing.
    charlie.go(page_of(stray))
    assert charlie.sees("Nobody of us ran this.")
    assert charlie.page.locator("a.button[href*='/act/']").count() == 0
    assert charlie.forge(f"{LIST}act/close/?ids={stray.pk}", reason="Mine.") == 403

    # Bob is the second person.
    bob.go("/admin/")
    bob.page.click("text=Users deleted by hand")
    bob.page.click(f"text={stray}")
    bob.press("Close")
    assert bob.sees("alice found it suspicious; you are the second person.")
    bob.page.fill("#act_reason", "The clean-up of old accounts, started by hand.")
    bob.press("Close")
    assert bob.sees("bob closed it")
    bob.go(page_of(Incident.objects.get()))
    bob.press("Close the incident")
    bob.page.fill("#act_reason", "It is a job of the application now.")
    bob.press("Close the incident")
    assert bob.sees("It is a job of the application now.")
    assert alice.faults() == bob.faults() == charlie.faults() == []


def test_all_that_a_filter_shows_is_accepted_kept_and_exported(people: Cast, visit: Visit, tmp_path: Path) -> None:
    stray = night()
    alice = visit("alice")
    alice.go(LIST)
    alice.page.fill("#filter_role", "tovplay_app")
    alice.press("Show")
    alice.page.click("summary:has-text('Saved filters')")
    alice.page.fill("#save_name", "The application")
    alice.press("Save")
    assert alice.sees("Saved: The application")
    alice.page.click("summary:has-text('Export')")
    with alice.page.expect_download() as started:
        alice.press("CSV")
    file = tmp_path / "made.csv"
    started.value.save_as(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert LedgerEntry.objects.get(action="export.direct").detail["sha256"] == digest
    alice.page.click("summary:has-text('Review all')")
    alice.page.click("text=Accept …")
    assert alice.sees("Accept: 3 delete transactions?")
    alice.page.fill("#act_reason", "The clean-up of the application.")
    alice.press("Accept")
    assert alice.sees("Accepted: 3.")
    stray.refresh_from_db()
    assert stray.state == "unreviewed"
    alice.page.click("summary:has-text('Saved filters')")
    alice.page.click("a:has-text('The application')")
    alice.page.wait_for_url("**/?role=tovplay_app")
    assert alice.sees("3 delete transactions")
    assert alice.faults() == []
