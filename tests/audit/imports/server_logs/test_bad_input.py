"""Whatever lies in the folder: a named error a file, everything readable is kept, and the rest goes on."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from audit import targets
from audit.actors import Actor
from audit.imports import schedule, trouble
from audit.imports.server_logs import setup
from audit.models import Alert, ImportSource, LogFileState, Purpose, ServerLogEntry
from tests import factories
from tests.audit.imports.server_logs.conftest import (
    START,
    SYSTEM,
    file_of,
    imported,
    lines,
    records,
    row,
    run_import,
    text,
    write,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_binary_file_is_named_and_the_others_are_read(source: ImportSource, folder: Path) -> None:
    write(folder / "a.log", bytes(range(256)) * 100)
    write(folder / "b.csv", records(0, 5))
    imported(source)
    assert lines(source) == list(range(5))
    bad = file_of(source, "a.log")
    assert (bad.state, bad.error_code) == (LogFileState.FAILED, "imports.log_format_unknown")
    assert Alert.objects.filter(kind="imports.log_file", resolved_at=None).exists()
    (folder / "a.log").unlink()


def test_of_a_cut_gzip_what_comes_before_the_cut_is_kept(source: ImportSource, folder: Path) -> None:
    packed = gzip.compress(records(0, 20_000).encode())
    write(folder / "a.csv.gz", packed[: len(packed) // 2])
    run = imported(source)
    assert 1_000 < run.rows < 20_000
    assert lines(source) == list(range(run.rows))
    assert "packing-cut" in {fault["code"] for fault in file_of(source, "a.csv.gz").faults}


def test_half_a_record_at_the_end_of_a_file_that_is_over(source: ImportSource, folder: Path) -> None:
    write(folder / "a.csv", records(0, 6)[:-40], age=600)
    write(folder / "b.csv", records(6, 1), age=5)
    run = imported(source)
    assert run.faults == 1
    assert {0, 1, 2, 3, 4, 6} <= set(lines(source))


def test_nul_bytes_are_made_visible(source: ImportSource, folder: Path) -> None:
    write(folder / "a.csv", text(row(0, "relation a\0b does not exist", level="ERROR", sqlstate="42P01")))
    imported(source)
    assert "\0" not in ServerLogEntry.objects.get().message


def test_a_line_of_many_megabytes_is_cut_and_the_next_is_read(source: ImportSource, folder: Path) -> None:
    write(folder / "a.csv", text(row(0, "x" * 100_000_000), row(1)))
    run = imported(source)
    assert lines(source) == [0, 1]
    assert run.faults >= 1
    assert len(ServerLogEntry.objects.order_by("id")[0].message) < 20_000_000


def test_a_clock_that_jumps_back_loses_nothing(source: ImportSource, folder: Path) -> None:
    back = [row(number, at=START - timedelta(hours=number)) for number in range(5)]
    write(folder / "a.csv", text(*back))
    imported(source)
    assert lines(source) == list(range(5))
    assert file_of(source, "a.csv").first_at == START - timedelta(hours=4)


def test_two_servers_in_one_folder_are_told(source: ImportSource, folder: Path) -> None:
    for number, name in enumerate(("one.csv", "two.csv")):
        rows = [row(minute, at=START + timedelta(minutes=minute), pid=100 + number) for minute in range(10)]
        write(folder / name, text(*rows))
    imported(source)
    assert lines(source) == [*range(10), *range(10)]
    assert file_of(source, "two.csv").error_code == "imports.log_overlap"


def test_a_source_that_is_gone_for_a_day_goes_on_when_it_is_back(source: ImportSource, folder: Path) -> None:
    path = write(folder / "a.csv", records(0, 5))
    imported(source)
    away = folder.with_name("away")
    shutil.move(folder, away)
    schedule.look_at_log(source)
    source.refresh_from_db()
    assert source.error_code == "imports.log_source_gone"
    assert Alert.objects.filter(kind=trouble.FAILED, resolved_at=None, target=source.target).exists()
    assert run_import(source).state == "queued"  # it is tried again
    source.imports.all().delete()
    shutil.move(away, folder)
    write(path, records(5, 5), append=True)
    imported(source)
    assert lines(source) == list(range(10))
    source.refresh_from_db()
    assert source.error_code == ""
    assert not Alert.objects.filter(kind=trouble.FAILED, resolved_at=None).exists()


def test_a_message_that_imitates_a_record_stays_a_message(source: ImportSource, folder: Path) -> None:
    forged = "x\n" + records(99, 1) + "<script>alert(1)</script>\x1b[31m"
    write(folder / "a.csv", text(row(0, forged), row(1)))
    imported(source)
    assert lines(source) == [0, 1]
    assert "\x1b" not in ServerLogEntry.objects.order_by("id")[0].message


# --- tovgov's own -----------------------------------------------------------------------------------------------------


def test_tovgovs_own_records_are_left_out_and_counted(source: ImportSource, folder: Path) -> None:
    factories.CredentialFactory(target=source.target, purpose=Purpose.WATCH, user="tovgov_watch")
    write(folder / "a.csv", text(row(0), row(1, role="tovgov_watch", application="tovgov")))
    run = imported(source)
    assert (run.records, run.rows, run.ours) == (2, 1, 1)
    assert lines(source) == [0]


@pytest.mark.parametrize("liar", [{"application": "tovgov"}, {"role": "tovgov_watch"}, {"role": ""}])
def test_who_only_calls_himself_tovgov_is_kept(source: ImportSource, folder: Path, liar: dict[str, str]) -> None:
    factories.CredentialFactory(target=source.target, purpose=Purpose.WATCH, user="tovgov_watch")
    write(folder / "a.csv", text(row(0, **liar)))
    assert imported(source).ours == 0
    assert lines(source) == [0]


SIDE = "tovplay_side_20261120_120537_dd8aa60b"


@pytest.mark.parametrize(
    "record",
    [
        {"database": SIDE, "message": "statement: TRUNCATE TABLE ONLY public.member"},
        {"message": f'statement: DROP DATABASE "{SIDE}" WITH (FORCE)'},
        {"message": f'statement: GRANT "connect" ON DATABASE "{SIDE}" TO "clerk"'},
        {"message": f'statement: ALTER DATABASE "{SIDE}" SET "TimeZone" TO \'UTC\''},
    ],
)
def test_work_on_a_database_that_tovgov_made_beside_is_left_out(
    source: ImportSource, folder: Path, manager: Actor, record: dict[str, str]
) -> None:
    targets.set_credential(source.target, Purpose.OPERATE, user="tovgov_operate", password="a", actor=manager)
    message = record.pop("message")
    write(folder / "a.csv", text(row(0, message, role="tovgov_operate", **record), row(1, message, **record)))
    assert imported(source).ours == 1
    assert lines(source) == [1], "of anybody else it is kept"
    targets.set_credential(source.target, Purpose.OPERATE, user="another", password="b", actor=manager)
    write(folder / "b.csv", text(row(2, message, role="tovgov_operate", application="pg_restore", **record)))
    assert imported(source).ours == 1, "a log tells of roles that were tovgov's own before"


@pytest.mark.parametrize(
    "message",
    [
        'statement: DROP DATABASE "tovplay" WITH (FORCE)',
        f'statement: DROP DATABASE "{SIDE}"; DROP TABLE public.member',
        f'statement: ALTER DATABASE "{SIDE}" RENAME TO "tovplay"',
        f'statement: GRANT clerk TO "{SIDE}"',
    ],
)
def test_work_of_tovgovs_role_on_anything_else_is_kept(source: ImportSource, folder: Path, message: str) -> None:
    factories.CredentialFactory(target=source.target, purpose=Purpose.OPERATE, user="tovgov_operate")
    write(folder / "a.csv", text(row(0, message, role="tovgov_operate", application="psql")))
    assert imported(source).ours == 0


def test_what_is_grave_is_kept_whoever_did_it(source: ImportSource, folder: Path) -> None:
    factories.CredentialFactory(target=source.target, purpose=Purpose.WATCH, user="tovgov_watch")
    ours = {"role": "tovgov_watch", "application": "tovgov"}
    write(folder / "a.csv", text(row(0, "statement: DROP DATABASE tovplay", command="DROP DATABASE", **ours)))
    assert imported(source).ours == 0
    assert lines(source) == [0]


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_line_of_many_pieces_is_one_fault(source: ImportSource, folder: Path, name: str) -> None:
    record = {"timestamp": "2026-11-20 10:00:00.000 UTC", "error_severity": "LOG", "message": "x" * 20_000_000}
    after = {"timestamp": "2026-11-20 10:00:01.000 UTC", "error_severity": "LOG", "message": "after"}
    if name.endswith(".csv"):
        write(folder / name, text(row(0, record["message"]), row(1, "after")))
    else:
        write(folder / name, f"{json.dumps(record)}\n{json.dumps(after)}\n")
    assert (imported(source).faults, [fault["code"] for fault in file_of(source, name).faults]) == (
        1,
        ["record-too-long"],
    )
    assert ServerLogEntry.objects.filter(message="after").exists()


def test_a_log_that_two_sources_read_is_named(source: ImportSource, folder: Path) -> None:
    write(folder / "a.csv", records(0, 50))
    imported(source)
    other = setup.add(source.target, "folder", name="again", settings={"folder": str(folder)}, actor=SYSTEM)
    imported(other)
    twice = file_of(other, "a.csv")
    assert (twice.error_code, twice.records) == ("imports.log_read_twice", 50)
    assert twice.error == f"{source} reads the same log: its records are there twice."
    setup.pause(source, actor=SYSTEM)
    write(folder / "a.csv", records(50, 5), append=True)
    imported(other)
    assert file_of(other, "a.csv").error_code == ""
