"""Backups that must not be made, each with its named error, and nothing left behind by any."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from audit.exceptions import (
    DatabaseMissing,
    KeyMissing,
    LockTimeout,
    NotIdentified,
    NotPermitted,
    PasswordRefused,
    RightsMissing,
    RoleMissing,
    TargetUnreachable,
    TovgovError,
    WrongIncarnation,
    WrongServer,
)
from audit.models import Alert, LedgerEntry, Purpose, Target
from audit.postgres.connect import ConnInfo
from backups import conf, create
from backups.exceptions import BackupRunning, DestinationUnreachable, KeyInvalid, NoDestination, ToolMissing
from backups.models import Backup, Destination
from tests.backups import house
from tests.backups.house import TOVGOV, back_up, give_role, our_sessions, register, run_sql
from tests.backups.tools.conftest import fill_world
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tests.factories import TargetFactory
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, world: ConnInfo) -> Iterator[None]:
    """No copy, no spool file, no session: after every refusal."""
    yield
    assert not list((tmp_path / "copies").glob("*"))
    assert not list((tmp_path / "spool").glob("*"))
    assert our_sessions(world) == 0


def refused(target: Target, error: type[TovgovError], *, attempts: int = 1) -> Backup:
    """Back up and demand this failure, after so many attempts."""
    backup = back_up(target)
    assert (backup.state, backup.error_code) == ("failed", error.code), backup.error
    assert backup.attempt == attempts
    assert backup.hint
    assert LedgerEntry.objects.filter(action="backup.failed").count() == 1
    assert Alert.objects.get(kind="backup.failed", resolved_at=None).target == target
    return backup


# --- asking -------------------------------------------------------------------------------------------------------


def test_who_may_not_may_not(target: Target, cast: Cast) -> None:
    for name in ("charlie", "bob"):
        with pytest.raises(NotPermitted):
            create.request(target, actor=cast.actor(name))
    assert create.request(target, actor=cast.actor("alice")).asked_by == cast.alice


def test_a_target_without_identity_is_refused(shelf: Destination) -> None:
    with pytest.raises(NotIdentified):
        create.request(TargetFactory(fresh=True), actor=TOVGOV)


def test_without_a_destination_nothing_begins(target: Target, shelf: Destination) -> None:
    Destination.objects.update(is_active=False)
    with pytest.raises(NoDestination):
        create.request(target, actor=TOVGOV)


def test_two_people_who_press_the_same_button_get_one_backup(target: Target, cast: Cast) -> None:
    barrier, outcomes = threading.Barrier(2), []

    def press(name: str) -> None:
        barrier.wait()
        try:
            outcomes.append(create.request(target, actor=cast.actor(name)))
        except BackupRunning as error:
            outcomes.append(error)  # type: ignore[arg-type]
        finally:
            connections.close_all()

    people = [threading.Thread(target=press, args=[name]) for name in ("alice", "miriam")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Backup", "BackupRunning"]
    error = next(outcome for outcome in outcomes if isinstance(outcome, BackupRunning))
    assert "started it at" in error.message
    assert error.detail["backup"] == Backup.objects.get().pk


# --- the server and its roles -------------------------------------------------------------------------------------


def test_an_unknown_host_is_tried_twice(target: Target) -> None:
    Target.objects.update(host="no-such-host.invalid")
    refused(Target.objects.get(), TargetUnreachable, attempts=2)


def test_a_refused_password_is_not_tried_again(
    target: Target, world: ConnInfo, roles: MakeRole, cluster: Cluster
) -> None:
    clerk = roles(cluster)
    target.credentials.all().delete()
    target.credentials.create(purpose=Purpose.BACKUP, user=clerk.user, password="not it")
    backup = refused(target, PasswordRefused)
    assert "not it" not in backup.error + backup.log


def test_a_role_that_does_not_exist_is_named(target: Target) -> None:
    """A trusting server says so; one that asks for a password keeps the secret of who exists."""
    target.credentials.update(user="nobody_here")
    backup = back_up(target)
    assert backup.error_code in (RoleMissing.code, PasswordRefused.code)
    assert "nobody_here" in backup.error


def test_another_spelling_of_the_name_is_refused_with_the_right_one(
    cluster: Cluster, make_database: MakeDatabase, shelf: Destination
) -> None:
    info = make_database(cluster, name="TovPlay wrong name")
    target = register(info, name="Spelled")
    Target.objects.filter(pk=target.pk).update(database="tovplay wrong name")
    backup = refused(Target.objects.get(pk=target.pk), DatabaseMissing)
    assert '"TovPlay wrong name"' in backup.error


def test_a_database_that_was_made_again_is_another(
    cluster: Cluster, make_database: MakeDatabase, shelf: Destination
) -> None:
    info = make_database(cluster, name="made_again")
    target = register(info, name="Made again")
    run_sql(info.to("postgres"), "DROP DATABASE made_again", "CREATE DATABASE made_again")
    refused(target, WrongIncarnation)
    assert Alert.objects.filter(kind="target.identity", resolved_at=None).exists()


def test_another_server_is_refused(target: Target) -> None:
    Target.objects.update(system_identifier="1")
    refused(Target.objects.get(), WrongServer)


def test_row_security_is_never_dumped_in_half(
    target: Target, world: ConnInfo, roles: MakeRole, cluster: Cluster
) -> None:
    clerk = roles(cluster)
    run_sql(
        world,
        f'GRANT pg_read_all_data TO "{clerk.user}"',
        f'GRANT EXECUTE ON FUNCTION pg_control_system() TO "{clerk.user}"',
        f'GRANT SELECT ON LARGE OBJECT 4242 TO "{clerk.user}"',
        'ALTER TABLE "Player One" ENABLE ROW LEVEL SECURITY',
    )
    give_role(target, clerk, Purpose.BACKUP)
    backup = refused(target, RightsMissing)
    assert "Player One" in backup.error


def test_large_objects_that_may_not_be_read_are_told(
    target: Target, world: ConnInfo, roles: MakeRole, cluster: Cluster
) -> None:
    clerk = roles(cluster)
    run_sql(
        world,
        f'GRANT pg_read_all_data TO "{clerk.user}"',
        f'GRANT EXECUTE ON FUNCTION pg_control_system() TO "{clerk.user}"',
    )
    give_role(target, clerk, Purpose.BACKUP)
    assert "large object" in refused(target, RightsMissing).error.lower()


def test_a_table_that_may_not_be_read_is_named(
    target: Target, world: ConnInfo, roles: MakeRole, cluster: Cluster
) -> None:
    clerk = roles(cluster)
    run_sql(world, f'GRANT EXECUTE ON FUNCTION pg_control_system() TO "{clerk.user}"')
    give_role(target, clerk, Purpose.BACKUP)
    assert '"TABLE DATA"."x y"' in refused(target, RightsMissing).error


def test_a_table_that_somebody_holds_is_waited_for_but_not_for_ever(
    target: Target, world: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "LOCK_WAIT_SECONDS", 0.3)
    with psycopg.connect(**world.keywords()) as connection:  # type: ignore[arg-type]
        connection.execute('LOCK TABLE "Player One" IN ACCESS EXCLUSIVE MODE')
        refused(target, LockTimeout, attempts=2)


# --- keys, tools and places ---------------------------------------------------------------------------------------


def test_a_lost_signing_key_is_told_before_the_work(target: Target, keys: Path) -> None:
    (keys / "signing-key.pem").unlink()
    backup = refused(target, KeyMissing)
    assert [phase["name"] for phase in backup.phases] == []


def test_a_lost_recipient_is_told_before_the_work(target: Target, keys: Path) -> None:
    (keys / "age-recipient.txt").unlink()
    refused(target, KeyMissing)


def test_a_recipient_file_without_a_recipient_never_means_unencrypted(target: Target, keys: Path) -> None:
    (keys / "age-recipient.txt").write_text("# nothing yet\n\n")
    refused(target, KeyMissing)


def test_a_recipient_that_is_a_secret_key_is_refused_without_showing_it(target: Target, settings: Any) -> None:
    settings.TOVGOV_AGE_RECIPIENTS = ["AGE-SECRET-KEY-1QQPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQYSZQGPQQQQQQ"]
    backup = refused(target, KeyInvalid)
    assert "QYSZ" not in backup.error + backup.log


def test_the_secret_age_key_is_not_needed_to_back_up(target: Target, keys: Path, tmp_path: Path) -> None:
    (keys / "age-identity.txt").unlink()
    backup = back_up(target)
    assert backup.state == "succeeded"
    house.clear(backup)


def test_missing_tools_are_told(target: Target, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backups.tools.finding._folders", lambda pg_bin: iter([Path("/nowhere")]))
    refused(target, ToolMissing)


def test_a_destination_that_is_gone_fails_the_backup_when_it_is_the_only_one(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.transfer.PAUSE_SECONDS", 0.01)
    (tmp_path / "copies").rmdir()
    backup = back_up(target)
    assert backup.error_code == "backup.no_copy_stored"
    assert "No such file" in backup.error
    assert DestinationUnreachable.code in {copy.error_code for copy in backup.copies.all()}


def test_a_good_backup_ends_the_alarm_of_a_failed_one(target: Target, shelf: Destination) -> None:
    Target.objects.update(system_identifier="1")
    refused(Target.objects.get(), WrongServer)
    Target.objects.update(system_identifier=target.system_identifier)
    backup = back_up(Target.objects.get())
    assert backup.state == "succeeded"
    assert not Alert.objects.filter(kind="backup.failed", resolved_at=None).exists()
    house.clear(backup)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ['a/b;"c 😀', "it's %s {x} = $1", "x" * 63, "é" * 31, "postgresql://db?x=1", "-rf", " ", "dbname=x host=y", "..\\"],
)
def test_a_nasty_name_is_only_a_name(
    name: str, cluster: Cluster, make_database: MakeDatabase, shelf: Destination, tmp_path: Path
) -> None:
    info = make_database(cluster, name=name)
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        table = sql.Identifier(name, name)
        connection.execute(sql.SQL("CREATE TABLE {} ({} serial)").format(table, sql.Identifier(name)))
        connection.execute(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table))
    backup = back_up(register(info, name="Nasty"))
    assert (backup.state, backup.error) == ("succeeded", "")
    verification = house.verified(backup)
    assert (verification.state, verification.error) == ("succeeded", "")
    assert verification.result["tables"][0]["name"] == name
    assert all(path.name.isascii() for path in (tmp_path / "copies").rglob("*"))
    house.clear(backup)


def test_an_empty_database_is_backed_up_and_proved(
    cluster: Cluster, make_database: MakeDatabase, shelf: Destination
) -> None:
    backup = back_up(register(make_database(cluster), name="Empty"))
    assert (backup.state, backup.tables, backup.rows) == ("succeeded", 0, 0)
    assert house.verified(backup).state == "succeeded"
    house.clear(backup)


def test_a_thousand_tables_are_all_there(cluster: Cluster, make_database: MakeDatabase, shelf: Destination) -> None:
    info = make_database(cluster)
    run_sql(
        info,
        "DO $$ BEGIN FOR i IN 1..1000 LOOP "
        "EXECUTE format('CREATE TABLE t%s AS SELECT %s AS i', i, i); END LOOP; END $$",
    )
    backup = back_up(register(info, name="Thousand"))
    assert (backup.state, backup.tables, backup.rows) == ("succeeded", 1000, 1000)
    house.clear(backup)


def test_each_server_version_is_backed_up_and_proved(
    any_cluster: Cluster, make_database: MakeDatabase, template_database: Any, shelf: Destination
) -> None:
    info = make_database(any_cluster, template=template_database(any_cluster, "tools_world", fill_world))
    backup = back_up(register(info, name="Any"))
    assert (backup.state, backup.error) == ("succeeded", "")
    verification = house.verified(backup)
    assert (verification.state, verification.error) == ("succeeded", "")
    house.clear(backup)
