"""The ground that all other tests stand on."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit.postgres.connect import ConnInfo
from tests.conftest import MakeDatabase, MakeRole, drop_database, run
from tovgov.embedded import Cluster, binaries


def one(info: ConnInfo, query: str) -> object:
    with psycopg.connect(**info.keywords()) as link:  # type: ignore[arg-type]
        row = link.execute(query).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


def test_each_server_is_of_its_major_version(any_cluster: Cluster) -> None:
    number = one(any_cluster.conninfo(), "SHOW server_version_num")
    assert int(str(number)) // 10_000 == any_cluster.major


def test_debians_server_takes_part(clusters: dict[int, Cluster]) -> None:
    debian = {major for major in clusters if binaries(major).is_relative_to("/usr/lib/postgresql")}
    if not debian:
        pytest.skip("Debian's PostgreSQL is not on this machine")
    assert debian.isdisjoint({16, 18})


def test_16_is_the_default(cluster: Cluster) -> None:
    assert cluster.major == 16


@pytest.mark.parametrize("cluster", [18], indirect=True)
def test_a_test_chooses_its_server(cluster: Cluster) -> None:
    assert cluster.major == 18


def test_tcp_asks_for_the_password(cluster: Cluster) -> None:
    wrong = cluster.keywords() | {"password": "wrong"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**wrong)  # type: ignore[arg-type]


def test_servers_listen_on_loopback_alone(any_cluster: Cluster) -> None:
    assert one(any_cluster.conninfo(), "SHOW listen_addresses") == "127.0.0.1"


def test_all_servers_have_their_own_identity(clusters: dict[int, Cluster]) -> None:
    query = "SELECT system_identifier FROM pg_control_system()"
    assert len({one(cluster.conninfo(), query) for cluster in clusters.values()}) == len(clusters)


def test_own_database_is_on_18(db: None) -> None:
    assert connection.pg_version // 10_000 == 18


def test_database_is_cloned_from_its_template(
    cluster: Cluster,
    make_database: MakeDatabase,
    template_database: Callable[[Cluster, str, Callable[[ConnInfo], None]], str],
) -> None:
    def fill(info: ConnInfo) -> None:
        run(info, "CREATE TABLE games AS SELECT generate_series(1, 12) AS id")

    name = template_database(cluster, "test_template_games", fill)
    assert one(make_database(cluster, template=name), "SELECT count(*) FROM games") == 12
    assert template_database(cluster, "test_template_games", fill) == name


def test_role_logs_in_and_owns_a_database(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    clerk = roles(cluster, "CREATEDB", name='clerk of "records"; --')
    info = make_database(cluster, owner=clerk.user)
    run(clerk.to(info.database), "CREATE TABLE kept (id int)")
    assert one(clerk.to(info.database), "SELECT current_user") == clerk.user


def test_a_protected_database_is_dropped_all_the_same(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(cluster.conninfo(), f'ALTER DATABASE "{info.database}" IS_TEMPLATE true')
    drop_database(cluster, info.database)
    drop_database(cluster, info.database)
    assert one(cluster.conninfo(), f"SELECT count(*) FROM pg_database WHERE datname = '{info.database}'") == 0


def test_cast_has_its_rights(alice: User, bob: User, charlie: User, miriam: User) -> None:
    assert alice.has_perm("backups.start_backup")
    assert bob.has_perm("audit.decide_approval")
    assert charlie.has_perm("audit.view_target")
    assert not charlie.has_perm("backups.start_backup")
    assert miriam.has_perm("audit.add_target")
