"""Merges between two real databases: what is missing comes back, what is there stays as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import sql

from audit.exceptions import JobCancelled, RightsMissing
from audit.postgres.connect import ConnInfo, connect
from backups.exceptions import MergeImpossible, ProofFailed, TableUnknown
from backups.restore.merge_plan import Plan
from backups.restore.merge_rows import merge_rows
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.embedded import Cluster


@dataclass
class Listener:
    """Hears what a merge tells; ``cancel_at`` makes it stop at that phase."""

    cancel_at: str = ""
    lines: list[str] = field(default_factory=list)
    current: str = ""
    at_phase: Callable[[str], None] = lambda name: None

    def phase(self, name: str, *, total: int | None = None, unit: str = "") -> None:
        self.current = name
        self.at_phase(name)

    def advance(self, count: int) -> None: ...

    def log(self, line: str) -> None:
        self.lines.append(line)

    def check(self) -> None:
        if self.cancel_at and self.current == self.cancel_at:
            raise JobCancelled

    def conclude(self) -> None:
        self.check()


class Scene:
    """A live database and what a backup of it holds, made from the same statements."""

    def __init__(self, live: ConnInfo, side: ConnInfo) -> None:
        self.live, self.side = live, side

    def both(self, *statements: str) -> None:
        run(self.live, *statements)
        run(self.side, *statements)

    def merge(
        self, *wanted: str, dry_run: bool = False, ear: Listener | None = None, user: ConnInfo | None = None
    ) -> Plan:
        with connect(user or self.live) as live, connect(self.side) as side:
            return merge_rows(live, side, wanted, dry_run=dry_run, ear=ear or Listener())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(**self.live.keywords()) as conn:  # type: ignore[arg-type]
            return conn.execute(sql.SQL(query)).fetchall()  # type: ignore[arg-type]

    def value(self, query: str) -> object:
        return self.rows(query)[0][0]


@pytest.fixture
def scene(cluster: Cluster, make_database: MakeDatabase) -> Scene:
    return Scene(make_database(cluster), make_database(cluster))


@pytest.fixture
def any_scene(any_cluster: Cluster, make_database: MakeDatabase) -> Scene:
    return Scene(make_database(any_cluster), make_database(any_cluster))


FAMILY = """
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int REFERENCES parent, note text,
                    loud text GENERATED ALWAYS AS (upper(note)) STORED);
INSERT INTO parent SELECT n, 'parent ' || n FROM generate_series(1, 5) AS n;
INSERT INTO child (parent_id, note) SELECT n % 5 + 1, 'child ' || n FROM generate_series(1, 20) AS n;
"""


def test_puts_back_what_is_missing_and_keeps_what_is_new(any_scene: Scene) -> None:
    any_scene.both(FAMILY)
    run(
        any_scene.live,
        "INSERT INTO child (parent_id, note) VALUES (1, 'new')",
        "UPDATE child SET note = 'changed' WHERE id = 7",
        "DELETE FROM child WHERE parent_id IN (2, 3)",
        "DELETE FROM parent WHERE id IN (2, 3)",
    )
    plan = any_scene.merge("child", "parent")
    assert [(t.table, t.inserted) for t in plan.tables] == [('"public"."parent"', 2), ('"public"."child"', 8)]
    assert any_scene.value("SELECT count(*) FROM child") == 21
    assert any_scene.rows("SELECT note, loud FROM child WHERE id IN (1, 7, 21) ORDER BY id") == [
        ("child 1", "CHILD 1"),
        ("child 7", "CHILD 7") if 7 % 5 + 1 in (2, 3) else ("changed", "CHANGED"),
        ("new", "NEW"),
    ]


def test_dry_run_says_the_same_and_changes_nothing(scene: Scene) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child", "ALTER SEQUENCE child_id_seq RESTART 1")
    plan = scene.merge("public.child", dry_run=True)
    assert (plan.insert, plan.tables[0].live, plan.tables[0].backup) == (20, 0, 20)
    assert plan.tables[0].inserted is None
    assert scene.value("SELECT count(*) FROM child") == 0
    assert scene.value("SELECT last_value FROM child_id_seq") == 1
    assert scene.merge("public.child").insert == plan.insert


def test_all_tables_when_none_are_named_and_says_why_one_is_left(scene: Scene) -> None:
    scene.both(FAMILY, "CREATE TABLE loose (a int)", "INSERT INTO loose VALUES (1)")
    run(scene.live, "TRUNCATE parent, child, loose")
    plan = scene.merge()
    assert plan.insert == 25
    assert "no primary key" in plan.ignored['"public"."loose"']
    assert "not merged" in plan.sentences()[-1]


def test_a_second_merge_finds_nothing_to_do(scene: Scene) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child")
    assert scene.merge().insert == 20
    assert scene.merge().insert == 0


def test_names_with_quotes_semicolons_and_emoji(scene: Scene) -> None:
    make = (
        """CREATE SCHEMA "we""ird; --"; CREATE TABLE "we""ird; --"."T '🐘.x" ("k;ey" uuid PRIMARY KEY, "%s {0}" text)"""
    )
    row = """INSERT INTO "we""ird; --"."T '🐘.x" VALUES ('0b9d5b1e-2f5a-4b9c-9d52-000000000001', 'a\tb\\\\n''')"""
    scene.both(make, row)
    run(scene.live, """DELETE FROM "we""ird; --"."T '🐘.x" """)
    assert scene.merge("""we"ird; --.T '🐘.x""").insert == 1
    assert scene.value("""SELECT "%s {0}" FROM "we""ird; --"."T '🐘.x" """) == "a\tb\\\\n'"


