"""The schema's fingerprint: the same after a dump and restore, deaf to data, awake to each change."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from audit.postgres.catalog import normal, owner_lines, schema_fingerprint, schema_lines
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.rows import states_now
from tests.audit.postgres.conftest import MakeScripted, dump, restore
from tests.conftest import MakeDatabase, MakeRole, run
from tests.house.documented import ROOT
from tovgov.embedded import Cluster

SAMPLES = Path(os.environ.get("SAMPLE_ARCHIVES", ROOT.parent / "shared" / "data"))

CHANGES = [
    "CREATE SCHEMA more",
    "COMMENT ON SCHEMA app IS 'ours'",
    "CREATE TABLE app.more (id int)",
    "DROP TABLE app.nothing",
    "ALTER TABLE app.refers RENAME TO refers_to",
    "ALTER TABLE app.refers SET UNLOGGED",
    "ALTER TABLE app.refers SET (fillfactor = 60)",
    'ALTER TABLE app."User" RESET (toast.autovacuum_enabled)',
    "ALTER TABLE app.refers REPLICA IDENTITY DEFAULT",
    'ALTER TABLE app."User" DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE app."User" NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE app.child NO INHERIT app."User"',
    "ALTER TABLE app.parts DETACH PARTITION app.parts_rest",
    "ALTER TABLE app.typed NOT OF",
    "ALTER TABLE app.refers ADD COLUMN more int",
    "ALTER TABLE app.refers DROP COLUMN region CASCADE",
    "ALTER TABLE app.refers RENAME COLUMN id TO ident",
    'ALTER TABLE app.fast ALTER "%s {x}" TYPE varchar(9)',
    "ALTER TABLE app.\"User\" ALTER mood SET DEFAULT 'between'",
    'ALTER TABLE app."User" ALTER mood DROP DEFAULT',
    'ALTER TABLE app."User" ALTER big SET NOT NULL',
    'ALTER TABLE app."User" ALTER late DROP NOT NULL',
    'ALTER TABLE app."User" ALTER id SET GENERATED ALWAYS',
    'ALTER TABLE app."User" ALTER id DROP IDENTITY',
    'ALTER TABLE app."User" ALTER total DROP EXPRESSION',
    'ALTER TABLE app."User" ALTER body SET STORAGE MAIN',
    'ALTER TABLE app."User" ALTER body SET COMPRESSION DEFAULT',
    'ALTER TABLE app."User" ALTER n SET STATISTICS 9',
    'ALTER TABLE app."User" ALTER n RESET (n_distinct)',
    "ALTER TABLE app.refers ALTER region TYPE varchar(5) COLLATE app.plain",
    "COMMENT ON COLUMN app.\"User\".n IS 'n'",
    'ALTER TABLE app."User" DROP CONSTRAINT whole',
    'ALTER TABLE app."User" RENAME CONSTRAINT whole TO entire',
    'ALTER TABLE app."User" ADD CONSTRAINT small CHECK (n < 3)',
    'ALTER TABLE app."User" VALIDATE CONSTRAINT later',
    "ALTER TABLE app.refers VALIDATE CONSTRAINT refers_id_fkey",
    "ALTER TABLE app.refers ALTER CONSTRAINT refers_id_at_region_fkey NOT DEFERRABLE",
    'ALTER TABLE app.refers ADD FOREIGN KEY (id) REFERENCES app."User" ON DELETE CASCADE',
    "ALTER TABLE app.refers ADD UNIQUE (id)",
    "CREATE INDEX ON app.refers (at)",
    "DROP INDEX app.words",
    "ALTER INDEX app.words RENAME TO word_index",
    'ALTER INDEX app."Idx "" odd" SET (fillfactor = 90)',
    'ALTER INDEX app."Idx "" odd" ALTER COLUMN 1 SET STATISTICS 34',
    'ALTER TABLE app."User" SET WITHOUT CLUSTER',
    "CREATE SEQUENCE app.more",
    "ALTER SEQUENCE app.loose NO CYCLE",
    "ALTER SEQUENCE app.loose INCREMENT -4",
    "ALTER SEQUENCE app.loose OWNED BY NONE",
    "CREATE OR REPLACE VIEW app.plain_view AS SELECT id, kind FROM app.\"User\" WHERE kind IN ('a', 'c')",
    "ALTER VIEW app.safe RESET (security_barrier)",
    "ALTER VIEW app.plain_view ALTER kind DROP DEFAULT",
    "DROP VIEW app.later",
    "CREATE OR REPLACE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "ALTER FUNCTION app.touch() SECURITY DEFINER",
    "ALTER FUNCTION app.touch() SET search_path = ''",
    "ALTER FUNCTION app.several() ROWS 4",
    "CREATE FUNCTION app.touch(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE AGGREGATE app.more (numeric) (sfunc = numeric_add, stype = numeric)",
    'ALTER TABLE app."User" ENABLE TRIGGER "Touch; it"',
    'DROP TRIGGER per_statement ON app."User"',
    "ALTER TABLE app.parts_25_a DISABLE TRIGGER for_all",
    "CREATE TRIGGER more AFTER INSERT ON app.refers EXECUTE FUNCTION app.touch()",
    "ALTER EVENT TRIGGER guard ENABLE ALWAYS",
    "DROP RULE shout ON app.nothing",
    "ALTER TABLE app.nothing DISABLE RULE shout",
    'DROP POLICY mine ON app."User"',
    "ALTER POLICY see ON app.refers USING (id > 0)",
    'ALTER POLICY mine ON app."User" TO PUBLIC',
    "ALTER TYPE app.mood RENAME VALUE 'between' TO 'among'",
    "ALTER TYPE app.address ADD ATTRIBUTE country text CASCADE",
    "ALTER DOMAIN app.\"Straße\" SET DEFAULT 'y'",
    'ALTER DOMAIN app."Straße" DROP NOT NULL',
    'ALTER DOMAIN app."Straße" DROP CONSTRAINT odd',
    "ALTER STATISTICS app.st SET STATISTICS 51",
    "DROP STATISTICS app.ex",
    "DROP CAST (app.address AS text)",
    "CREATE COLLATION app.more (locale = 'POSIX')",
    "DROP CONVERSION app.conv",
    "ALTER OPERATOR app.=== (app.address, app.address) SET (restrict = NONE)",
    "ALTER OPERATOR FAMILY app.fam USING btree ADD OPERATOR 1 < (int, int)",
    "ALTER TEXT SEARCH CONFIGURATION app.conf DROP MAPPING FOR asciiword",
    "ALTER TEXT SEARCH DICTIONARY app.dict (stopwords)",
    "ALTER SERVER far OPTIONS (SET host 'other.example.org')",
    "ALTER FOREIGN TABLE app.remote OPTIONS (SET table_name 'U')",
    "ALTER FOREIGN TABLE app.remote ALTER id OPTIONS (SET column_name 'Id')",
    "DROP USER MAPPING FOR PUBLIC SERVER far",
    "ALTER PUBLICATION pub SET (publish = 'insert')",
    "ALTER PUBLICATION pub SET TABLE app.parts_rest",
    "DROP PUBLICATION pub_schema",
]
OWNERS = [
    'ALTER TABLE app."User" OWNER TO {other}',
    "ALTER SCHEMA app OWNER TO {other}",
    "ALTER TYPE app.mood OWNER TO {other}",
    "ALTER FUNCTION app.touch() OWNER TO {other}",
    'REVOKE SELECT ON app."User" FROM PUBLIC',
    "GRANT SELECT ON app.fast TO {other} WITH GRANT OPTION",
    "REVOKE UPDATE (at) ON app.refers FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION app.touch() FROM PUBLIC",
    "GRANT USAGE ON SEQUENCE app.loose TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE SELECT ON TABLES FROM PUBLIC",
]
NO_CHANGES = [
    "INSERT INTO app.refers (id) VALUES (NULL), (NULL)",
    "INSERT INTO app.fast (o) SELECT g FROM generate_series(1, 500) AS g",
    "DELETE FROM app.fast WHERE id % 3 = 0",
    "SELECT nextval('app.loose')",
    "VACUUM FULL",
    "ANALYZE",
    "REINDEX SCHEMA app",
    "CLUSTER",
    "TRUNCATE app.fast RESTART IDENTITY",
    "REFRESH MATERIALIZED VIEW app.kept",
    "CREATE TABLE public.gone (id int)",
    "DROP TABLE public.gone",
    "ALTER TABLE app.refers ADD COLUMN gone int",
    "ALTER TABLE app.refers DROP COLUMN gone",
    "CREATE TEMPORARY TABLE passing (id int)",
]


def changed(one: list[str], other: list[str]) -> str:
    return "\n".join(
        [f"- {line}" for line in one if line not in other] + [f"+ {line}" for line in other if line not in one]
    )


def seen(info: ConnInfo) -> tuple[list[str], list[str]]:
    with connect(info) as conn:
        return schema_lines(conn), owner_lines(conn)


def test_a_dump_and_restore_of_a_nasty_schema_changes_no_line(
    any_cluster: Cluster, scripted: MakeScripted, make_database: MakeDatabase, tmp_path: Path
) -> None:
    info, copy = scripted(any_cluster, "nasty"), make_database(any_cluster)
    dump(info, any_cluster.major, tmp_path / "nasty.dump")
    restore(copy, any_cluster.major, tmp_path / "nasty.dump")
    (lines, owners), (copied, copied_owners) = seen(info), seen(copy)
    assert changed(lines, copied) == ""
    assert changed(owners, copied_owners) == ""
    with connect(info) as one, connect(copy) as other:
        assert schema_fingerprint(one) == schema_fingerprint(other)
    assert len(lines) > 200


def test_a_dump_and_restore_of_the_sample_databases_changes_no_line(
    clusters: dict[int, Cluster], make_database: MakeDatabase, tmp_path: Path
) -> None:
    """Those that stand beside the checkout, if any: databases that no one here wrote."""
    for archive in sorted(SAMPLES.glob("*.dump")):
        info, copy = make_database(clusters[18]), make_database(clusters[18])
        restore(info, 18, archive)
        dump(info, 18, tmp_path / archive.name)
        restore(copy, 18, tmp_path / archive.name)
        with connect(info) as one, connect(copy) as other:
            assert changed(schema_lines(one), schema_lines(other)) == ""
            assert schema_fingerprint(one) == schema_fingerprint(other)
        assert states_now(info) == states_now(copy)


def test_every_kind_of_value_and_table_survives_a_dump_and_restore(
    cluster: Cluster, scripted: MakeScripted, make_database: MakeDatabase, tmp_path: Path
) -> None:
    info, copy = scripted(cluster, "every_type"), make_database(cluster)
    dump(info, cluster.major, tmp_path / "copy.dump")
    restore(copy, cluster.major, tmp_path / "copy.dump")
    assert changed(*(lines for lines, _ in (seen(info), seen(copy)))) == ""


def test_every_change_of_the_schema_is_seen(any_cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(any_cluster, "nasty")
    with connect(info) as conn:
        before = schema_lines(conn)
        for change in CHANGES:
            with conn.transaction(force_rollback=True):
                conn.execute(change)  # type: ignore[call-overload]
                assert schema_lines(conn) != before, change
        assert schema_lines(conn) == before


def test_what_came_with_18_is_seen(clusters: dict[int, Cluster], make_database: MakeDatabase) -> None:
    info = make_database(clusters[18])
    run(info, "CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2), c int REFERENCES t)")
    lines, _ = seen(info)
    assert "table column public.t.b: 2 integer generated virtual (a * 2)" in lines
    run(info, "ALTER TABLE t ALTER CONSTRAINT t_c_fkey NOT ENFORCED")
    assert "NOT ENFORCED" in changed(lines, seen(info)[0])
    run(info, "ALTER TABLE t ADD CONSTRAINT c_there NOT NULL c NOT VALID")
    assert "+ table constraint c_there on public.t: NOT NULL c NOT VALID" in changed(lines, seen(info)[0])


def test_owners_and_rights_are_told_apart_from_the_schema(
    cluster: Cluster, scripted: MakeScripted, roles: MakeRole
) -> None:
    info, other = scripted(cluster, "nasty"), roles(cluster).user
    with connect(info) as conn:
        before = schema_fingerprint(conn)
        for change in OWNERS:
            with conn.transaction(force_rollback=True):
                conn.execute(change.format(other=other))  # type: ignore[call-overload]
                after = schema_fingerprint(conn)
                assert after.sha256 == before.sha256, change
                assert after.owners_sha256 != before.owners_sha256, change


def test_data_and_upkeep_change_nothing(any_cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(any_cluster, "nasty")
    with connect(info) as conn:
        before = schema_lines(conn), owner_lines(conn)
        for act in NO_CHANGES:
            conn.execute(act)  # type: ignore[call-overload]
        assert changed(before[0], schema_lines(conn)) == ""
        assert changed(before[1], owner_lines(conn)) == ""


def test_the_order_in_which_objects_were_made_changes_nothing(cluster: Cluster, make_database: MakeDatabase) -> None:
    statements = ["CREATE TABLE a (id int)", "CREATE VIEW b AS SELECT 1 AS x", "CREATE TYPE c AS ENUM ('c')"]
    one, other = make_database(cluster), make_database(cluster)
    run(one, *statements)
    run(other, "CREATE TABLE gone (id serial)", "DROP TABLE gone", *reversed(statements))
    assert seen(one) == seen(other)


def test_an_ordinary_role_sees_the_same_schema(any_cluster: Cluster, scripted: MakeScripted, roles: MakeRole) -> None:
    info = scripted(any_cluster, "nasty")
    with connect(info) as conn, connect(roles(any_cluster).to(info.database)) as ordinary:
        assert changed(schema_lines(conn), schema_lines(ordinary)) == ""
        assert owner_lines(conn) == owner_lines(ordinary)


def test_the_settings_of_a_session_change_nothing(cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(cluster, "nasty")
    lines, _ = seen(info)
    odd = {
        "DateStyle": "German", "TimeZone": "Asia/Kolkata", "search_path": "app", "bytea_output": "escape",
        "quote_all_identifiers": "on", "IntervalStyle": "iso_8601",
    }  # fmt: skip
    for name, value in odd.items():
        run(info, f"ALTER DATABASE \"{info.database}\" SET {name} = '{value}'")
    with psycopg.connect(**info.keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
        assert changed(lines, schema_lines(conn)) == ""


def test_members_of_an_extension_stand_behind_its_version(
    clusters: dict[int, Cluster], make_database: MakeDatabase
) -> None:
    info = make_database(clusters[18])
    lines, owners = seen(info)
    run(info, "CREATE EXTENSION vector VERSION '0.8.5'")
    assert changed(lines, seen(info)[0]) == "+ extension vector: version 0.8.5 in public"
    assert changed(owners, seen(info)[1]) == ""


def test_no_line_holds_the_password_of_a_user_mapping(cluster: Cluster, scripted: MakeScripted) -> None:
    lines, owners = seen(scripted(cluster, "nasty"))
    assert any("user mapping" in line for line in lines)
    assert not any("never shown" in line for line in lines + owners)


def test_an_index_that_is_not_valid_is_not_told(cluster: Cluster, make_database: MakeDatabase) -> None:
    """pg_dump does not carry it, so a restored database could never be the same."""
    info = make_database(cluster)
    run(info, "CREATE TABLE twice (id int)", "INSERT INTO twice VALUES (1), (1)")
    lines, _ = seen(info)
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(info, "CREATE UNIQUE INDEX CONCURRENTLY broken ON twice (id)")
    assert seen(info)[0] == lines


def test_a_snapshot_shows_the_schema_of_its_moment(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    with connect(info) as conn, conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = schema_lines(conn)
        run(info, "CREATE TABLE late (id int)")
        assert schema_lines(conn) == before


@pytest.mark.slow
def test_a_thousand_tables_are_described(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format("
              "'CREATE TABLE t%s (id serial PRIMARY KEY, v text NOT NULL)', i); END LOOP; END $$")  # fmt: skip
    with connect(info) as conn:
        assert schema_fingerprint(conn).objects > 5000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("((k)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
         "((k)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))"),
        ("(ARRAY[a, 'x, ]''y'::text, f(1, ARRAY[2])])::public.\"My [] Type\"[]",
         "ARRAY[(a)::public.\"My [] Type\", ('x, ]''y'::text)::public.\"My [] Type\", "
         "(f(1, ARRAY[2]))::public.\"My [] Type\"]"),
        ("(ARRAY[1, (ARRAY['(ARRAY['])::text[]])::numeric(10,2)[]",
         "ARRAY[(1)::numeric(10,2), (ARRAY[('(ARRAY[')::text])::numeric(10,2)]"),
        ("(ARRAY['a'])::text", "(ARRAY['a'])::text"),
        ("(ARRAY['a', 'b'", "(ARRAY['a', 'b'"),
        ("(ARRAY[", "(ARRAY["),
    ],
)  # fmt: skip
def test_the_two_forms_of_a_casted_array_become_one(before: str, after: str) -> None:
    assert normal(before) == after
    assert normal(after) == after
