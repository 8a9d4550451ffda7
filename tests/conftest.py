"""Fixtures that every test may use. Servers are real; see ``tests/clusters.py``."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from audit.actors import Actor
from audit.postgres.connect import ConnInfo
from tests import clusters as servers
from tests import environment, names
from tests.cast import Cast, gather
from tests.flush import only_what_has_rows
from tovgov.demo.club import DATABASE
from tovgov.embedded import Cluster

pytest_plugins = ["tests.strictness", "tests.outcome"]

hypothesis_settings.register_profile("any machine", deadline=None)  # a loaded one is slow, not wrong
hypothesis_settings.load_profile("any machine")

MakeDatabase = Callable[..., ConnInfo]
MakeRole = Callable[..., ConnInfo]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders lie in the run's own folder and go away with it."""
    if environment.is_controller() and config.option.basetemp is None:
        config.option.basetemp = environment.folder() / "tmp"


def pytest_sessionstart(session: pytest.Session) -> None:
    """The controlling process starts the servers while workers still import and collect."""
    if environment.is_controller() and not session.config.option.collectonly:
        servers.start_all()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """tovgov's own database lies on the newest server; wait until it runs."""
    servers.by_major()[18].start()


@pytest.fixture(scope="session", autouse=True)
def tables_are_emptied_quickly() -> Iterator[None]:
    """Between tests that commit; see ``tests/flush.py``."""
    with only_what_has_rows():
        yield


# --- servers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """pytest's own, but other accounts may pass through it: under root a server started in it is not root."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == environment.folder():
            break
        folder.chmod(0o711)
    return tmp_path


@pytest.fixture(scope="session")
def clusters() -> dict[int, Cluster]:
    """All servers of the run by major version, running."""
    for cluster in servers.by_major().values():
        cluster.start()
    return servers.by_major()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """One running server: 16, or ``@pytest.mark.parametrize("cluster", [18], indirect=True)``."""
    major = getattr(request, "param", 16)
    if major not in servers.by_major():
        pytest.skip(f"PostgreSQL {major} is not on this machine")
    found = servers.by_major()[major]
    found.start()
    return found


@pytest.fixture(params=sorted(servers.majors()))
def any_cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each server on this machine in turn."""
    found = servers.by_major()[request.param]
    found.start()
    return found


# --- databases and roles that go away again --------------------------------------------------------------------------


def run(info: ConnInfo, *statements: sql.Composable | str) -> None:
    """Execute statements one by one, outside of a transaction."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(sql.SQL(statement) if isinstance(statement, str) else statement)  # type: ignore[arg-type]


def drop_database(cluster: Cluster, name: str) -> None:
    """Drop a database with its sessions, a template too; nothing happens when it is gone."""
    database = sql.Identifier(name)
    with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        found = connection.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found:
            if found[0]:
                connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(database))
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture
def roles() -> Iterator[MakeRole]:
    """Make login roles with passwords: ``roles(cluster, "CREATEDB", name="clerk") -> ConnInfo`` of database postgres.

    Attributes are words of CREATE ROLE (SUPERUSER, CREATEDB, BYPASSRLS, …). What a role owns in databases of
    ``make_database`` goes away with them.
    """
    made: list[tuple[Cluster, str]] = []

    def make(cluster: Cluster, *attributes: str, name: str | None = None) -> ConnInfo:
        name, password = name or f"role_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
        words = sql.SQL(" ").join(sql.SQL(word) for word in attributes)  # type: ignore[arg-type]
        create = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}")
        made.append((cluster, name))
        run(cluster.conninfo(), create.format(sql.Identifier(name), words, sql.Literal(password)))
        return ConnInfo(database="postgres", host="127.0.0.1", port=cluster.port, user=name, password=password)

    yield make
    for cluster, name in reversed(made):
        role = sql.Identifier(name)
        run(cluster.conninfo(), sql.SQL("DROP OWNED BY {}").format(role), sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def make_database(roles: MakeRole) -> Iterator[MakeDatabase]:
    """Make databases: ``make_database(cluster, name=None, template=None, owner=None) -> ConnInfo`` as superuser.

    They are dropped when the test ends, also when it renamed or dropped them itself. A template is cloned.
    A name that the test chooses is its own until then.
    """
    made: list[tuple[Cluster, str]] = []
    ours = ExitStack()

    def make(
        cluster: Cluster, name: str | None = None, template: str | None = None, owner: str | None = None
    ) -> ConnInfo:
        if name:
            ours.enter_context(names.to_ourselves(name))
        name = name or f"test_{secrets.token_hex(4)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        parts = (sql.Identifier(part) for part in (name, template or "template1", owner or "postgres"))
        made.append((cluster, name))
        run(cluster.conninfo(), create.format(*parts))
        return cluster.conninfo(name)

    with ours:
        yield make
        for cluster, name in reversed(made):
            drop_database(cluster, name)


@pytest.fixture(scope="session")
def template_database() -> Callable[[Cluster, str, Callable[[ConnInfo], None]], str]:
    """Fill a template once a run: ``template_database(cluster, name, fill) -> name`` for ``make_database(template=…)``.

    Workers that need the same one wait for whoever fills it.
    """

    def make(cluster: Cluster, name: str, fill: Callable[[ConnInfo], None]) -> str:
        with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                unready = f"unready_{secrets.token_hex(4)}"
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unready)))
                fill(cluster.conninfo(unready))
                parts = sql.Identifier(unready), sql.Identifier(name)
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*parts))
        return name

    return make


@pytest.fixture
def club_to_ourselves() -> Iterator[None]:
    """The demo's club and its roles have fixed names that belong to a whole server: one test at a time has them."""
    with names.to_ourselves(DATABASE):
        yield


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cast(db: None) -> Cast:
    """Miriam manages, Alice asks, Bob approves, Charlie may only look."""
    return gather()


@pytest.fixture
def miriam(cast: Cast) -> User:
    return cast.miriam


@pytest.fixture
def alice(cast: Cast) -> User:
    return cast.alice


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


@pytest.fixture
def charlie(cast: Cast) -> User:
    return cast.charlie


@pytest.fixture
def manager(cast: Cast) -> Actor:
    """Miriam, who registers targets and keeps schedules, retention and destinations, as an actor."""
    return cast.actor("miriam")


@pytest.fixture
def asker(cast: Cast) -> Actor:
    """Alice of the staff, who backs up and asks for restores, as an actor."""
    return cast.actor("alice")


@pytest.fixture
def approver(cast: Cast) -> Actor:
    """Bob, who decides what others ask for, as an actor."""
    return cast.actor("bob")


@pytest.fixture
def auditor(cast: Cast) -> Actor:
    """Charlie, who may only look, as an actor."""
    return cast.actor("charlie")


@pytest.fixture
def tovgov() -> Actor:
    """tovgov itself: the scheduler, a worker."""
    return Actor.system("tests")
