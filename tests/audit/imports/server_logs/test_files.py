"""Files that are renamed, copied, packed, truncated or given twice: every record once."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from audit.imports import schedule
from audit.models import ImportSource, LogFileState, ServerLogEntry, ServerLogGroup
from tests.audit.imports.server_logs.conftest import file_of, imported, lines, records, write

pytestmark = pytest.mark.django_db(transaction=True)


def test_records_are_stored_in_order_with_their_facts(source: ImportSource, folder: Path) -> None:
    write(folder / "a.csv", records(0, 50))
    run = imported(source)
    assert (run.records, run.rows, run.faults) == (50, 50, 0)
    assert lines(source) == list(range(50))
    first = ServerLogEntry.objects.order_by("id")[0]
    assert (first.role, first.database, first.address, first.level) == ("clerk", "tovplay", "10.0.0.5", "LOG")
    assert f"{first.at:%Y-%m-%d %H:%M:%S} {first.leaf}" == "2026-11-20 10:00:00 0"
    group = ServerLogGroup.objects.get()
    assert (group.count, group.pk) == (50, first.of_group_id)


def test_a_file_that_has_not_changed_is_not_opened(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 5))
    imported(source)
    before = file_of(source, "a.csv")
    write(path, b"\0" * path.stat().st_size)  # other content, same size; then the same time as before
    os.utime(path, ns=(before.modified, before.modified))
    assert imported(source).records == 0
    assert lines(source) == list(range(5))


def test_what_is_appended_is_read_on(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 5))
    imported(source)
    write(path, records(5, 5), append=True)
    assert imported(source).records == 5
    assert lines(source) == list(range(10))
    assert file_of(source, "a.csv").offset == path.stat().st_size


def test_half_a_line_waits_for_its_other_half(source: ImportSource, folder: Path) -> None:
    whole = records(0, 6)
    path = write(folder / "a.csv", whole[:-40])
    run = imported(source)
    assert (run.records, run.faults) == (5, 0)
    write(path, whole[-40:], append=True)
    assert imported(source).records == 1
    assert lines(source) == list(range(6))


def test_rotated_by_rename(source: ImportSource, folder: Path) -> None:
    path = write(folder / "pg.csv", records(0, 5), age=900)
    imported(source)
    write(path, records(5, 5), append=True, age=600)
    path.rename(folder / "pg.csv.1")
    write(folder / "pg.csv", records(10, 5), age=5)
    imported(source)
    assert lines(source) == list(range(15))
    assert file_of(source, "pg.csv.1").records == 10


def test_rotated_by_copy_and_truncate(source: ImportSource, folder: Path) -> None:
    path = write(folder / "pg.csv", records(0, 100), age=900)
    imported(source)
    write(path, records(100, 5), append=True, age=600)
    shutil.copy2(path, folder / "pg.csv.1")
    write(path, records(105, 5), age=5)
    imported(source)
    assert sorted(lines(source)) == list(range(110))


def test_packed_after_it_was_rotated(source: ImportSource, folder: Path) -> None:
    path = write(folder / "pg.csv.1", records(0, 100), age=900)
    write(folder / "pg.csv", records(100, 5), age=5)
    imported(source)
    write(folder / "pg.csv.2.gz", gzip.compress(path.read_bytes()))
    imported(source)  # both lie there for a moment
    assert file_of(source, "pg.csv.2.gz").state == LogFileState.SKIPPED
    path.unlink()
    run = imported(source)
    assert (run.records, sorted(lines(source))) == (0, list(range(105)))


def test_packed_before_its_end_was_read(source: ImportSource, folder: Path) -> None:
    path = write(folder / "pg.csv", records(0, 100), age=900)
    imported(source)
    write(path, records(100, 50), append=True)
    write(folder / "pg.csv.1.gz", gzip.compress(path.read_bytes()))
    write(path, records(150, 5), age=5)
    imported(source)
    assert sorted(lines(source)) == list(range(155))


def test_the_same_file_twice(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 100))
    shutil.copy(path, folder / "copy of a.csv")
    write(folder / "a.csv.gz", gzip.compress(path.read_bytes()))
    imported(source)
    assert lines(source) == list(range(100))
    imported(source)
    assert lines(source) == list(range(100))


def test_a_copy_that_grows_brings_nothing_twice(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 100))
    copy = folder / "b.csv"
    shutil.copy(path, copy)
    imported(source)
    write(path, records(100, 10), append=True)
    shutil.copy(path, copy)
    imported(source)
    imported(source)
    assert lines(source) == list(range(110))


def test_a_file_with_the_inode_of_another_is_a_new_one(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 100))
    imported(source)
    with path.open("r+b") as file:
        file.truncate()
    write(path, records(100, 100))
    imported(source)
    assert lines(source) == list(range(200))


def test_the_best_of_several_formats_is_read_and_the_others_say_so(source: ImportSource, folder: Path) -> None:
    write(folder / "pg.log", "2026-11-20 10:00:00.000 UTC [1] LOG:  starting\n")
    write(folder / "pg.csv", records(0, 10))
    imported(source)
    assert lines(source) == list(range(10))
    left = file_of(source, "pg.log")
    assert left.state == LogFileState.SKIPPED
    assert "pg.csv" in left.error


def test_ten_thousand_files(source: ImportSource, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(0, 10_000):
        write(folder / f"{number}.csv", records(number, 1) if number % 100 == 0 else b"")
    imported(source)
    assert sorted(lines(source)) == list(range(0, 10_000, 100))
    assert schedule.look_at_log(source) is None


def test_nothing_is_queued_while_nothing_changes(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 5))
    run = schedule.look_at_log(source)
    assert run is not None
    run.delete()
    imported(source)
    assert schedule.look_at_log(source) is None
    write(path, records(5, 1), append=True, age=30)
    assert schedule.look_at_log(source) is not None


def test_a_cut_copy_does_not_stand_for_the_whole_file(source: ImportSource, folder: Path) -> None:
    """A download that broke off lies beside the one that did not."""
    packed = gzip.compress(records(0, 2000).encode())
    write(folder / "a.csv.gz", packed[: len(packed) // 2], age=900)
    write(folder / "b.csv.gz", packed, age=600)
    cut = imported(source).rows
    assert 0 < cut < 2000
    imported(source)
    stored = lines(source)
    assert stored[:cut] == list(range(cut))
    assert stored[-1] == 1999
    assert len(set(stored)) == len(stored) >= 1999  # of one record only the half that was read first is kept
    assert file_of(source, "b.csv.gz").state == LogFileState.READ
    imported(source)
    assert (file_of(source, "a.csv.gz").state, file_of(source, "a.csv.gz").error) == (
        LogFileState.SKIPPED,
        "It is the same as b.csv.gz.",
    )
    assert schedule.look_at_log(source) is None


def test_half_of_a_file_does_not_stand_for_the_whole_file(source: ImportSource, folder: Path) -> None:
    whole = records(0, 50)
    write(folder / "a.csv", whole[: len(whole) // 2 - 10], age=900)
    write(folder / "b.csv", whole, age=600)
    imported(source)
    imported(source)
    stored = lines(source)
    assert len(set(stored)) == len(stored) >= 49
    assert stored[-1] == 49
