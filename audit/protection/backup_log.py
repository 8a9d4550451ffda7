"""What a backup tells the target, and needs of it: the table ``BackupLog``, and large objects that can be read.

Both are best effort: a backup never fails because of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from django.db.models import Model
from psycopg import sql

from audit import own_acts, targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import Credential, Protection, Purpose, Target
from audit.postgres import queries
from audit.protection import installed, policies
from audit.protection.rule import Settings
from audit.protection.rules import backup_role

logger = logging.getLogger(__name__)
STATUS = "protection_status"
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 30_000
OPTIONS = {"connect_timeout": CONNECT_SECONDS, "statement_timeout": STATEMENT_MILLISECONDS, "lock_timeout": 2_000}


def tell(
    target: Target, *, name: str, finished_at: datetime, level: str, rows: int | None, bytes: int | None, actor: Actor
) -> bool:
    """Write a line about a backup into the target, or its new level; ``bytes`` is its stored size. Returns whether it
    was written: that needs the rule ``protection_status`` and a credential for “Operate”."""
    facts = {"name": name, "finished_at": finished_at, "level": level, "rows": rows, "bytes": bytes}
    with _best_effort(target, "The backup log was not written"):
        if _settings(target, STATUS) is None:
            return False
        with targets.connected(target, Purpose.OPERATE, actor=actor, **OPTIONS) as connection:
            if not installed.may_read(connection, "BackupLog") or not installed.may_write(connection):
                return False
            parts = {key: sql.Literal(value) for key, value in facts.items()}
            connection.execute(queries.load("protection/backup_log_write", queries.ROOT, **parts))
        return True
    return False


def share_large_objects(target: Target, *, of: Model, actor: Actor) -> bool:
    """Let the backup role read large objects that were made since the last time. It is noted as done by
    ``of``, the backup. Returns whether that was done: it needs the rule ``backup_role`` and a credential for
    “Operate”."""
    with _best_effort(target, "New large objects were not shared with the backup role"):
        settings = _settings(target, backup_role.RULE.code)
        if settings is None:
            return False
        role = backup_role.reader(settings)
        with targets.connected(target, Purpose.OPERATE, actor=actor, **OPTIONS) as connection:
            state = role.look(connection)
            if state is None or not state.large_objects_hidden:
                return False
            with own_acts.noted(target, connection, of=of):
                connection.execute(role.share(connection).encode())
        return True
    return False


def _settings(target: Target, code: str) -> Settings | None:
    """The rule's settings in the installed policy; None when there is none, or nobody may operate there."""
    row = Protection.objects.filter(target=target, policy__isnull=False).select_related("policy").first()
    if row is None or row.policy is None:
        return None
    if not Credential.objects.filter(target=target, purpose=Purpose.OPERATE).exists():
        return None
    return next((settings for rule, settings in policies.parts(row.policy) if rule.code == code), None)


@contextmanager
def _best_effort(target: Target, words: str) -> Iterator[None]:
    """Log what went wrong and go on."""
    try:
        yield
    except (TovgovError, psycopg.Error) as error:
        logger.warning("%s: %s: %s", target, words, error)
