"""What stands in the way of rows, and what may be left out."""

from __future__ import annotations

import pytest

from audit.actors import Actor
from audit.exceptions import UndeleteRefused
from audit.models import Undelete
from audit.undelete import request
from tests.audit.undelete.conftest import MakePlace, Place
from tests.audit.undelete.steps import WHY, codes, dry, put_back, rows, run
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

CLUB = """
CREATE SCHEMA club;
CREATE TABLE club.member (
    id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE, chief int REFERENCES club.member);
CREATE TABLE club.game (id int PRIMARY KEY, host int NOT NULL REFERENCES club.member ON DELETE CASCADE, title text);
CREATE TABLE club.guest (
    game int REFERENCES club.game ON DELETE CASCADE, member int REFERENCES club.member ON DELETE CASCADE,
    PRIMARY KEY (game, member));
CREATE TABLE club.note (words text);
INSERT INTO club.member (name, email, chief) VALUES
    ('Noa', 'noa@example.org', NULL), ('Dan', 'dan@example.org', 1), ('Tal', NULL, 2), ('Gil', NULL, NULL);
INSERT INTO club.game VALUES (1, 1, 'Chess'), (2, 2, 'Go'), (3, 4, 'Catan');
INSERT INTO club.guest VALUES (1, 2), (2, 3), (3, 1);
INSERT INTO club.note VALUES ('one'), ('one'), ('two');
"""
MEMBERS = "SELECT * FROM club.member ORDER BY id"
GAMES = "SELECT * FROM club.game ORDER BY id"
GUESTS = "SELECT * FROM club.guest ORDER BY game"


@pytest.fixture
def club(cluster: Cluster, place: MakePlace) -> Place:
    return place(cluster, CLUB)


def refused(undelete: Undelete) -> set[str]:
    """The codes that the dry run and the act both name; the act changed nothing."""
    return codes(undelete, refused=True)


def refuses(transactions: list, actor: Actor, **terms: object) -> set[str]:
    """What a dry run names as standing in the way; the act itself is refused by it."""
    found = refused(dry(transactions, actor, **terms))
    target, wanted = request.wish([t.pk for t in transactions], **terms)
    with pytest.raises(UndeleteRefused):
        request.request(target, wanted, actor=actor, reason=WHY)
    return found


# --- the plain way ---------------------------------------------------------------------------------------------------


def test_a_cascade_comes_back_parents_first(club: Place, asker: Actor) -> None:
    before = [rows(club.info, q) for q in (MEMBERS, GAMES, GUESTS)]
    lost = club.delete("UPDATE club.member SET chief = NULL WHERE id = 3", "DELETE FROM club.member WHERE id IN (1, 2)")
    assert [rows(club.info, q) for q in (GAMES, GUESTS)] == [[(3, 4, "Catan")], []]
    shown = dry(lost, asker)
    assert [table["table"] for table in shown.plan["tables"]] == ["club.member", "club.game", "club.guest"]
    assert rows(club.info, GUESTS) == [], "a dry run changes nothing"
    done = put_back(lost, asker)
    assert (done.state, done.plan["put"], done.outcome) == ("succeeded", 7, "committed")
    club.run("UPDATE club.member SET chief = 2 WHERE id = 3")
    assert [rows(club.info, q) for q in (MEMBERS, GAMES, GUESTS)] == before


def test_the_dry_run_shows_its_statement_and_what_it_found(club: Place, asker: Actor) -> None:
    plan = dry(club.delete("DELETE FROM club.note WHERE words = 'two'"), asker).plan
    (table,) = plan["tables"]
    assert 'INSERT INTO "club"."note" ("words") OVERRIDING SYSTEM VALUE' in table["statement"]
    assert (table["rows"], table["put"], plan["refusals"]) == (1, 1, [])
    assert len(table["sha256"]) == 64


def test_rows_of_a_table_that_refers_to_itself_come_back_in_any_order(club: Place, asker: Actor) -> None:
    club.run("DELETE FROM club.guest", "DELETE FROM club.game")
    before = rows(club.info, MEMBERS)
    lost = club.delete("SET session_replication_role = replica", "DELETE FROM club.member WHERE id = 3",
                       "DELETE FROM club.member WHERE id = 2", "DELETE FROM club.member")  # fmt: skip
    assert put_back(lost, asker).state == "succeeded"
    assert rows(club.info, MEMBERS) == before


def test_chosen_rows_alone_come_back(club: Place, asker: Actor) -> None:
    (lost,) = club.delete("DELETE FROM club.note")
    two = lost.deleted_rows.get(row__contains="two")
    target, wanted = request.wish(rows=[two.pk])
    run(request.dry_run(target, wanted, actor=asker))
    assert run(request.request(target, wanted, actor=asker, reason=WHY)).state == "succeeded"
    assert rows(club.info, "SELECT * FROM club.note") == [("two",)]
    lost.refresh_from_db()
    assert lost.undeleted == 1


