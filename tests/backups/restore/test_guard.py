"""Each guard has a refusal of its own name. Nothing is changed by any of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit import approvals
from audit.exceptions import (
    ApprovalClosed,
    ApprovalMissing,
    NotPermitted,
    ReasonMissing,
    SelfApproval,
    UsageError,
    WrongIncarnation,
    WrongName,
    WrongServer,
)
from audit.models import Approval, ApprovalState, Environment, LedgerEntry, Target
from backups.exceptions import (
    BackupNotUsable,
    DatabaseStillThere,
    DryRunMissing,
    LossGrew,
    LowerIntoHigher,
    NameNotTyped,
    NoMaintenance,
    NotEnoughDisk,
    ProofFailed,
    RestoreRunning,
    ServerTooOld,
    WouldLoseRows,
    WrongBackup,
)
from backups.models import Backup, CopyState, Level, Restore, Verification
from backups.restore import guard
from backups.restore.request import case_for, preview
from tests.backups.restore.conftest import Scene, perform, register
from tests.factories import RestoreFactory
from tovgov.demo import accidents
from tovgov.demo.club import OWNER
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]


@pytest.fixture
def backup(scene: Scene) -> Backup:
    return scene.back_up()


def refused(scene: Scene, error: type[Exception], backup: Backup, mode: str = "replace", **options: Any) -> Any:
    """The refusal, after making sure that nothing has begun and that the ledger knows it."""
    before = scene.club.counts() if mode != "recover" else {}
    with pytest.raises(error) as caught:
        scene.ask(backup, mode, **options)
    if mode != "recover":
        scene.is_untouched(before)
    assert not Restore.objects.exists()
    return caught.value


# --- which database ---------------------------------------------------------------------------------------------------


def test_wrong_name_is_refused(scene: Scene, backup: Backup) -> None:
    scene.sql('CREATE DATABASE "tovplay" TEMPLATE "TovPlay"', database="postgres")
    try:
        Target.objects.update(database="tovplay")
        error = refused(scene, WrongBackup, backup)
        assert '"tovplay"' in error.message
        Backup.objects.update(database="tovplay")
        refused(scene, WrongName, backup)
    finally:
        scene.sql('DROP DATABASE "tovplay"', database="postgres")


def test_wrong_server_is_refused(scene: Scene, backup: Backup) -> None:
    Target.objects.update(system_identifier="1")
    refused(scene, WrongServer, backup)
    accidents.drop_database(scene.club)
    refused(scene, WrongServer, backup, "recover")


def test_wrong_incarnation_is_refused(scene: Scene, backup: Backup) -> None:
    accidents.drop_database(scene.club)
    scene.sql('CREATE DATABASE "TovPlay" TEMPLATE template0 OWNER tovplay_owner', database="postgres")
    with pytest.raises(WrongIncarnation):
        scene.ask(backup)
    with pytest.raises(WrongIncarnation):
        scene.ask(backup, "recover")


def test_recover_is_refused_while_the_database_is_there(scene: Scene, backup: Backup) -> None:
    refused(scene, DatabaseStillThere, backup, "recover")


def test_a_backup_of_another_database_is_refused(scene: Scene, backup: Backup) -> None:
    other = register(scene.club, name="Elsewhere")
    error = refused(scene, WrongBackup, backup, target=other)
    assert "not of Elsewhere" in error.message
    refused(scene, WrongBackup, backup, "merge", target=other, dry_run=True)


def test_a_copy_over_its_own_target_is_refused(scene: Scene, backup: Backup) -> None:
    refused(scene, WrongBackup, backup, "copy")


# --- which backup -----------------------------------------------------------------------------------------------------


def test_a_failed_backup_is_refused(scene: Scene, backup: Backup) -> None:
    Backup.objects.update(state="failed", error_code="disk.full")
    refused(scene, BackupNotUsable, backup)


def test_a_damaged_backup_is_refused(scene: Scene, backup: Backup) -> None:
    Backup.objects.update(damaged_at="2026-01-01T00:00Z")
    refused(scene, BackupNotUsable, backup)


def test_a_backup_without_a_good_copy_is_refused(scene: Scene, backup: Backup) -> None:
    backup.copies.update(state=CopyState.DAMAGED)
    refused(scene, BackupNotUsable, backup)


def test_an_unproved_backup_is_proved_on_the_way(scene: Scene, backup: Backup) -> None:
    assert backup.level == Level.STORED
    shown = preview(backup, scene.target, "replace", actor=scene.cast.actor("alice"))
    assert "not proved yet" in {f.guard: f.message for f in shown.findings}["usable"]
    restore = scene.restore(backup)
    scene.succeeded(restore)
    backup.refresh_from_db()
    assert backup.level == Level.PROVED


def test_a_backup_that_fails_its_proof_is_refused_and_doubted(scene: Scene, backup: Backup) -> None:
    """The manifest says one row more than the archive holds."""
    manifest = backup.manifest
    next(table for table in manifest["tables"] if table["name"] == "User")["rows"] += 1
    Backup.objects.update(manifest=manifest)
    restore = scene.restore(backup)
    assert (restore.state, restore.error_code) == ("failed", ProofFailed.code)
    assert '"User" has 23 rows of 24' in restore.error
    assert Verification.objects.get(backup=backup).level == Level.PROVED
    scene.is_untouched(dict(ROWS))


def test_a_server_older_than_the_dump_is_refused(scene: Scene, backup: Backup) -> None:
    backup.manifest["server_version"] = 190000
    backup.save()
    error = refused(scene, ServerTooOld, backup)
    assert "PostgreSQL 19" in error.message


# --- loss -------------------------------------------------------------------------------------------------------------


def test_a_restore_that_would_lose_rows_is_refused_and_says_where(scene: Scene, backup: Backup) -> None:
    accidents.write_new_rows(scene.club)
    error = refused(scene, WouldLoseRows, backup)
    assert '"public"."UserAvailability" 177 → 154' in error.message
    assert [table["lost"] for table in error.detail["tables"]] == [23]
    assert LedgerEntry.objects.get(action="restore.refused").detail["code"] == WouldLoseRows.code


def test_a_table_that_the_backup_lacks_counts_as_lost(scene: Scene, backup: Backup) -> None:
    with scene.club.as_role(OWNER) as connection:
        connection.execute("CREATE TABLE invoices AS SELECT generate_series(1, 5) AS id")
    assert '"public"."invoices" 5 → 0' in refused(scene, WouldLoseRows, backup).message


def test_a_loss_below_the_share_that_is_set_passes(scene: Scene, backup: Backup, settings: Any) -> None:
    accidents.write_new_rows(scene.club)
    settings.TOVGOV_LOSS_SHARE = 0.12
    refused(scene, WouldLoseRows, backup)
    settings.TOVGOV_LOSS_SHARE = 0.13
    assert scene.ask(backup).state == "queued"


def test_an_override_needs_an_approver_who_may_allow_a_loss(scene: Scene, backup: Backup) -> None:
    accidents.write_new_rows(scene.club)
    alice, bob = scene.cast.actor("alice"), scene.cast.actor("bob")
    with pytest.raises(ApprovalMissing):
        scene.ask(backup, override_loss=True)
    approval = scene.ask_approval(backup, override_loss=True)
    assert approval.detail["losses"] == {'"public"."UserAvailability"': 23}
    approvals.approve(approval, actor=bob)
    weak = scene.cast.bob
    weak.groups.clear()
    with pytest.raises(NotPermitted, match="may not allow a loss"):
        scene.ask(backup, override_loss=True)
    approval.refresh_from_db()
    assert approval.state == ApprovalState.APPROVED, "a refused use does not use it up"
    weak.groups.add(scene.group("approver"))
    restore = scene.restore(backup, override_loss=True, actor=alice)
    scene.succeeded(restore)
    assert scene.club.counts() == ROWS
    assert restore.approval == approval


def test_a_loss_that_grew_after_its_approval_is_refused_before_the_swap(scene: Scene, backup: Backup) -> None:
    accidents.write_new_rows(scene.club)
    approvals.approve(scene.ask_approval(backup, override_loss=True), actor=scene.cast.actor("bob"))
    restore = scene.ask(backup, override_loss=True)
    accidents.write_new_rows(scene.club)
    perform(restore)
    assert (restore.state, restore.error_code) == ("failed", LossGrew.code)
    assert scene.club.counts()["UserAvailability"] == 154 + 46
    assert scene.left_over() == set()


def test_rows_written_after_the_request_are_seen_before_the_swap(
    scene: Scene, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backups.restore import beside

    proving = beside.prove

    def meanwhile(*args: Any, **options: Any) -> Any:
        accidents.write_new_rows(scene.club)
        return proving(*args, **options)

    monkeypatch.setattr(beside, "prove", meanwhile)
    restore = scene.restore(backup)
    assert (restore.state, restore.error_code) == ("failed", WouldLoseRows.code)
    assert scene.club.counts()["UserAvailability"] == 154 + 23
    assert scene.left_over() == set()


# --- where to ---------------------------------------------------------------------------------------------------------


def test_a_lower_environment_into_a_higher_one_is_refused(scene: Scene, backup: Backup) -> None:
    higher = register(scene.club, Environment.PRODUCTION, name="TovPlay production")
    error = refused(scene, LowerIntoHigher, backup, "copy", target=higher, typed_name="TovPlay")
    assert "staging is never restored into production" in error.message


def test_a_target_that_was_raised_gets_its_own_rows_back(scene: Scene, backup: Backup) -> None:
    """It was registered as staging by mistake: its backups are of this very database all the same."""
    scene.on(Environment.PRODUCTION)
    shown = preview(backup, scene.target, "replace", actor=scene.cast.actor("alice"), typed_name="TovPlay")
    assert shown.refusals == []
    assert "was registered as staging" in {f.guard: f.message for f in shown.findings}["environment"]


def test_a_raised_target_on_another_server_is_refused(scene: Scene, backup: Backup) -> None:
    scene.on(Environment.PRODUCTION)
    Backup.objects.update(system_identifier="7")
    refused(scene, LowerIntoHigher, backup, typed_name="TovPlay")


def test_production_under_another_name_is_still_production(scene: Scene) -> None:
    """Somebody registers the production database again, as scratch: no way around approval and typed name."""
    register(scene.club, Environment.PRODUCTION, name="The real one")
    scene.on(Environment.SCRATCH)
    backup = scene.back_up()
    refused(scene, NameNotTyped, backup)
    refused(scene, ApprovalMissing, backup, typed_name="TovPlay")
    other = Target.objects.get(name="The real one")
    refused(scene, LowerIntoHigher, backup, "copy", target=other, typed_name="TovPlay")


def test_too_little_disk_is_refused(scene: Scene, backup: Backup) -> None:
    backup.manifest["database_bytes"] = 10**18
    backup.save()
    refused(scene, NotEnoughDisk, backup)


def test_unknown_disk_is_said_and_not_refused(scene: Scene, backup: Backup) -> None:
    """Our role may not see where the server keeps its data."""
    scene.sql("REVOKE pg_read_all_settings FROM tovgov_operate")
    case = case_for(backup, scene.target, "replace", actor=scene.cast.actor("alice"))
    assert case.seen.free_bytes is None
    assert "UNKNOWN" in guard.disk(case)


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def production(scene: Scene) -> Backup:
    scene.on(Environment.PRODUCTION)
    return scene.back_up()


def test_production_needs_the_typed_name(scene: Scene, production: Backup) -> None:
    for typed in ("", "tovplay", "TovPlay "):
        refused(scene, NameNotTyped, production, typed_name=typed)


def test_production_needs_an_approval(scene: Scene, production: Backup) -> None:
    refused(scene, ApprovalMissing, production, typed_name="TovPlay")


def test_nobody_approves_their_own_request(scene: Scene, production: Backup) -> None:
    scene.cast.bob.groups.add(scene.group("staff"))
    bob = scene.cast.actor("bob")
    approval = scene.ask_approval(production, actor=bob)
    with pytest.raises(SelfApproval):
        approvals.approve(approval, actor=bob)
    refused(scene, ApprovalMissing, production, actor=bob, typed_name="TovPlay")


def test_the_approver_cannot_be_the_one_who_starts_it(scene: Scene, production: Backup) -> None:
    scene.cast.bob.groups.add(scene.group("staff"))
    approvals.approve(scene.ask_approval(production), actor=scene.cast.actor("bob"))
    refused(scene, ApprovalMissing, production, actor=scene.cast.actor("bob"), typed_name="TovPlay")


def test_an_approval_fits_nothing_but_what_was_asked(scene: Scene, production: Backup) -> None:
    other = scene.back_up(kind="before-deployment")
    approvals.approve(scene.ask_approval(production), actor=scene.cast.actor("bob"))
    refused(scene, ApprovalMissing, other, typed_name="TovPlay")
    refused(scene, ApprovalMissing, production, typed_name="TovPlay", override_loss=True)


def test_an_approval_starts_one_restore_and_no_second(scene: Scene, production: Backup) -> None:
    approval = scene.ask_approval(production)
    approvals.approve(approval, actor=scene.cast.actor("bob"))
    restore = scene.restore(production, typed_name="TovPlay")
    scene.succeeded(restore)
    with pytest.raises(ApprovalMissing):
        scene.ask(production, typed_name="TovPlay")
    with pytest.raises(ApprovalClosed):
        approvals.approve(approval, actor=scene.cast.actor("bob"))


def test_the_approver_decides_on_facts(scene: Scene, production: Backup) -> None:
    approval = scene.ask_approval(production)
    assert approval.summary.startswith('Replace the database "TovPlay" of TovPlay (Production)')
    assert {t["name"] for t in approval.detail["tables"]} >= {"User", "Game"}
    assert "not proved yet" in approval.detail["remarks"][0]


def test_what_would_be_refused_cannot_be_asked_for(scene: Scene, production: Backup) -> None:
    accidents.write_new_rows(scene.club)
    with pytest.raises(WouldLoseRows):
        scene.ask_approval(production)
    assert not Approval.objects.exists()


def test_tovgov_itself_needs_an_approval_too(scene: Scene, production: Backup, tovgov: Any) -> None:
    refused(scene, ApprovalMissing, production, actor=tovgov, typed_name="TovPlay")


def test_a_permission_is_needed(scene: Scene, backup: Backup) -> None:
    refused(scene, NotPermitted, backup, actor=scene.cast.actor("charlie"))
    refused(scene, NotPermitted, backup, actor=scene.cast.actor("bob"))
    with pytest.raises(NotPermitted):
        preview(backup, scene.target, "replace", actor=scene.cast.actor("charlie"))


def test_a_reason_is_needed(scene: Scene, backup: Backup) -> None:
    refused(scene, ReasonMissing, backup, reason="  ")


def test_a_merge_without_a_dry_run_is_refused(scene: Scene, backup: Backup) -> None:
    refused(scene, DryRunMissing, backup, "merge", merge_tables=["User"])


def test_only_a_merge_is_run_dry_as_a_job(scene: Scene, production: Backup) -> None:
    """A dry run needs no approval, so nothing else may pass for one."""
    for mode in ("replace", "recover", "copy"):
        with pytest.raises(UsageError):
            scene.ask(production, mode, dry_run=True, typed_name="TovPlay")
    with pytest.raises(IntegrityError, match="only_a_merge_runs_dry"), transaction.atomic():
        RestoreFactory(backup=production, dry_run=True)
    assert not Restore.objects.exists()


def test_a_target_that_became_production_after_the_request_is_refused_by_the_worker(
    scene: Scene, backup: Backup
) -> None:
    restore = scene.ask(backup)
    scene.on(Environment.PRODUCTION)
    perform(restore)
    assert (restore.state, restore.error_code) == ("failed", ApprovalMissing.code)
    scene.is_untouched(dict(ROWS))


def test_an_approval_does_not_follow_its_target_to_another_server(scene: Scene, production: Backup) -> None:
    approvals.approve(scene.ask_approval(production), actor=scene.cast.actor("bob"))
    Target.objects.update(host="localhost")
    refused(scene, ApprovalMissing, production, typed_name="TovPlay")


def test_a_maintenance_database_that_is_the_target_itself_is_refused(scene: Scene, backup: Backup) -> None:
    Target.objects.update(maintenance_database="TovPlay")
    refused(scene, NoMaintenance, backup)


def test_what_hangs_on_the_live_database_is_said_before(scene: Scene, backup: Backup) -> None:
    scene.sql("CREATE TABLE t (i int)", "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'mine'")
    try:
        shown = preview(backup, scene.target, "replace", actor=scene.cast.actor("alice"))
    finally:
        scene.sql("ROLLBACK PREPARED 'mine'")
    assert 'the prepared transaction "mine"' in {f.guard: f.message for f in shown.findings}["attached"]


def test_a_dry_run_of_other_tables_does_not_count(scene: Scene, backup: Backup) -> None:
    scene.succeeded(scene.restore(backup, "merge", merge_tables=["Game"], dry_run=True))
    with pytest.raises(DryRunMissing):
        scene.ask(backup, "merge", merge_tables=["User"])


def test_two_people_who_press_the_same_button_get_one_restore(scene: Scene, backup: Backup) -> None:
    scene.ask(backup)
    with pytest.raises(RestoreRunning):
        scene.ask(backup, actor=scene.cast.actor("miriam"))
    assert Restore.objects.count() == 1


# --- what the preview shows -------------------------------------------------------------------------------------------


def test_the_preview_names_every_guard_that_would_refuse(scene: Scene, production: Backup) -> None:
    accidents.write_new_rows(scene.club)
    Backup.objects.update(damaged_at="2026-01-01T00:00Z")
    shown = preview(production, scene.target, "replace", actor=scene.cast.actor("alice"))
    codes = {finding.code for finding in shown.refusals}
    assert codes == {BackupNotUsable.code, NameNotTyped.code, WouldLoseRows.code}
    assert (shown.lost, shown.needs_approval, shown.needs_typed_name) == (23, True, True)
    assert shown.as_dict()["would_start"] is False


def test_the_preview_says_unknown_when_the_server_is_away(scene: Scene, backup: Backup) -> None:
    Target.objects.update(port=1)
    shown = preview(backup, scene.target, "replace", actor=scene.cast.actor("alice"))
    assert {finding.guard: finding.status for finding in shown.findings}["loss"] == "unknown"
    assert (shown.comparison, shown.free_bytes) == (None, None)


def test_what_takes_too_long_to_count_is_unknown_until_the_worker_counts(
    scene: Scene, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is locked: a page does not wait for it; the worker does, and refuses the loss then."""
    from backups.restore import case

    monkeypatch.setattr(case, "COUNT_SECONDS", 0.6)
    accidents.write_new_rows(scene.club)
    with scene.club.as_role(OWNER) as other, other.transaction():
        other.execute('LOCK TABLE "User"')
        shown = preview(backup, scene.target, "replace", actor=scene.cast.actor("alice"))
        assert shown.comparison is None
        assert "UNKNOWN" in {f.guard: f.message for f in shown.findings}["loss"]
        restore = scene.ask(backup)
    perform(restore)
    assert (restore.state, restore.error_code) == ("failed", WouldLoseRows.code)


def test_a_merge_of_the_live_database_shows_the_plan_to_the_approver(scene: Scene, production: Backup) -> None:
    accidents.lose_some_rows(scene.club)
    scene.succeeded(scene.restore(production, "merge", merge_tables=["UserAvailability"], dry_run=True))
    approval = scene.ask_approval(production, mode="merge", merge_tables=["UserAvailability"])
    assert approval.detail["plan"]["insert"] > 0
    approvals.approve(approval, actor=scene.cast.actor("bob"))
    scene.succeeded(scene.restore(production, "merge", merge_tables=["UserAvailability"]))
    assert scene.club.counts() == ROWS
