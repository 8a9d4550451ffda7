"""Tables that are no longer what they were when the rows were deleted, and tables that were never simple."""

from __future__ import annotations

import json

import pytest

from audit.actors import Actor
from audit.models import DeleteAuditLog, Purpose, Target
from audit.targets import set_credential
from tests.audit.postgres.conftest import debian, needs_debian  # noqa: F401
from tests.audit.undelete.conftest import MakePlace, Place
from tests.audit.undelete.steps import codes, dry, put_back, rows
from tests.audit.undelete.test_conflicts import refuses
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

PARK = """
CREATE SCHEMA park;
CREATE TABLE park.tree (id int PRIMARY KEY, kind text, height int, planted date);
INSERT INTO park.tree VALUES (1, 'Olive', 4, '1999-02-01'), (2, 'Fig', 3, NULL);
CREATE TABLE park.day (day date, hits int, doc json) PARTITION BY RANGE (day);
CREATE TABLE park.day_one PARTITION OF park.day FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE park.day_two PARTITION OF park.day FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO park.day VALUES ('2026-01-05', 1, ' {"a": 1} '), ('2026-02-05', 2, '[]'), ('2026-02-06', 3, NULL);
CREATE TABLE park.animal (name text PRIMARY KEY);
CREATE TABLE park.dog (breed text) INHERITS (park.animal);
INSERT INTO park.animal VALUES ('Zebra');
INSERT INTO park.dog VALUES ('Rex', 'Canaan');
CREATE TABLE park.left_hand (id int PRIMARY KEY, other int);
CREATE TABLE park.right_hand (id int PRIMARY KEY, other int REFERENCES park.left_hand);
ALTER TABLE park.left_hand ADD CONSTRAINT left_right FOREIGN KEY (other) REFERENCES park.right_hand;
INSERT INTO park.left_hand VALUES (1, NULL);
INSERT INTO park.right_hand VALUES (1, 1);
UPDATE park.left_hand SET other = 1;
CREATE TABLE park.nothing ();
INSERT INTO park.nothing DEFAULT VALUES;
CREATE TABLE park.visit (id int PRIMARY KEY, tree int REFERENCES park.tree, seen timestamptz, note jsonb NOT NULL);
INSERT INTO park.visit VALUES (1, 1, '2026-01-01 10:00+02', 'null'), (2, NULL, NULL, '{"b": 1.0, "a": 2}');
"""
TREES = "SELECT * FROM park.tree ORDER BY id"
DELETE = "DELETE FROM park.visit; DELETE FROM park.tree"


@pytest.fixture
def park(cluster: Cluster, place: MakePlace) -> Place:
    return place(cluster, PARK)


# --- columns ---------------------------------------------------------------------------------------------------------


