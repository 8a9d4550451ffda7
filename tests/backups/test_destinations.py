"""Every kind of destination keeps the same promises, each on a real server."""

from __future__ import annotations

import io
import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File

from backups.destinations import CopyStorage, check_settings, reaching, storage_for
from backups.destinations.folder import FolderStorage
from backups.exceptions import DestinationInvalid, DestinationUnreachable, DiskFull
from backups.models import Destination
from tests.backups.places import Place, SshServer

BYTES = os.urandom(300_000)
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQ2uXyJ9kHnQxUeXl0hKk0C3i4gHkHk0R6m1cQF3q0A"


def destination(place: Place, **changes: Any) -> Destination:
    return Destination(name="there", kind=place.kind, settings=place.settings | changes, secrets=place.secrets)


@pytest.fixture
def storage(place: Place) -> Any:
    storage = storage_for(destination(place))
    yield storage
    storage.close()


@pytest.fixture
def folder(storage: CopyStorage) -> Any:
    name = f"tovplay/TovPlay/{uuid.uuid4().hex}"
    yield name
    storage.remove_folder(name)


def put(storage: CopyStorage, name: str, data: bytes = BYTES) -> None:
    storage.put(name, File(io.BytesIO(data)))


def get(storage: CopyStorage, name: str) -> bytes:
    with storage.open(name) as file:
        return b"".join(iter(lambda: file.read(65_536), b""))


def test_bytes_come_back_as_they_went(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/a.dump")
    assert get(storage, f"{folder}/a.dump") == BYTES
    assert storage.size(f"{folder}/a.dump") == len(BYTES)


def test_an_empty_file_is_a_file(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/empty", b"")
    assert get(storage, f"{folder}/empty") == b""


def test_no_file_is_ever_written_over(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/a.dump")
    with pytest.raises(FileExistsError):
        put(storage, f"{folder}/a.dump", b"other")
    assert get(storage, f"{folder}/a.dump") == BYTES


def test_walk_names_every_file(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/b/manifest.json", b"{}")
    put(storage, f"{folder}/a.dump", b"x")
    assert list(storage.walk(folder)) == [f"{folder}/a.dump", f"{folder}/b/manifest.json"]


def test_a_removed_folder_is_gone_with_its_empty_parents(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/a.dump", b"x")
    storage.remove_folder(folder)
    storage.remove_folder(folder)
    assert not storage.exists(f"{folder}/a.dump")
    assert list(storage.walk()) == []


def test_the_root_itself_is_never_removed(storage: CopyStorage, folder: str) -> None:
    put(storage, f"{folder}/a.dump", b"x")
    storage.remove_folder("")
    assert storage.exists(f"{folder}/a.dump")


def test_a_missing_file_is_named(storage: CopyStorage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.open("tovplay/nothing")


class Torn(File):  # type: ignore[type-arg]
    """A source that breaks in the middle, as a cancel does."""

    def read(self, size: int = -1) -> bytes:
        if self.file.tell() > 100_000:
            raise RuntimeError("torn")
        return self.file.read(size)

    def chunks(self, chunk_size: int | None = None) -> Any:
        while data := self.read(65_536):
            yield data


def test_a_torn_upload_leaves_nothing(storage: CopyStorage, folder: str) -> None:
    with pytest.raises(RuntimeError, match="torn"):
        storage.put(f"{folder}/a.dump", Torn(io.BytesIO(BYTES)))
    storage.remove_folder(folder)
    assert list(storage.walk()) == []


@pytest.mark.parametrize(
    ("place", "changes", "says"),
    [
        ("folder", {"folder": "/nowhere/at/all"}, "No such file"),
        ("s3", {"bucket": "no-such-bucket"}, "does not exist|Not Found|404"),
        ("s3", {"endpoint_url": "http://127.0.0.1:1"}, "Could not connect"),
        ("sftp", {"port": 1}, "Unable to connect"),
        ("sftp", {"folder": "/nowhere"}, "No such file"),
        ("sftp", {"host_key": OTHER_KEY}, "host key"),
        ("sftp", {"user": "nobody-here"}, "Authentication failed"),
    ],
    indirect=["place"],
)
def test_what_cannot_be_reached_says_why(place: Place, changes: dict[str, Any], says: str) -> None:
    row = destination(place, **changes)
    with pytest.raises(DestinationUnreachable, match=says), reaching(row):
        put(storage_for(row), "a/b/c.dump", b"x")


def test_an_unknown_host_key_is_refused_before_anything_is_sent(sshd: SshServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    row = destination(sshd.place, host_key="")
    with pytest.raises(DestinationUnreachable, match="not found in known_hosts"), reaching(row):
        storage_for(row).check_root()


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_files_are_private(kind: str, folder_place: Place, sshd: SshServer) -> None:
    place, root = (folder_place, folder_place.settings["folder"]) if kind == "folder" else (sshd.place, sshd.folder)
    with reaching(destination(place)):
        storage = storage_for(destination(place))
        put(storage, "a/b/c.dump", b"x")
    path = Path(root) / "a/b/c.dump"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["c.dump"]
    storage.remove_folder("a")


def spool(path: Path) -> File[bytes]:
    path.write_bytes(BYTES)
    path.chmod(0o600)
    file = File(path.open("rb"))
    file.linkable = path  # type: ignore[attr-defined]
    return file


def test_the_first_folder_takes_the_spool_file_itself_and_the_second_its_own_bytes(tmp_path: Path) -> None:
    source = spool(tmp_path / "spool")
    places = [FolderStorage(location=str(tmp_path / name)) for name in ("one", "two")]
    for storage in places:
        storage.root.mkdir()
        storage.put("a.dump", source)
    one, two = (storage.root / "a.dump" for storage in places)
    assert one.stat().st_ino == (tmp_path / "spool").stat().st_ino
    assert two.stat().st_ino != one.stat().st_ino
    assert two.read_bytes() == one.read_bytes() == BYTES


def test_a_full_disk_is_called_that(folder_place: Place) -> None:
    with pytest.raises(DiskFull, match="there has no space left"), reaching(destination(folder_place)):
        Path("/dev/full").write_bytes(b"x")


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        ("folder", {}, "needs folder"),
        ("folder", {"folder": "backups"}, "absolute"),
        ("folder", {"folder": "/srv", "bucket": "x"}, "no setting bucket"),
        ("s3", {"bucket": "b", "endpoint_url": "minio:9000"}, "no web address|not a web address"),
        ("sftp", {"host": "h", "user": "u", "port": "99999"}, "no port"),
        ("sftp", {"host": "h", "user": "u", "host_key": "nonsense"}, "host key"),
        ("sftp", {"host": "h", "user": "u", "host_key": "ssh-ed25519 !!!"}, "host key"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: str, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DestinationInvalid, match=says):
        check_settings(kind, settings, {})


def test_a_private_key_that_is_none_is_refused_without_showing_it(sshd: SshServer) -> None:
    row = Destination(name="there", kind="sftp", settings=sshd.place.settings, secrets={"private_key": "SECRETWORD"})
    with pytest.raises(DestinationInvalid) as caught:
        storage_for(row)
    assert "SECRETWORD" not in caught.value.message
