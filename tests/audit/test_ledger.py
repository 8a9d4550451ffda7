"""The ledger: what stands in it stays, and whoever changes it outside tovgov is found out."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import Error, connection, connections, transaction
from django.db.utils import ProgrammingError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import ledger
from audit.actors import Actor
from audit.exceptions import KeyMissing, LedgerBroken
from audit.models import LedgerEntry, LedgerHead

pytestmark = pytest.mark.django_db
OLD, NEW, STRANGE = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n", b"s"))
TABLE = "audit_ledgerentry"


def write(count: int) -> list[LedgerEntry]:
    actor = Actor.system("test")
    return [ledger.append("test.act", actor=actor, reason=f"because {n}", size=n) for n in range(1, count + 1)]


@contextmanager
def superuser() -> Iterator[Any]:
    """A cursor of somebody who owns the server: the guards are off."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        yield cursor
        for guard in ("ledger_refuses_change", "ledger_refuses_truncate"):
            cursor.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {guard}")


def rehash_from(number: int) -> None:
    """What a careful forger does: make every hash from ``number`` on fit again."""
    previous = LedgerEntry.objects.get(number=number - 1).hash if number > 1 else ledger.GENESIS
    for entry in LedgerEntry.objects.filter(number__gte=number).order_by("number"):
        entry.previous_hash = previous
        entry.hash = previous = ledger.digest(entry)
        LedgerEntry.objects.filter(number=entry.number).update(previous_hash=entry.previous_hash, hash=entry.hash)


def test_an_entry_holds_who_what_why_and_from_where(asker: Actor) -> None:
    user = asker.user
    entry = ledger.append("user.look", actor=asker, obj=user, reason="curious", rows=3)
    kept = LedgerEntry.objects.get()
    assert (kept.number, kept.actor, kept.source, kept.action) == (1, "alice", "tests", "user.look")
    assert (kept.object_type, kept.object_id, kept.object_label) == ("auth.User", str(user.pk), "alice")
    assert (kept.reason, kept.detail, kept.hash) == ("curious", {"rows": 3}, entry.hash)


def test_the_chain_of_honest_entries_is_sound() -> None:
    entries = write(5)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert ledger.verify() == ledger.Verdict(5, entries[-1].hash, [])


def test_an_empty_ledger_is_sound() -> None:
    assert ledger.verify() == ledger.Verdict(0, ledger.GENESIS, [])


def test_an_act_that_is_rolled_back_leaves_no_entry() -> None:
    write(1)

    @transaction.atomic
    def act_that_fails() -> None:
        write(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_that_fails()
    assert ledger.verify().entries == 1
    assert ledger.verify().is_sound


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET reason = 'another' WHERE number = 1",
        f"DELETE FROM {TABLE} WHERE number = 1",
        f"TRUNCATE {TABLE}",
        f"TRUNCATE {TABLE} CASCADE",
        f"SET LOCAL session_replication_role = replica; DELETE FROM {TABLE}",
        f"INSERT INTO {TABLE} SELECT * FROM {TABLE} ON CONFLICT (number) DO UPDATE SET actor = 'nobody'",
    ],
)
def test_the_database_refuses_to_change_it(statement: str) -> None:
    write(2)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ledger.verify().is_sound


def altered(cursor: Any) -> None:
    cursor.execute(f"UPDATE {TABLE} SET actor = 'somebody else' WHERE number = 3")


def altered_detail(cursor: Any) -> None:
    cursor.execute(f"UPDATE {TABLE} SET detail = detail || '{{\"size\": 4}}' WHERE number = 3")


def altered_with_its_hash(cursor: Any) -> None:
    altered(cursor)
    entry = LedgerEntry.objects.get(number=3)
    LedgerEntry.objects.filter(number=3).update(hash=ledger.digest(entry))


def rewritten_to_the_end(cursor: Any) -> None:
    altered(cursor)
    rehash_from(3)


def removed_in_the_middle(cursor: Any) -> None:
    cursor.execute(f"DELETE FROM {TABLE} WHERE number IN (3, 4)")


def removed_and_renumbered(cursor: Any) -> None:
    cursor.execute(f"DELETE FROM {TABLE} WHERE number = 3")
    for number in (4, 5):
        cursor.execute(f"UPDATE {TABLE} SET number = number - 1 WHERE number = {number}")
    rehash_from(3)


def removed_at_the_end(cursor: Any) -> None:
    cursor.execute(f"DELETE FROM {TABLE} WHERE number >= 4")


def all_removed(cursor: Any) -> None:
    cursor.execute(f"TRUNCATE {TABLE}")


def inserted_at_the_end(cursor: Any) -> None:
    last = LedgerEntry.objects.get(number=5)
    forged = LedgerEntry.objects.get(number=5)
    forged.number, forged.previous_hash, forged.actor = 6, last.hash, "forger"
    forged.hash = ledger.digest(forged)
    forged.save(force_insert=True)


def inserted_before_the_first(cursor: Any) -> None:
    cursor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT ledger_numbers_from_one")
    forged = LedgerEntry.objects.get(number=1)
    forged.number = 0
    forged.hash = ledger.digest(forged)
    forged.save(force_insert=True)


def reordered(cursor: Any) -> None:
    for old, new in ((2, 99), (4, 2), (99, 4)):
        cursor.execute(f"UPDATE {TABLE} SET number = {new} WHERE number = {old}")


