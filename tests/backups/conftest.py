from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.models import Target
from audit.postgres.connect import ConnInfo
from backups.models import Destination
from backups.tools.encryption import create_identity
from tests.backups import house
from tests.backups.places import Place, SshServer, s3_place, ssh_server
from tests.backups.tools.conftest import fill_world
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[Place]:
    with s3_place() as place:
        yield place


@pytest.fixture
def folder_place(tmp_path: Path) -> Place:
    folder = tmp_path / "copies"
    folder.mkdir()
    return Place("folder", {"folder": str(folder)}, {})


@pytest.fixture(params=["folder", "s3", "sftp"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each kind of destination in turn."""
    if request.param == "folder":
        return request.getfixturevalue("folder_place")
    if request.param == "s3":
        return request.getfixturevalue("s3")
    return request.getfixturevalue("sshd").place


@pytest.fixture
def spool(tmp_path: Path, settings: Any) -> Path:
    """A spool of the test's own."""
    settings.TOVGOV_SPOOL = tmp_path / "spool"
    return tmp_path / "spool"


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> Path:
    """A signing key and an age key, as set-up makes them."""
    folder = tmp_path / "keys"
    folder.mkdir()
    settings.TOVGOV_KEYS = folder
    settings.TOVGOV_AGE_RECIPIENTS = []
    pem = serialization.Encoding.PEM
    key = Ed25519PrivateKey.generate()
    (folder / "signing-key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    recipient = create_identity(folder / "age-identity.txt")
    (folder / "age-recipient.txt").write_text(f"{recipient}\n")
    return folder


@pytest.fixture
def shelf(tmp_path: Path, spool: Path, keys: Path, transactional_db: None) -> Destination:
    """A folder for copies at ``tmp_path / "copies"``, with keys and spool ready."""
    return house.folder(tmp_path / "copies")


@pytest.fixture
def world(
    cluster: Cluster,
    make_database: MakeDatabase,
    template_database: Callable[[Cluster, str, Callable[[ConnInfo], None]], str],
) -> ConnInfo:
    """A small database with everything that dumps stumble over."""
    return make_database(cluster, template=template_database(cluster, "tools_world", fill_world))


@pytest.fixture
def target(world: ConnInfo, shelf: Destination) -> Target:
    """The world, registered; its backups go to the shelf."""
    return house.register(world)
