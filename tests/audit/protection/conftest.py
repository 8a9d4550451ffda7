"""A shop with an owner, an application role and a role that may make databases, on each server in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from audit import tasks
from audit.actors import Actor
from audit.models import Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import install, policies, uninstall
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tovgov.embedded import Cluster

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
CREATE TABLE shop.customer (id serial PRIMARY KEY, name text NOT NULL, feels shop.mood);
CREATE TABLE shop."Order" (
    "Id" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int NOT NULL REFERENCES shop.customer ON DELETE CASCADE,
    price numeric
);
CREATE TABLE shop.day (day date, hits int) PARTITION BY RANGE (day);
CREATE TABLE shop.day_one PARTITION OF shop.day FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE VIEW shop.dear AS SELECT * FROM shop."Order" WHERE price > 100;
CREATE SEQUENCE shop.ticket;
CREATE TABLE public.note (words text);
INSERT INTO shop.customer (name, feels) VALUES ('Noa', 'glad'), ('Dan', 'sad');
INSERT INTO shop."Order" (customer, price) VALUES (1, 10), (1, 'NaN'), (2, 500);
INSERT INTO shop.day VALUES ('2026-01-05', 1);
INSERT INTO public.note VALUES ('one');
"""
GRANTS = """
GRANT USAGE ON SCHEMA shop TO "{app}";
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA shop TO "{app}";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA shop TO "{app}";
"""
WHY = "The club asked for it."


@dataclass(frozen=True)
class Shop:
    """Ways into one database, by role."""

    cluster: Cluster
    superuser: ConnInfo
    owner: ConnInfo
    app: ConnInfo
    builder: ConnInfo
    """May make databases, and owns nothing here."""

    @property
    def database(self) -> str:
        return self.superuser.database

    def elsewhere(self, info: ConnInfo) -> ConnInfo:
        """The same role in the maintenance database."""
        return info.to("postgres")


@pytest.fixture
def shop(any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> Iterator[Shop]:
    owner, app, builder = roles(any_cluster), roles(any_cluster), roles(any_cluster, "CREATEDB")
    info = make_database(any_cluster, owner=owner.user)
    with connect(owner.to(info.database)) as connection:
        connection.execute(SCHEMA)
        connection.execute(GRANTS.format(app=app.user).encode())
    yield Shop(any_cluster, info, *(role.to(info.database) for role in (owner, app, builder)))
    with connect(info) as connection:  # a database with a subscription cannot be dropped
        connection.execute("DROP SUBSCRIPTION IF EXISTS tovgov_second_lock")


# --- a registered shop, and runs by a worker -------------------------------------------------------------------------


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    made = make_database(cluster)
    with connect(made) as connection:
        connection.execute(SCHEMA)
    return made


@pytest.fixture
def target(info: ConnInfo, cast: Cast) -> Target:
    policies.ensure_policies()
    return register(info, credentials={Purpose.OPERATE: (info.user, info.password)})


@pytest.fixture
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)


def put_on(target: Target, name: str, actor: Actor) -> Any:
    run = install.request(target, policies.find(name), actor=actor, reason=WHY)
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    return run


def take_off(target: Target, actor: Actor, **more: Any) -> Any:
    run = uninstall.request(target, actor=actor, reason=WHY, **more)
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    return run