def test_an_unknown_table_is_refused_with_names_like_it(scene: Scene) -> None:
    scene.both(FAMILY)
    with pytest.raises(TableUnknown, match=r'Near: "public"."parent"'):
        scene.merge("public.Parent")


def test_a_name_that_fits_two_tables_is_refused(scene: Scene) -> None:
    scene.both("CREATE SCHEMA a", "CREATE TABLE a.t (id int PRIMARY KEY)", "CREATE TABLE t (id int PRIMARY KEY)")
    with pytest.raises(TableUnknown, match="fits several"):
        scene.merge("t")


# --- order ----------------------------------------------------------------------------------------------------------


def test_self_reference(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE node (id int PRIMARY KEY, up int REFERENCES node)",
        "INSERT INTO node VALUES (1, NULL)",
        "INSERT INTO node SELECT n, n / 2 FROM generate_series(2, 50) n",
        "INSERT INTO node VALUES (0, NULL)",
        "UPDATE node SET up = 50 WHERE id = 0",
    )
    run(scene.live, "DELETE FROM node")
    assert scene.merge("node").tables[0].inserted == 51


CYCLE = """
CREATE TABLE hen (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen {});
INSERT INTO hen VALUES (1, 1), (2, 2); INSERT INTO egg VALUES (1, 2), (2, 1);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg {};
"""


def test_a_cycle_with_a_deferrable_key_is_merged(scene: Scene) -> None:
    scene.both(CYCLE.format("", "DEFERRABLE"))
    run(scene.live, "TRUNCATE hen, egg")
    plan = scene.merge()
    assert plan.deferred == ("hen_egg_fkey",)
    assert plan.insert == 4


def test_a_cycle_without_a_deferrable_key_is_impossible(scene: Scene) -> None:
    scene.both(CYCLE.format("", ""))
    with pytest.raises(MergeImpossible, match="in a circle") as caught:
        scene.merge()
    assert "DEFERRABLE" in caught.value.hint


def test_partitioned_tables_by_their_root(any_scene: Scene) -> None:
    any_scene.both(
        "CREATE TABLE log (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE log_a PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')",
        "CREATE TABLE log_b PARTITION OF log FOR VALUES FROM ('2026-07-01') TO ('2027-01-01')",
        "INSERT INTO log SELECT n, date '2026-01-01' + n, 'n' || n FROM generate_series(1, 300) n",
    )
    run(any_scene.live, "DELETE FROM log WHERE id % 3 = 0")
    with pytest.raises(MergeImpossible, match="is a partition of"):
        any_scene.merge("log_a")
    plan = any_scene.merge()
    assert [(t.table, t.inserted) for t in plan.tables] == [('"public"."log"', 100)]
    assert any_scene.value("SELECT count(*) FROM log_b") == any_scene.value(
        "SELECT count(*) FROM log WHERE at >= '2026-07-01'"
    )


# --- conflicts ------------------------------------------------------------------------------------------------------


