"""Rows of every kind of type come back as they were, on each server."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.actors import Actor
from tests.audit.protection.steps import attempt
from tests.audit.undelete.conftest import MakePlace
from tests.audit.undelete.steps import codes, put_back, rows
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = (Path(__file__).parent / "kinds.sql").read_text()
PINNED = "SET extra_float_digits = 3; SET lc_monetary = 'C'; SET datestyle = 'ISO'; SET timezone = 'UTC'; "
ALL = "SELECT id, t::text, to_json(t)::text FROM kinds.every t ORDER BY id"


def test_every_kind_of_type_comes_back_exactly(any_cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    club = place(any_cluster, KINDS)
    xml = attempt(club.info, "UPDATE kinds.every SET mark = '<a>x</a><b/>' WHERE id = 1")
    assert xml is None or any_cluster.major != 15, "only the embedded servers are built without it"
    before = rows(club.info, ALL)
    done = put_back(club.delete("DELETE FROM kinds.every"), asker)
    assert (done.state, done.error) == ("succeeded", ""), done.plan
    assert rows(club.info, ALL) == before
    assert len(before) == 3
    assert {"generated", "identity"} <= codes(done)


def test_a_hostile_clients_settings_harm_no_value(any_cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    club = place(any_cluster, KINDS)
    before = rows(club.info, ALL)
    settings = {
        "extra_float_digits": "-15",
        "datestyle": "German",
        "timezone": "Asia/Jerusalem",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "xmloption": "document",
        "quote_all_identifiers": "on",
    }
    lost = club.delete(
        *(f"SET LOCAL {name} = '{value}'" for name, value in settings.items()), "DELETE FROM kinds.every"
    )
    assert put_back(lost, asker).state == "succeeded"
    assert rows(club.info, ALL) == before


def test_types_with_a_cast_to_json_come_back_too(any_cluster: Cluster, place: MakePlace, asker: Actor) -> None:
    """Their owner's cast must not run with the guard's rights, so the log has such values as plain text."""
    club = place(any_cluster, KINDS)
    club.run(
        "CREATE FUNCTION kinds.told(kinds.mood) RETURNS json LANGUAGE sql AS $$ SELECT '\"told\"'::json $$",
        "CREATE CAST (kinds.mood AS json) WITH FUNCTION kinds.told(kinds.mood)",
        "CREATE TABLE kinds.pile (feels kinds.mood[], place kinds.point3, n int)",
        "INSERT INTO kinds.pile VALUES ('{glad}', '(1,2,x)', 1), (NULL, NULL, 2), ('{}', '(,,)', 3)",
    )
    before = rows(club.info, ALL), rows(club.info, "SELECT * FROM kinds.pile ORDER BY n")
    lost = club.delete("DELETE FROM kinds.every", "DELETE FROM kinds.pile")
    assert '"place":"(-Infinity,,' in lost[0].deleted_rows.order_by("pk")[0].row
    done = put_back(lost, asker)
    assert (done.state, done.plan["refusals"]) == ("succeeded", [])
    assert (rows(club.info, ALL), rows(club.info, "SELECT * FROM kinds.pile ORDER BY n")) == before
    again = put_back(lost, asker, on_conflict="skip")
    assert (again.plan["put"], again.plan["there"]) == (0, 6)
