"""The words of log entries are noted behind the import: each stretch once it is whole, never one that may still grow;
and retired entries take their words along."""

from __future__ import annotations

import threading
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, connections

from audit import locks, partitions, tasks
from audit.imports.server_logs import words
from audit.models import LogWords, ServerLogEntry
from tests import factories
from tests.audit.test_partitions import other_session
from tests.factories import ago

SIZE = 10
LATE = """
INSERT INTO audit_serverlogentry (target_id, source_id, file_id, of_group_id, leaf, "offset", at, level, sqlstate, kind,
    severity, session, role, database, address, application, command, message, detail, query, more)
SELECT 1, 1, 1, 1, n, n, now(), 'LOG', '', 'drop', 40, '', '', '', '', '', '', 'late', '', '', ''
  FROM generate_series(1, 5) n
"""


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogWords, "STRETCH", SIZE)


def store(count: int, message: str = "statement: DROP TABLE") -> list[int]:
    target = factories.TargetFactory()
    made = (factories.ServerLogEntryFactory.build(target=target, message=message) for _ in range(count))
    return [row.pk for row in ServerLogEntry.objects.bulk_create(made)]


def numbers() -> set[int]:
    return set(LogWords.objects.values_list("pk", flat=True))


def whole(ids: list[int]) -> set[int]:
    """The stretches of which every later id was given out."""
    return {one // SIZE for one in ids if one // SIZE < (max(ids) + 1) // SIZE}


def holds(number: int, word: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT words @@ plainto_tsquery('simple', %s) FROM audit_logwords WHERE number = %s", [word, number]
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
def test_whole_stretches_are_noted_once() -> None:
    ids = store(34)
    assert words.note() == len(whole(ids))
    assert numbers() == whole(ids)
    assert words.note() == 0


@pytest.mark.django_db
def test_the_rest_follows_when_it_is_whole() -> None:
    ids = store(34)
    words.note()
    ids += store(20)
    words.note()
    assert numbers() == whole(ids)


@pytest.mark.django_db
def test_it_stops_after_its_seconds_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "AT_ONCE", 1)
    ids = store(45)
    for _ in range(10):
        words.note(seconds=0.0)
    assert numbers() == set()
    clock = count()
    monkeypatch.setattr(
        words, "time", SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=lambda seconds: None)
    )
    runs = 0
    while words.note(seconds=4.0):
        runs += 1
    assert numbers() == whole(ids)
    assert runs > 1


@pytest.mark.django_db
def test_ids_that_were_left_out_by_the_million_are_passed_by() -> None:
    store(15)
    words.note()
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM audit_serverlogentry_id_seq")
        stood = cursor.fetchone()[0]
    later = stood // SIZE * SIZE + 1_000_000
    target = factories.TargetFactory()
    for number in range(SIZE):
        factories.ServerLogEntryFactory(target=target, pk=later + number)
    words._write(*(later, later + SIZE))
    assert later // SIZE in numbers()
    assert words._next(stood + 1, later + SIZE) == later


@pytest.mark.django_db(transaction=True)
def test_a_stretch_that_somebody_still_writes_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SETTLE_SECONDS", 0.0)
    with other_session() as other:
        other.execute(LATE)
        ids = store(40)
        assert words.note() == 0
        other.commit()
    words.note()
    late = ServerLogEntry.objects.filter(message="late").values_list("pk", flat=True)
    assert whole([*ids, *late]) <= numbers()
    assert any(holds(number, "late") for number in numbers())


@pytest.mark.django_db(transaction=True)
def test_who_writes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SETTLE_SECONDS", 60.0)
    ids = store(25)
    found: list[int] = []

    def note() -> None:
        found.append(words.note())
        connections.close_all()

    with other_session() as other:
        other.execute("UPDATE audit_serverlogentry SET message = 'grown' WHERE id = %s", [ids[0]])
        thread = threading.Thread(target=note)
        thread.start()
        thread.join(0.3)
        assert not numbers()
        other.commit()
        thread.join()
    assert found == [len(whole(ids))]


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time_notes() -> None:
    store(25)
    with locks.held(words.LOCK) as is_ours:
        assert is_ours
        assert words.note() == 0
    assert words.note() > 0


@pytest.mark.django_db
def test_a_worker_is_woken_where_something_is_to_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(words, "async_task", woken.append)
    store(SIZE * 2)
    words.wake()
    assert woken == [words.TASK]
    tasks.note_log_words()
    words.wake()
    assert woken == [words.TASK]
    words.forget([min(numbers()) * SIZE])
    words.wake()
    assert woken == [words.TASK, words.TASK]


# --- what is retired --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_retired_entries_take_their_words_along() -> None:
    store(SIZE)
    secret = store(3, "password hunter2")
    ids = secret + store(SIZE * 2)
    words.note()
    number = secret[0] // SIZE
    assert holds(number, "hunter2")
    ServerLogEntry.objects.filter(pk__in=secret).delete()
    words.forget(secret)
    words.note()
    assert not any(holds(one, "hunter2") for one in numbers())
    assert whole(ids) <= numbers()


@pytest.mark.django_db
def test_with_its_last_entry_a_stretch_goes() -> None:
    ids = store(SIZE * 4)
    words.note()
    gone = [one for one in ids if one // SIZE == ids[SIZE] // SIZE]
    ServerLogEntry.objects.filter(pk__in=gone).delete()
    words.forget(gone)
    words.note()
    assert gone[0] // SIZE not in numbers()


@pytest.mark.django_db
def test_words_without_a_partition_are_swept_away() -> None:
    """As after a process that was killed when the partition was gone and its words were not."""
    store(SIZE * 3)
    words.note()
    known = numbers()
    beyond = partitions.partitions_of(ServerLogEntry)[-1].below // SIZE
    LogWords.objects.create(number=beyond, from_at=ago(), to_at=ago())
    words.note()
    assert numbers() == known
