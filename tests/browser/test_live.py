"""A running job seen live: with the page's script it refreshes itself, without it by reload; and Cancel."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone
from playwright.sync_api import expect

from audit.templatetags.tovgov import page_of
from backups.models import Backup
from tests import factories
from tests.browser.visitor import Visitor

Visit = Callable[..., Visitor]


def running() -> Backup:
    backup: Backup = factories.BackupFactory(
        running=True, unit="bytes", done=10_000_000, total=100_000_000, phase="Dump",
        phases=[factories.phase("Dump", factories.ago(seconds=5), None)], log="09:00:01 Dump",
    )  # fmt: skip
    return backup


def test_it_refreshes_itself_until_the_end(people: object, visit: Visit) -> None:
    backup, charlie = running(), visit("charlie")
    charlie.go(page_of(backup))
    bar = charlie.page.locator(".job-panel .bar")
    expect(bar).to_have_attribute("value", "10000000")
    rows = Backup.objects.filter(pk=backup.pk)
    rows.update(done=60_000_000, log="09:00:01 Dump\n09:00:07 half of it")
    expect(bar).to_have_attribute("value", "60000000")
    expect(charlie.page.locator(".log")).to_contain_text("half of it")
    rows.update(phase="Read back", phases=[*backup.phases, factories.phase("Read back", timezone.now(), None)])
    expect(charlie.page.locator("[role=status]")).to_have_text("Read back")  # said to a screen reader, once
    assert charlie.complaints == []
    rows.update(
        state="failed", finished_at=timezone.now(), error_code="tool.failed", error="pg_dump ended.", hint="See."
    )
    expect(charlie.page.locator(".notice-bad")).to_contain_text("pg_dump ended.")
    assert charlie.page.locator("[data-live]").count() == 0


def test_without_script_it_reloads(people: object, visit: Visit) -> None:
    backup, charlie = running(), visit("charlie", script=False)
    charlie.go(page_of(backup))
    Backup.objects.filter(pk=backup.pk).update(done=70_000_000)
    expect(charlie.page.locator(".job-panel .bar")).to_have_attribute("value", "70000000")


def test_an_open_log_stays_where_it_was_scrolled_to(people: object, visit: Visit) -> None:
    backup, charlie = running(), visit("charlie")
    rows = Backup.objects.filter(pk=backup.pk)
    rows.update(log="\n".join(f"09:00:01 line {n}" for n in range(58)))
    charlie.go(page_of(backup))
    log = charlie.page.locator(".log")
    log.evaluate("node => { node.scrollTop = 40; }")
    rows.update(done=20_000_000)
    expect(charlie.page.locator(".job-panel .bar")).to_have_attribute("value", "20000000")
    assert log.evaluate("node => node.scrollTop") == 40


def test_the_dashboard_follows_what_runs(people: object, visit: Visit) -> None:
    backup, charlie = running(), visit("charlie")
    charlie.go("/admin/")
    expect(charlie.page.locator("#running-list .bar")).to_have_attribute("value", "10000000")
    Backup.objects.filter(pk=backup.pk).update(done=90_000_000)
    expect(charlie.page.locator("#running-list .bar")).to_have_attribute("value", "90000000")


def test_cancel_is_asked_twice(people: object, visit: Visit) -> None:
    backup, alice = running(), visit("alice")
    alice.go(page_of(backup))
    alice.press("Cancel")
    assert alice.sees("What it had begun is undone")
    alice.page.fill("#act_reason", "Wrong hour.")
    alice.press("Cancel")
    expect(alice.page.locator(".job-now")).to_contain_text("alice asked for it")
    backup.refresh_from_db()
    assert backup.cancel_requested_by == "alice"
    assert alice.page.locator("a.button", has_text="Cancel").count() == 0


def test_a_button_pressed_twice_sends_one_form(people: object, visit: Visit) -> None:
    target = factories.TargetFactory()
    factories.DestinationFactory()
    alice = visit("alice")
    alice.go(f"/admin/audit/target/act/back-up/?ids={target.pk}")
    alice.page.locator("form[data-once] button[type=submit]").dblclick()
    alice.page.wait_for_url("**/backups/backup/**")
    assert Backup.objects.count() == 1
    assert "already running" not in alice.text()
