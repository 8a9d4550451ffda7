"""A protected database, registered as a target, and what is needed to delete from it and put rows back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from audit.models import DeleteAuditTransaction, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from tests.audit.protection.steps import install, policy
from tests.audit.servers import register
from tests.audit.undelete.steps import bring
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

Deletes = Callable[..., list[DeleteAuditTransaction]]


class Place:
    """One database: its target, and ``delete`` that runs statements as the application and brings what it lost."""

    def __init__(self, info: ConnInfo, target: Target) -> None:
        self.info, self.target = info, target

    def run(self, *statements: str) -> None:
        with connect(self.info) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def delete(self, *statements: str) -> list[DeleteAuditTransaction]:
        """In one transaction."""
        with connect(self.info) as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
        return bring(self.target, self.info)


MakePlace = Callable[..., Place]


@pytest.fixture
def place(
    make_database: MakeDatabase, template_database: Callable[..., str], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> MakePlace:
    """``place(cluster, schema, masked={…}) -> Place``: made and protected once a run, then cloned and registered."""
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)

    def make(cluster: Cluster, schema: str, **settings: object) -> Place:
        def fill(info: ConnInfo) -> None:
            with connect(info) as connection:
                connection.execute(schema.encode())
            install(info, policy(delete_audit=dict(settings)))

        mark = hashlib.sha256(f"{schema}{settings}".encode()).hexdigest()[:12]
        info = make_database(cluster, template=template_database(cluster, f"undelete_{mark}", fill))
        return Place(info, register(info, credentials={Purpose.OPERATE: (info.user, info.password)}))

    return make
