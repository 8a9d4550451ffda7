"""What the benchmarks stand on: tovgov with its workers, a target server, databases of several sizes.

Everything is under ``var/bench``. The target server and its databases are kept for the next run; tovgov's own
database and the backups are made anew each time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from audit.postgres.connect import ConnInfo
from tests.benchmarks import shop
from tovgov.embedded import Cluster, free_port

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "var" / "bench"
OWN = BENCH / "tovgov"
MAJOR = 18
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}


def prepare_environment() -> None:
    """Point tovgov at an empty folder of the benchmarks; call it before settings are read."""
    if (OWN / "postgres" / "PG_VERSION").exists():
        Cluster(data=OWN / "postgres", major=MAJOR).stop(immediately=True)
        shutil.rmtree(Cluster(data=OWN / "postgres", major=MAJOR).folder)
    shutil.rmtree(OWN, ignore_errors=True)
    OWN.mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith(("TOVGOV_", "PG")) or name == "DATABASE_URL"]:
        del os.environ[name]
    os.environ |= {
        "TOVGOV_VAR": str(OWN),
        "TOVGOV_ENV_FILE": str(OWN / "no.env"),
        "TOVGOV_LOG_LEVEL": "WARNING",
        "TOVGOV_LONG_WORKERS": "1",  # one process, so that its memory is that of every job
        "DJANGO_SETTINGS_MODULE": "tovgov.settings",
    }


@dataclass
class Ground:
    """The target server and the folder for what plain tools write."""

    server: Cluster
    scratch: Path
    built: dict[int, str] = field(default_factory=dict)

    def conninfo(self, database: str = "postgres") -> ConnInfo:
        return self.server.conninfo(database)

    def shop(self, megabytes: int) -> str:
        """The name of a database of about so many megabytes; made when it is not there from an earlier run."""
        if megabytes in self.built:
            return self.built[megabytes]
        name = f"shop_{megabytes}"
        if not self._exists(name):
            unready = f"unready_{secrets.token_hex(4)}"
            self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unready)))
            shop.build(self.conninfo(unready), megabytes)
            self.run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unready), sql.Identifier(name)))
        self.built[megabytes] = name
        return name

    @contextmanager
    def empty_database(self, name: str) -> Iterator[ConnInfo]:
        """An empty database that is dropped on leaving."""
        self.drop(name)
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield self.conninfo(name)
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def run(self, statement: sql.Composed) -> None:
        with psycopg.connect(**self.server.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(statement)

    def client(self, program: Path, *arguments: str, database: str) -> float:
        """Run a client tool to its end; its seconds by the wall clock."""
        with self.conninfo(database).client_environment() as environment:
            began = time.perf_counter()
            subprocess.run([str(program), *arguments], env=environment, check=True, stdin=subprocess.DEVNULL)
            return time.perf_counter() - began

    def _exists(self, name: str) -> bool:
        with psycopg.connect(**self.server.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


@contextmanager
def ground() -> Iterator[Ground]:
    """The target server runs within this block."""
    scratch = BENCH / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    password = secrets.token_urlsafe(24)
    server = Cluster(BENCH / "target", MAJOR, free_port(), tcp=True, password=password, settings=SETTINGS)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        stack.callback(server.stop)
        server.start()
        yield Ground(server, scratch)
