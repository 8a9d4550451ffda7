"""Retention: what is over goes, in batches and in whole partitions; what is young, held or kept for ever stays, and the
seals of everything else are as sound as before."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from audit import ledger, partitions, tasks
from audit.actors import Actor
from audit.exceptions import KeepDaysInvalid, NoSuchLogSource, NotPermitted, PartitionBusy
from audit.imports.retention import batches, keeping, whole, work
from audit.imports.retention.held import LOGS
from audit.imports.server_logs import setup, words
from audit.models import (
    ConnectionAuditLog,
    DeleteAuditLog,
    ImportKind,
    ImportSource,
    LedgerEntry,
    LogWords,
    RetiredRange,
    SealTile,
    ServerLogEntry,
    ServerLogGroup,
)
from audit.seals import checkpoints, entries, retirement, tree, verify
from audit.seals.merkle import leaf_hash
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.imports.conftest import protect
from tests.audit.imports.test_deaths import environment
from tests.audit.seals.conftest import add, keys
from tests.audit.test_partitions import Jump, jump, other_session
from tests.cast import Cast
from tests.dying import mortals

__all__ = ["jump", "keys"]

TOVGOV = Actor.system("tests")
DAYS = 30
LATER = timedelta(days=100)
"""So long after everything was stored and signed retention looks at it."""


def store(source: ImportSource, group: ServerLogGroup, count: int, *, at: datetime | None = None) -> list[int]:
    """So many sealed entries; their ids."""
    with transaction.atomic():
        first = tree.lock(source).size
        rows = ServerLogEntry.objects.bulk_create(
            factories.ServerLogEntryFactory.build(
                target=source.target, source_id=source.pk, of_group_id=group.pk, leaf=first + number, at=at or group.at
            )
            for number in range(count)
        )
        known = entries.SERVER_LOG
        with entries.copied(f"{known.select(f'{known.of(source)} AND e.leaf >= {first}')} ORDER BY e.leaf") as lines:
            hashes = [leaf_hash(line) for line in lines]
        tree.append(source, hashes)
    return [row.pk for row in rows]


def logs_of(name: str, keep_days: int | None = DAYS) -> ImportSource:
    made: ImportSource = factories.ImportSourceFactory(
        target=factories.TargetFactory(name=name), kind=ImportKind.FOLDER, keep_days=keep_days
    )
    return made


def group_of(source: ImportSource, state: str = "accepted", **facts: Any) -> ServerLogGroup:
    decided = {} if state == "unreviewed" else {"decided_by": "alice", "decided_at": timezone.now()}
    made: ServerLogGroup = factories.ServerLogGroupFactory(target=source.target, state=state, **decided | facts)
    return made


@pytest.fixture
def source(db: None, keys: Path) -> ImportSource:
    return logs_of("Club")


def retire(*, after: timedelta = LATER, seconds: float = 600) -> int:
    return work.retire_due(now=timezone.now() + after, seconds=seconds)


def left() -> set[int]:
    return set(ServerLogEntry.objects.values_list("pk", flat=True))


def sound(source: ImportSource) -> verify.Verdict:
    return verify.required(verify.verify(source.target, actor=TOVGOV))


# --- what goes and what stays ---------------------------------------------------------------------------------------


def test_what_is_over_goes_and_counts_seals_and_groups_stay(source: ImportSource) -> None:
    group = group_of(source, count=12)
    store(source, group, 12)
    checkpoints.watch()
    tiles = SealTile.objects.count()
    assert retire() == 12
    assert left() == set()
    group.refresh_from_db()
    assert (group.count, SealTile.objects.count()) == (12, tiles)
    verdict = sound(source)
    assert (verdict.rows, verdict.retired) == (0, 12)
    (notice,) = verdict.notices
    assert "12 entries retired on" in notice
    assert f"(leaves 0 to 11). Kept for {DAYS} days." in notice
    assert ledger.verify().is_sound


def test_the_words_of_what_is_over_go_with_it(source: ImportSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogWords, "STRETCH", 5)
    over, held = group_of(source, count=12), group_of(source, "unreviewed", count=12)
    store(source, over, 6)
    stays = store(source, held, 9)
    store(source, over, 6)
    checkpoints.watch()
    words.note()
    assert retire() == 12
    words.note()
    assert set(LogWords.objects.values_list("pk", flat=True)) <= {pk // 5 for pk in stays}
    assert not LogWords.objects.filter(is_stale=True).exists()


def test_who_set_the_days_stands_beside_what_was_retired(source: ImportSource, cast: Cast) -> None:
    keeping.keep(source, 40, actor=cast.actor("miriam"), reason="Our policy.")
    store(source, group_of(source), 3)
    checkpoints.watch()
    retire()
    row = RetiredRange.objects.get()
    assert row.by == "tovgov"
    assert row.reason.startswith("Kept for 40 days, set by miriam on ")
    assert LedgerEntry.objects.filter(action=retirement.RETIRED, reason=row.reason).count() == 1


def test_what_is_younger_than_its_source_keeps_it_stays(source: ImportSource) -> None:
    group, young_at = group_of(source), timezone.now() + LATER - timedelta(days=DAYS - 1)
    store(source, group, 2)
    young = store(source, group, 2, at=young_at)
    checkpoints.watch()
    assert retire() == 2
    assert left() == set(young)
    sound(source)


def test_what_was_brought_lately_stays_however_old_it_is(source: ImportSource) -> None:
    store(source, group_of(source), 4, at=timezone.now() - timedelta(days=900))
    checkpoints.watch()
    assert retire(after=timedelta(days=DAYS - 1)) == 0
    assert retire(after=timedelta(days=DAYS + 1)) == 4


def test_what_no_checkpoint_vouches_for_stays(source: ImportSource) -> None:
    store(source, group_of(source), 4)
    assert retire() == 0
    assert not keeping.shown(source).is_signed


def test_without_days_everything_is_kept_for_ever(source: ImportSource) -> None:
    keeping.keep(source, None, actor=TOVGOV)
    store(source, group_of(source), 4)
    checkpoints.watch()
    assert retire(after=timedelta(days=30_000)) == 0
    assert len(left()) == 4


def test_each_source_by_its_own_days(source: ImportSource) -> None:
    other, third = logs_of("Shop", 60), logs_of("Bank", None)
    for one in (source, other, third):
        store(one, group_of(one), 3)
    checkpoints.watch()
    assert retire(after=timedelta(days=45)) == 3
    assert set(ServerLogEntry.objects.values_list("source", flat=True)) == {other.pk, third.pk}
    assert retire(after=timedelta(days=75)) == 3
    assert set(ServerLogEntry.objects.values_list("source", flat=True)) == {third.pk}
    for one in (source, other, third):
        sound(one)


def test_two_sources_of_one_target_do_not_take_each_others(source: ImportSource) -> None:
    other = factories.ImportSourceFactory(target=source.target, kind=ImportKind.SENT, keep_days=None)
    group = group_of(source)
    for _ in range(3):
        store(source, group, 2)
        kept = store(other, group, 2)
    checkpoints.watch()
    assert retire() == 6
    assert set(kept) < left()
    assert sound(source).rows == 6


HELD = {
    "unreviewed": {"state": "unreviewed"},
    "in review": {"state": "in review"},
    "suspicious": {"state": "suspicious", "incident": True},
    "in an open incident": {"state": "accepted", "incident": True},
}


@pytest.mark.parametrize("name", HELD)
def test_a_group_that_waits_is_held_entry_by_entry(source: ImportSource, name: str) -> None:
    facts = dict(HELD[name])
    if facts.pop("incident", False):
        facts["incident"] = factories.IncidentFactory(target=source.target)
    waits, over = group_of(source, **facts), group_of(source)
    held: list[int] = []
    for _ in range(3):
        store(source, over, 2)
        held += store(source, waits, 1)
    checkpoints.watch()
    assert retire() == 6
    assert left() == set(held)
    row = RetiredRange.objects.get()
    assert (row.first_leaf, row.last_leaf, row.count, row.runs) == (0, 7, 6, [[0, 1], [3, 4], [6, 7]])
    verdict = sound(source)
    assert (verdict.rows, verdict.retired) == (3, 6)


def test_what_was_held_goes_once_it_is_free(source: ImportSource) -> None:
    group = group_of(source, "in review")
    store(source, group, 3)
    checkpoints.watch()
    assert retire() == 0
    ServerLogGroup.objects.filter(pk=group.pk).update(state="accepted")
    assert retire() == 0, "it is looked at once a day"
    assert retire(after=LATER + timedelta(days=1, minutes=1)) == 3


def test_a_held_entry_that_disappears_is_a_fault_nevertheless(source: ImportSource) -> None:
    held = store(source, group_of(source, "in review"), 1)
    store(source, group_of(source), 3)
    checkpoints.watch()
    retire()
    ServerLogEntry.objects.filter(pk__in=held).delete()
    assert "leaf 0 is gone" in " ".join(verify.verify(source.target, actor=TOVGOV).faults)


def test_hidden_noise_waits_for_nobody(source: ImportSource) -> None:
    store(source, group_of(source, "unreviewed", is_noise=True), 3)
    checkpoints.watch()
    assert retire() == 3


def test_what_an_open_alert_cites_stays(source: ImportSource) -> None:
    first, second, _ = store(source, group_of(source), 3)
    alert = factories.AlertFactory(target=source.target)
    factories.AlertEvidenceFactory(alert=alert, kind="serverlogentry", object_id=second, at=timezone.now())
    over = factories.AlertFactory(target=source.target, resolved_at=timezone.now())
    factories.AlertEvidenceFactory(alert=over, kind="serverlogentry", object_id=first, at=timezone.now())
    checkpoints.watch()
    assert retire() == 2
    assert left() == {second}
    sound(source)


def test_connections_of_a_server_log_go_with_its_entries(source: ImportSource) -> None:
    store(source, group_of(source), 3)
    add(source, 4)
    checkpoints.watch()
    assert retire() == 7
    assert not ConnectionAuditLog.objects.exists()
    assert sound(source).retired == 7


def test_a_twin_that_is_kept_for_longer_is_shown_instead(source: ImportSource) -> None:
    kept = factories.ImportSourceFactory(target=source.target, kind=ImportKind.SAMPLES, keep_days=None)
    (shown,) = add(source, 1)
    (twin,) = add(kept, 1, at=shown.at, same_as=shown.pk)
    checkpoints.watch()
    assert retire() == 1
    assert list(ConnectionAuditLog.objects.values_list("pk", "same_as")) == [(twin.pk, None)]


def test_deleted_rows_are_evidence_until_a_person_sets_days(db: None, keys: Path) -> None:
    source = factories.ImportSourceFactory(target=factories.TargetFactory(name="Club"))
    assert source.keep_days is None
    over, waits = (
        factories.DeleteAuditTransactionFactory(target=source.target, state=state, decided_by="alice")
        for state in ("accepted", "in review")
    )
    for number, of in enumerate((over, over, waits)):
        factories.DeleteAuditLogFactory(of_transaction=of, leaf=number)
    known = entries.DELETIONS
    with transaction.atomic():
        with entries.copied(f"{known.select(known.of(source))} ORDER BY e.leaf") as lines:
            hashes = [leaf_hash(line) for line in lines]
        tree.append(source, hashes)
    checkpoints.watch()
    assert retire() == 0
    keeping.keep(source, DAYS, actor=TOVGOV)
    assert retire() == 2
    assert list(DeleteAuditLog.objects.values_list("of_transaction", flat=True)) == [waits.pk]
    assert sound(source).retired == 2


def test_deleted_rows_are_kept_for_longer_than_their_records_stay_in_the_target(db: None) -> None:
    source = factories.ImportSourceFactory(keep_days=5)
    assert keeping.days_of(source) == 5
    protect(source.target, keep_days=20)
    assert keeping.days_of(source) == 21


# --- in batches, killed and resumed ---------------------------------------------------------------------------------


def test_it_stops_after_its_seconds_and_goes_on_where_it_was(
    source: ImportSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 10)
    held = store(source, group_of(source, "in review"), 15)
    store(source, group_of(source, at=timezone.now()), 15)
    checkpoints.watch()
    counts = []
    while not source.retention.get("done_at"):
        counts.append(step(source))
        source.refresh_from_db()
    assert counts == [0, 5, 10, 0]
    assert left() == set(held)


def step(source: ImportSource) -> int:
    """One transaction of the batches; the pass ends with the last log."""
    now = timezone.now() + LATER
    done = batches.step(LOGS[0], source, actor=TOVGOV, now=now)
    if done.is_last:
        work._note_end(source, now)
    return done.retired


def retire_in_small_batches(_: int) -> None:
    """What a child that may be killed does."""
    batches.BATCH = 7
    retire()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_point_everything_that_went_is_accounted_for(keys: Path) -> None:
    source = logs_of("Club")
    waits, over = group_of(source, "in review"), group_of(source)
    held: list[int] = []
    for _ in range(12):
        store(source, over, 5)
        held += store(source, waits, 1)
        add(source, 2)
    checkpoints.watch()
    connections.close_all()
    killed = 0
    with mortals("tests.audit.imports.test_retention.retire_in_small_batches", environment()) as children:
        for at in range(3, 300, 12):
            killed += children.run(0, at=at) is None
            verdict = verify.verify(source.target, actor=TOVGOV)
            assert verdict.faults == []
            assert verdict.rows + verdict.retired == 12 * 8
        while not ImportSource.objects.get(pk=source.pk).retention.get("done_at"):
            children.run(0)
    assert killed >= 8
    assert left() == set(held)
    verdict = sound(source)
    assert (verdict.rows, verdict.retired) == (12, 12 * 7)
    assert ledger.verify().is_sound


@pytest.mark.django_db(transaction=True)
def test_a_group_that_is_taken_into_review_meanwhile_is_waited_for_and_stays(keys: Path) -> None:
    source = logs_of("Club")
    group = group_of(source)
    rows = store(source, group, 3)
    checkpoints.watch()

    def in_a_thread() -> None:
        try:
            retire()
        finally:
            connections.close_all()

    with other_session() as other:
        other.execute("UPDATE audit_serverloggroup SET state = 'in review' WHERE id = %s", [group.pk])
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        for _ in waiting_for_a_lock(thread):
            pass
        other.commit()
        thread.join()
    assert left() == set(rows)
    assert not RetiredRange.objects.exists()


def waiting_for_a_lock(thread: threading.Thread) -> Iterator[None]:
    """Until somebody waits for a row of a group, or the thread is over."""
    while thread.is_alive():
        with other_session() as looker:
            found = looker.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%FOR SHARE%%'"
                " AND datname = current_database()"
            ).fetchone()
        if found is not None:
            return
        thread.join(0.02)
        yield


# --- whole partitions -----------------------------------------------------------------------------------------------


def two_partitions(source: ImportSource, jump: Jump, group: ServerLogGroup, *, young: ServerLogGroup) -> list[int]:
    """Five old entries at the end of the first partition, and three old and two young ones in the second, which is
    written still; the ids of the young."""
    partitions.make_ahead(ServerLogEntry)
    border = partitions.partitions_of(ServerLogEntry)[0].below
    jump(ServerLogEntry, border - 5)
    store(source, group, 5)
    jump(ServerLogEntry, border)
    store(source, group, 3)
    ids = store(source, young, 2, at=timezone.now() + LATER)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    checkpoints.watch()
    return ids


def names() -> list[str]:
    return [one.name for one in partitions.partitions_of(ServerLogEntry)]


def test_a_partition_that_is_over_is_dropped_and_the_rest_goes_in_batches(source: ImportSource, jump: Jump) -> None:
    group = group_of(source, count=8)
    ids = two_partitions(source, jump, group, young=group_of(source, "unreviewed"))
    assert names()[0] == "audit_serverlogentry_from_0"
    assert retire() == 8
    assert names()[0] == f"audit_serverlogentry_from_{partitions.SIZE}"
    assert left() == set(ids)
    assert sorted(RetiredRange.objects.values_list("count", flat=True)) == [3, 5]
    verdict = sound(source)
    assert (verdict.rows, verdict.retired) == (2, 8)
    group.refresh_from_db()
    assert group.count == 8


def test_a_dropped_partition_takes_its_words_along(
    source: ImportSource, jump: Jump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogWords, "STRETCH", 2)
    group = group_of(source, count=8)
    two_partitions(source, jump, group, young=group)
    for pk in left():
        words._write(pk // 2 * 2, pk // 2 * 2 + 2)
    before = len(names())
    retire()
    assert len(names()) < before
    words.note()
    assert set(LogWords.objects.values_list("pk", flat=True)) == {pk // 2 for pk in left()}


def test_a_partition_with_an_entry_in_an_open_review_stays_and_so_does_the_entry(
    source: ImportSource, jump: Jump
) -> None:
    waits = group_of(source, "in review")
    partitions.make_ahead(ServerLogEntry)
    held = store(source, waits, 1)
    two_partitions(source, jump, group_of(source), young=waits)
    assert retire() == 8
    assert "audit_serverlogentry_from_0" in names()
    assert set(held) < left()
    assert sound(source).retired == 8


@pytest.mark.parametrize("keep_days", [None, 5000])
def test_a_partition_with_an_entry_that_is_kept_for_longer_stays(
    source: ImportSource, jump: Jump, keep_days: int | None
) -> None:
    other = logs_of("Bank", keep_days)
    kept = store(other, group_of(other), 1)
    two_partitions(source, jump, group_of(source), young=group_of(source, "unreviewed"))
    assert retire() == 8
    assert set(kept) < left()
    assert "audit_serverlogentry_from_0" in names()


def test_a_partition_with_an_alerts_evidence_stays(source: ImportSource, jump: Jump) -> None:
    (cited,) = store(source, group_of(source), 1)
    alert = factories.AlertFactory(target=source.target)
    factories.AlertEvidenceFactory(alert=alert, kind="serverlogentry", object_id=cited, at=timezone.now())
    two_partitions(source, jump, group_of(source), young=group_of(source, "unreviewed"))
    retire()
    assert cited in left()
    assert "audit_serverlogentry_from_0" in names()
    sound(source)


def test_an_empty_partition_is_dropped_afterwards(source: ImportSource, jump: Jump) -> None:
    waits = group_of(source, "in review")
    store(source, waits, 1)
    two_partitions(source, jump, group_of(source), young=group_of(source, "unreviewed"))
    retire()
    ServerLogGroup.objects.filter(pk=waits.pk).update(state="accepted")
    for days in (1, 2):
        retire(after=LATER + timedelta(days=days, minutes=days))
    assert "audit_serverlogentry_from_0" not in names()
    sound(source)


def test_connections_are_dropped_with_their_partition(source: ImportSource, jump: Jump) -> None:
    partitions.make_ahead(ConnectionAuditLog)
    border = partitions.partitions_of(ConnectionAuditLog)[0].below
    kept = factories.ImportSourceFactory(target=source.target, kind=ImportKind.SAMPLES, keep_days=None)
    jump(ConnectionAuditLog, border - 3)
    shown = add(source, 3)[0]
    (twin,) = add(kept, 1, at=shown.at, same_as=shown.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    checkpoints.watch()
    assert retire() == 3
    assert list(ConnectionAuditLog.objects.values_list("pk", "same_as")) == [(twin.pk, None)]
    assert partitions.partitions_of(ConnectionAuditLog)[0].first == border
    assert sound(source).retired == 3


@pytest.mark.django_db(transaction=True)
def test_a_log_that_is_being_read_is_left_alone_after_a_moment(
    keys: Path, jump: Jump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_MILLISECONDS", 50)
    source = logs_of("Club")
    two_partitions(source, jump, group_of(source), young=group_of(source, "unreviewed"))
    before = names()
    with other_session() as reader:
        reader.execute("SELECT count(*) FROM audit_serverlogentry")
        with pytest.raises(PartitionBusy):
            whole.retire_next(LOGS[0], actor=TOVGOV, now=timezone.now() + LATER)
        reader.execute("SELECT count(*) FROM audit_serverlogentry")
        reader.rollback()
    assert names() == before
    assert not RetiredRange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_being_imported_is_not_waited_for(keys: Path, jump: Jump) -> None:
    source = logs_of("Club")
    two_partitions(source, jump, group_of(source), young=group_of(source, "unreviewed"))
    before = names()
    with other_session() as importer:
        importer.execute("SELECT FROM audit_importsource WHERE id = %s FOR UPDATE", [source.pk])
        with pytest.raises(PartitionBusy):
            whole.retire_next(LOGS[0], actor=TOVGOV, now=timezone.now() + LATER)
        importer.rollback()
    assert names() == before
    assert ServerLogEntry.objects.count() == 10


# --- people ---------------------------------------------------------------------------------------------------------


def test_who_may_not_cannot_set_the_days(source: ImportSource, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        keeping.keep(source, 10, actor=cast.actor("alice"))
    source.refresh_from_db()
    assert source.keep_days == DAYS


@pytest.mark.parametrize("days", [0, -1, keeping.MOST + 1])
def test_days_that_are_none_are_refused(source: ImportSource, days: int) -> None:
    with pytest.raises(KeepDaysInvalid):
        keeping.keep(source, days, actor=TOVGOV)


def test_a_new_server_log_is_kept_for_a_year(db: None, tmp_path: Path, settings: Any) -> None:
    target = factories.TargetFactory()
    made = setup.add(target, "folder", settings={"folder": str(tmp_path)}, actor=TOVGOV)
    assert made.keep_days == 365
    settings.TOVGOV_LOG_KEEP_DAYS = 0
    made = setup.add(target, "folder", name="b", settings={"folder": str(tmp_path)}, actor=TOVGOV)
    assert made.keep_days is None
    assert setup.sent_source(target, actor=TOVGOV).keep_days is None


def test_the_command_sets_days_and_for_ever(source: ImportSource, cast: Cast) -> None:
    out = StringIO()
    call_command("imports", "keep", "Club", "folder", "90", "--as", "miriam", "--json", stdout=out)
    assert json.loads(out.getvalue())["keep_days"] == 90
    call_command("imports", "keep", "Club", str(source.pk), "forever", "--as", "miriam", stdout=out)
    source.refresh_from_db()
    assert source.keep_days is None
    assert "are kept for ever" in out.getvalue()
    entry = LedgerEntry.objects.filter(action=keeping.KEPT).latest("number")
    assert (entry.actor, entry.detail["before"], entry.detail["keep_days"]) == ("miriam", 90, None)


def test_a_source_that_is_not_there_is_named(source: ImportSource) -> None:
    with pytest.raises(NoSuchLogSource):
        keeping.find(source.target, "loki")


def test_a_worker_is_woken_where_something_is_due(source: ImportSource, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr(work, "async_task", woken.append)
    work.wake()
    assert woken == [work.TASK]
    tasks.retire_entries()
    work.wake()
    assert woken == [work.TASK], "it is done for today"


def test_the_page_says_what_goes_next_and_what_went(source: ImportSource, cast: Cast) -> None:
    store(source, group_of(source), 3)
    checkpoints.watch()
    client: Client = signed_in(cast.miriam)
    url = f"/admin/audit/importsource/{source.pk}/change/"
    assert "no signed checkpoint is older than" in client.get(url).content.decode()
    answer = client.post(
        f"/admin/audit/importsource/act/keep/?ids={source.pk}", {"days": "40", "reason": "Policy."}, follow=True
    )
    assert "are kept for 40 days" in answer.content.decode()
    retire()
    shown = client.get(url).content.decode()
    assert "3 entries by tovgov. Kept for 40 days, set by miriam on " in shown
