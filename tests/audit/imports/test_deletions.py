"""Import of deleted rows on a real server: all of them, once, as they were written."""

from __future__ import annotations

import json
import threading

import psycopg
import pytest

from audit import ledger
from audit.actors import Actor
from audit.exceptions import ImportRunning, NotPermitted
from audit.imports import deletions, log
from audit.models import DeleteAuditLog, DeleteAuditTransaction, ImportSource, LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from tests.audit.imports.conftest import captured, execute, imported, stored

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_deleted_row_is_stored_once_with_its_transaction(target: Target, info: ConnInfo) -> None:
    with psycopg.connect(**info.keywords(), application_name="till") as app:
        app.execute("SET LOCAL tovgov.\"user\" = 'noa'")
        app.execute('DELETE FROM shop."Order" WHERE "Id" <= 3')
        app.execute("DELETE FROM shop.keyless")
    run = imported(target)
    assert stored(target) == captured(info)
    assert (run.records, run.rows, run.known) == (5, 3009, 0)
    owner = DeleteAuditTransaction.objects.get()
    assert owner.row_count == 3009
    assert owner.tables == {"shop.Order": 3, "shop.line": 6, "shop.keyless": 3000}
    assert owner.query.startswith("DELETE FROM shop.")
    assert (owner.session_role, owner.application_user, owner.application_name) == ("postgres", "noa", "till")
    assert owner.client_address == "127.0.0.1"
    order = DeleteAuditLog.objects.filter(table_name="Order").order_by("id").first()
    assert order is not None
    assert json.loads(order.key) == {"Id": 1}
    assert json.loads(order.row) == {"Id": 1, "note": "note 1"}
    assert DeleteAuditLog.objects.filter(table_name="line").values_list("key", flat=True)[0].startswith('{"Order":')
    assert set(DeleteAuditLog.objects.filter(table_name="keyless").values_list("key", flat=True)) == {""}
    queries = DeleteAuditLog.objects.exclude(query="").values_list("query", flat=True)
    assert sorted(queries)[0] == 'DELETE FROM shop."Order" WHERE "Id" <= 3'


def test_a_second_import_brings_only_what_is_new(target: Target, info: ConnInfo) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    assert imported(target).rows == 3
    assert imported(target).rows == 0
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 2')
    assert imported(target).rows == 3
    assert stored(target) == captured(info)
    assert LedgerEntry.objects.filter(action="imports.sealed").count() == 2, "an empty import seals nothing"
    assert ledger.verify().is_sound


def test_a_long_transaction_is_not_passed_by(target: Target, info: ConnInfo) -> None:
    with psycopg.connect(**info.keywords()) as slow:
        slow.execute('DELETE FROM shop."Order" WHERE "Id" = 1')
        execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 2')
        assert imported(target).rows == 0, "the horizon is held back"
        slow.commit()
    assert imported(target).rows == 6
    assert stored(target) == captured(info)


def test_what_was_rolled_back_is_never_seen(target: Target, info: ConnInfo) -> None:
    with psycopg.connect(**info.keywords()) as app:
        app.execute('DELETE FROM shop."Order" WHERE "Id" = 1')
        app.rollback()
    assert imported(target).records == 0


def test_a_transaction_that_comes_in_chunks_is_one_row(
    target: Target, info: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHUNK_ROWS", 700)
    execute(info, "DELETE FROM shop.keyless")
    run = imported(target)
    assert run.records == 3
    owner = DeleteAuditTransaction.objects.get()
    assert (owner.row_count, owner.tables) == (3000, {"shop.keyless": 3000})
    assert owner.last_at >= owner.at
    assert stored(target) == captured(info)


def test_deletes_that_go_on_meanwhile_are_neither_lost_nor_doubled(target: Target, info: ConnInfo) -> None:
    def delete(first: int) -> None:
        with psycopg.connect(**info.keywords(), autocommit=True) as app:
            for number in range(first, first + 300):
                app.execute('DELETE FROM shop."Order" WHERE "Id" = %s', [number])

    clerks = [threading.Thread(target=delete, args=(start,)) for start in (1, 1001, 2001)]
    for clerk in clerks:
        clerk.start()
    while any(clerk.is_alive() for clerk in clerks):
        imported(target)
    for clerk in clerks:
        clerk.join()
    imported(target)
    assert len(stored(target)) == 3 * 300 * 3
    assert stored(target) == captured(info)


def test_two_imports_at_once_are_refused(target: Target) -> None:
    deletions.request(target, actor=Actor.system("tests"))
    with pytest.raises(ImportRunning):
        deletions.request(target, actor=Actor.system("tests"))


def test_who_may_not_is_refused(target: Target, auditor: Actor, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        deletions.request(target, actor=auditor)
    deletions.request(target, actor=asker, reason="I want to see it now.")
    assert LedgerEntry.objects.filter(action="imports.request").get().actor == "alice"


def test_the_source_says_how_far_it_was_read(target: Target, info: ConnInfo) -> None:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" = 1')
    imported(target)
    source = ImportSource.objects.get(target=target)
    assert source.looked_at is not None
    assert source.incarnation == f"{target.system_identifier}/{target.database_oid}/1"
    assert source.position["record"] == captured(info)[-1][1]
    assert sum(source.imported.values()) == 3
