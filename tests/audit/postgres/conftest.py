"""What the tests of the target library share: scripts, and a dump and restore as the tools do it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from audit.postgres.connect import ConnInfo
from audit.postgres.snapshots import Snapshot
from tests.conftest import MakeDatabase
from tovgov.binaries import DEBIAN, binaries, majors
from tovgov.embedded import Cluster

HERE = Path(__file__).parent
DEBIANS = [major for major, folder in majors().items() if folder.is_relative_to(DEBIAN)]
needs_debian = pytest.mark.skipif(not DEBIANS, reason="only Debian's PostgreSQL is built with TLS, ICU and XML")
MakeScripted = Callable[..., ConnInfo]


NEW_WORDS = (
    (150_000, "NULLS NOT DISTINCT ", ""),
    (150_000, "security_barrier, security_invoker", "security_barrier"),
    (150_000, 'app.parts_rest (id, at, region), app."User" WHERE (id > 5) WITH', 'app.parts_rest, app."User" WITH'),
    (
        150_000,
        "CREATE PUBLICATION pub_schema FOR TABLES IN SCHEMA app",
        'CREATE PUBLICATION pub_schema FOR TABLE app."User"',
    ),
)
"""Version from which the words are known, and what stands there before."""


def run_script(info: ConnInfo, name: str) -> None:
    """Run ``<name>.sql`` of this folder as one simple query, in the words that the server knows."""
    text = (HERE / f"{name}.sql").read_text()
    with psycopg.connect(**info.keywords()) as conn:  # type: ignore[arg-type]
        for since, words, older in NEW_WORDS:
            if conn.info.server_version < since:
                text = text.replace(words, older)
        conn.execute(text)  # type: ignore[arg-type]


def dump(info: ConnInfo, major: int, file: Path, snapshot: Snapshot | None = None) -> None:
    """pg_dump -Fc of ``info`` into ``file`` with the tools of ``major``."""
    more = [f"--snapshot={snapshot.id}"] if snapshot else []
    with info.client_environment() as env:
        command = [binaries(major) / "pg_dump", "-Fc", "-Z0", *more, "-f", file]
        subprocess.run(command, env=env, check=True, timeout=120)


def restore(info: ConnInfo, major: int, file: Path) -> None:
    """pg_restore of ``file`` into the empty database ``info`` with the tools of ``major``, stopping at an error."""
    with info.client_environment() as env:
        command = [binaries(major) / "pg_restore", "--exit-on-error", "-d", env["PGDATABASE"], file]
        subprocess.run(command, env=env, check=True, timeout=120)


@pytest.fixture
def debian(clusters: dict[int, Cluster]) -> Cluster:
    """A server of Debian's; tests that ask for it are marked ``needs_debian``."""
    return clusters[DEBIANS[-1]]


@pytest.fixture
def scripted(make_database: MakeDatabase, template_database: Callable[..., str]) -> MakeScripted:
    """``scripted(cluster, "every_type") -> ConnInfo``: a database of its own, filled by that script."""

    def make(cluster: Cluster, script: str) -> ConnInfo:
        template = template_database(cluster, f"scripted_{script}", lambda info: run_script(info, script))
        return make_database(cluster, template=template)

    return make