def test_a_column_added_since_gets_its_default_or_null(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree ADD leaves text DEFAULT 'green', ADD note text")
    done = put_back(lost, asker)
    assert (done.state, "column_added" in codes(done)) == ("succeeded", True)
    assert rows(park.info, "SELECT DISTINCT leaves, note FROM park.tree") == [("green", None)]


def test_a_required_column_added_since_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree ADD leaves text NOT NULL")
    assert "added_required" in refuses(lost, asker)


def test_a_dropped_column_with_values_is_refused_unless_accepted(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree DROP height")
    assert "column_dropped" in refuses(lost, asker)
    assert put_back(lost, asker, accept=["column_dropped"]).state == "succeeded"
    assert rows(park.info, "SELECT kind FROM park.tree ORDER BY id") == [("Olive",), ("Fig",)]


def test_a_dropped_column_without_values_is_only_said(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit", "DELETE FROM park.tree WHERE id = 2")
    park.run("ALTER TABLE park.tree DROP planted")
    done = put_back(lost, asker)
    assert (done.state, "column_dropped_empty" in codes(done)) == ("succeeded", True)


def test_a_wider_type_takes_the_value_as_it_was(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree ALTER height TYPE bigint")
    assert put_back(lost, asker).state == "succeeded"


def test_a_type_that_reads_differently_is_refused_unless_accepted(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree ALTER height TYPE text")
    assert refuses(lost, asker) == {"reads_differently"}
    finding = dry(lost, asker).plan["refusals"][0]
    assert finding["examples"][0]["columns"] == [{"column": "height", "deleted": "4", "live": '"4"'}]
    assert put_back(lost, asker, accept=["reads_differently"]).state == "succeeded"
    assert rows(park.info, "SELECT height FROM park.tree ORDER BY id") == [("4",), ("3",)]


def test_a_type_that_cannot_hold_the_value_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree ALTER kind TYPE int USING 0")
    assert "value_refused" in refuses(lost, asker)


def test_rows_from_before_and_after_an_alteration_come_back_together(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit", "DELETE FROM park.tree WHERE id = 1",
                       "ALTER TABLE park.tree ADD leaves text NOT NULL DEFAULT 'green'",
                       "UPDATE park.tree SET leaves = 'red'", "DELETE FROM park.tree")  # fmt: skip
    assert put_back(lost, asker).state == "succeeded"
    assert rows(park.info, "SELECT id, leaves FROM park.tree ORDER BY id") == [(1, "green"), (2, "red")]


# --- masked columns --------------------------------------------------------------------------------------------------


def test_a_masked_column_comes_back_empty_and_that_is_said(cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    park = place(cluster, PARK, masked={"park.visit": ["seen"]})
    lost = park.delete("DELETE FROM park.visit")
    assert "2026-01-01" not in DeleteAuditLog.objects.filter(table_name="visit").first().row
    done = put_back(lost, asker)
    assert (done.state, "masked" in codes(done)) == ("succeeded", True), done.plan
    assert rows(park.info, "SELECT id, seen, note::text FROM park.visit ORDER BY id") == [
        (1, None, "null"),
        (2, None, '{"a": 2, "b": 1.0}'),
    ]


def test_a_masked_column_that_the_table_demands_is_refused(cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    park = place(cluster, PARK, masked={"park.visit": ["note"]})
    assert "masked_required" in refuses(park.delete("DELETE FROM park.visit"), asker)


# --- tables that went away, moved, or have more than one body --------------------------------------------------------


def test_a_table_that_is_gone_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("DROP TABLE park.tree CASCADE")
    assert "table_gone" in refuses(lost, asker)


def test_a_view_that_took_the_name_is_no_table(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("DROP TABLE park.tree CASCADE", "CREATE VIEW park.tree AS SELECT 1 AS id")
    assert "table_gone" in refuses(lost, asker)


def test_a_renamed_table_is_found_by_its_number(park: Place, asker: Actor) -> None:
    lost = park.delete(DELETE)
    park.run("ALTER TABLE park.tree RENAME TO wood")
    done = put_back(lost, asker)
    assert (done.state, "renamed" in codes(done)) == ("succeeded", True)
    assert len(rows(park.info, "SELECT * FROM park.wood")) == 2


def test_a_table_made_anew_takes_the_rows_and_that_is_said(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run("CREATE TABLE park.again (LIKE park.visit INCLUDING ALL)", "DROP TABLE park.visit",
             "ALTER TABLE park.again RENAME TO visit")  # fmt: skip
    done = put_back(lost, asker)
    assert (done.state, "replaced" in codes(done)) == ("succeeded", True)


@pytest.mark.parametrize("via", ["park.day", "park.day_two"])
def test_partitions_take_rows_through_the_root_or_directly(
    any_cluster: Cluster, place: MakePlace, asker: Actor, via: str
) -> None:
    park = place(any_cluster, PARK)
    days = "SELECT tableoid::regclass::text, day, hits, trim(doc::text) FROM park.day ORDER BY day"
    before = rows(park.info, days)
    done = put_back(park.delete(f"DELETE FROM {via}"), asker)
    assert (done.state, done.plan["tables"][0]["into"]) == ("succeeded", via), done.plan
    assert rows(park.info, days) == before


def test_a_partition_that_is_gone_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.day_two")
    park.run("DROP TABLE park.day_two")
    assert "table_gone" in refuses(lost, asker)


def test_rows_of_an_inheritance_tree_come_back_each_into_its_own_table(park: Place, asker: Actor) -> None:
    question = "SELECT tableoid::regclass::text, name FROM park.animal ORDER BY 2"
    before = rows(park.info, question)
    assert put_back(park.delete("DELETE FROM park.animal"), asker).state == "succeeded"
    assert rows(park.info, question) == before


def test_rows_of_a_child_table_come_back_into_it(park: Place, asker: Actor) -> None:
    assert put_back(park.delete("DELETE FROM park.dog"), asker).state == "succeeded"
    assert rows(park.info, "SELECT * FROM park.dog") == [("Rex", "Canaan")]


def test_a_table_without_columns_is_refused(park: Place, asker: Actor) -> None:
    assert "no_columns" in refuses(park.delete("DELETE FROM park.nothing"), asker)


# --- circles ---------------------------------------------------------------------------------------------------------


CIRCLE = ("UPDATE park.left_hand SET other = 1", "SET session_replication_role = replica", "DELETE FROM park.left_hand",
          "DELETE FROM park.right_hand")  # fmt: skip


def test_a_circle_of_foreign_keys_is_refused_and_named(park: Place, asker: Actor) -> None:
    lost = park.delete(*CIRCLE)
    assert refuses(lost, asker) == {"cycle"}
    assert "park.left_hand → park.right_hand" in dry(lost, asker).plan["refusals"][0]["sentence"]


def test_a_deferrable_key_opens_the_circle(park: Place, asker: Actor) -> None:
    lost = park.delete(*CIRCLE)
    park.run("ALTER TABLE park.left_hand ALTER CONSTRAINT left_right DEFERRABLE")
    done = put_back(lost, asker)
    assert (done.state, done.plan["deferred"]) == ("succeeded", ["left_right"]), done.plan
    assert rows(park.info, "SELECT * FROM park.left_hand") == [(1, 1)]


# --- what others put around a table ----------------------------------------------------------------------------------


def trigger(body: str, when: str = "BEFORE INSERT", level: str = "ROW") -> tuple[str, ...]:
    make = f"CREATE FUNCTION park.act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    return make, f"CREATE TRIGGER acts {when} ON park.visit FOR EACH {level} EXECUTE FUNCTION park.act()"


def owned_by(park: Place, clerk: str) -> None:
    """The table belongs to an ordinary role, and tovgov's own is that role's peer, not a superuser."""
    park.run(f'GRANT USAGE ON SCHEMA park, tovgov TO "{clerk}"', f'ALTER TABLE park.visit OWNER TO "{clerk}"',
             f'GRANT SELECT, REFERENCES ON park.tree TO "{clerk}"')  # fmt: skip


def without_superuser(park: Place, cluster: Cluster, roles: MakeRole, manager: Actor) -> None:
    clerk = roles(cluster)
    owned_by(park, clerk.user)
    set_credential(park.target, Purpose.OPERATE, user=clerk.user, password=clerk.password, actor=manager)


def test_ordinary_triggers_stay_silent_where_we_may_and_parents_are_looked_for(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("NEW.note = '\"changed\"'; RETURN NEW;"))
    done = put_back(lost, asker)
    assert (done.state, "triggers_silent" in codes(done)) == ("succeeded", True)
    assert rows(park.info, "SELECT note::text FROM park.visit WHERE id = 1") == [("null",)]


def test_a_missing_parent_is_found_though_the_key_sleeps(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("RETURN NEW;"), "DELETE FROM park.tree")
    assert refuses(lost, asker) == {"parent_missing"}


def test_a_trigger_that_fires_and_changes_a_row_fails_the_proof(
    park: Place, cluster: Cluster, roles: MakeRole, manager: Actor, asker: Actor
) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("NEW.note = '\"changed\"'; RETURN NEW;"))
    without_superuser(park, cluster, roles, manager)
    shown = dry(lost, asker)
    assert codes(shown, refused=True) == {"reads_differently"}
    assert "triggers_fire" in codes(shown)


def test_an_always_trigger_that_holds_rows_back_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("RETURN NULL;"), "ALTER TABLE park.visit ENABLE ALWAYS TRIGGER acts")
    assert refuses(lost, asker) == {"rows_suppressed"}


def test_an_always_trigger_that_moves_rows_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("UPDATE park.visit SET note = '1'; RETURN NULL;", "AFTER INSERT"),
             "ALTER TABLE park.visit ENABLE ALWAYS TRIGGER acts")  # fmt: skip
    assert refuses(lost, asker) == {"changed_by_trigger"}


def test_an_always_trigger_that_refuses_is_told_in_its_words(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run(*trigger("RAISE EXCEPTION 'not on a Saturday';"), "ALTER TABLE park.visit ENABLE ALWAYS TRIGGER acts")
    assert refuses(lost, asker) == {"trigger_refused"}
    assert "not on a Saturday" in dry(lost, asker).plan["refusals"][0]["sentence"]


def test_triggers_do_not_run_with_our_rights(park: Place, cluster: Cluster, roles: MakeRole, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run("CREATE TABLE park.who (role text, path text)", "GRANT INSERT ON park.who TO PUBLIC",
             *trigger("INSERT INTO park.who VALUES (current_user, current_setting('search_path')); RETURN NULL;",
                      "AFTER INSERT", "STATEMENT"),
             "ALTER TABLE park.visit ENABLE ALWAYS TRIGGER acts")  # fmt: skip
    clerk = roles(cluster)
    owned_by(park, clerk.user)
    park.run(f'ALTER ROLE "{clerk.user}" IN DATABASE "{park.info.database}" SET search_path = park')
    assert put_back(lost, asker).state == "succeeded"
    assert rows(park.info, "SELECT * FROM park.who") == [(clerk.user, "park")]


def test_nobodys_code_runs_with_our_rights(
    any_cluster: Cluster, place: MakePlace, roles: MakeRole, asker: Actor
) -> None:
    """A domain's CHECK, a cast to json, an operator's function: each runs while rows are only compared, too."""
    park = place(any_cluster, PARK)
    clerk = roles(any_cluster)
    spring = "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO park.who VALUES (current_user); RETURN {}; END $$"
    park.run(
        "CREATE TABLE park.who (role text)", "GRANT INSERT ON park.who TO PUBLIC",
        f"CREATE FUNCTION park.spring(text) RETURNS boolean {spring.format('true')}",
        f"CREATE FUNCTION park.spring_json(park.animal) RETURNS json {spring.format('NULL')}",
        "CREATE CAST (park.animal AS json) WITH FUNCTION park.spring_json(park.animal)",
        "CREATE DOMAIN park.trap AS text CHECK (park.spring(VALUE))",
        "CREATE TABLE park.caught (id park.trap PRIMARY KEY, beast park.animal, more park.trap UNIQUE)",
        "INSERT INTO park.caught VALUES ('a', '(Zebra)', 'x'), ('b', NULL, NULL)",
        "CREATE TABLE park.cub (of park.trap REFERENCES park.caught, age int)",
        "INSERT INTO park.cub VALUES ('a', 1)",
    )  # fmt: skip
    lost = park.delete("DELETE FROM park.cub", "DELETE FROM park.caught")
    park.run(f'GRANT USAGE ON SCHEMA park TO "{clerk.user}"', "TRUNCATE park.who",
             *(f'ALTER TABLE park.{name} OWNER TO "{clerk.user}"' for name in ("caught", "cub")))  # fmt: skip
    done = put_back(lost, asker)
    assert (done.state, done.plan["refusals"]) == ("succeeded", [])
    assert put_back(lost, asker, on_conflict="skip").plan["there"] == 3
    assert rows(park.info, "SELECT DISTINCT role FROM park.who") == [(clerk.user,)]


def test_row_security_that_hides_rows_from_us_is_refused(
    park: Place, cluster: Cluster, roles: MakeRole, manager: Actor, asker: Actor
) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run("ALTER TABLE park.visit ENABLE ROW LEVEL SECURITY", "ALTER TABLE park.visit FORCE ROW LEVEL SECURITY")
    without_superuser(park, cluster, roles, manager)
    assert "row_security" in refuses(lost, asker)


def test_forced_row_security_takes_our_rights_and_that_must_be_accepted(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run("ALTER TABLE park.visit ENABLE ROW LEVEL SECURITY", "ALTER TABLE park.visit FORCE ROW LEVEL SECURITY")
    assert refuses(lost, asker) == {"own_rights"}
    assert put_back(lost, asker, accept=["own_rights"]).plan["put"] == 2


def test_a_rule_that_changes_inserts_is_refused(park: Place, asker: Actor) -> None:
    lost = park.delete("DELETE FROM park.visit")
    park.run("CREATE RULE away AS ON INSERT TO park.visit DO INSTEAD NOTHING")
    assert refuses(lost, asker) == {"rules"}


# --- large and strange -----------------------------------------------------------------------------------------------


def test_a_value_of_50_megabytes_comes_back(cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    park = place(cluster, PARK + "CREATE TABLE park.film (id int PRIMARY KEY, reel bytea);")
    park.run("INSERT INTO park.film SELECT 1, decode(repeat(md5('x'), 3276800), 'hex')")
    look = "SELECT length(reel), md5(reel) FROM park.film"
    before = rows(park.info, look)
    assert before[0][0] == 52_428_800
    assert put_back(park.delete("DELETE FROM park.film"), asker).state == "succeeded"
    assert rows(park.info, look) == before


def test_a_table_of_1600_columns_comes_back(cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    names = ", ".join(f"c{i} smallint" for i in range(1599))
    park = place(cluster, PARK + f"CREATE TABLE park.wide (id int PRIMARY KEY, {names});")
    park.run("INSERT INTO park.wide (id, c0, c1598) SELECT i, i, -i FROM generate_series(1, 50) i")
    lost = park.delete("DELETE FROM park.wide")
    assert put_back(lost, asker).state == "succeeded"
    assert rows(park.info, "SELECT count(*), sum(c0), sum(c1598) FROM park.wide") == [(50, 1275, -1275)]


@needs_debian
def test_hstore_is_rebuilt(
    debian: Cluster,  # noqa: F811
    place: MakePlace,
    asker: Actor,
) -> None:
    """Only Debian's PostgreSQL comes with extensions."""
    park = place(debian, PARK)
    park.run("CREATE EXTENSION hstore SCHEMA park")
    park.run("CREATE TABLE park.bag (id int PRIMARY KEY, things park.hstore)",
             """INSERT INTO park.bag VALUES (1, 'a=>1, "b c"=>NULL, "q\\""=>"\\"x"'), (2, ''), (3, NULL)""",
    )  # fmt: skip
    look = "SELECT id, things::text FROM park.bag ORDER BY id"
    before = rows(park.info, look)
    assert put_back(park.delete("DELETE FROM park.bag"), asker).state == "succeeded"
    assert rows(park.info, look) == before


def test_names_of_every_kind_come_back(cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    odd = """CREATE TABLE park."Odd %s {x} "" ;--" ("Id %" int PRIMARY KEY, "{a}" text, r text, s text,
            t text, x text, d text, deleted text, live text, id text, row text);
        INSERT INTO park."Odd %s {x} "" ;--" VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');"""
    park = place(cluster, PARK + odd)
    look = """SELECT * FROM park."Odd %s {x} "" ;--" """
    before = rows(park.info, look)
    assert put_back(park.delete("""DELETE FROM park."Odd %s {x} "" ;--" """), asker).state == "succeeded"
    assert rows(park.info, look) == before
    assert json.loads(DeleteAuditLog.objects.get().row)["{a}"] == "a"
    assert Target.objects.count() == 1
