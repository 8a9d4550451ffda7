"""What goes wrong in the demo. Nothing is staged: rows are deleted, tables are dropped, the database is dropped, by
roles that may, in the ways in which it happens to people."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from audit.postgres import databases
from tovgov.demo.club import APPLICATION, OWNER, Club, load
from tovgov.demo.data import ROWS
from tovgov.demo.exceptions import StorySpoiled

SYNC, CLEAN_UP, DASHBOARD, CLIENT = "sync-script", "clean-up", "dashboard", "psql"
"""What the programs call themselves: the server's log keeps it."""
WRONG_NAME = "tovplay"


def read_the_wrong_database(club: Club) -> None:
    """The dashboard asks for a database that does not exist, as it did for weeks. Raises ``StorySpoiled``."""
    _refused(club, club.conninfo(APPLICATION, WRONG_NAME).keywords(), DASHBOARD)


def guess_a_password(club: Club) -> None:
    """The sync script tries the password of another machine first. Raises ``StorySpoiled``."""
    _refused(club, club.conninfo(OWNER).keywords() | {"password": "of-another-machine"}, SYNC)


def _refused(club: Club, keywords: dict[str, str], program: str) -> None:
    try:
        psycopg.connect(**keywords, application_name=program).close()  # type: ignore[arg-type]
    except psycopg.OperationalError:
        return
    raise StorySpoiled(f"{program} was let in to {club.database}.")


def stray_sync(club: Club, programs: Path, folder: Path) -> None:
    """A sync script that was pointed at the wrong database writes an empty copy over it: every row is deleted, then
    an archive without rows is restored with ``--clean``. ``programs`` holds pg_dump and pg_restore.

    Raises ``StorySpoiled`` when the tools did not run."""
    archive = folder / "empty-copy.dump"
    _client(club, programs / "pg_dump", "-Fc", "--schema-only", "-f", str(archive), "-d", club.database)
    with club.as_role(OWNER, SYNC) as connection:
        for table in reversed(ROWS):
            connection.execute(load("delete_all", table=sql.Identifier(table)))
    # pg_restore goes on after an error (it cannot drop what partitions inherit) and ends with 1; so does the script.
    _client(club, programs / "pg_restore", "--clean", "--if-exists", "-d", club.database, str(archive), fine=(0, 1))


def seed_games(club: Club) -> int:
    """The restarted application fills the empty table of games with those that it ships with; how many."""
    with club.as_role(APPLICATION) as connection:
        return connection.execute(load("seed_games")).rowcount


def drop_database(club: Club) -> None:
    """The owner drops the database, sessions and all. No event trigger and no backup tool is asked."""
    with club.elsewhere(OWNER, CLIENT) as connection:
        databases.drop(connection, club.database)  # again and again while autovacuum, which he may not end, is in it


def write_new_rows(club: Club) -> int:
    """The application writes new rows after the last backup; how many."""
    with club.as_role(APPLICATION) as connection:
        return connection.execute(load("new_rows")).rowcount


def lose_some_rows(club: Club) -> int:
    """The application deletes more than it should; how many rows."""
    with club.as_role(APPLICATION, CLEAN_UP) as connection:
        return connection.execute(load("lost_rows")).rowcount


def _client(club: Club, program: Path, *arguments: str, fine: tuple[int, ...] = (0,)) -> None:
    with club.conninfo(OWNER).client_environment() as environment:
        stranger = {name: value for name, value in environment.items() if name != "PGAPPNAME"}  # it is none of ours
        done = subprocess.run(
            [str(program), *arguments], env=stranger, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    if done.returncode not in fine:
        raise StorySpoiled(f"{program.name} of the sync script failed: {done.stderr.strip()[-300:]}")