def reordered_and_rehashed(cursor: Any) -> None:
    reordered(cursor)
    rehash_from(2)


def head_set_back(cursor: Any) -> None:
    removed_at_the_end(cursor)
    third = LedgerEntry.objects.get(number=3)
    LedgerHead.objects.update(number=3, hash=third.hash)


def head_removed(cursor: Any) -> None:
    LedgerHead.objects.all().delete()


FORGERIES: list[tuple[Callable[[Any], None], str]] = [
    (altered, "Entry 3 was altered."),
    (altered_detail, "Entry 3 was altered."),
    (altered_with_its_hash, "Entry 4 does not follow the one before it."),
    (rewritten_to_the_end, "The chain ends at entry 5, the sealed head says 5."),
    (removed_in_the_middle, "Entries 3 to 4 are missing."),
    (removed_and_renumbered, "Entries 5 to 5 were removed from the end."),
    (removed_at_the_end, "Entries 4 to 5 were removed from the end."),
    (all_removed, "Entries 1 to 5 were removed from the end."),
    (inserted_at_the_end, "The chain ends at entry 6, the sealed head says 5."),
    (inserted_before_the_first, "Entry 1 does not follow the one before it."),
    (reordered, "Entry 2 was altered."),
    (reordered_and_rehashed, "The chain ends at entry 5, the sealed head says 5."),
    (head_set_back, "The head's seal was not made with a key we know."),
    (head_removed, "The sealed head is missing."),
]


@pytest.mark.parametrize(("forge", "fault"), FORGERIES, ids=[forge.__name__ for forge, _ in FORGERIES])
def test_a_forgery_is_found(forge: Callable[[Any], None], fault: str) -> None:
    write(5)
    with superuser() as cursor:
        forge(cursor)
    assert fault in ledger.verify().faults


@pytest.mark.parametrize("forge", [forge for forge, _ in FORGERIES], ids=[forge.__name__ for forge, _ in FORGERIES])
def test_a_forgery_stays_found_when_honest_entries_follow(forge: Callable[[Any], None]) -> None:
    write(5)
    with superuser() as cursor:
        forge(cursor)
    write(2)
    assert not ledger.verify().is_sound


def test_a_head_that_was_set_back_with_its_old_seal_is_found_by_an_anchor() -> None:
    write(3)
    old_head = LedgerHead.objects.values("number", "hash", "seal").get()
    last = write(2)[-1]
    with superuser() as cursor:
        removed_at_the_end(cursor)
        LedgerHead.objects.update(**old_head)
    assert ledger.verify().is_sound, "from inside the database alone nobody can tell"
    assert ledger.verify(anchors={last.number: last.hash}).faults == [
        "Entry 5 is not the one that a backup's manifest vouches for."
    ]


def test_an_anchor_that_fits_is_no_fault() -> None:
    entry = write(3)[1]
    assert ledger.verify(anchors={entry.number: entry.hash}).is_sound


def test_an_anchor_of_another_chain_is_a_fault() -> None:
    write(3)
    assert not ledger.verify(anchors={2: "f" * 64}).is_sound


# --- keys ---------------------------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_appended(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = []
    with pytest.raises(KeyMissing):
        write(1)
    assert not LedgerEntry.objects.exists()


def test_a_new_key_in_front_keeps_the_ledger_sound(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = [OLD]
    write(2)
    settings.TOVGOV_SECRET_KEYS = [NEW, OLD]
    assert ledger.verify().is_sound
    write(1)
    assert ledger.verify().is_sound


def test_after_resealing_the_old_key_can_be_dropped(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = [OLD]
    write(2)
    settings.TOVGOV_SECRET_KEYS = [NEW, OLD]
    assert ledger.reseal()
    settings.TOVGOV_SECRET_KEYS = [NEW]
    write(1)
    assert ledger.verify().is_sound


def test_a_key_that_was_dropped_too_early_is_a_fault_until_it_is_back(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = [OLD]
    write(2)
    settings.TOVGOV_SECRET_KEYS = [NEW]
    assert ledger.verify().faults == ["The head's seal was not made with a key we know."]
    settings.TOVGOV_SECRET_KEYS = [NEW, OLD]
    assert ledger.verify().is_sound


def test_a_head_sealed_by_a_stranger_is_never_resealed(settings: Any) -> None:
    write(2)
    head = LedgerHead.objects.get()
    LedgerHead.objects.update(seal=ledger.seal_of(head.number, head.hash, STRANGE))
    with pytest.raises(LedgerBroken):
        ledger.reseal()


def test_an_empty_ledger_has_nothing_to_reseal() -> None:
    assert not ledger.reseal()


# --- many at once, and odd facts ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_append_at_once_and_the_chain_stays_whole() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            write(10)
        except Error as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert ledger.verify().entries == 60
    assert ledger.verify().is_sound


ANY_SIGN = st.characters(exclude_categories=())  # lone surrogates too: file names may hold them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ANY_SIGN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(facts=st.dictionaries(st.text(), JSON, max_size=4), reason=st.text(ANY_SIGN, max_size=40))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_recorded_reads_back_as_it_was_hashed(facts: dict[str, Any], reason: str) -> None:
    ledger.append("test.odd", actor=Actor.system("test"), reason=reason, facts=facts)
    assert ledger.verify().is_sound


def test_a_source_that_is_too_long_is_cut() -> None:
    ledger.append("test.act", actor=Actor.system("worker " + "h" * 200))
    assert ledger.verify().is_sound
