"""What an incident lost and what proves that it is back, with databases really emptied, dropped and restored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit import incidents, losses, tasks
from audit.exceptions import IncidentUnproved, ProofDry, ProofTooYoung, ProofUndone
from audit.models import Incident, IncidentKind, LossCount
from backups.models import Level, Restore
from backups.restore.undo import redo, undo
from tests.backups.house import verified
from tests.backups.restore.conftest import Scene
from tovgov.demo import accidents
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]


def opened(scene: Scene, kind: IncidentKind) -> Incident:
    """An incident that began this moment."""
    row = incidents.open_incident(
        "The club was hurt", target=scene.target, actor=scene.cast.actor("alice"), kind=kind, began_at=timezone.now()
    )
    row.target.refresh_from_db()
    return row


def count(scene: Scene, row: Incident) -> LossCount:
    """Compute the loss as a worker does."""
    job = losses.request(row, actor=scene.cast.actor("alice"))
    tasks.count_loss(job.pk)
    job.refresh_from_db()
    row.refresh_from_db()
    assert job.state == "succeeded", job.error
    return job


@pytest.mark.parametrize("cluster", [16, 18], indirect=True)
def test_an_emptied_database_is_counted_restored_and_proved(scene: Scene) -> None:
    backup = scene.back_up()
    assert verified(backup).state == "succeeded"
    row = opened(scene, IncidentKind.DATA_LOSS)
    scene.wipe()
    count(scene, row)
    assert (row.lost_rows, row.returned_rows, row.loss_basis["at_least"]) == (sum(ROWS.values()), 0, False)
    alice = scene.cast.actor("alice")
    with pytest.raises(IncidentUnproved):
        incidents.resolve(row, actor=alice, note="It should be fine.")

    empty = scene.back_up()
    assert verified(empty).level == Level.PROVED
    merged = scene.restore(empty, "merge", dry_run=True)
    with pytest.raises(ProofDry):
        losses.prove(row, merged, actor=alice)
    young: Restore = scene.restore(empty)
    scene.succeeded(young)
    with pytest.raises(ProofTooYoung):
        losses.prove(row, young, actor=alice)

    restore = scene.restore(backup)
    scene.succeeded(restore)
    assert [found.row for found in losses.proofs(row)] == [restore]
    losses.prove(row, restore, actor=alice)
    assert (row.returned_rows, row.losses.get(table="public.User").returned) == (sum(ROWS.values()), 23)
    assert row.rto_seconds is not None
    assert row.rto_seconds > 0
    undo(restore, actor=alice, reason="Let us see what is left.")
    with pytest.raises(IncidentUnproved, match="undone since"):
        incidents.resolve(row, actor=alice, note="All rows are back.")
    redo(restore, actor=alice, reason="Enough.")
    incidents.resolve(row, actor=alice, note="All rows are back.")
    incidents.reopen(row, actor=alice, note="Once more.")
    undo(restore, actor=alice, reason="Let us see what is left.")
    with pytest.raises(ProofUndone):
        losses.prove(row, restore, actor=alice)


def test_a_dropped_database_has_lost_all_and_is_recovered(scene: Scene) -> None:
    backup = scene.back_up()
    assert verified(backup).state == "succeeded"
    row = opened(scene, IncidentKind.DROPPED)
    accidents.drop_database(scene.club)
    job = count(scene, row)
    assert job.is_missing
    assert (row.lost_rows, row.losses.get(table="public.User").rows_after) == (sum(ROWS.values()), 0)
    assert row.began_at is not None
    assert row.lost_seconds == pytest.approx((row.began_at - backup.snapshot_at).total_seconds())
    restore = scene.restore(backup, "recover")
    scene.succeeded(restore)
    losses.prove(row, restore, actor=scene.cast.actor("alice"))
    assert row.returned_rows == row.lost_rows


def test_merged_rows_are_counted_as_returned(scene: Scene) -> None:
    backup = scene.back_up()
    assert verified(backup).state == "succeeded"
    row = opened(scene, IncidentKind.DATA_LOSS)
    lost = accidents.lose_some_rows(scene.club)
    count(scene, row)
    assert (row.lost_rows, row.losses.get(table="public.UserAvailability").lost) == (lost, lost)
    chosen = ['"public"."UserAvailability"']
    scene.succeeded(scene.restore(backup, "merge", merge_tables=chosen, dry_run=True))
    restore = scene.restore(backup, "merge", merge_tables=chosen)
    scene.succeeded(restore)
    losses.prove(row, restore, actor=scene.cast.actor("alice"))
    assert (row.returned_rows, row.losses.get(table="public.UserAvailability").returned) == (lost, lost)


def test_a_target_that_cannot_be_reached_leaves_the_loss_unknown(scene: Scene) -> None:
    assert verified(scene.back_up()).state == "succeeded"
    row = opened(scene, IncidentKind.DATA_LOSS)
    type(scene.target).objects.filter(pk=scene.target.pk).update(port=1)
    job = count(scene, row)
    assert job.why_not
    assert (row.lost_rows, row.losses.get(table="public.User").lost) == (None, None)
    assert row.loss_at is not None
    assert timezone.now() - row.loss_at < timedelta(hours=1)
