"""After a restore, a swap or a new log: nothing that a backup brought along is stored twice, nothing new is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from psycopg import sql

from audit import targets
from audit.actors import Actor
from audit.models import DeleteAuditLog, DeleteAuditTransaction, ImportSource, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.seals import verify
from tests.audit.imports.conftest import captured, execute, imported, make_shop, policy, stored
from tests.audit.protection.steps import install, uninstall
from tests.conftest import MakeDatabase, run
from tovgov.embedded import Cluster, majors

pytestmark = pytest.mark.django_db(transaction=True)
TOVGOV = Actor.system("tests")


def orders(target: Target) -> list[str]:
    """The keys of the orders that were stored, in the order of storing."""
    rows = DeleteAuditLog.objects.filter(target=target, table_name="Order").order_by("id")
    return [key.removeprefix('{"Id":').removesuffix("}") for key in rows.values_list("key", flat=True)]


def delete(info: ConnInfo, number: int) -> None:
    execute(info, f'DELETE FROM shop."Order" WHERE "Id" = {number}')


def swap(cluster: Cluster, info: ConnInfo, side: str) -> None:
    """What a restore does at its end: the live database steps aside, the restored one takes its name."""
    live, former = sql.Identifier(info.database), sql.Identifier(f"{info.database}_former")
    run(
        cluster.conninfo(),
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, former),
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(side), live),
    )


def test_a_copy_that_was_swapped_in(
    target: Target, info: ConnInfo, cluster: Cluster, make_database: MakeDatabase
) -> None:
    delete(info, 1)
    imported(target)
    delete(info, 2)
    side = make_database(cluster, template=info.database)
    delete(info, 3)
    imported(target)
    assert orders(target) == ["1", "2", "3"]
    swap(cluster, info, side.database)
    with connect(cluster.conninfo()) as connection:
        connection.execute(f'ALTER DATABASE "{info.database}_former" RENAME TO "{side.database}"'.encode())
    targets.identify(target, actor=TOVGOV, reason="The restore of Friday.")
    delete(info, 4)
    first = imported(target)
    assert orders(target) == ["1", "2", "3", "4"]
    assert (first.known, first.rows) == (4, 3), "two deletes with two records each came along with the copy"
    ids = dict(DeleteAuditLog.objects.filter(table_name="Order").values_list("key", "record"))
    assert ids['{"Id":3}'] == ids['{"Id":4}'], "the copy gives out the same numbers again"
    assert len({row.incarnation for row in DeleteAuditTransaction.objects.all()}) == 2
    assert imported(target).records == 0
    assert verify.verify(target, actor=TOVGOV).is_sound


def dump_and_restore(source: ConnInfo, into: ConnInfo, folder: Path) -> None:
    """By the newest client tools, everything, owners included."""
    tools, file = majors()[18], folder / "shop.dump"
    with source.client_environment() as environment:
        subprocess.run([tools / "pg_dump", "-Fc", "-f", file], env=environment, check=True, capture_output=True)
    with into.client_environment() as environment:
        command = [tools / "pg_restore", "--exit-on-error", "-d", into.database, file]
        subprocess.run(command, env=environment, check=True, capture_output=True)


def move(target: Target, info: ConnInfo) -> None:
    """The target is another server's database from now on."""
    Target.objects.filter(pk=target.pk).update(port=info.port, database=info.database)
    target.refresh_from_db()
    targets.set_credential(target, Purpose.OPERATE, user=info.user, password=info.password, actor=TOVGOV)
    targets.identify(target, actor=TOVGOV, reason="Moved to the new server.")


FAR = 4_000_000_000_000
"""A transaction that no server of the tests reaches: the former server had done more."""


def test_a_dump_that_was_restored_into_another_server(
    target: Target, info: ConnInfo, clusters: dict[int, Cluster], make_database: MakeDatabase, tmp_path: Path
) -> None:
    delete(info, 1)
    imported(target)
    delete(info, 2)  # not imported before the dump, and of a transaction that is far ahead
    bump = f"UPDATE tovgov.delete_audit_record SET transaction_id = '{FAR}' WHERE id > 2"
    execute(info, bump)
    keeper = make_shop(make_database(clusters[18]), "CREATE TABLE public.makes_the_roles (a int)")
    restored = make_database(clusters[18])
    dump_and_restore(info, restored, tmp_path)
    move(target, restored)
    delete(restored, 3)
    before = captured(restored)
    twin = "SELECT transaction_id, at FROM tovgov.delete_audit_record WHERE id = 1"
    with connect(restored) as connection:  # a new delete that bears the numbers of the first
        number, at = connection.execute(twin).fetchone() or (None, None)
    forge = (
        "INSERT INTO tovgov.delete_audit_record OVERRIDING SYSTEM VALUE SELECT id, transaction_id, at + interval '1 h',"
        " table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user, client_address,"
        " application_name, query, key_columns, masked_columns, row_count, rows FROM moved"
    )
    execute(
        restored,
        "CREATE TEMP TABLE moved AS SELECT * FROM tovgov.delete_audit_record WHERE id = 1;"
        " DELETE FROM tovgov.delete_audit_record WHERE id = 1; " + forge,
    )
    assert number is not None
    assert at is not None
    first = imported(target)
    assert sorted(orders(target)) in (["1", "2", "3"], ["1", "1", "2", "3"])
    assert first.known == 1, "the one record that is the same"
    twins = DeleteAuditLog.objects.filter(record=1, position=1).order_by("id")
    assert twins.count() == 2, "the same numbers at another time: another delete"
    assert [row.at == at for row in twins] == [True, False]
    assert len(before) == len({row[1:3] for row in before})
    again = imported(target)
    assert again.rows == 0
    delete(restored, 4)
    assert imported(target).rows == 3
    assert verify.verify(target, actor=TOVGOV).is_sound
    assert keeper.database


def test_what_lies_ahead_of_the_horizon_is_read_once(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    execute(info, f"UPDATE tovgov.delete_audit_record SET transaction_id = '{FAR}'")
    assert imported(target).rows == 3
    assert imported(target).records == 0
    delete(info, 2)
    assert imported(target).rows == 3
    assert stored(target) == captured(info)


def test_a_server_that_was_set_back_is_read_anew(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    imported(target)
    source = ImportSource.objects.get()
    source.position |= {"horizon": FAR, "transaction": FAR - 1}  # it had been further before
    source.save()
    delete(info, 2)
    run = imported(target)
    assert (run.known, run.rows) == (2, 3)
    assert orders(target) == ["1", "2"]


def test_another_timeline_is_read_anew(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    imported(target)
    source = ImportSource.objects.get()
    source.incarnation = source.incarnation.removesuffix("/1") + "/7"
    source.position |= {"transaction": FAR - 1}
    source.save()
    delete(info, 2)
    assert imported(target).known == 2
    assert orders(target) == ["1", "2"]


def test_a_log_that_was_removed_and_made_again(target: Target, info: ConnInfo) -> None:
    delete(info, 1)
    imported(target)
    uninstall(info, policy())
    install(info, policy())
    delete(info, 2)
    assert imported(target).rows == 3
    assert orders(target) == ["1", "2"]
    assert set(DeleteAuditLog.objects.filter(table_name="Order").values_list("record", flat=True)) <= {1, 2}
