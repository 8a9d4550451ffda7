"""Sessions seen by a look at ``pg_stat_activity`` once a minute, where neither a login trigger nor the server's log
tells of connections. A session shorter than a minute may not be seen; its end is known to the minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit import targets
from audit.actors import Actor
from audit.imports.connections import End, Login, store
from audit.imports.logins import OPTIONS
from audit.models import ConnectionAuditLog, ConnectionSource, ImportKind, ImportSource, Purpose, Target
from audit.postgres import queries

TOLD_BY_THE_LOG = timedelta(hours=1)
"""While the server's log told of a connection so lately, nobody needs to look."""


def source_of(target: Target) -> ImportSource:
    """The looks at the target's sessions as a source; made at its first use."""
    return ImportSource.objects.get_or_create(target=target, kind=ImportKind.SAMPLES, name="")[0]


def is_needed(target: Target) -> bool:
    """Whether no log tells of the target's connections."""
    since = timezone.now() - TOLD_BY_THE_LOG
    rows = ConnectionAuditLog.objects.filter(target=target, at__gte=since, source=ConnectionSource.SERVER_LOG)
    return not rows.exists()


def sample(target: Target, *, actor: Actor) -> int:
    """Keep the sessions that are there now; how many were not known yet. Raises what ``targets.connected`` raises."""
    with targets.connected(target, Purpose.WATCH, actor=actor, read_only=True, **OPTIONS) as connection:
        found = connection.execute(queries.read("protection/connections_sample")).fetchall()
    seen = {(row[0], row[1].isoformat()): row for row in found if row[1] is not None}
    with transaction.atomic():
        source = source_of(target)
        held = ImportSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        there = {(pid, at): (role, database) for pid, at, role, database in held.position.get("open", [])}
        logins = [
            Login(at, pid, role or "", database or "", address, application=application or "", tls=tls)
            for key, (pid, at, role, database, address, application, tls) in seen.items()
            if key not in there
        ]
        now = timezone.now()
        gone = [
            End(now, Login(datetime.fromisoformat(at), pid, role, database))
            for (pid, at), (role, database) in there.items()
            if (pid, at) not in seen
        ]
        done = store(held, ConnectionSource.SAMPLE, logins, gone)
        held.position = {"open": [[row[0], key[1], row[2] or "", row[3] or ""] for key, row in seen.items()]}
        held.looked_at = now
        held.save(update_fields=["position", "looked_at"])
    return done.rows
