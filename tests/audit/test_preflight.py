"""*Test connection* against real servers and roles: what can be done is a PASS, what cannot is said before it hurts."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql

from audit import preflight, targets
from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import Alert, LedgerEntry, Preflight, Purpose, Target
from audit.postgres.connect import ConnInfo
from backups.tools import finding
from tests.audit.servers import address_of, register
from tests.conftest import MakeDatabase, MakeRole, run
from tests.factories import BackupFactory, TargetFactory
from tovgov.embedded import Cluster, free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_database(cluster)


@pytest.fixture
def target(info: ConnInfo) -> Target:
    return register(info, credentials={Purpose.OPERATE: (info.user, info.password)})


def found(target: Target, actor: Actor | None = None) -> dict[str, dict[str, str]]:
    """The lines by their check."""
    result = preflight.test_connection(target, actor=actor or Actor.system("tests"))
    assert all(line["status"] in ("PASS", "FAIL", "UNKNOWN") and line["detail"] for line in result.lines)
    assert all(line["hint"] for line in result.lines if line["status"] == "FAIL"), "each failure says what to do"
    return {line["check"]: line for line in result.lines}


def failed(lines: dict[str, dict[str, str]]) -> set[str]:
    return {check for check, line in lines.items() if line["status"] == "FAIL"}


def test_all_is_well_on_every_version(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(any_cluster)
    target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
    lines = found(target)
    assert failed(lines) == set()
    assert lines["Identity"]["detail"].startswith(f'It is the database that was registered: "{info.database}"')
    assert lines["Database"]["status"] == lines["Create databases"]["status"] == lines["pg_dump"]["status"] == "PASS"


def test_the_answers_are_kept_and_recorded(target: Target, asker: Actor) -> None:
    found(target, asker)
    kept = Preflight.objects.get(target=target)
    assert (kept.by, kept.passed) == ("alice", True)
    entry = LedgerEntry.objects.get(action="target.test")
    assert (entry.actor, entry.detail) == ("alice", {"passed": True, "failed": []})


def test_only_the_newest_answers_are_kept(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "KEPT", 2)
    for _ in range(4):
        found(target)
    assert Preflight.objects.count() == 2
    assert LedgerEntry.objects.filter(action="target.test").count() == 4


def test_an_auditor_tests_nothing(target: Target, auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        preflight.test_connection(target, actor=auditor)


def fresh(info: ConnInfo, name: str = "Fresh", **facts: Any) -> Target:
    """A target as a form saves it: nothing is pinned yet."""
    row = TargetFactory(name=name, fresh=True, sslmode="prefer", **address_of(info) | facts)
    targets.set_credential(row, Purpose.BACKUP, user=info.user, password=info.password, actor=Actor.system("tests"))
    return row


def test_the_first_good_answer_is_pinned(info: ConnInfo, asker: Actor) -> None:
    target = fresh(info)
    assert found(target, asker)["Identity"]["detail"].startswith("Pinned from now on")
    target.refresh_from_db()
    assert target.pinned_database == info.database


def test_a_wrong_name_is_not_pinned_and_the_right_one_is_named(cluster: Cluster, make_database: MakeDatabase) -> None:
    target = fresh(make_database(cluster, "TovPlay"), database="tovplay")
    lines = found(target)
    assert {"Identity", "Reachable"} <= failed(lines) | {check.split(":")[0] for check in failed(lines)}
    assert 'The server has "TovPlay"' in lines["Identity"]["detail"]
    target.refresh_from_db()
    assert not target.is_identified


def test_a_database_that_is_a_target_already_is_not_pinned_again(info: ConnInfo, target: Target) -> None:
    twin = fresh(info)
    assert f"a target already: {target}" in found(twin)["Identity"]["detail"]
    twin.refresh_from_db()
    assert not twin.is_identified
    targets.identify(twin, actor=Actor.system("tests"), reason="a physical copy")
    assert twin.is_identified


def test_another_incarnation_fails_and_raises_the_alarm(target: Target) -> None:
    Target.objects.update(database_oid=1)
    target.refresh_from_db()
    assert "dropped and made again" in found(target)["Identity"]["detail"]
    assert Alert.objects.get().kind == "target.identity"


def test_a_server_that_does_not_answer_is_a_failure_and_the_rest_is_unknown(target: Target) -> None:
    Target.objects.update(port=free_port())
    target.refresh_from_db()
    lines = found(target)
    assert {"Identity", "Reachable"} <= failed(lines)
    assert lines["Row security"]["status"] == lines["Create databases"]["status"] == "UNKNOWN"


def test_each_role_is_asked_for_its_own_purpose(
    cluster: Cluster, target: Target, info: ConnInfo, roles: MakeRole, manager: Actor
) -> None:
    run(info, "CREATE TABLE secret (id int)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
    backup, operate = roles(cluster), roles(cluster)
    for purpose, role in ((Purpose.BACKUP, backup), (Purpose.OPERATE, operate)):
        targets.set_credential(target, purpose, user=role.user, password=role.password, actor=manager)
    lines = found(target)
    assert {"Tables", "Row security", "Create databases", "Rename the database"} <= failed(lines)
    assert backup.user in lines["Tables"]["detail"]
    assert operate.user in lines["Create databases"]["detail"]
    grant = sql.SQL("GRANT SELECT ON secret TO {0}; ALTER ROLE {0} BYPASSRLS; ALTER ROLE {1} SUPERUSER")
    run(info, grant.format(sql.Identifier(backup.user), sql.Identifier(operate.user)))
    assert failed(found(target)) == set()


def test_answers_that_differ_name_the_purpose(cluster: Cluster, target: Target, roles: MakeRole) -> None:
    watcher = roles(cluster)
    actor = Actor.system("tests")
    targets.set_credential(target, Purpose.WATCH, user=watcher.user, password="wrong", actor=actor)
    lines = found(target)
    assert lines["Reachable: watch (read-only)"]["status"] == "FAIL"
    assert lines["Reachable: back up"]["status"] == "PASS"
    assert "wrong" not in str(lines)


def test_a_purpose_without_a_role_is_unknown(info: ConnInfo) -> None:
    target = register(info)
    assert found(target)["Operate (restore, protect)"] == {
        "check": "Operate (restore, protect)",
        "status": "UNKNOWN",
        "detail": "No role is entered for it.",
        "hint": "Enter one before you need it.",
    }


def test_a_secret_that_cannot_be_read_is_a_failure(target: Target, settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = ["bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE="]
    lines = found(target)
    assert lines["Back up"]["status"] == lines["Identity"]["status"] == "FAIL"
    assert "cannot be decrypted" in lines["Back up"]["detail"]


# --- on this machine ----------------------------------------------------------------------------------------------


def test_missing_client_tools(target: Target, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.TOVGOV_PG_BIN = ""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding, "INSTALL_PATTERNS", ())
    monkeypatch.setattr(finding, "BUNDLE", "no_such_package")
    assert failed(found(target)) == {"pg_dump", "pg_restore"}


def test_client_tools_that_are_older_than_the_server(target: Target) -> None:
    Target.objects.update(server_version=990_000)
    target.refresh_from_db()
    lines = found(target)
    assert lines["pg_dump"]["status"] == "FAIL"
    assert "PostgreSQL 99" in lines["pg_dump"]["detail"]


def test_known_faults_of_the_client_are_named(target: Target, tmp_path: Any, settings: Any) -> None:
    for name in ("pg_dump", "pg_restore"):
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 17.1"\n')
        tool.chmod(0o755)
    settings.TOVGOV_PG_BIN = str(tmp_path)
    line = found(target)["pg_dump"]
    assert (line["status"], "CVE-2025-8714" in line["hint"]) == ("PASS", True)


def test_room_for_a_dump(target: Target) -> None:
    assert found(target)["Room for a dump"]["status"] == "UNKNOWN"
    backup = BackupFactory(target=target, proved=True, stored_bytes=1_000)
    assert found(target)["Room for a dump"]["status"] == "PASS"
    backup.stored_bytes = 10**18
    backup.save()
    assert found(target)["Room for a dump"]["status"] == "FAIL"
