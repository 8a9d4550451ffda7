"""The owner of tovgov's own database tries everything: each forgery is found, and named by its leaf."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from audit.actors import Actor
from audit.exceptions import PublishedUnreadable, SealBroken
from audit.models import (
    Alert,
    Checkpoint,
    ConnectionAuditLog,
    ImportKind,
    ImportSource,
    LogSeverity,
    RetiredRange,
    SealTile,
    SealTree,
    ServerLogEntry,
)
from audit.seals import checkpoints, entries, notes, retirement, tree, verify, witnesses
from audit.seals.merkle import leaf_hash
from tests.audit.seals.conftest import add, as_owner, execute, write_key
from tests.factories import ImportSourceFactory, ago

TOVGOV = Actor.system("tests")
LOG = "audit_connectionauditlog"


def faults(source: ImportSource, published: Path | None = None) -> list[str]:
    texts = witnesses.published_in(published) if published else None
    return verify.verify(source.target, actor=TOVGOV, published=texts).faults


def test_what_nobody_touched_is_sound(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    verdict = verify.required(verify.verify(source.target, actor=TOVGOV))
    assert (verdict.sources, verdict.rows, verdict.checkpoints, verdict.notices) == (1, 6, 1, [])


FORGERIES = {
    "a role": ("UPDATE {log} SET role = 'nobody' WHERE leaf = 2", "leaf 2 (entry"),
    "a time": ("UPDATE {log} SET at = at - interval '1 microsecond' WHERE leaf = 2", "leaf 2 (entry"),
    "an address": ("UPDATE {log} SET client_address = NULL WHERE leaf = 0", "leaf 0 (entry"),
    "an outcome": ("UPDATE {log} SET outcome = 'refused' WHERE leaf = 5", "leaf 5 (entry"),
    "all of one column": ("UPDATE {log} SET application_name = 'other'", "leaves 0 to 5 were altered"),
    "two exchanged": ("UPDATE {log} SET leaf = 3 - leaf WHERE leaf IN (1, 2)", "as leaf 1 and was sealed as leaf 2"),
    "the order": ("UPDATE {log} SET leaf = 5 - leaf", "stands as leaf 0 and was sealed as leaf 5"),
    "one gone": ("DELETE FROM {log} WHERE leaf = 3", "leaf 3 is gone"),
    "the last gone": ("DELETE FROM {log} WHERE leaf = 5", "leaf 5 is gone"),
    "all gone": ("DELETE FROM {log}", "leaves 0 to 5 are gone"),
    "one moved to no source": ("UPDATE {log} SET import_source_id = NULL WHERE leaf = 4", "leaf 4 is gone"),
    "one put in": ("INSERT", "was put in (it says that it is leaf 2)"),
    "one put in at the end": ("INSERT AT END", "was put in (it says that it is leaf 6)"),
    "one put in unsealed": ("INSERT UNSEALED", "was put in."),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(source: ImportSource, keys: Path, name: str) -> None:
    statement, says = FORGERIES[name]
    if statement.startswith("INSERT"):
        twin = ConnectionAuditLog.objects.get(leaf=2)
        twin.pk, twin.pid = None, 1
        twin.leaf = {"INSERT AT END": 6, "INSERT UNSEALED": None}.get(statement, 2)
        twin.save(force_insert=True)
    else:
        execute(statement.format(log=LOG))
    found = faults(source)
    assert says in " ".join(found)
    assert all(fault.startswith("samples of Club: ") for fault in found)
    with pytest.raises(SealBroken):
        verify.required(verify.verify(source.target, actor=TOVGOV))


# --- whoever forges the tree too --------------------------------------------------------------------------------------


def rewritten(source: ImportSource) -> None:
    """Grow the tree anew over the rows as they are now: what an owner who knows this code would do."""
    (known,) = entries.tables_of(source)
    grown = SealTree.objects.get(source=source)
    with transaction.atomic():
        SealTile.objects.filter(tree=grown).delete()
        SealTree.objects.filter(pk=grown.pk).update(size=0, frontier=b"")
        with entries.copied(f"{known.select(known.of(source), 'e.id')} ORDER BY e.leaf") as lines:
            hashes = [leaf_hash(line.partition(b"\t")[2]) for line in lines]
        tree.append(source, hashes)


def test_a_tree_over_forged_rows_is_not_the_one_of_the_checkpoint(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    execute(f"UPDATE {LOG} SET role = 'nobody' WHERE leaf = 2")
    rewritten(source)
    (fault,) = faults(source)
    assert "it is not the tree of 6 leaves that checkpoint 1 of" in fault


def test_a_shorter_tree_is_not_the_one_of_the_checkpoint(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    execute(f"DELETE FROM {LOG} WHERE leaf = 5")
    rewritten(source)
    (fault,) = faults(source)
    assert "it has 5 leaves; checkpoint 1" in fault


def test_tiles_alone_are_found(source: ImportSource, keys: Path) -> None:
    add(source, 300)
    checkpoints.watch()
    first = SealTile.objects.get(level=0, number=0)
    first.hashes = b"\0" * 32 + bytes(first.hashes)[32:]
    first.save()
    found = " ".join(faults(source))
    for says in ("root is not that of its hashes", "leaves 0 to 255 do not fit", "checkpoint 1", "leaf 0 (entry"):
        assert says in found


def test_a_tile_that_is_gone_is_found(source: ImportSource, keys: Path) -> None:
    SealTile.objects.all().delete()
    assert "the hashes of leaf 0 and of those after it are gone or damaged" in faults(source)[0]


def test_a_frontier_of_another_tree_is_found(source: ImportSource) -> None:
    SealTree.objects.update(frontier=b"\0" * 64)
    assert "root is not that of its hashes" in faults(source)[0]


def test_a_checkpoint_cannot_be_changed_or_removed(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    for statement in (
        "UPDATE audit_checkpoint SET root = ''",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_checkpoint CASCADE",
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute(statement)


def test_a_retired_range_cannot_be_changed_or_removed(source: ImportSource) -> None:
    retirement.retire(source, [(0, 2)], actor=TOVGOV)
    for statement in ("UPDATE audit_retiredrange SET last_leaf = 5", "DELETE FROM audit_retiredrange"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute(statement)


def test_a_checkpoint_with_another_root_is_found(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    as_owner("audit_checkpoint", f"UPDATE audit_checkpoint SET root = '{'0' * 64}'")
    assert "checkpoint 1 was altered" in " ".join(faults(source))


def test_a_checkpoint_that_another_key_signed_is_found(source: ImportSource, keys: Path) -> None:
    execute(f"UPDATE {LOG} SET role = 'nobody' WHERE leaf = 2")
    rewritten(source)
    write_key(keys / "signing-key.pem")
    checkpoints.watch()
    write_key(keys / "signing-key.pem")
    (fault,) = faults(source)
    assert "checkpoint 1 is not signed by a key we know" in fault


def test_a_checkpoint_that_is_gone_is_found(source: ImportSource, keys: Path, settings: object) -> None:
    checkpoints.make(source.seal_tree)
    add(source, 1)
    checkpoints.make(source.seal_tree)
    add(source, 1)
    checkpoints.make(source.seal_tree)
    as_owner("audit_checkpoint", "DELETE FROM audit_checkpoint WHERE number = 2")
    assert "checkpoints 2 to 2 are gone" in " ".join(faults(source))


# --- whoever sets everything back -------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def keep(checkpoint: Checkpoint | None, outside: Path) -> None:
    assert checkpoint is not None
    (outside / f"{checkpoint.number}.txt").write_text(checkpoint.note)


def set_back(source: ImportSource) -> None:
    """Everything after the first checkpoint never happened."""
    execute(f"DELETE FROM {LOG} WHERE leaf > 5")
    as_owner("audit_checkpoint", "DELETE FROM audit_checkpoint WHERE number > 1")
    rewritten(source)


def test_a_database_set_back_is_found_by_what_was_published_alone(
    source: ImportSource, keys: Path, outside: Path
) -> None:
    checkpoints.make(source.seal_tree)
    add(source, 4)
    keep(checkpoints.make(source.seal_tree), outside)
    assert faults(source, outside) == []
    set_back(source)
    assert faults(source) == [], "nothing inside tells: this is what publishing is for"
    (fault,) = faults(source, outside)
    assert "it has 6 leaves; the checkpoint published at" in fault
    assert "vouches for 10" in fault


def test_a_database_that_was_set_back_and_grew_again_is_found(source: ImportSource, keys: Path, outside: Path) -> None:
    checkpoints.make(source.seal_tree)
    add(source, 4)
    keep(checkpoints.make(source.seal_tree), outside)
    set_back(source)
    add(source, 9)
    checkpoints.make(source.seal_tree)
    assert faults(source) == []
    (fault,) = faults(source, outside)
    assert "it is not the tree of 10 leaves that the checkpoint published at" in fault


def test_a_tree_that_is_gone_is_found(source: ImportSource, keys: Path, outside: Path) -> None:
    keep(checkpoints.make(source.seal_tree), outside)
    execute(f"DELETE FROM {LOG}")
    as_owner("audit_checkpoint", "DELETE FROM audit_checkpoint")
    SealTile.objects.all().delete()
    SealTree.objects.all().delete()
    assert faults(source) == []
    (fault,) = faults(source, outside)
    assert "The tree of the checkpoint published at" in fault


def test_a_published_file_that_is_no_checkpoint_is_named(source: ImportSource, keys: Path, outside: Path) -> None:
    (outside / "letter.txt").write_text("Dear Miriam,\n\nnothing.\n")
    assert faults(source, outside) == [f"{outside / 'letter.txt'} is no checkpoint."]


def test_a_published_checkpoint_that_was_altered_is_named(source: ImportSource, keys: Path, outside: Path) -> None:
    made = checkpoints.make(source.seal_tree)
    assert made is not None
    (outside / "1.txt").write_text(made.note.replace("\n6\n", "\n7\n"))
    assert faults(source, outside) == [f"{outside / '1.txt'} is not signed by a key we know."]


def test_another_targets_published_checkpoints_do_not_matter(source: ImportSource, keys: Path, outside: Path) -> None:
    other = ImportSourceFactory(kind=ImportKind.SAMPLES)
    add(other, 2)
    keep(checkpoints.make(other.seal_tree), outside)
    assert faults(source, outside) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishedUnreadable):
        witnesses.published_in(tmp_path / "nowhere")


# --- retirement -------------------------------------------------------------------------------------------------------


def test_retired_entries_are_no_fault_and_the_others_are_still_proved(source: ImportSource, keys: Path) -> None:
    retirement.retire(source, [(1, 3)], actor=TOVGOV, reason="A year is over.")
    execute(f"DELETE FROM {LOG} WHERE leaf BETWEEN 1 AND 3")
    verdict = verify.verify(source.target, actor=TOVGOV)
    assert (verdict.rows, verdict.retired, verdict.faults) == (3, 3, [])
    assert "3 entries retired on" in verdict.notices[0]
    assert "by tovgov: their hashes are kept (leaves 1 to 3)" in verdict.notices[0]
    execute(f"DELETE FROM {LOG} WHERE leaf = 4")
    assert "leaf 4 is gone" in faults(source)[0]


def test_a_retirement_that_the_ledger_does_not_know_is_not_believed(source: ImportSource) -> None:
    RetiredRange.objects.create(tree=source.seal_tree, first_leaf=1, last_leaf=2, count=2, by="nobody")
    execute(f"DELETE FROM {LOG} WHERE leaf IN (1, 2)")
    found = " ".join(faults(source))
    assert "the ledger does not know that leaves 1 to 2 were retired" in found
    assert "leaves 1 to 2 are gone" in found


def test_an_entry_that_was_held_between_retired_ones_is_still_missed(source: ImportSource, keys: Path) -> None:
    retirement.retire(source, [(0, 1), (4, 5)], actor=TOVGOV)
    execute(f"DELETE FROM {LOG} WHERE leaf NOT IN (2, 3)")
    verdict = verify.verify(source.target, actor=TOVGOV)
    assert (verdict.rows, verdict.retired, verdict.faults) == (2, 4, [])
    execute(f"DELETE FROM {LOG} WHERE leaf = 3")
    assert "leaf 3 is gone" in faults(source)[0]


def test_runs_that_were_widened_afterwards_are_not_believed(source: ImportSource, keys: Path) -> None:
    retirement.retire(source, [(0, 1), (4, 5)], actor=TOVGOV)
    as_owner("audit_retiredrange", "UPDATE audit_retiredrange SET runs = '[[0, 3], [4, 5]]'")
    execute(f"DELETE FROM {LOG}")
    assert "the ledger does not know that leaves 0 to 5 were retired" in " ".join(faults(source))


@pytest.mark.parametrize(("first", "last"), [(0, 6), (-1, 2), (3, 2)])
def test_leaves_that_are_not_there_cannot_be_retired(source: ImportSource, first: int, last: int) -> None:
    with pytest.raises(ValueError, match="cannot be retired"):
        retirement.retire(source, [(first, last)], actor=TOVGOV)


# --- checkpoints ------------------------------------------------------------------------------------------------------


def test_without_a_key_entries_are_sealed_and_an_alarm_says_what_is_missing(source: ImportSource, keys: Path) -> None:
    (keys / "signing-key.pem").unlink()
    add(source, 1)
    checkpoints.watch()
    alarm = Alert.objects.get(kind=checkpoints.UNSIGNED)
    assert alarm.title.startswith("Seals are not signed. The signing key is not at")
    verdict = verify.verify(source.target, actor=TOVGOV)
    assert (verdict.rows, verdict.faults) == (7, [])
    assert verdict.notices[0].startswith("The signatures of checkpoints were not looked at.")
    write_key(keys / "signing-key.pem")
    checkpoints.watch()
    assert Checkpoint.objects.get().size == 7
    alarm.refresh_from_db()
    assert alarm.resolved_at is not None


def test_a_tree_is_signed_when_it_has_grown_and_some_minutes_are_over(source: ImportSource, keys: Path) -> None:
    checkpoints.watch()
    checkpoints.watch()
    assert Checkpoint.objects.count() == 1
    add(source, 1)
    checkpoints.watch()
    assert Checkpoint.objects.count() == 1, "not before its minutes are over"
    as_owner("audit_checkpoint", "UPDATE audit_checkpoint SET at = at - interval '6 minutes'")
    checkpoints.watch()
    last = Checkpoint.objects.get(number=2)
    assert (last.size, last.former) == (7, notes.digest(Checkpoint.objects.get(number=1).note))


def test_a_checkpoint_is_a_signed_note(source: ImportSource, keys: Path) -> None:
    made = checkpoints.make(source.seal_tree)
    assert made is not None
    lines = made.note.split("\n")
    assert lines[0] == f"tovgov/{source.seal_tree.uuid}"
    assert lines[1] == "6"
    assert lines[3] == "number 1"
    assert lines[5:8] == ["former -", "source samples of Club", ""]
    assert lines[8].startswith(f"— tovgov-{made.key_id} ")
    assert notes.read(made.note).root.hex() == made.root


def test_server_log_entries_are_sealed_by_their_own_line(keys: Path, db: None) -> None:
    source = ImportSourceFactory(kind=ImportKind.FOLDER, name="logs")
    rows = ServerLogEntry.objects.bulk_create(
        ServerLogEntry(
            target=source.target, source=source, file_id=1, of_group_id=1, leaf=0, offset=number, at=ago(minutes=1),
            level="ERROR", kind="syntax", severity=LogSeverity.LOW, message="tab\there\nand \\ there",
            more={"hint": "é", "n": 1},
        )
        for number in range(3)
    )  # fmt: skip
    ServerLogEntry.objects.update(leaf=F("offset"))
    with transaction.atomic():
        known = entries.SERVER_LOG
        with entries.copied(f"{known.select(known.of(source))} ORDER BY e.id") as lines:
            hashes = [leaf_hash(line) for line in lines]
        tree.append(source, hashes)
    add(source, 2)
    assert verify.verify(source.target, actor=TOVGOV).rows == len(rows) + 2, (
        "its connections are leaves of the same tree"
    )
    ServerLogEntry.objects.filter(leaf=1).update(message="nothing happened")
    assert "leaf 1 (entry" in faults(source)[0]
