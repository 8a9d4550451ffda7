"""Servers that write one log in all three formats, of their own: what they write must come from these tests alone."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from audit.postgres.connect import ConnInfo
from tovgov.binaries import DEBIAN
from tovgov.embedded import Cluster, free_port, majors

SETTINGS = {
    "log_destination": "stderr,csvlog,jsonlog",
    "log_filename": "log",
    "log_rotation_age": "0",
    "log_truncate_on_rotation": "off",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_min_messages": "debug1",
    "log_min_error_statement": "error",
    "autovacuum": "off",
    "max_connections": "20",
    "shared_buffers": "16MB",
}
FILES = {"stderr": "log", "csvlog": "log.csv", "jsonlog": "log.json"}
SECONDS = 60
SCRIPT = (Path(__file__).parent / "nasty.sql").read_text().split("--\n")
ROLE = 'odd "role" %m \\ 🐘 [x]'
NEWLINE = "two\nlines"


@dataclass
class Writer:
    """A server and the places of its logs."""

    cluster: Cluster

    def written(self, change: Callable[[], None]) -> dict[str, bytes]:
        """What the server wrote in each format while ``change`` ran."""
        before = self.sizes()
        change()
        self.wait_for_sessions()
        with self.marked():
            return self.since(before)

    def sizes(self) -> dict[str, int]:
        """How long the files are now."""
        return {format_: path.stat().st_size for format_, path in self.paths().items()}

    def since(self, before: dict[str, int]) -> dict[str, bytes]:
        """What stands in the files behind these sizes."""
        return {format_: path.read_bytes()[before[format_] :] for format_, path in self.paths().items()}

    def paths(self) -> dict[str, Path]:
        return {format_: self.cluster.folder / "log" / name for format_, name in FILES.items()}

    def execute(self, statement: str, database: str = "postgres", **settings: str) -> str | None:
        """Run one statement in a session of its own; the SQLSTATE when it fails."""
        keywords = self.cluster.keywords(database) | settings
        try:
            with psycopg.connect(**keywords, autocommit=True) as connection:  # type: ignore[arg-type]
                connection.execute(statement)  # type: ignore[arg-type]
        except psycopg.Error as error:
            return error.sqlstate or "connection"
        return None

    def mark(self) -> None:
        """Wait until everything written so far stands in all files."""
        with self.marked():
            pass
        self.wait_for_sessions()

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Everything written so far stands in all files. Its own session ends after the block: the record of that would
        stand in one file before the others."""
        word = secrets.token_hex(8)
        with psycopg.connect(**self.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(f"DO $$ BEGIN RAISE LOG 'mark {word}'; END $$".encode())
            deadline = time.monotonic() + SECONDS
            for path in self.paths().values():
                while True:
                    text = path.read_bytes()
                    if text.endswith(b"\n") and (b"mark " + word.encode()) in text:
                        break
                    assert time.monotonic() < deadline, f"{path} does not get its lines"
                    time.sleep(0.01)
            yield

    def wait_for_sessions(self) -> None:
        """Wait until the processes of all sessions are gone: they write their last record as they go."""
        deadline = time.monotonic() + SECONDS
        while self._sessions():
            assert time.monotonic() < deadline, "a session does not end"
            time.sleep(0.01)

    def _sessions(self) -> list[str]:
        server, titles = self.cluster.process(), []
        for child in server.children() if server else []:
            with suppress(psutil.Error):
                titles.append(" ".join(child.cmdline()))
        return [title for title in titles if "127.0.0.1(" in title or "[local]" in title]

    def set(self, **settings: str) -> None:
        """Change settings of the running server and wait until new sessions have them."""
        for name, value in settings.items():
            change = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            assert self.execute(change) is None  # type: ignore[arg-type]
        self.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + SECONDS
        for name, value in settings.items():
            while self.shown(name) != value:
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def shown(self, name: str) -> str:
        with psycopg.connect(**self.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            return str(row[0]) if row else ""

    def everything_nasty(self) -> None:
        """Statements, names and logins that make life hard for a parser."""
        for statement in SCRIPT:
            self.execute(statement, application_name='app "quoted", %m\t🐘\n[x]:  LOG:  x')
        self.execute("DROP FUNCTION IF EXISTS deep")
        for name in (ROLE, NEWLINE):
            info = ConnInfo(database=name, host="127.0.0.1", port=self.cluster.port, user=name, password="wrong")
            self.fail(info)
        self.fail(
            ConnInfo(database="nowhere", host="127.0.0.1", port=self.cluster.port, password=self.cluster.password)
        )
        self.execute("SELECT 'in an odd database', 1/0", database=ROLE, application_name="")
        self.execute("SELECT 'in a database of two lines', 1/0", database=NEWLINE)

    @staticmethod
    def fail(info: ConnInfo) -> None:
        with pytest.raises(psycopg.OperationalError), psycopg.connect(**info.keywords()):  # type: ignore[arg-type]
            pass


@contextmanager
def writing(folder: Path, major: int, settings: dict[str, str] | None = None) -> Iterator[Writer]:
    """A server of its own, with the databases and roles of odd names."""
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    cluster = Cluster(
        data=folder / "data",
        major=major,
        port=free_port(),
        tcp=True,
        password=secrets.token_urlsafe(12),
        settings=SETTINGS | (settings or {}),
        durable=False,
    )
    cluster.start()
    try:
        found = Writer(cluster)
        for name in (ROLE, NEWLINE):
            found.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))  # type: ignore[arg-type]
            found.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))  # type: ignore[arg-type]
        yield found
    finally:
        cluster.stop(immediately=True)


@pytest.fixture(scope="module", params=sorted(majors()))
def writer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    """One server of each version on this machine."""
    with writing(tmp_path_factory.mktemp("writer"), request.param) as found:
        found.mark()
        yield found


TRANSLATIONS = Path("/usr/share/locale")
LANGUAGES = {"de": "FEHLER", "fr": "ERREUR", "ru": "ОШИБКА", "ko": "오류", "zh_CN": "错误"}
DEBIANS = [major for major, programs in majors().items() if programs.is_relative_to(DEBIAN)]


@pytest.fixture(scope="module", params=LANGUAGES)
def translated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Writer, str, str]]:
    """A server of Debian's that speaks another language: (writer, language, its word for ERROR). It gets the language
    by the environment, which needs no locale of it on the machine."""
    language = request.param
    major = next(
        (one for one in DEBIANS if (TRANSLATIONS / language / f"LC_MESSAGES/postgres-{one}.mo").exists()), None
    )
    if major is None:
        pytest.skip("no translations of PostgreSQL on this machine")
    run = subprocess.run

    def in_language(*arguments: Any, env: dict[str, str] | None = None, **more: Any) -> Any:
        spoken = {"LANGUAGE": language, "LC_ALL": "C.UTF-8"}
        return run(*arguments, env=env and env | spoken, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tovgov.embedded.subprocess.run", in_language)
        with writing(tmp_path_factory.mktemp(language), major, {"lc_messages": "C.UTF-8"}) as found:
            patch.undo()
            found.mark()
            yield found, language, LANGUAGES[language]
