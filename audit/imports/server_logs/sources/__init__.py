"""Where server logs come from: same-shaped files, one a kind. To add one, copy one and add it to ``OPENERS``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from audit.actors import Actor
from audit.imports.server_logs.sources import folder, sent, through_sql
from audit.imports.server_logs.sources.place import PIECE, Files, Place
from audit.models import ImportKind, ImportSource

__all__ = ["PIECE", "Files", "Place", "opened"]

OPENERS: dict[ImportKind, Callable[..., AbstractContextManager[Files]]] = {
    ImportKind.FOLDER: folder.opened,
    ImportKind.SQL: through_sql.opened,
    ImportKind.SENT: sent.opened,
}


def opened(source: ImportSource, *, actor: Actor) -> AbstractContextManager[Files]:
    """The files of ``source``, for the block. Raises ``LogSourceGone`` and what ``targets.connected`` raises."""
    return OPENERS[ImportKind(source.kind)](source, actor=actor)
