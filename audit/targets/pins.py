"""The pinned identity: which database was registered, confirmed at every connection, and what differs recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from audit import alerts, ledger
from audit.actors import Actor
from audit.exceptions import (
    AlreadyRegistered,
    DatabaseMissing,
    NotIdentified,
    ReasonMissing,
    SentinelFailed,
    TovgovError,
    WrongIncarnation,
    WrongName,
    WrongServer,
)
from audit.models import Purpose, Severity, Target
from audit.postgres import identity
from audit.postgres.connect import ConnInfo, connect
from audit.targets.reach import conninfo, explain

ALERT = "target.identity"
KEPT_ADDRESSES = 50
"""Of tovgov's own, for each target: a worker in a container comes from another one each day."""


def pinned(target: Target) -> identity.Identity:
    """The identity pinned for this target. Raises ``NotIdentified``."""
    if not target.is_identified:
        raise NotIdentified(f"The identity of {target} was never pinned.")
    assert target.database_oid is not None
    assert target.server_version is not None
    return identity.Identity(
        target.system_identifier, target.database_oid, target.pinned_database, target.server_version
    )


def difference(target: Target, seen: identity.Identity) -> TovgovError | None:
    """The error that says how ``seen`` differs from the pinned identity; None when it is the one."""
    before = pinned(target)
    found = identity.compare(before, seen)
    if found is None and target.database != target.pinned_database:
        found = identity.Difference.NAME
    if found is None:
        return None
    return {
        identity.Difference.NAME: WrongName(
            f'{target} was registered as "{target.pinned_database}"; this is "{seen.database}".'
        ),
        identity.Difference.SERVER: WrongServer(
            f"{target} was registered on server {before.system_identifier}; this is {seen.system_identifier}."
        ),
        identity.Difference.INCARNATION: WrongIncarnation(
            f'"{target.database}" was dropped and made again: it was database {before.database_oid}, '
            f"this is {seen.database_oid}."
        ),
    }[found]


@contextmanager
def connected(target: Target, purpose: Purpose, *, actor: Actor, **options: Any) -> Iterator[psycopg.Connection]:
    """A connection to the target whose identity is confirmed. ``options`` as for ``audit.postgres.connect.connect``.

    Raises ``WrongName``, ``WrongServer``, ``WrongIncarnation`` or ``DatabaseMissing`` (recorded, with an alert),
    ``NotIdentified``, and what ``connect`` raises.
    """
    pinned(target)
    info = conninfo(target, purpose)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(connect(info, **options))
        except TovgovError as error:
            better = explain(error, info, target.maintenance_database, target.database_oid)
            if isinstance(better, DatabaseMissing):
                record_refusal(target, better, actor=actor)
            raise better from error
        confirm(target, connection, actor=actor)
        yield connection


def confirm(target: Target, connection: psycopg.Connection, *, actor: Actor) -> None:
    """Compare the server at the other end with the pinned identity; raise and record what differs."""
    seen = identity.read_identity(connection)
    error = difference(target, seen)
    if error is not None:
        record_refusal(target, error, actor=actor)
        raise error
    note_address(target, seen.came_from)


def record_refusal(target: Target, error: TovgovError, *, actor: Actor) -> None:
    """Note the mismatch on the target, raise an alert and write it to the ledger.

    Callers refuse before they have begun to write; one that holds a transaction loses this record with it.
    """
    with transaction.atomic():
        note_check(target, error)
        alerts.alert(
            ALERT,
            fingerprint=fingerprint(target),
            title=f"{target}: {error.message}",
            target=target,
            severity=Severity.CRITICAL,
            hint=error.hint,
            actor=actor,
        )
        ledger.append("target.mismatch", actor=actor, obj=target, target=target, code=error.code, error=error.message)


def fingerprint(target: Target) -> str:
    """What makes the alerts of one target one."""
    return f"target-{target.pk}"


def note_check(target: Target, error: TovgovError | None) -> None:
    """Keep the outcome of a check on the target."""
    target.checked_at = timezone.now()
    target.check_error_code = error.code if error else ""
    target.check_error = error.message if error else ""
    target.save(update_fields=["checked_at", "check_error_code", "check_error"])