def test_rows_whose_other_key_is_taken_stay_out_and_are_named(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE person (id int PRIMARY KEY, email text, gone bool DEFAULT false)",
        "CREATE UNIQUE INDEX person_email ON person (lower(email)) WHERE NOT gone",
        "CREATE TABLE pet (id int PRIMARY KEY, person_id int NOT NULL REFERENCES person)",
        "INSERT INTO person VALUES (1, 'Ada@example.org'), (2, 'bea@example.org')",
        "INSERT INTO person VALUES (3, 'ADA@example.org', true)",
        "INSERT INTO pet VALUES (10, 1), (20, 2)",
    )
    run(scene.live, "TRUNCATE person, pet", "INSERT INTO person VALUES (9, 'ada@EXAMPLE.org')")
    plan = scene.merge()
    person, pet = plan.tables
    assert (person.inserted, pet.inserted) == (2, 1)
    assert [(g.constraint, g.rows, g.keys) for g in person.left_out] == [("person_email", 1, ("1",))]
    assert [(g.constraint, g.rows, g.keys) for g in pet.left_out] == [("pet_person_id_fkey", 1, ("10",))]
    assert scene.rows("SELECT id FROM person ORDER BY id") == [(2,), (3,), (9,)]


def test_rows_without_a_parent_stay_out_and_name_the_table_to_choose(scene: Scene) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child", "DELETE FROM parent WHERE id = 4")
    plan = scene.merge("child", dry_run=True)
    (group,) = plan.tables[0].left_out
    assert (group.rows, group.parent) == (4, '"public"."parent"')
    assert "was not chosen" in group.why
    assert scene.merge("child").tables[0].inserted == 16


def test_exclusion_constraints_are_kept(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE room (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&))",
        "INSERT INTO room VALUES (1, '[1,5)'), (2, '[5,9)')",
    )
    run(scene.live, "TRUNCATE room", "INSERT INTO room VALUES (3, '[8,12)')")
    plan = scene.merge("room")
    assert plan.insert == 1
    assert plan.tables[0].left_out[0].keys == ("2",)


def test_equality_is_the_keys_own(cluster: Cluster, scene: Scene) -> None:
    """A type whose "=" lives in another schema and is blind to case, as citext is."""
    scene.both(
        "CREATE SCHEMA odd",
        "CREATE COLLATION odd.blind (provider = libc, locale = 'C')",
        "CREATE DOMAIN odd.word AS text",
        'CREATE TABLE tag (word odd.word COLLATE odd.blind PRIMARY KEY, "at" timestamptz DEFAULT now())',
        "INSERT INTO tag VALUES ('a'), ('A'), ('ä')",
    )
    run(scene.live, "DELETE FROM tag WHERE word IN ('A', 'ä')")
    assert scene.merge("tag").insert == 2


# --- columns --------------------------------------------------------------------------------------------------------


def test_columns_added_and_dropped_since(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY, old text, kept text)", "INSERT INTO t VALUES (1, 'o', 'k')")
    run(
        scene.live,
        "DELETE FROM t",
        "ALTER TABLE t DROP COLUMN old, ADD COLUMN extra int NOT NULL DEFAULT 7, ADD COLUMN maybe text",
    )
    plan = scene.merge("t")
    assert (plan.tables[0].forgotten_columns, plan.tables[0].defaulted_columns) == (("old",), ("extra", "maybe"))
    assert scene.rows("SELECT * FROM t") == [(1, "k", 7, None)]


def test_a_new_column_without_a_default_is_impossible(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    run(scene.live, "DELETE FROM t", "ALTER TABLE t ADD COLUMN must int NOT NULL")
    with pytest.raises(MergeImpossible, match=r'"must".*needs a value'):
        scene.merge("t")


def test_another_type_is_impossible(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY, n int)")
    run(scene.live, "ALTER TABLE t ALTER n TYPE text")
    with pytest.raises(MergeImpossible, match=r'"n".*is text in the live database and integer'):
        scene.merge("t")


def test_another_primary_key_is_impossible(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)")
    run(scene.live, "ALTER TABLE t DROP CONSTRAINT t_pkey", "ALTER TABLE t ADD PRIMARY KEY (id, n)")
    with pytest.raises(MergeImpossible, match=r"primary key .*\(id, n\)"):
        scene.merge("t")


def test_a_table_without_a_primary_key_is_impossible(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int)")
    with pytest.raises(MergeImpossible, match="no primary key"):
        scene.merge("t")


def test_a_table_that_is_gone_is_impossible(scene: Scene) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY)")
    run(scene.live, "DROP TABLE t")
    with pytest.raises(MergeImpossible, match="missing in the live database") as caught:
        scene.merge("t")
    assert "Replace" in caught.value.hint


def test_a_check_newer_than_the_backup_refuses_and_changes_nothing(scene: Scene) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child", "ALTER TABLE child ADD CONSTRAINT quiet CHECK (note <> 'child 3')")
    with pytest.raises(MergeImpossible, match='"quiet"'):
        scene.merge("child")
    assert scene.value("SELECT count(*) FROM child") == 0


