"""Databases as a whole: their facts come along, names of any kind work, nothing foreign is touched."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from audit.exceptions import (
    DatabaseBusy,
    DatabaseExists,
    DatabaseMissing,
    LocaleMissing,
    NameInvalid,
    RightsMissing,
)
from audit.postgres.connect import connect
from audit.postgres.databases import (
    DatabaseFacts,
    Grant,
    Setting,
    apply_facts,
    check_name,
    create_like,
    drop,
    exists,
    read_facts,
    rename,
    sessions,
    side_name,
    terminate,
)
from audit.postgres.databases.apply import split_names
from tests.audit.postgres.conftest import needs_debian
from tests.conftest import MakeDatabase, MakeRole, drop_database, run
from tovgov.embedded import Cluster, majors

ODD_NAMES = [
    'a "quoted" one',
    "'; DROP DATABASE postgres; --",
    "with  spaces ",
    "🐘 elephant",
    "x" * 63,
    "é" * 31,
    "%s %(name)s {braces}",
    "Back\\slash",
    "tab\tand\nline",
]
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def spare(any_cluster: Cluster) -> Iterator[str]:
    """A name of a database that is dropped when the test ends."""
    name = side_name("spare", "test", NOW)
    yield name
    drop_database(any_cluster, name)


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_can_be_made_renamed_and_dropped(cluster: Cluster, name: str) -> None:
    between = f"plain_{secrets.token_hex(4)}"
    with connect(cluster.conninfo()) as conn:
        create_like(conn, name, read_facts(conn, "template0"))
        try:
            assert exists(conn, name)
            assert read_facts(conn, name).name == name
            assert apply_facts(conn, name, replace(read_facts(conn, name), comment=name)) == []
            assert read_facts(conn, name).comment == name
            rename(conn, name, between)
            rename(conn, between, name)
            with connect(cluster.conninfo(name)) as inside:
                (session,) = sessions(conn, name)
                assert session.pid == inside.info.backend_pid
        finally:
            assert drop(conn, name)
        assert not exists(conn, name)
        assert not drop(conn, name)


def test_a_role_that_may_only_create_databases_makes_one(any_cluster: Cluster, roles: MakeRole, spare: str) -> None:
    with connect(roles(any_cluster, "CREATEDB")) as conn:
        create_like(conn, spare, read_facts(conn, "template0"))
        assert exists(conn, spare)
        assert drop(conn, spare)


@pytest.mark.parametrize("name", ["", "x" * 64, "é" * 32, "🐘" * 16, "a\0b"])
def test_a_name_that_the_server_would_cut_is_refused(cluster: Cluster, name: str) -> None:
    with connect(cluster.conninfo()) as conn, pytest.raises(NameInvalid):
        create_like(conn, name, read_facts(conn, "template0"))


@given(database=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=70))
def test_a_side_name_fits_and_never_collides(database: str) -> None:
    names = {side_name(database, "side", NOW) for _ in range(20)}
    assert len(names) == 20
    for name in names:
        check_name(name)
        assert "_side_20260131_120000_" in name
        head = name.split("_side_2026")[0]
        assert database.startswith(head) or database.split("_side_2026")[0] == head


# --- facts -----------------------------------------------------------------------------------------------------------


def furnish(cluster: Cluster, database: str, owner: str, clerk: str) -> None:
    """Give a database something of everything that does not travel in a dump."""
    name, who = sql.Identifier(database), sql.Identifier(clerk)
    for statement in (
        "ALTER DATABASE {name} OWNER TO {owner}",
        "REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        "GRANT TEMPORARY ON DATABASE {name} TO PUBLIC",
        "GRANT CONNECT, CREATE ON DATABASE {name} TO {who} WITH GRANT OPTION",
        "REVOKE TEMPORARY ON DATABASE {name} FROM {owner}",
        'ALTER DATABASE {name} SET search_path TO "$user", \'a "b", c\', public',
        "ALTER DATABASE {name} SET \"TimeZone\" TO 'Europe/Berlin'",
        "ALTER DATABASE {name} SET shop.greeting TO 'it''s, a = \"test\"'",
        "ALTER ROLE {who} IN DATABASE {name} SET work_mem TO '8MB'",
        "ALTER ROLE {who} IN DATABASE {name} SET search_path TO ''",
        "ALTER DATABASE {name} CONNECTION LIMIT 42",
        "COMMENT ON DATABASE {name} IS 'The shop''s; \"own\"'",
        "ALTER DATABASE {name} IS_TEMPLATE true",
    ):
        parts = {"name": name, "owner": sql.Identifier(owner), "who": who}
        run(cluster.conninfo(), sql.SQL(statement).format(**parts))  # type: ignore[arg-type]


def test_facts_come_along_and_survive_json(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole, spare: str
) -> None:
    owner, clerk = roles(any_cluster).user, roles(any_cluster).user
    info = make_database(any_cluster)
    furnish(any_cluster, info.database, owner, clerk)
    with connect(any_cluster.conninfo()) as conn:
        facts = read_facts(conn, info.database)
        assert facts.owner == owner
        assert Grant(None, "CONNECT") not in facts.grants
        assert Grant(clerk, "CREATE", is_grantable=True) in facts.grants
        assert Setting(None, "search_path", '"$user", "a ""b"", c", public') in facts.settings
        assert Setting(clerk, "work_mem", "8MB") in facts.settings
        assert facts == DatabaseFacts.from_dict(json.loads(json.dumps(facts.as_dict())))
        create_like(conn, spare, facts)
        assert apply_facts(conn, spare, facts) == []
        copy = read_facts(conn, spare)
        assert replace(copy, name=facts.name, size=facts.size) == facts
        assert apply_facts(conn, spare, facts) == []
        raw = conn.execute("SELECT datacl::text[] FROM pg_database WHERE datname IN (%s, %s)", [info.database, spare])
        one, other = (sorted(row[0]) for row in raw)
        assert one == other


def test_facts_of_an_untouched_database_leave_its_rights_untouched(
    any_cluster: Cluster, make_database: MakeDatabase, spare: str
) -> None:
    info = make_database(any_cluster)
    with connect(any_cluster.conninfo()) as conn:
        create_like(conn, spare, read_facts(conn, info.database))
        assert apply_facts(conn, spare, read_facts(conn, info.database)) == []
        assert conn.execute("SELECT datacl FROM pg_database WHERE datname = %s", [spare]).fetchone() == (None,)


def test_another_owner_takes_the_rights_of_the_former(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole, spare: str
) -> None:
    owner, clerk, heir = (roles(any_cluster).user for _ in range(3))
    info = make_database(any_cluster)
    furnish(any_cluster, info.database, owner, clerk)
    with connect(any_cluster.conninfo()) as conn:
        facts = read_facts(conn, info.database)
        create_like(conn, spare, facts, owner=heir)
        assert apply_facts(conn, spare, facts, owner=heir) == []
        copy = read_facts(conn, spare)
    assert copy.owner == heir
    expected = {replace(grant, grantee=heir) if grant.grantee == owner else grant for grant in facts.grants}
    assert set(copy.grants) == expected


def test_what_cannot_be_given_is_named(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(any_cluster)
    with connect(any_cluster.conninfo()) as conn:
        facts = replace(
            read_facts(conn, info.database),
            owner="gone",
            grants=(Grant(None, "CONNECT"), Grant("missing", "CREATE"), Grant("postgres", "CREATE")),
            settings=(Setting("gone", "work_mem", "8MB"), Setting(None, "no_such_setting", "1"),
                      Setting(None, "maintenance_work_mem", "nonsense"), Setting(None, "lock_timeout", "3s")),
        )  # fmt: skip
        skipped = apply_facts(conn, info.database, facts)
        now = read_facts(conn, info.database)
    assert [(skip.kind, skip.what) for skip in skipped] == [
        ("owner", "gone"),
        ("grant", "CREATE to missing"),
        ("setting", "work_mem = 8MB of gone"),
        ("setting", "no_such_setting = 1"),
        ("setting", "maintenance_work_mem = nonsense"),
    ]
    assert all(skip.why for skip in skipped)
    assert set(now.grants) == {Grant(None, "CONNECT"), Grant("postgres", "CREATE")}
    assert now.settings == (Setting(None, "lock_timeout", "3s"),)


def test_an_owner_without_superuser_gives_what_he_may_and_names_the_rest(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    keeper, other = roles(any_cluster, "CREATEDB"), roles(any_cluster).user
    info = make_database(any_cluster, owner=keeper.user)
    with connect(keeper) as conn:
        facts = replace(
            read_facts(conn, info.database), owner=other, connection_limit=7,
            grants=(Grant(keeper.user, "CONNECT"), Grant(other, "CONNECT")),
            settings=(Setting(None, "session_preload_libraries", "auto_explain"), Setting(None, "work_mem", "5MB")),
        )  # fmt: skip
        skipped = apply_facts(conn, info.database, facts)
        now = read_facts(conn, info.database)
    assert {skip.kind for skip in skipped} == {"owner", "setting"}
    assert now.connection_limit == 7
    assert now.settings == (Setting(None, "work_mem", "5MB"),)
    assert Grant(keeper.user, "CONNECT") in now.grants
    assert not any(grant.grantee is None for grant in now.grants)


def test_a_stranger_is_told_that_nothing_could_be_given(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, stranger = make_database(cluster), roles(cluster)
    with connect(stranger) as conn:
        before = read_facts(conn, info.database)
        wanted = replace(before, owner=stranger.user, comment="mine", grants=(Grant(stranger.user, "CREATE"),))
        skipped = apply_facts(conn, info.database, wanted)
        assert {skip.kind for skip in skipped} == {"owner", "grant", "comment"}
        assert read_facts(conn, info.database) == before


def test_facts_of_a_missing_database_are_refused(cluster: Cluster) -> None:
    with connect(cluster.conninfo()) as conn, pytest.raises(DatabaseMissing, match="no_such"):
        read_facts(conn, "no_such")


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ('"$user", public', ["$user", "public"]),
        ('""', [""]),
        ("", [""]),
        ('"a ""b"", c",d', ['a "b", c', "d"]),
        ("pg_catalog", ["pg_catalog"]),
    ],
)
def test_lists_in_settings_are_split_as_the_server_does(value: str, elements: list[str]) -> None:
    assert split_names(value) == elements


# --- encodings and locales -------------------------------------------------------------------------------------------


LOCALES = {
    "ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'": 15,
    "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'": 15,
    "ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'": 15,
    "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'": 17,
}


@pytest.mark.parametrize(
    ("any_cluster", "words"),
    [(major, words) for words, since in LOCALES.items() for major in majors() if major >= since],
    indirect=["any_cluster"],
)
def test_encoding_and_locale_come_along(any_cluster: Cluster, spare: str, words: str) -> None:
    source = side_name("source", "test", NOW)
    run(any_cluster.conninfo(), f'CREATE DATABASE "{source}" TEMPLATE template0 {words}')
    try:
        with connect(any_cluster.conninfo()) as conn:
            facts = read_facts(conn, source)
            create_like(conn, spare, facts)
            assert replace(read_facts(conn, spare), name=source, size=facts.size) == facts
    finally:
        drop_database(any_cluster, source)


@needs_debian
def test_an_icu_locale_comes_along_and_is_refused_where_it_is_missing(
    debian: Cluster, clusters: dict[int, Cluster]
) -> None:
    source, copy = side_name("source", "test", NOW), side_name("copy", "test", NOW)
    run(debian.conninfo(), f"CREATE DATABASE \"{source}\" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv'")
    try:
        with connect(debian.conninfo()) as conn:
            facts = read_facts(conn, source)
            assert (facts.locale_provider, facts.locale) == ("i", "sv")
            create_like(conn, copy, facts)
            assert replace(read_facts(conn, copy), name=source, size=facts.size) == facts
        with connect(clusters[18].conninfo()) as conn, pytest.raises(LocaleMissing, match="ICU"):
            create_like(conn, copy, facts)
        with connect(clusters[18].conninfo()) as conn:
            assert not exists(conn, copy)
    finally:
        drop_database(debian, source)
        drop_database(debian, copy)


def test_a_locale_that_the_server_lacks_is_named(cluster: Cluster) -> None:
    with connect(cluster.conninfo()) as conn, pytest.raises(LocaleMissing, match="tlh_QO"):
        create_like(conn, "klingon", replace(read_facts(conn, "postgres"), collate="tlh_QO.UTF-8"))


def test_a_server_too_old_for_built_in_locales_says_so(cluster: Cluster) -> None:
    with connect(cluster.conninfo()) as conn, pytest.raises(LocaleMissing, match="too old"):
        create_like(conn, "new", replace(read_facts(conn, "postgres"), locale_provider="b", locale="C.UTF-8"))


# --- making and dropping ---------------------------------------------------------------------------------------------


def test_an_existing_database_is_not_made_again(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    with connect(cluster.conninfo()) as conn, pytest.raises(DatabaseExists, match=info.database):
        create_like(conn, info.database, read_facts(conn, info.database))


def test_making_without_the_right_is_refused(cluster: Cluster, roles: MakeRole) -> None:
    with pytest.raises(RightsMissing), connect(roles(cluster)) as conn:
        create_like(conn, "mine", read_facts(conn, "postgres"))


def test_dropping_ends_its_sessions(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    with psycopg.connect(**info.keywords()) as client, connect(cluster.conninfo()) as conn:  # type: ignore[arg-type]
        assert drop(conn, info.database)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


def test_a_template_is_not_dropped_unless_it_is_meant(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, f'ALTER DATABASE "{info.database}" IS_TEMPLATE true')
    with connect(cluster.conninfo()) as conn:
        with pytest.raises(DatabaseBusy, match="template"):
            drop(conn, info.database)
        assert drop(conn, info.database, even_template=True)


def test_a_template_that_cannot_be_dropped_stays_one(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, f'ALTER DATABASE "{info.database}" IS_TEMPLATE true', "CREATE TABLE t (id int)")
    with psycopg.connect(**info.keywords()) as client:  # type: ignore[arg-type]
        client.execute("INSERT INTO t VALUES (1)")
        client.execute("PREPARE TRANSACTION 'held'")
    try:
        with connect(cluster.conninfo()) as conn:
            with pytest.raises(DatabaseBusy, match="prepared transaction"):
                drop(conn, info.database, even_template=True)
            assert read_facts(conn, info.database).is_template
    finally:
        run(info, "ROLLBACK PREPARED 'held'")


# --- sessions --------------------------------------------------------------------------------------------------------


def test_only_sessions_of_that_database_are_ended_and_never_our_own(
    cluster: Cluster, make_database: MakeDatabase
) -> None:
    info, other = make_database(cluster), make_database(cluster)
    with (
        connect(info) as ours,
        psycopg.connect(**info.keywords(), application_name="shop") as client,  # type: ignore[arg-type]
        connect(other) as bystander,
    ):
        ended = terminate(ours, info.database)
        assert [(session.pid, session.application) for session in ended] == [(client.info.backend_pid, "shop")]
        assert "(shop)" in str(ended[0])
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        assert bystander.execute("SELECT 1").fetchone() == (1,)
        assert sessions(ours, info.database) == []
        assert terminate(ours, info.database) == []


def test_sessions_that_may_not_be_ended_are_named(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, weak = make_database(cluster), roles(cluster)
    with connect(info), pytest.raises(RightsMissing, match="postgres"), connect(weak) as conn:
        terminate(conn, info.database)
