"""The admin's home: what is happening, what is safe, what to do next; in few queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import ActionItem, PostMortem, Protection, Target
from audit.protection import policies
from backups.models import Backup
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.browser import scenery
from tests.cast import Cast
from tests.factories import ago
from tovgov.advice import Step, Tone
from tovgov.dashboard import Card, gather

pytestmark = pytest.mark.django_db


def card_of(target: Target, user: Any) -> Card:
    return next(card for card in gather(user).cards if card.target == target)


def step_of(target: Target, user: Any) -> Step:
    return card_of(target, user).step


def protected(**more: Any) -> Target:
    """A target with nothing left to do."""
    target: Target = factories.TargetFactory(**more)
    backup = factories.BackupFactory(target=target, proved=True)
    factories.BackupCopyFactory(backup=backup)
    factories.ScheduleFactory(target=target)
    return target


def test_the_number_of_queries_does_not_grow_with_targets(cast: Cast) -> None:
    protected()
    client = signed_in(cast.charlie)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as one:
        client.get("/admin/")
    for _ in range(6):
        protected()
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/")
    assert len(many) == len(one) <= 32


def test_nothing_to_do(cast: Cast) -> None:
    step = step_of(protected(), cast.alice)
    assert (step.tone, step.url) == (Tone.GOOD, "")
    assert step.sentence == "Nothing to do. The next backup is due in 2 h."
    assert gather(cast.alice).verdict.startswith("All is well")


def test_a_dropped_database_comes_first(cast: Cast) -> None:
    protected(name="Fine")
    target = protected(name="Gone", check_error_code="target.database_missing", check_error="There is no database.")
    page = gather(cast.alice)
    assert page.cards[0].target == target
    assert page.verdict == "Look here first: Gone."
    step = page.cards[0].step
    assert (step.tone, step.label) == (Tone.BAD, "Recover …")
    assert step.url.endswith(f"?backup={Backup.objects.get(target=target).pk}&mode=recover")


def test_an_auditor_reads_the_sentence_and_gets_no_button(cast: Cast) -> None:
    target = protected(check_error_code="target.database_missing", check_error="There is no database.")
    step = step_of(target, cast.charlie)
    assert step.tone is Tone.BAD
    assert not step.url


def test_emptied_tables_are_compared_first(cast: Cast) -> None:
    step = step_of(protected(check_error_code="target.sentinel_failed"), cast.alice)
    assert step.label == "Compare …"
    assert "mode=replace" in step.url


def test_another_server_is_said_in_its_own_words(cast: Cast) -> None:
    step = step_of(protected(check_error_code="target.wrong_server", check_error="Another server."), cast.alice)
    assert step.sentence == "The last check failed: Another server."


def test_a_new_target_is_tested_first(cast: Cast) -> None:
    step = step_of(factories.TargetFactory(fresh=True), cast.alice)
    assert step.label == "Test connection"


def test_a_target_without_backup_is_backed_up(cast: Cast) -> None:
    assert step_of(factories.TargetFactory(), cast.alice).label == "Back up now"


def test_an_unproved_backup_is_proved(cast: Cast) -> None:
    backup = factories.BackupFactory(stored=True)
    assert step_of(backup.target, cast.alice).label == "Prove it"


def test_an_old_proof_is_renewed(cast: Cast) -> None:
    backup = factories.BackupFactory(proved=True, queued_at=ago(days=5))
    step = step_of(backup.target, cast.alice)
    assert "old" in step.sentence


def test_a_failed_backup_is_looked_at(cast: Cast) -> None:
    target = protected()
    factories.BackupFactory(target=target, failed=True, queued_at=ago(seconds=1))
    assert step_of(target, cast.alice).label == "See why"


def test_a_failure_that_was_repeated_well_is_forgotten(cast: Cast) -> None:
    target = protected()
    factories.BackupFactory(target=target, failed=True, queued_at=ago(days=1))
    assert step_of(target, cast.alice).tone is Tone.GOOD


def test_a_late_backup_is_said(cast: Cast) -> None:
    target = protected()
    target.schedules.update(next_run_at=ago(minutes=40))
    assert "Does the worker run?" in step_of(target, cast.alice).sentence


def test_a_running_backup_is_watched(cast: Cast) -> None:
    backup = factories.BackupFactory(running=True)
    assert step_of(backup.target, cast.alice).label == "Watch"


def test_a_missing_schedule_is_offered(cast: Cast) -> None:
    target = protected()
    target.schedules.all().delete()
    assert step_of(target, cast.alice).label == "Schedule"


def test_a_missing_copy_is_said(cast: Cast) -> None:
    target = protected()
    factories.BackupCopyFactory(backup=target.backups.get(), broken=True)
    card = card_of(target, cast.alice)
    assert (card.copies_stored, card.copies_wanted) == (1, 2)
    assert card.step.label == "See copies"


def test_a_damaged_backup_is_not_called_proved(cast: Cast) -> None:
    target = protected()
    target.backups.update(damaged_at=ago(minutes=1))
    card = card_of(target, cast.alice)
    assert card.proved is None
    assert card.step.sentence.startswith("The newest backup is damaged")


def test_a_restore_can_be_undone(cast: Cast) -> None:
    target = protected()
    factories.RestoreFactory(backup=target.backups.get(), done=True)
    assert "can be undone" in step_of(target, cast.alice).sentence
    target.database_oid += 1  # it was dropped and recovered since
    target.save()
    assert "can be undone" not in step_of(target, cast.alice).sentence


def test_an_empty_tovgov_leads(cast: Cast) -> None:
    page = signed_in(cast.miriam).get("/admin/").content.decode()
    assert "Nothing is protected yet." in page
    assert 'class="button primary" href="/admin/backups/destination/add/"' in page
    steps = gather(cast.miriam).first_steps
    assert [step.look for step in steps] == ["now", *["later"] * 5]
    factories.DestinationFactory()
    assert [step.look for step in gather(cast.miriam).first_steps] == ["done", "now", *["later"] * 4]
    assert not any(step.url for step in gather(cast.charlie).first_steps)


def test_the_first_steps_go_away(cast: Cast) -> None:
    protected()
    assert gather(cast.miriam).first_steps == []


def test_the_page_tells_all_of_it() -> None:
    people = scenery.build()
    page = signed_in(people.alice).get("/admin/").content.decode()
    assert "Look here first: Ledgerbook." in page
    assert "2 of 3 copies" in page
    assert "Size of the database: from" in page
    assert "yours, waits for a second person" in page
    assert "Running now" in page
    assert "alice asks you" in signed_in(people.bob).get("/admin/").content.decode()


def test_a_card_says_how_its_target_is_protected(cast: Cast) -> None:
    target = protected()
    assert "<dt>Protection</dt><dd>none</dd>" in page(cast)
    policies.ensure_policies()
    row = Protection.objects.create(target=target, policy=policies.find("standard"))
    assert ">standard</a></dd>" in page(cast)
    row.findings = [{"rule": "ddl_guard", "object": "x", "status": "ALTERED", "detail": "", "hint": ""}]
    row.save()
    assert ">standard</a>, 1 wrong</dd>" in page(cast)


def page(cast: Cast) -> str:
    return str(signed_in(cast.alice).get("/admin/").content.decode())


def test_it_says_what_needs_this_person(cast: Cast) -> None:
    target = protected()
    factories.ServerLogGroupFactory(target=target, is_noise=False)
    factories.AlertFactory(target=target)
    needs = {need.name: need for need in gather(cast.alice).needs}
    assert set(needs) == {"Alerts", "Server log lines"}
    assert needs["Server log lines"].number == "1"
    assert needs["Server log lines"].url.endswith("/serverloggroup/?state=unreviewed")
    assert gather(cast.charlie).needs == [], "who may not act is not asked to"


def test_incidents_need_those_who_work_on_them_and_those_who_lead(cast: Cast) -> None:
    target = protected()
    factories.IncidentFactory(target=target)
    factories.IncidentFactory(target=target, status="investigating", lead=cast.alice, lead_name="alice")
    factories.IncidentFactory(target=target, status="resolved", resolved_at=ago(minutes=5))
    asked = {need.name: need for need in gather(cast.alice).needs}
    assert {name: need.number for name, need in asked.items()} == {"New incidents": "1", "Incidents you lead": "1"}
    assert {need.name for need in gather(cast.miriam).needs} == {"New incidents", "Incidents to be reviewed"}
    assert gather(cast.charlie).needs == []


def test_who_owes_an_action_and_who_is_to_read_a_post_mortem_is_told(cast: Cast) -> None:
    incident = factories.IncidentFactory(target=protected(), status="closed", closed_at=ago(hours=1), closed_by="bob")
    past = ago(days=3).date()
    ActionItem.objects.create(
        title="Take the rights away", owner=cast.alice, owner_name="alice", due_on=past, made_by="bob"
    )
    facts = {"state": "in review", "edited_by": "alice", "edited_at": ago(hours=2), "asked_at": ago(hours=1)}
    PostMortem.objects.create(incident=incident, text="It ran twice.", opened_by="alice", asked_by="alice", **facts)
    assert [need.name for need in gather(cast.alice).needs] == ["Your overdue actions"], (
        "nobody reviews their own words"
    )
    assert [need.name for need in gather(cast.miriam).needs] == ["All overdue actions", "Post-mortems to be reviewed"]
    for need in gather(cast.miriam).needs:
        assert signed_in(cast.miriam).get(need.url).status_code == 200


def test_what_needs_somebody_leads_to_exactly_that(cast: Cast) -> None:
    target = protected()
    factories.IncidentFactory(target=target, title="Nobody's yet")
    factories.IncidentFactory(
        target=target, title="In hand", status="investigating", lead=cast.alice, lead_name="alice"
    )
    for need in gather(cast.alice).needs:
        page = signed_in(cast.alice).get(need.url).content.decode()
        assert ("Nobody’s yet" in page or "Nobody&#x27;s yet" in page, "In hand" in page) == (
            (True, False) if need.name == "New incidents" else (False, True)
        )


def test_what_is_silenced_or_acknowledged_needs_nobody(cast: Cast) -> None:
    target = protected()
    factories.AlertFactory(target=target, silenced_until=ago(hours=-2), silenced_by="miriam", silenced_why="Known.")
    factories.AlertFactory(target=target, acknowledged_at=ago(hours=1), acknowledged_by="miriam")
    assert gather(cast.alice).needs == []


def test_a_critical_alert_is_not_all_is_well(cast: Cast) -> None:
    target = protected()
    alert = factories.AlertFactory(target=target, severity="critical")
    step = step_of(target, cast.alice)
    assert (step.tone, step.url) == (Tone.BAD, f"/admin/audit/alert/{alert.pk}/change/")
    assert gather(cast.alice).verdict.startswith("Look here first")


def test_log_lines_that_wait_are_the_next_step(cast: Cast) -> None:
    target = protected()
    factories.ServerLogGroupFactory(target=target, is_noise=False, at=ago(days=4))
    step = step_of(target, cast.alice)
    assert step.sentence == "Server log lines wait for a review: 1, the oldest made 4 d ago."
    assert step.tone is Tone.WARN
