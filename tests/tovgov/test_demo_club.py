"""The demo's database: exact rows, the same at every run, and accidents that really happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import drop_database
from tovgov.binaries import binaries
from tovgov.demo import accidents
from tovgov.demo.club import APPLICATION, DATABASE, OWNER, Club
from tovgov.demo.data import ROWS, Invention, icon
from tovgov.embedded import Cluster

ISSUE = {
    "User": 23,
    "UserProfile": 11,
    "Game": 12,
    "GameRequest": 182,
    "ScheduledSession": 16,
    "UserAvailability": 154,
    "UserGamePreference": 31,
    "UserFriends": 2,
    "UserNotifications": 111,
    "UserSession": 0,
    "EmailVerification": 0,
}


@pytest.fixture
def club(cluster: Cluster, club_to_ourselves: None) -> Iterator[Club]:
    club = Club(cluster.conninfo())
    yield club
    drop_database(cluster, DATABASE)
    with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for role in reversed(club.passwords):
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.mark.xdist_group("club")
@pytest.mark.parametrize("cluster", [16, 18], indirect=True)
def test_the_club_has_exactly_the_rows_it_must_have(club: Club) -> None:
    club.create()
    assert club.counts() == ISSUE


@pytest.mark.xdist_group("club")
def test_the_same_rows_come_out_at_every_run(club: Club) -> None:
    club.create()
    first = club.fingerprint()
    with club.as_role(OWNER) as connection:
        connection.execute('TRUNCATE "User", "Game" CASCADE')
        connection.execute('ALTER SEQUENCE "UserAvailability_id_seq" RESTART')
    club.fill()
    assert club.fingerprint() == first


@pytest.mark.xdist_group("club")
def test_scale_multiplies_every_table(club: Club) -> None:
    club.create(scale=3)
    assert club.counts() == {table: rows * 3 for table, rows in ISSUE.items()}


@pytest.mark.xdist_group("club")
def test_the_schema_has_all_that_makes_a_restore_hard(club: Club) -> None:
    club.create()
    with club.as_role(OWNER) as connection:
        kinds = dict(
            connection.execute(
                "SELECT relkind::text, count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace GROUP BY 1"
            ).fetchall()
        )
        foreign_keys = connection.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone()
        enums = connection.execute("SELECT count(*) FROM pg_type WHERE typtype = 'e'").fetchone()
        user = connection.execute('SELECT "id" FROM "User" LIMIT 1').fetchone()
        assert user is not None
        open_requests = connection.execute('SELECT "openRequests"(%s)', user).fetchone()
    assert kinds["p"] == 1
    assert kinds["v"] == 1
    assert kinds["S"] == 1
    assert foreign_keys is not None
    assert foreign_keys[0] >= 14
    assert enums == (2,)
    assert open_requests is not None


@pytest.mark.xdist_group("club")
def test_the_application_reads_and_writes_but_does_not_own(club: Club) -> None:
    club.create()
    assert accidents.write_new_rows(club) == 23
    with (
        club.as_role(APPLICATION) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute('DROP TABLE "User"')
    facts = club.properties()
    assert facts["owner"] == OWNER
    assert any(grant.startswith(f"{APPLICATION}=") for grant in facts["grants"])
    assert facts["comment"]
    assert len(facts["settings"]) == 3


@pytest.mark.xdist_group("club")
def test_the_stray_sync_leaves_every_table_empty(club: Club, tmp_path: Path) -> None:
    club.create()
    accidents.stray_sync(club, binaries(16), tmp_path)
    assert club.counts() == dict.fromkeys(ROWS, 0)


@pytest.mark.xdist_group("club")
def test_a_forgotten_condition_takes_old_rows_and_leaves_new_ones(club: Club) -> None:
    club.create()
    new = accidents.write_new_rows(club)
    lost = accidents.lose_some_rows(club)
    assert 0 < lost < ISSUE["UserAvailability"]
    assert club.counts()["UserAvailability"] == ISSUE["UserAvailability"] + new - lost


@pytest.mark.xdist_group("club")
def test_the_owner_may_drop_the_database(club: Club) -> None:
    club.create()
    accidents.drop_database(club)
    with pytest.raises(psycopg.OperationalError, match='database "TovPlay" does not exist'):
        club.counts()


def test_keys_are_unique_at_a_larger_scale() -> None:
    tables = {table.name: list(table.rows) for table in Invention(scale=40).tables()}
    pairs = [row[1:3] for row in tables["UserGamePreference"]]
    assert len(set(pairs)) == len(pairs) == ISSUE["UserGamePreference"] * 40
    emails = [row[2] for row in tables["User"]]
    assert len(set(emails)) == len(emails)
    assert all(email.endswith("@example.org") for email in emails)


def test_an_icon_is_a_png() -> None:
    assert icon(bytes(range(9))).startswith(b"\x89PNG\r\n\x1a\n")
