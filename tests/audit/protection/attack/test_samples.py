"""Databases that nobody here wrote: installed on, attacked and uninstalled from, their schema is as it was."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies
from audit.protection.attack import conduct
from audit.protection.attack.attempt import Outcome
from tests.audit.protection.steps import install, policy_of, schema_dump, uninstall, wrong
from tests.conftest import MakeDatabase
from tests.house.documented import ROOT
from tovgov.embedded import Cluster, majors

FOLDER = ROOT.parent / "shared" / "data"
MUST_BE_THERE = os.environ.get("TOVGOV_CI") == "1"


@pytest.mark.parametrize("name", ["chinook", "pagila"])
@pytest.mark.parametrize("cluster", [18], indirect=True)
def test_a_sample_survives_lockdown_and_attack(
    cluster: Cluster, make_database: MakeDatabase, name: str, request: pytest.FixtureRequest
) -> None:
    archive = FOLDER / f"{name}.dump"
    if not archive.exists() and not MUST_BE_THERE:
        pytest.skip(f"{archive} is not on this machine")
    info = make_database(cluster)
    load(cluster, info, archive)
    wanted = policy_of("lockdown")
    before = schema_dump(cluster, info)
    request.addfinalizer(lambda: unlock(info))
    install(info, wanted)
    assert wrong(info, wanted) == {}
    results = conduct.attack(info.to("postgres"), info, policies.parts(wanted))
    assert [r.code for r in results if r.is_broken] == []
    assert [r.code for r in results if r.outcome is Outcome.UNTRIED] == [], "rows were invented in the sample's tables"
    assert wrong(info, wanted) == {}
    uninstall(info, wanted)
    assert schema_dump(cluster, info) == before


def load(cluster: Cluster, info: ConnInfo, archive: Path) -> None:
    command = [str(majors()[cluster.major] / "pg_restore"), "--no-owner", "--exit-on-error", "-d", info.database]
    with info.client_environment() as environment:
        done = subprocess.run([*command, archive], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def unlock(info: ConnInfo) -> None:
    """A test that fails half-way leaves the second lock on."""
    with connect(info) as connection:
        connection.execute("DROP SUBSCRIPTION IF EXISTS tovgov_second_lock")
