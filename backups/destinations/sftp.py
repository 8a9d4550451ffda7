"""SFTP: any ssh server."""

from __future__ import annotations

import io
import posixpath
import stat
from pathlib import Path
from typing import Any, Self

import paramiko
from django.core.files import File
from paramiko.hostkeys import HostKeyEntry
from storages.backends.sftpstorage import SFTPStorage

from backups.destinations.base import CopyStorage, whole_number
from backups.exceptions import DestinationInvalid

FILE_MODE, FOLDER_MODE = 0o600, 0o700
CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
REQUESTS_AHEAD = 64
KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SftpCopyStorage(CopyStorage, SFTPStorage):  # type: ignore[misc]
    """Files 0600 in folders 0700, written as ``.part`` and then renamed. The server's host key must be known."""

    needed = frozenset({"host", "user"})
    known = needed | {"port", "folder", "host_key"}
    known_secrets = frozenset({"password", "private_key", "passphrase"})

    host_key = ""

    @classmethod
    def of(cls, settings: dict[str, Any], secrets: dict[str, Any]) -> Self:
        given = bool(secrets.get("password") or secrets.get("private_key"))
        params = {
            "port": whole_number(settings, "port", 22),
            "username": settings["user"],
            "password": secrets.get("password") or None,
            "pkey": _private_key(secrets.get("private_key", ""), secrets.get("passphrase", "")),
            "timeout": CONNECT_SECONDS,
            "banner_timeout": CONNECT_SECONDS,
            "auth_timeout": CONNECT_SECONDS,
            "allow_agent": not given,
            "look_for_keys": not given,
        }
        storage = cls(
            host=settings["host"],
            params=params,
            root_path=settings.get("folder") or ".",
            file_mode=FILE_MODE,
            dir_mode=FOLDER_MODE,
        )
        storage.host_key = settings.get("host_key") or ""
        return storage

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        whole_number(settings, "port", 22)
        for line in _lines(settings.get("host_key") or ""):
            _host_key(line, settings["host"])

    def _connect(self) -> None:
        """As the parent connects, but a host whose key we do not know is refused, not believed."""
        self._ssh = paramiko.SSHClient()
        name = self.host if self.params["port"] == 22 else f"[{self.host}]:{self.params['port']}"
        for line in _lines(self.host_key):
            entry = _host_key(line, name)
            assert entry.key is not None
            self._ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)
        if not self.host_key and (known := Path.home() / ".ssh" / "known_hosts").exists():
            self._ssh.load_system_host_keys(str(known))
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        self._ssh.connect(self.host, **self.params)
        self._sftp = self._ssh.open_sftp()
        if channel := self._sftp.get_channel():
            channel.settimeout(SILENCE_SECONDS)

    def check_root(self) -> None:
        self.sftp.listdir_attr(self.root_path)

    def _save(self, name: str, content: File[bytes]) -> str:
        self.check_root()
        path = self._remote_path(name)
        self._make_folders(posixpath.dirname(name))
        part = path + ".part"
        try:
            with self.sftp.open(part, "wb") as file:
                self.sftp.chmod(part, FILE_MODE)
                file.set_pipelined(True)
                for chunk in content.chunks(1 << 20):
                    file.write(chunk)
            self.sftp.rename(part, path)  # refuses when the name is taken
        except BaseException:
            self._drop(part)
            raise
        return name

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        file = self.sftp.open(self._remote_path(name), "rb")
        size = file.stat().st_size or 0
        file.prefetch(size, REQUESTS_AHEAD)
        return File(file, name=name)

    def exists(self, name: str) -> bool:
        try:
            self.sftp.stat(self._remote_path(name))
        except FileNotFoundError:
            return False
        return True

    def delete(self, name: str) -> None:
        try:
            self.sftp.remove(self._remote_path(name))
        except FileNotFoundError:
            return

    def remove_folder(self, path: str) -> None:
        self.check_root()
        if not path.strip("/"):
            return
        self._remove_tree(self._remote_path(path))
        while path := posixpath.dirname(path):
            if not self.exists(path) or self.sftp.listdir(self._remote_path(path)):
                return
            self.sftp.rmdir(self._remote_path(path))

    def _remove_tree(self, path: str) -> None:
        try:
            items = self.sftp.listdir_attr(path)
        except FileNotFoundError:
            return
        for item in items:
            below = posixpath.join(path, item.filename)
            if stat.S_ISDIR(item.st_mode or 0):
                self._remove_tree(below)
            else:
                self.sftp.remove(below)
        self.sftp.rmdir(path)

    def _make_folders(self, folder: str) -> None:
        made = ""
        for step in filter(None, folder.split("/")):
            made = posixpath.join(made, step)
            if not self.exists(made):
                self.sftp.mkdir(self._remote_path(made), FOLDER_MODE)

    def _drop(self, path: str) -> None:
        """Remove a part of ours, if the line still stands; the first error is the one that matters."""
        try:
            self.sftp.remove(path)
        except (OSError, EOFError, paramiko.SSHException):
            return


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _host_key(line: str, name: str) -> HostKeyEntry:
    """A line of known_hosts, or only its last two words. Raises ``DestinationInvalid``."""
    words = line.split()
    text = " ".join([name, *words]) if len(words) == 2 or words[0].startswith(("ssh-", "ecdsa-")) else line
    try:
        entry = HostKeyEntry.from_line(text)
    except (paramiko.SSHException, ValueError):
        entry = None
    if entry is None or entry.key is None:
        raise DestinationInvalid("The host key is not a line as ssh-keyscan prints it.")
    return entry


def _private_key(text: str, passphrase: str) -> paramiko.PKey | None:
    """The key in OpenSSH or PEM form; its kind is found by trying. Raises ``DestinationInvalid``."""
    if not text:
        return None
    for kind in KEYS:
        try:
            return kind.from_private_key(io.StringIO(text), passphrase or None)
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise DestinationInvalid("The private key cannot be read: not a key, of an unknown kind, or a wrong passphrase.")