def test_every_type_comes_back_as_it_was(any_scene: Scene) -> None:
    any_scene.both(
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TABLE every (id int PRIMARY KEY, a float8, b float4, c numeric, d bytea, e timestamptz, f interval,"
        " g jsonb, h json, i mood, j pair, k int[], l text[], m inet, n money, p tsvector, q point, r bit(3),"
        " s int4range, t char(4), u timetz, v pair[])",
        """INSERT INTO every VALUES (1, 0.1::float8 + 0.2, 'NaN', 1e-40, '\\x00ff', '2026-03-29 01:30+02',
           '1 mon -3 days', '{"a": 1.10}', '{"a":1, "a":2}', 'happy', '(1,"x,y")', '{1,NULL,3}',
           '{"","NULL",NULL,"a\\"b"}', '::1/64',
           12.5, 'a:1 b', '(1.5,-2)', '101', '[1,5)', 'ab', '10:00+05:30', ARRAY[ROW(1,'z')::pair])""",
        "INSERT INTO every (id) VALUES (2)",
        "INSERT INTO every (id, l) VALUES (3, '{}')",
    )
    before = any_scene.rows("SELECT every::text FROM every ORDER BY id")
    run(any_scene.live, "DELETE FROM every")
    assert any_scene.merge("every").insert == 3
    assert any_scene.rows("SELECT every::text FROM every ORDER BY id") == before


# --- triggers and proof ---------------------------------------------------------------------------------------------

LOGGED = """
CREATE TABLE t (id int PRIMARY KEY, note text);
CREATE TABLE written (id int, by text, path text);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO written VALUES (NEW.id, current_user, current_setting(''search_path'')); RETURN NEW; END';
CREATE TRIGGER watch AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note_it();
INSERT INTO t SELECT n, 'n' FROM generate_series(1, 3) n;
"""


def test_triggers_are_listed_and_fire_as_the_tables_owner(cluster: Cluster, scene: Scene, roles: MakeRole) -> None:
    owner = roles(cluster).user
    scene.both(LOGGED)
    name = sql.Identifier(owner)
    for table in ("t", "written"):
        run(scene.live, sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), name))
    run(scene.live, "TRUNCATE t, written")
    assert scene.merge("t", dry_run=True).tables[0].triggers == ("watch",)
    plan = scene.merge("t")
    assert plan.others == [{"table": '"public"."written"', "inserted": 3, "updated": 0, "deleted": 0}]
    assert scene.rows("SELECT DISTINCT by, path FROM written") == [(owner, '"$user", public')]


def test_a_trigger_that_changes_rows_fails_the_proof_and_nothing_stays(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE t (id int PRIMARY KEY, note text)",
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''x''; RETURN NEW; END'",
        "INSERT INTO t VALUES (1, 'a')",
    )
    run(scene.live, "DELETE FROM t", "CREATE TRIGGER m BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION meddle()")
    with pytest.raises(ProofFailed, match="not what the backup holds") as caught:
        scene.merge("t")
    assert "(m)" in caught.value.hint
    assert scene.value("SELECT count(*) FROM t") == 0


def test_a_trigger_that_swallows_rows_fails_the_proof(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "INSERT INTO t VALUES (1)",
    )
    run(scene.live, "DELETE FROM t", "CREATE TRIGGER s BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION swallow()")
    with pytest.raises(ProofFailed):
        scene.merge("t")


def test_a_trigger_that_changes_other_rows_of_the_table_fails_the_proof(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int)",
        "INSERT INTO t VALUES (1, 0), (2, 0)",
        "CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN UPDATE public.t SET n = n + 1 WHERE id = 1; RETURN NULL; END'",
    )
    run(scene.live, "DELETE FROM t WHERE id = 2", "CREATE TRIGGER b AFTER INSERT ON t EXECUTE FUNCTION bump()")
    with pytest.raises(ProofFailed, match="1 changed"):
        scene.merge("t")
    assert scene.rows("SELECT * FROM t") == [(1, 0)]


def test_a_trigger_that_raises_is_told_in_its_own_words(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''closed on Sundays''; END'",
    )
    run(scene.live, "DELETE FROM t", "CREATE TRIGGER n BEFORE INSERT ON t EXECUTE FUNCTION no()")
    with pytest.raises(MergeImpossible, match="closed on Sundays"):
        scene.merge("t")


# --- sequences ------------------------------------------------------------------------------------------------------


