"""The story of a bad night: emptied, restored, undone, redone; dropped, recovered; some rows lost, merged."""

from __future__ import annotations

import pytest

from audit import targets
from audit.models import LedgerEntry, Target
from backups.exceptions import DatabaseStillThere, WouldLoseRows
from backups.models import BackupKind, Level, SwapState
from backups.restore.request import preview
from backups.restore.undo import drop_kept, redo, undo
from tests.backups.restore.conftest import Scene
from tovgov.demo import accidents
from tovgov.demo.club import OWNER
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]
both = pytest.mark.parametrize("cluster", [16, 18], indirect=True)


@both
def test_an_emptied_database_is_restored_undone_and_redone(scene: Scene) -> None:
    backup = scene.back_up()
    before, properties = scene.club.fingerprint(), scene.club.properties()
    scene.wipe()
    empty = scene.back_up(kind=BackupKind.BEFORE_DEPLOYMENT)
    alice = scene.cast.actor("alice")

    shown = preview(backup, scene.target, "replace", actor=alice)
    assert {t.name: (t.live, t.backup) for t in shown.comparison or []}["User"] == (0, 23)
    assert (shown.refusals, shown.needs_approval, shown.lost) == ([], False, 0)

    restore = scene.restore(backup)
    scene.succeeded(restore)
    assert scene.club.fingerprint() == before
    assert scene.club.properties() == properties
    assert restore.swap == SwapState.SWAPPED
    assert restore.proof["holds"]
    assert (restore.rows_before, restore.rows_after) == (0, sum(ROWS.values()))
    assert restore.rto_seconds
    assert restore.rpo_seconds
    assert restore.swap_milliseconds > 0
    assert restore.safety_backup.kind == "before-restore"
    assert scene.left_over() == {restore.kept_database}
    backup.refresh_from_db()
    assert backup.level == Level.PROVED
    assert targets.check(Target.objects.get(), actor=alice) is None

    with pytest.raises(WouldLoseRows, match="542 rows would be lost"):
        scene.ask(empty)

    undo(restore, actor=alice, reason="Let us look at what is left.")
    assert restore.swap == SwapState.UNDONE
    assert restore.swap_milliseconds > 0
    assert set(scene.club.counts().values()) == {0}
    assert targets.check(Target.objects.get(), actor=alice) is None
    redo(restore, actor=alice, reason="Enough.")
    assert scene.club.fingerprint() == before
    assert scene.club.properties() == properties
    assert targets.check(Target.objects.get(), actor=alice) is None

    drop_kept(restore, actor=alice, reason="All is well.")
    assert (restore.swap, scene.left_over()) == (SwapState.DROPPED, set())
    told = LedgerEntry.objects.filter(action__startswith="restore.").order_by("number")
    assert [entry.action for entry in told] == [
        "restore.request", "restore.swap", "restore.succeeded", "restore.refused", "restore.undo", "restore.redo",
        "restore.drop_kept",
    ]  # fmt: skip


@both
def test_a_dropped_database_is_recovered_whole(scene: Scene) -> None:
    backup = scene.back_up()
    before, properties, oid = scene.club.fingerprint(), scene.club.properties(), scene.target.database_oid
    with pytest.raises(DatabaseStillThere):
        scene.ask(backup, "recover")
    accidents.drop_database(scene.club)
    restore = scene.restore(backup, "recover")
    scene.succeeded(restore)
    assert scene.club.fingerprint() == before
    assert scene.club.properties() == properties
    assert restore.kept_database == ""
    assert restore.safety_backup is None
    scene.target.refresh_from_db()
    assert scene.target.database_oid not in (None, oid)
    assert targets.check(scene.target, actor=scene.cast.actor("alice")) is None
    assert scene.left_over() == set()


def test_a_merge_keeps_what_is_new(scene: Scene) -> None:
    backup = scene.back_up()
    new = accidents.write_new_rows(scene.club)
    lost = accidents.lose_some_rows(scene.club)
    table = '"public"."UserAvailability"'
    planned = scene.restore(backup, "merge", merge_tables=[table], dry_run=True)
    assert (planned.state, planned.plan["insert"]) == ("succeeded", lost)
    assert scene.club.counts()["UserAvailability"] == ROWS["UserAvailability"] + new - lost
    merged = scene.restore(backup, "merge", merge_tables=[table])
    scene.succeeded(merged)
    assert scene.club.counts()["UserAvailability"] == ROWS["UserAvailability"] + new
    assert merged.plan["tables"][0]["inserted"] == lost
    assert (merged.rows_before, merged.rows_after) == (154 + new - lost, 154 + new)
    assert scene.left_over() == set()
    with scene.club.as_role(OWNER) as connection:
        connection.execute('INSERT INTO "UserAvailability" (user_id, day_of_week, slot_start, slot_end) '
                           """SELECT id, 1, '08:00', '09:00' FROM "User" LIMIT 1""")  # fmt: skip
