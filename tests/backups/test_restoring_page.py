"""``docs/restoring.md`` is for the night when tovgov is gone too: its commands are run here as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from audit.models import Target
from audit.postgres import rows
from backups.models import BackupCopy
from tests import names
from tests.backups.house import back_up
from tests.conftest import drop_database, run
from tests.house.documented import ROOT
from tovgov.binaries import binaries
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = (ROOT / "docs" / "restoring.md").read_text()
PROGRAMS = ("age", "zstd", "openssl", "bash")
NEW = "Restored by hand"


def blocks() -> list[str]:
    """The commands of the page in order."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture(autouse=True)
def the_name_to_ourselves() -> Iterator[None]:
    """The page's database has one name on the whole server: one test at a time has it."""
    with names.to_ourselves(NEW):
        yield


@pytest.fixture
def shell(cluster: Cluster) -> dict[str, str]:
    """The environment of a person at a shell, with PostgreSQL's tools and a way in."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    path = f"{binaries(cluster.major)}:{os.environ['PATH']}"
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PGPASSWORD": cluster.password, "HOME": os.environ["HOME"]}


def at_the_shell(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def first_block(folder: Path, keys: Path, cluster: Cluster) -> str:
    """What the page asks the reader to put in his own words."""
    names = set(re.findall(r"\b([A-Z]+)=", blocks()[0]))
    assert names == {"KEY", "NEW", "PGHOST", "PGPORT", "PGUSER"}
    assert "set -o pipefail\n" in blocks()[0]
    return (
        f'cd "{folder}"\nKEY="{keys}/age-identity.txt"\nNEW="{NEW}"\n'
        f"export PGHOST=127.0.0.1 PGPORT={cluster.port} PGUSER=postgres\n"
        "set -o pipefail\n"
    )


def test_the_page_restores_a_backup(
    target: Target, tmp_path: Path, keys: Path, cluster: Cluster, shell: dict[str, str]
) -> None:
    backup = back_up(target)
    (keys / "signing-key.pub.pem").write_bytes(
        subprocess.run(
            ["openssl", "pkey", "-in", str(keys / "signing-key.pem"), "-pubout"], capture_output=True, check=True
        ).stdout
    )
    folder = tmp_path / "copies" / BackupCopy.objects.get(backup=backup).path
    script = "\n".join([first_block(folder, keys, cluster), *blocks()[1:]])
    try:
        done = at_the_shell(script, shell)
        assert done.returncode == 0, done.stderr
        for words in (
            "The dump is the one in the manifest.",
            "Signature Verified Successfully",
            "COPY public.",
            "Readable to the end.",
            "CREATE ROLE",
            f"Restored into {NEW}.",
        ):
            assert words in done.stdout, words
        assert done.stdout.endswith("Compared.\n")
        assert " rows, the manifest says " not in done.stdout
        found = rows.states_now(cluster.conninfo(NEW))
        wanted = {(table["schema"], table["name"]): table for table in backup.manifest["tables"]}
        assert {(table.schema, table.name) for table in found} == set(wanted)
        for table in found:
            there = wanted[(table.schema, table.name)]
            assert (table.rows, table.hash) == (there["rows"], there["hash"]), table.name
    finally:
        drop_database(cluster, NEW)


def test_the_page_notices_a_damaged_dump(
    target: Target, tmp_path: Path, keys: Path, cluster: Cluster, shell: dict[str, str]
) -> None:
    folder = tmp_path / "copies" / BackupCopy.objects.get(backup=back_up(target)).path
    dump = next(folder.glob("*.age"))
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.chmod(0o600)
    dump.write_bytes(data)
    check = next(block for block in blocks() if "sha256sum" in block)
    done = at_the_shell(first_block(folder, keys, cluster) + check, shell)
    assert "The dump is the one in the manifest." not in done.stdout
    opening = next(block for block in blocks() if "pg_restore --exit-on-error --dbname" in block)
    try:
        done = at_the_shell(first_block(folder, keys, cluster) + opening, shell)
        assert done.returncode != 0
        assert "Restored into" not in done.stdout
    finally:
        drop_database(cluster, NEW)


def test_the_page_says_which_table_lacks_rows(
    target: Target, tmp_path: Path, keys: Path, cluster: Cluster, shell: dict[str, str]
) -> None:
    backup = back_up(target)
    folder = tmp_path / "copies" / BackupCopy.objects.get(backup=backup).path
    restoring = next(block for block in blocks() if "pg_restore --exit-on-error --dbname" in block)
    comparing = next(block for block in blocks() if "manifest.json" in block and "count(*)" in block)
    largest = max(backup.manifest["tables"], key=lambda table: table["rows"])
    try:
        at_the_shell(first_block(folder, keys, cluster) + restoring, shell)
        emptied = sql.Identifier(largest["schema"], largest["name"])
        run(cluster.conninfo(NEW), sql.SQL("TRUNCATE {} CASCADE").format(emptied))
        done = at_the_shell(first_block(folder, keys, cluster) + comparing, shell)
        assert f'"{largest["schema"]}"."{largest["name"]}": 0 rows, the manifest says {largest["rows"]}' in done.stdout
    finally:
        drop_database(cluster, NEW)