def note_address(target: Target, came_from: str) -> None:
    """Keep from where the server saw us come: by that its log tells our sessions from others of the same role."""
    if came_from and came_from not in target.own_addresses:
        target.own_addresses = [*target.own_addresses, came_from][-KEPT_ADDRESSES:]
        Target.objects.filter(pk=target.pk).update(own_addresses=target.own_addresses)


# --- pinning ------------------------------------------------------------------------------------------------------


def look(info: ConnInfo, maintenance_database: str, sentinels: list[tuple[str, str, int]]) -> identity.Identity:
    """Connect to a database that is about to be pinned, look who is there and whether its sentinels stand.

    Raises ``DatabaseMissing`` that names what the server has, ``SentinelFailed`` and what ``connect`` raises.
    """
    try:
        with connect(info, read_only=True, statement_timeout=30_000) as connection:
            seen = identity.read_identity(connection)
            require_sentinels(connection, sentinels)
    except TovgovError as error:
        raise explain(error, info, maintenance_database) from error
    return seen


def identify(target: Target, *, actor: Actor, reason: str = "") -> identity.Identity:
    """Pin the identity of a target that has none yet, or, with a ``reason``, of one that was moved or made again.

    Raises ``NotPermitted``, ``ReasonMissing`` (there is a pinned identity), ``AlreadyRegistered`` (another target has
    this identity, and no ``reason`` says why), ``SentinelFailed`` and what ``connect`` raises; what was pinned stays.
    """
    actor.require("audit.identify_target" if target.is_identified else "audit.test_target")
    if target.is_identified and not reason.strip():
        raise ReasonMissing("Confirming a new identity needs a reason.")
    seen = look(conninfo(target, Purpose.BACKUP), target.maintenance_database, sentinels_of(target))
    if not reason.strip():
        refuse_twin(seen)
    pin(target, seen, actor=actor, reason=reason)
    note_address(target, seen.came_from)
    return seen


def refuse_twin(seen: identity.Identity) -> None:
    """Raise ``AlreadyRegistered`` when another target has this identity: production under a second, harmless name."""
    twins = Target.objects.filter(is_active=True, identified_at__isnull=False)
    twin = twins.filter(system_identifier=seen.system_identifier, database_oid=seen.database_oid).first()
    if twin is not None:
        raise AlreadyRegistered(f"This database is a target already: {twin}.", target=twin.name)


def pin(target: Target, seen: identity.Identity, *, actor: Actor, reason: str = "") -> None:
    """Write ``seen`` as the target's identity: after registration, a swap, an undo or a recovery."""
    before = {"oid": target.database_oid, "system_identifier": target.system_identifier}
    target.system_identifier = seen.system_identifier
    target.pinned_database = target.database = seen.database
    target.database_oid = seen.database_oid
    target.server_version = seen.server_version
    target.identified_at = target.checked_at = timezone.now()
    target.check_error = target.check_error_code = ""
    with transaction.atomic():
        target.save()
        alerts.resolve(ALERT, fingerprint=fingerprint(target), actor=actor)
        ledger.append(
            "target.pin",
            actor=actor,
            obj=target,
            target=target,
            reason=reason,
            before=before,
            now={"oid": seen.database_oid, "system_identifier": seen.system_identifier, "database": seen.database},
        )


def check_sentinels(target: Target, connection: psycopg.Connection) -> None:
    """Raise ``SentinelFailed`` when a sentinel table is missing or has too few rows."""
    require_sentinels(connection, sentinels_of(target))


def sentinels_of(target: Target) -> list[tuple[str, str, int]]:
    """The target's sentinel tables as (schema, table, least rows)."""
    return [(row.schema, row.table, row.least_rows) for row in target.sentinels.all()]


def require_sentinels(connection: psycopg.Connection, wanted: list[tuple[str, str, int]]) -> None:
    """As ``check_sentinels``, for (schema, table, least rows)."""
    failures = identity.check_sentinels(connection, wanted)
    if failures:
        raise SentinelFailed("; ".join(str(failure) for failure in failures) + ".")
