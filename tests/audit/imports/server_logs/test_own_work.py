"""tovgov's own runs in a server's log: explained by what the run noted before, and by nothing that a client can say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit import noise, targets
from audit.actors import Actor
from audit.anomalies import run as anomalies
from audit.imports.server_logs import bring
from audit.models import (
    Alert,
    ImportSource,
    LogSeverity,
    OwnAct,
    ProtectionRun,
    Purpose,
    RunKind,
    ServerLogEntry,
    ServerLogGroup,
    Target,
)
from audit.postgres.logs.own import mark
from audit.protection import traces
from tests import factories
from tests.audit.imports.server_logs.conftest import START, imported, row, text, write

pytestmark = pytest.mark.django_db(transaction=True)
CLONE = "tovgov_attack_20261120_100000_718d8d82"
LATER = "tovgov_attack_20261120_100000_ffffffff"
GRANT = 'ALTER TABLE "public"."Game" OWNER TO "tovgov_owner";\nGRANT SELECT ON TABLE "public"."Game" TO "tovplay_owner"'
ATTACKER: dict[str, Any] = {"role": "postgres", "database": "postgres", "application": "tovgov attack"}
INSTALLER: dict[str, Any] = {"role": "postgres", "database": "TovPlay", "application": "tovgov"}


def ran(target: Target, kind: RunKind, **times: Any) -> ProtectionRun:
    """A run that ended well, a minute after the first record of the log."""
    end = START + timedelta(minutes=1)
    facts = {"state": "succeeded", "queued_at": START, "started_at": START, "finished_at": end} | times
    return ProtectionRun.objects.create(target=target, kind=kind, **facts)


@pytest.fixture
def ours(source: ImportSource) -> Target:
    """tovgov installs as a superuser that people use too."""
    factories.CredentialFactory(target=source.target, purpose=Purpose.OPERATE, user="postgres")
    return source.target


@pytest.fixture
def attack(ours: Target) -> ProtectionRun:
    run = ran(ours, RunKind.ATTACK)
    traces.leave(run, made=[CLONE])
    return run


@pytest.fixture
def installation(ours: Target) -> ProtectionRun:
    run = ran(ours, RunKind.INSTALL)
    traces.leave(run, statements=[GRANT, "CREATE EVENT TRIGGER guard ON sql_drop EXECUTE FUNCTION tovgov.guard_drop()"])
    return run


def name_of(run: ProtectionRun) -> str:
    return f"protectionrun-{run.pk}"


def loud() -> list[str]:
    """What waits for a person."""
    return list(ServerLogGroup.objects.filter(is_noise=False).values_list("title", flat=True))


BESIDE = [
    f"DROP DATABASE {CLONE}",
    f"DROP DATABASE {CLONE} WITH (FORCE)",
    f'DROP DATABASE "{CLONE}" WITH (FORCE)\n',
    f'CREATE ROLE "{CLONE}_owner" LOGIN CONNECTION LIMIT 0 NOCREATEDB\n',
    f'DROP ROLE IF EXISTS "{CLONE}_application"',
    f"CREATE DATABASE {CLONE}_stolen TEMPLATE {CLONE}",
    f"ALTER DATABASE {CLONE} RENAME TO {CLONE}_renamed",
    f"ALTER DATABASE {CLONE} IS_TEMPLATE false",
]


@pytest.mark.parametrize("statement", BESIDE)
def test_what_an_attack_does_beside_its_clone_is_explained(
    source: ImportSource, folder: Path, attack: ProtectionRun, statement: str
) -> None:
    refused = f"must be owner of database {CLONE}"
    write(folder / "a.csv", text(
        row(0, f"statement: {statement}", **ATTACKER),
        row(1, refused, level="ERROR", sqlstate="42501", query=statement, **ATTACKER),
    ))  # fmt: skip
    run = imported(source)
    assert run.rows + run.ours == 2
    assert run.explained == run.rows > 0, "what is grave is kept"
    assert loud() == []
    assert set(ServerLogGroup.objects.values_list("explained_by", flat=True)) == {name_of(attack)}


STRANGERS = {
    "another role": ATTACKER | {"role": "clerk"},
    "another application": ATTACKER | {"application": "psql"},
    "before the run": ATTACKER | {"at": START - timedelta(minutes=10)},
    "after the run": ATTACKER | {"at": START + timedelta(minutes=10)},
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("what", [f"DROP DATABASE {CLONE}", f'DROP ROLE IF EXISTS "{CLONE}_owner"'])
def test_the_same_by_somebody_else_waits(
    source: ImportSource, folder: Path, attack: ProtectionRun, who: str, what: str
) -> None:
    write(folder / "a.csv", text(row(0, f"statement: {what}", **STRANGERS[who])))
    assert imported(source).explained == 0
    assert len(loud()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        f"DROP DATABASE {LATER}",
        'DROP DATABASE "TovPlay"',
        f"DROP DATABASE TovPlay /* {CLONE} */",
        f"DROP DATABASE {CLONE}; DROP DATABASE tovplay",
        f"DROP ROLE IF EXISTS {CLONE}_owner, clerk",
        f'CREATE ROLE "{CLONE}_owner" LOGIN SUPERUSER',
        f'GRANT pg_write_all_data TO "{CLONE}_owner"',
        f"CREATE DATABASE {CLONE}_stolen TEMPLATE tovplay",
        f"ALTER DATABASE tovplay RENAME TO {CLONE}_renamed",
        f"ALTER DATABASE tovplay OWNER TO {CLONE}_owner",
    ],
)
def test_a_name_that_only_looks_like_a_clone_hides_nothing(
    source: ImportSource, folder: Path, attack: ProtectionRun, statement: str
) -> None:
    refused = {"level": "ERROR", "sqlstate": "42501", "query": statement}
    write(folder / "a.csv", text(row(0, f"must be owner of database {CLONE}", **refused, **ATTACKER)))
    assert imported(source).explained == 0
    assert len(loud()) == 1


def test_work_in_a_database_that_is_only_named_like_a_clone_is_kept(
    source: ImportSource, folder: Path, attack: ProtectionRun
) -> None:
    """Before, every database with such a name counted as ours."""
    write(folder / "a.csv", text(
        row(0, "statement: DROP TABLE member", **ATTACKER | {"database": CLONE}),
        row(1, "statement: DROP TABLE member", **ATTACKER | {"database": LATER}),
        row(2, "statement: DROP TABLE member", **ATTACKER | {"database": CLONE, "role": "clerk"}),
    ))  # fmt: skip
    assert imported(source).ours == 1
    assert set(ServerLogEntry.objects.values_list("database", "role")) == {(LATER, "postgres"), (CLONE, "clerk")}


def test_an_installation_is_explained_statement_by_statement(
    source: ImportSource, folder: Path, installation: ProtectionRun
) -> None:
    Target.objects.filter(pk=source.target_id).update(database="TovPlay")
    source.refresh_from_db()
    write(folder / "a.csv", text(
        row(0, f"statement: {GRANT}", **INSTALLER), row(1, f"execute _pg3_4: {GRANT}", **INSTALLER)
    ))  # fmt: skip
    assert imported(source).explained == 2
    assert loud() == []
    assert anomalies.run(source.target) == []
    groups = ServerLogGroup.objects.filter(explained_by=name_of(installation))
    assert sum(groups.values_list("count", flat=True)) == 2
    assert ServerLogEntry.objects.count() == 2, "it is kept, and can be read"


@pytest.mark.parametrize(
    "other",
    [
        {"role": "tovplay_owner"},
        {"application": "psql"},
        {"database": "elsewhere"},
        {"at": START + timedelta(hours=1)},
        {"message": f'statement: {GRANT}; GRANT ALL ON TABLE "public"."Game" TO "stray"'},
        {"message": "statement: ALTER ROLE stray SUPERUSER"},
    ],
)
def test_the_same_grants_by_somebody_else_alarm(
    source: ImportSource, folder: Path, installation: ProtectionRun, other: dict[str, Any]
) -> None:
    Target.objects.filter(pk=source.target_id).update(database="TovPlay")
    source.refresh_from_db()
    facts = INSTALLER | {"message": f"statement: {GRANT}"} | other
    write(folder / "a.csv", text(row(0, f"statement: {GRANT}", **INSTALLER), row(1, **facts)))
    assert imported(source).explained == 1
    assert len(loud()) == 1
    assert [firing.rule for firing in anomalies.run(source.target)] == ["rights-granted"]
    assert Alert.objects.get(kind="anomaly.rights-granted").cited == 1


def test_what_is_explained_stays_noise_whatever_the_filters_say(
    source: ImportSource, folder: Path, attack: ProtectionRun, manager: Actor
) -> None:
    write(folder / "a.csv", text(row(0, f"statement: DROP DATABASE {CLONE}", **ATTACKER)))
    imported(source)
    noise.change_settings(source.target, actor=manager, minimum_severity=LogSeverity.INFO)
    assert loud() == []
    assert noise.hidden_count(source.target) == noise.Hidden(groups=1, entries=1), "and it is counted"


def test_the_server_tells_of_its_other_targets_too(source: ImportSource, folder: Path, ours: Target) -> None:
    Target.objects.filter(pk=ours.pk).update(system_identifier="7710255257841923044")
    source.refresh_from_db()
    other = factories.TargetFactory(system_identifier="7710255257841923044")
    factories.CredentialFactory(target=other, purpose=Purpose.OPERATE, user="tovgov_other")
    traces.leave(ran(other, RunKind.ATTACK), made=[CLONE])
    statement = f"statement: DROP DATABASE {CLONE}"
    write(
        folder / "a.csv", text(row(0, statement, **ATTACKER | {"role": "tovgov_other"}), row(1, statement, **ATTACKER))
    )
    assert imported(source).explained == 1, "each run by its own target's role"


def test_a_role_that_was_ours_then_explains_what_it_did_then(
    source: ImportSource, folder: Path, target: Target, manager: Actor
) -> None:
    targets.set_credential(target, Purpose.OPERATE, user="postgres", password="a", actor=manager)
    traces.leave(ran(target, RunKind.ATTACK), made=[CLONE])
    targets.set_credential(target, Purpose.OPERATE, user="another", password="b", actor=manager)
    write(folder / "a.csv", text(row(0, f"statement: DROP DATABASE {CLONE}", **ATTACKER)))
    assert imported(source).explained == 1


def test_a_log_that_is_read_on_knows_the_runs_that_came_since(source: ImportSource, folder: Path, ours: Target) -> None:
    write(folder / "a.csv", text(row(0, "statement: SELECT 1")))
    imported(source)
    old = ran(ours, RunKind.ATTACK, queued_at=START - timedelta(days=9), finished_at=START - timedelta(days=9))
    traces.leave(old, made=[LATER])
    traces.leave(ran(ours, RunKind.ATTACK, finished_at=None, state="running", claim=old.uuid), made=[CLONE])
    write(folder / "a.csv", text(row(1, f"statement: DROP DATABASE {CLONE}", **ATTACKER)), append=True)
    assert imported(source).explained == 1


def test_rights_on_a_table_of_ones_own_session_are_left_out(source: ImportSource, folder: Path, ours: Target) -> None:
    right = 'statement: GRANT SELECT, UPDATE ON pg_temp.tovgov_undelete TO "tovgov_owner"'
    write(folder / "a.csv", text(
        row(0, right, **INSTALLER),
        row(1, right, **INSTALLER | {"role": "clerk"}),
        row(2, 'statement: GRANT SELECT ON public.tovgov_undelete TO "stray"', **INSTALLER),
        row(3, f"{right}; GRANT SELECT ON public.member TO stray", **INSTALLER),
    ))  # fmt: skip
    assert imported(source).ours == 1
    assert ServerLogEntry.objects.count() == 3


def test_a_right_on_a_table_of_the_session_of_a_former_role_is_left_out(
    source: ImportSource, folder: Path, target: Target, manager: Actor
) -> None:
    targets.set_credential(target, Purpose.OPERATE, user="tovgov_operate", password="a", actor=manager)
    targets.set_credential(target, Purpose.OPERATE, user="another", password="b", actor=manager)
    who = {"role": "tovgov_operate", "application": "tovgov restore"}
    write(folder / "a.csv", text(row(0, 'statement: GRANT SELECT ON "pg_temp"."tovgov_rows_0" TO "owner"', **who)))
    assert imported(source).ours == 1


def test_a_run_leaves_each_of_its_traces_once(ours: Target) -> None:
    run = ran(ours, RunKind.INSTALL, queued_at=timezone.now())
    for _ in range(2):  # a run that was killed goes on
        traces.leave(run, statements=["GRANT a TO b", " GRANT a TO b\n"])
    traces.leave(run, made=[CLONE])
    run.refresh_from_db()
    assert (len(run.traces["marks"]), run.traces["made"]) == (1, [CLONE])


# --- acts beside protection runs: windows, restores, backups ---------------------------------------------------------

SESSION = "6914a3b0.1267"
BACK = 'ALTER TABLE "public"."Game" OWNER TO "tovgov_owner"'
OPERATOR: dict[str, Any] = {
    "role": "tovgov_operate", "database": "TovPlay", "application": "tovgov", "session": SESSION, "pid": 0x1267,
}  # fmt: skip


def act_of(target: Target, **more: Any) -> OwnAct:
    """A window that was closed in the first minute of the log."""
    facts = {
        "of": "maintenancewindow-7", "role": "tovgov_operate", "database": "TovPlay", "session": SESSION,
        "first_at": START, "last_at": START + timedelta(minutes=1), "marks": [mark(BACK)],
    }  # fmt: skip
    return OwnAct.objects.create(target=target, **facts | more)


QUOTED_BACK = '"' + BACK.replace('"', '""') + '"'
TOLD = {
    "logged": {"message": f"statement: {BACK}"},
    "with its duration": {"message": f"duration: 12.345 ms  statement: {BACK}"},
    "refused": {"message": "must be owner of table Game", "level": "ERROR", "sqlstate": "42501", "query": BACK},
    "by pgAudit": {"message": f"AUDIT: SESSION,1,1,DDL,ALTER TABLE,TABLE,public.Game,{QUOTED_BACK},<not logged>"},
    "to the millisecond": {"message": f"statement: {BACK}", "at": START - timedelta(milliseconds=1)},
}


@pytest.mark.parametrize("how", TOLD)
def test_an_act_is_explained_however_the_server_tells_it(
    source: ImportSource, folder: Path, ours: Target, how: str
) -> None:
    act_of(ours)
    write(folder / "a.csv", text(row(0, **OPERATOR | TOLD[how])))
    assert imported(source).explained == 1
    assert (loud(), anomalies.run(source.target)) == ([], [])
    assert ServerLogGroup.objects.get().explained_by == "maintenancewindow-7"


IMPOSTORS = {
    "another session": {"session": "6914a3b0.1268", "pid": 0x1268},
    "the same process number, later": {"session": "6914a3b1.1267"},
    "another role": {"role": "postgres"},
    "another application": {"application": "psql"},
    "another database": {"database": "postgres"},
    "before it began": {"at": START - timedelta(seconds=10)},
    "after it ended": {"at": START + timedelta(minutes=1, seconds=10)},
    "one word more": {"message": f'statement: {BACK}; GRANT ALL ON "public"."Game" TO stray'},
    "another name": {"message": 'statement: ALTER TABLE "public"."Game" OWNER TO "stray"'},
    "words before it": {"message": f"statement: SET ROLE stray; {BACK}"},
    "another case": {"message": f"statement: {BACK.lower()}"},
    "its name in a comment": {"message": f"statement: GRANT ALL ON a TO stray -- {BACK}"},
    "a field of pgAudit's that is none": {
        "message": f"AUDIT: SESSION,1,1,DDL,DROP TABLE,TABLE,public.Game,DROP TABLE a,{QUOTED_BACK}"
    },
    "a duration that is none": {"message": f"statement: DROP TABLE a; /* duration: 1.0 ms  statement: {BACK}"},
}


@pytest.mark.parametrize("who", IMPOSTORS)
def test_an_impostor_of_an_act_waits_and_alarms(source: ImportSource, folder: Path, ours: Target, who: str) -> None:
    """He has the password of our role, calls himself tovgov, and knows what a window sends."""
    act_of(ours)
    facts = OPERATOR | {"message": f"statement: {BACK}"} | IMPOSTORS[who]
    write(folder / "a.csv", text(row(0, f"statement: {BACK}", **OPERATOR), row(1, **facts)))
    assert imported(source).explained == 1
    assert len(loud()) == 1
    assert len(anomalies.run(source.target)) >= 1


def test_an_act_whose_process_died_explains_a_day_at_most(source: ImportSource, folder: Path, ours: Target) -> None:
    act_of(ours, last_at=None)
    later = START + timedelta(hours=25)
    write(folder / "a.csv", text(
        row(0, f"statement: {BACK}", **OPERATOR), row(1, f"statement: {BACK}", **OPERATOR | {"at": later})
    ))  # fmt: skip
    assert imported(source).explained == 1
    assert len(loud()) == 1


def test_an_act_at_another_server_explains_nothing(source: ImportSource, folder: Path, ours: Target) -> None:
    act_of(factories.TargetFactory())
    write(folder / "a.csv", text(row(0, f"statement: {BACK}", **OPERATOR)))
    assert imported(source).explained == 0


def test_an_act_that_begins_while_an_import_reads_is_explained(
    source: ImportSource, folder: Path, ours: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted, and logged, after the import has asked what was noted: the next one reads it."""
    file = write(folder / "a.csv", text(row(0)))
    asked = bring.own_work

    def begins_then(*args: Any) -> Any:
        known = asked(*args)
        if not OwnAct.objects.exists():
            act_of(ours)
            write(file, text(row(1, f"statement: {BACK}", **OPERATOR)), append=True)
        return known

    monkeypatch.setattr(bring, "own_work", begins_then)
    assert (imported(source).records, ServerLogEntry.objects.count()) == (1, 1)
    second = imported(source)
    assert (second.records, second.explained, loud()) == (1, 1, [])


@pytest.mark.parametrize("other", [{"session": "6914a3b0.ffff"}, {"session": "", "pid": 0xFFFF}])
def test_an_installation_is_known_by_its_session_too(
    source: ImportSource, folder: Path, installation: ProtectionRun, other: dict[str, Any]
) -> None:
    Target.objects.filter(pk=source.target_id).update(database="TovPlay")
    ProtectionRun.objects.update(traces=ProtectionRun.objects.get().traces | {"sessions": [SESSION]})
    source.refresh_from_db()
    told = INSTALLER | {"session": SESSION, "pid": 0x1267}
    write(folder / "a.csv", text(row(0, f"statement: {GRANT}", **told), row(1, f"statement: {GRANT}", **told | other)))
    assert imported(source).explained == 1
    assert len(loud()) == 1
