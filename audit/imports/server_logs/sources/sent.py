"""Files that a person sent, uploaded or piped into the command line. They wait in a spool until a worker
has read them; then they are removed."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit import conf
from audit.actors import Actor
from audit.exceptions import LogSourceGone
from audit.imports.server_logs.sources.folder import Folder
from audit.imports.server_logs.sources.place import Place
from audit.models import ImportSource

STRANGE = re.compile(r"[^\w.\-]+")
UNFINISHED = "unfinished"
"""A folder within the spool: what lies in it is not whole yet."""
MARK = 12  # letters before the name that was given


class Sent(Folder):
    """The spool of one source."""

    def places(self) -> list[Place]:
        if not self.folder.exists():
            return []  # nothing was sent yet
        return [Place(f"sent:{one.name}", one.name, one.size, one.modified) for one in super().places()]

    def done(self, place: Place) -> None:
        """Nobody needs it any more."""
        (self.folder / place.name).unlink(missing_ok=True)


def spool(source: ImportSource) -> Path:
    """Where what was sent to ``source`` waits."""
    return conf.spool_folder() / "server-logs" / str(source.pk)


def keep(source: ImportSource, pieces: Iterable[bytes], name: str) -> str:
    """Put what was sent into the spool, whole or not at all; its name there. Raises ``LogSourceGone`` when
    the spool cannot be written."""
    folder = spool(source)
    kept = f"{secrets.token_hex(MARK // 2)}-{STRANGE.sub('_', Path(name).name)[-150:] or 'log'}"
    unfinished = folder / UNFINISHED / kept
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with unfinished.open("xb") as file:
            for piece in pieces:
                file.write(piece)
        unfinished.rename(folder / kept)
    except OSError as error:
        raise LogSourceGone(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):  # what is wrong with the folder is said already
            unfinished.unlink()
    return kept


def forget(source: ImportSource) -> None:
    """Remove the spool of a source that goes."""
    shutil.rmtree(spool(source), ignore_errors=True)


def given_name(kept: str) -> str:
    """The name that a file had before it was sent."""
    return kept[MARK + 1 :]


@contextmanager
def opened(source: ImportSource, *, actor: Actor) -> Iterator[Sent]:
    """The spool of ``source``."""
    yield Sent(spool(source), patterns=("*",), is_complete=True)
