"""tovgov's own database: who starts it, who stops it, and that nobody is cut off."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from audit.postgres.connect import ConnInfo
from tests.tovgov.test_embedded import room
from tests.waiting import wait_until
from tovgov.own_database import own_cluster, own_database, own_database_settings

__all__ = ["room"]
ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys; from pathlib import Path; from tovgov.own_database import own_database
with own_database(Path(sys.argv[1])):
    print("in", flush=True); sys.stdin.readline()
"""
Hold = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def data(room: Path) -> Iterator[Path]:
    yield room / "postgres"
    own_cluster(room / "postgres").stop(immediately=True)


@pytest.fixture
def hold(data: Path) -> Iterator[Hold]:
    """Processes that use the database until a line reaches them."""
    begun: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(data)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def info(data: Path) -> ConnInfo:
    return own_cluster(data).by_socket("tovgov", "tovgov")


def works(data: Path) -> bool:
    with psycopg.connect(**info(data).keywords()) as link:  # type: ignore[arg-type]
        return link.execute("SELECT 1").fetchone() == (1,)


def test_settings_start_nothing_and_make_nothing(data: Path) -> None:
    settings = own_database_settings(data)
    assert settings["HOST"] == str(data)
    assert list(data.parent.iterdir()) == []


def test_it_runs_within_the_block_and_not_after(data: Path) -> None:
    with own_database(data) as cluster:
        assert works(data)
    assert not cluster.is_running()


def test_rows_stay_from_one_start_to_the_next(data: Path) -> None:
    for expected in (0, 1):
        with own_database(data), psycopg.connect(**info(data).keywords()) as link:  # type: ignore[arg-type]
            link.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
            assert link.execute("SELECT count(*) FROM kept").fetchone() == (expected,)
            link.execute("INSERT INTO kept VALUES (1)")


def test_its_role_is_no_superuser(data: Path) -> None:
    with own_database(data), psycopg.connect(**info(data).keywords()) as link:  # type: ignore[arg-type]
        query = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert link.execute(query).fetchone() == (False, False, False)


def test_an_error_inside_stops_it_too(data: Path) -> None:
    with pytest.raises(ZeroDivisionError), own_database(data) as cluster:
        raise ZeroDivisionError
    assert not cluster.is_running()


def test_first_command_does_not_cut_off_the_second(data: Path, hold: Hold) -> None:
    first, second = hold(), hold()
    first.communicate("\n")
    assert works(data)
    second.communicate("\n")
    assert not own_cluster(data).is_running()


def test_second_command_does_not_cut_off_the_first(data: Path, hold: Hold) -> None:
    first, second = hold(), hold()
    second.communicate("\n")
    assert works(data)
    first.communicate("\n")
    assert not own_cluster(data).is_running()


def test_a_killed_command_is_not_waited_for(data: Path, hold: Hold) -> None:
    killed = hold()
    killed.kill()
    killed.wait()
    assert works(data)
    with own_database(data):
        assert works(data)
    assert not own_cluster(data).is_running()


def test_a_process_of_a_folder_that_was_removed_leaves_the_new_server_alone(data: Path, hold: Hold) -> None:
    """A demo was killed; the next one begins in a new folder of that name while a worker of the first is leaving."""
    left_over = hold()
    old = own_cluster(data)
    old.stop(immediately=True)
    shutil.rmtree(old.folder)
    for file in data.parent.glob(f".{data.name}.*"):
        file.unlink()
    data.unlink(missing_ok=True)
    with own_database(data):
        left_over.communicate("\n")
        with psycopg.connect(**info(data).keywords()) as connection:  # type: ignore[arg-type]
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_ctrl_c_stops_the_server_in_order(data: Path, hold: Hold) -> None:
    process = hold()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    assert not own_cluster(data).is_running()
    assert "shut down" in "".join(log.read_text() for log in data.glob("log/*"))


def test_server_killed_under_a_command_is_started_by_the_next(data: Path, hold: Hold) -> None:
    hold()
    postmaster = own_cluster(data).process()
    assert postmaster is not None
    postmaster.kill()
    wait_until(lambda: not own_cluster(data).is_running())
    hold()
    assert works(data)


# --- manage.py -------------------------------------------------------------------------------------------------------


def manage(var: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as a person does, without anything of the test run."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOVGOV_") and not k.startswith("DJANGO_")}
    del clean["DATABASE_URL"]
    environment = clean | {"TOVGOV_VAR": str(var), "TOVGOV_ENV_FILE": str(var / "none.env")} | more
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_first_command_on_a_fresh_checkout_makes_keys_and_database(room: Path, data: Path) -> None:
    done = manage(room, "dbshell", "--", "-tAc", "SELECT current_user")
    assert done.stdout == "tovgov\n"
    assert (room / "secrets.env").exists()
    assert not own_cluster(data).is_running()


def test_commands_that_need_no_database_start_none(room: Path, data: Path) -> None:
    assert manage(room, "help").returncode == 0
    assert list(room.iterdir()) == []
    assert manage(room, "check").returncode == 0
    assert not data.exists()


def test_lost_secrets_are_named_instead_of_made_anew(room: Path, data: Path) -> None:
    manage(room, "dbshell", "--", "-c", "SELECT 1")
    (room / "secrets.env").unlink()
    done = manage(room, "migrate")
    assert done.returncode == 3
    assert "secrets.env is gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_own_server_of_a_person_needs_keys_from_a_person(room: Path) -> None:
    done = manage(room, "migrate", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert done.returncode == 3
    assert "python -m tovgov.keys" in done.stderr
    assert not (room / "secrets.env").exists()