def test_twice_is_once(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.guest")
    assert put_back(lost, asker).plan["put"] == 3
    again = put_back(lost, asker)
    assert (again.state, again.plan["put"], again.plan["there"]) == ("succeeded", 0, 3)
    lost[0].refresh_from_db()
    assert lost[0].undeleted == 3


def test_the_last_version_of_a_row_deleted_twice_comes_back(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.guest WHERE game = 3", "DELETE FROM club.game WHERE id = 3",
                       "INSERT INTO club.game VALUES (3, 4, 'Newer')", "DELETE FROM club.game")  # fmt: skip
    done = put_back(lost, asker)
    assert "older" in codes(done)
    assert rows(club.info, "SELECT title FROM club.game WHERE id = 3") == [("Newer",)]


# --- keys and values that others have now -----------------------------------------------------------------------------


def test_a_key_taken_by_another_row_is_refused_and_shown_column_by_column(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.guest", "DELETE FROM club.game")
    club.run("INSERT INTO club.game VALUES (1, 4, 'Chess')")
    assert refuses([lost[0]], asker) >= {"key_taken"}
    finding = next(f for f in dry(lost, asker).plan["refusals"] if f["code"] == "key_taken")
    assert finding["examples"][0]["columns"] == [{"column": "host", "deleted": "1", "live": "4"}]


def test_rows_in_the_way_may_be_left_and_the_others_come_back(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.guest", "DELETE FROM club.game")
    club.run("INSERT INTO club.game VALUES (1, 4, 'Other')")
    done = put_back(lost, asker, on_conflict="skip")
    assert (done.state, done.plan["put"]) == ("succeeded", 5)
    assert rows(club.info, GAMES)[0] == (1, 4, "Other")


def test_another_unique_value_taken_is_refused(club: Place, asker: Actor) -> None:
    lost = club.delete("UPDATE club.member SET chief = NULL", "DELETE FROM club.member WHERE id = 2")
    club.run("INSERT INTO club.member (name, email) VALUES ('Imposter', 'dan@example.org')")
    assert "unique_taken" in refuses(lost, asker)


def test_what_only_the_server_can_judge_is_refused_in_its_words(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.note WHERE words = 'two'")
    club.run("CREATE UNIQUE INDEX by_first_letter ON club.note (left(words, 1)) WHERE words <> 'one'",
             "INSERT INTO club.note VALUES ('ten')")  # fmt: skip
    assert refuses(lost, asker) == {"constraint_refused"}


def test_a_missing_parent_is_refused_and_named(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.guest WHERE game = 3", "DELETE FROM club.game WHERE id = 3")
    (parents,) = club.delete("DELETE FROM club.member WHERE id = 4")
    assert refuses(lost, asker) == {"parent_missing"}
    assert f"at about that time: {parents.pk}." in dry(lost, asker).plan["refusals"][0]["sentence"]
    assert refused(dry([*lost, parents], asker)) == set(), "together they come back"
    done = put_back(lost, asker, on_conflict="skip")
    assert (done.state, done.plan["put"]) == ("succeeded", 0)
    finding = next(f for t in done.plan["tables"] for f in t["findings"] if f["code"] == "parent_missing")
    assert "club.member" in finding["sentence"]
    assert "4" in finding["sentence"]


def test_a_table_without_a_key_takes_equal_rows_back_as_often_as_they_were(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.note WHERE words = 'one'")
    assert put_back(lost, asker).plan["put"] == 2
    assert len(rows(club.info, "SELECT * FROM club.note")) == 3


def test_equal_rows_in_a_table_without_a_key_are_no_guess(club: Place, asker: Actor) -> None:
    lost = club.delete("DELETE FROM club.note WHERE words = 'one'")
    club.run("INSERT INTO club.note VALUES ('one')")
    assert refuses(lost, asker) == {"same_row_there"}


def test_a_sequence_is_set_forward_and_never_back(club: Place, asker: Actor) -> None:
    club.run("INSERT INTO club.member (id, name) VALUES (90, 'Far')")
    lost = club.delete("DELETE FROM club.member WHERE id = 90")
    done = put_back(lost, asker)
    assert done.plan["sequences"] == [{"sequence": '"club"."member_id_seq"', "before": 4, "now": 90}]
    assert rows(club.info, "INSERT INTO club.member (name) VALUES ('Next') RETURNING id") == [(91,)]
    lost = club.delete("DELETE FROM club.member WHERE id = 90")
    assert put_back(lost, asker).plan["sequences"] == []


def test_a_dry_run_moves_no_sequence(club: Place, asker: Actor) -> None:
    club.run("INSERT INTO club.member (id, name) VALUES (90, 'Far')")
    dry(club.delete("DELETE FROM club.member WHERE id = 90"), asker)
    assert rows(club.info, "SELECT last_value FROM club.member_id_seq") == [(4,)]