def test_sequences_are_set_to_at_least_the_highest_number(scene: Scene) -> None:
    scene.both(
        "CREATE TABLE s (id serial PRIMARY KEY)",
        "CREATE TABLE d (id int PRIMARY KEY)",
        "CREATE SEQUENCE down INCREMENT -2 MAXVALUE 100 START 100",
        "ALTER TABLE d ALTER id SET DEFAULT nextval('down')",
        "INSERT INTO s SELECT FROM generate_series(1, 9)",
        "INSERT INTO d SELECT FROM generate_series(1, 3)",
    )
    run(scene.live, "TRUNCATE s RESTART IDENTITY", "TRUNCATE d", "SELECT setval('down', 100, false)")
    plan = scene.merge()
    assert {(m.sequence, m.now) for m in plan.sequences} == {('"public"."s_id_seq"', 9), ('"public"."down"', 96)}
    assert (scene.value("SELECT nextval('s_id_seq')"), scene.value("SELECT nextval('down')")) == (10, 94)


def test_a_sequence_that_is_ahead_is_not_set_back(scene: Scene) -> None:
    scene.both("CREATE TABLE s (id serial PRIMARY KEY)", "INSERT INTO s SELECT FROM generate_series(1, 9)")
    run(scene.live, "DELETE FROM s", "SELECT setval('s_id_seq', 500)")
    assert scene.merge().sequences == []
    assert scene.value("SELECT nextval('s_id_seq')") == 501


# --- others at work -------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(scene: Scene) -> Iterator[Callable[[str], None]]:
    """Run a statement in another session, now."""
    with psycopg.connect(**scene.live.keywords(), autocommit=True) as other:  # type: ignore[arg-type]
        yield lambda statement: (other.execute(sql.SQL(statement)), None)[1]  # type: ignore[arg-type]


def test_rows_written_by_others_meanwhile_are_kept(scene: Scene, busy: Callable[[str], None]) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child")

    def write(phase: str) -> None:
        if phase.startswith("Put"):
            busy("INSERT INTO child (parent_id, note) VALUES (1, 'meanwhile')")

    plan = scene.merge("child", ear=Listener(at_phase=write))
    assert plan.insert == 20
    assert scene.value("SELECT count(*) FROM child WHERE note = 'meanwhile'") == 1
    assert scene.value("SELECT count(*) FROM child") == 21


def test_the_same_row_written_by_someone_else_starts_the_merge_over(scene: Scene, busy: Callable[[str], None]) -> None:
    scene.both("CREATE TABLE t (id int PRIMARY KEY, note text)", "INSERT INTO t VALUES (1, 'backup'), (2, 'backup')")
    run(scene.live, "DELETE FROM t")
    wrote = threading.Event()

    def write(phase: str) -> None:
        if phase.startswith("Put") and not wrote.is_set():
            wrote.set()
            busy("INSERT INTO t VALUES (2, 'live')")

    ear = Listener(at_phase=write)
    assert scene.merge("t", ear=ear).insert == 1
    assert "starting over" in ear.lines[0]
    assert scene.rows("SELECT note FROM t ORDER BY id") == [("backup",), ("live",)]


@pytest.mark.parametrize("phase", ["Find the missing rows", "Put the rows back", "Prove what was put back"])
def test_a_cancel_in_any_phase_leaves_everything_as_it_was(scene: Scene, phase: str) -> None:
    scene.both(FAMILY)
    run(scene.live, "DELETE FROM child", "ALTER SEQUENCE child_id_seq RESTART 1")
    with pytest.raises(JobCancelled):
        scene.merge("child", ear=Listener(cancel_at=phase))
    assert scene.value("SELECT count(*) FROM child") == 0
    assert scene.value("SELECT is_called FROM child_id_seq") is False


def test_row_security_is_an_error_and_not_a_wrong_answer(cluster: Cluster, scene: Scene, roles: MakeRole) -> None:
    user = roles(cluster)
    scene.both("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    run(scene.live, "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "GRANT ALL ON t TO PUBLIC")
    with pytest.raises(RightsMissing, match="row-level security"):
        scene.merge("t", user=user.to(scene.live.database))


def test_thousand_tables(scene: Scene) -> None:
    scene.both(
        "DO $$BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', n); END LOOP; END$$"
    )
    scene.both("INSERT INTO t77 VALUES (1)")
    run(scene.live, "DELETE FROM t77")
    plan = scene.merge("t77")
    assert (plan.insert, len(plan.tables)) == (1, 1)
