"""The watch: every target is looked at when a worker starts and every minute, all at once, each within a deadline."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass

from audit import alerts
from audit.actors import Actor
from audit.exceptions import (
    DatabaseMissing,
    SentinelFailed,
    TargetUnreachable,
    TovgovError,
    WrongIncarnation,
    WrongName,
    WrongServer,
)
from audit.models import Purpose, Severity, Target
from audit.postgres import identity
from audit.postgres.connect import ConnInfo, connect
from audit.targets import pins
from audit.targets.reach import conninfo, explain

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10
DEADLINE_SECONDS = 20
THREADS = 32
ALERT = "target.unreachable"
MISMATCH = (DatabaseMissing, SentinelFailed, WrongIncarnation, WrongName, WrongServer)
"""It is not the database that was registered, or not all of it. Any other error only says that nothing was seen."""


@dataclass(frozen=True, slots=True)
class _Look:
    """All that a thread needs to look at one target; it touches no row."""

    info: ConnInfo
    maintenance_database: str
    oid: int
    sentinels: list[tuple[str, str, int]]

    def __call__(self) -> tuple[identity.Identity | None, TovgovError | None]:
        """Who answers there, and what is wrong. One short connection."""
        seen: identity.Identity | None = None
        try:
            with connect(
                self.info,
                read_only=True,
                connect_timeout=CONNECT_SECONDS,
                statement_timeout=STATEMENT_SECONDS * 1000,
                application_name="tovgov watch",
            ) as connection:
                seen = identity.read_identity(connection)
                pins.require_sentinels(connection, self.sentinels)
        except TovgovError as error:
            return seen, error if seen else explain(error, self.info, self.maintenance_database, self.oid)
        return seen, None


def check(target: Target, *, actor: Actor) -> TovgovError | None:
    """Confirm one target now, sentinels included, and note the outcome on it. Returns the error instead of raising
    it, so that one target's trouble never hides another's. Raises ``NotIdentified``."""
    pins.pinned(target)
    return _look_at([target], actor=actor)[target.pk]


def confirm_all(*, actor: Actor) -> dict[str, TovgovError | None]:
    """Check every active, identified target; name → error or None. Takes at most about ``DEADLINE_SECONDS``, however
    many of them do not answer."""
    rows = list(Target.objects.filter(is_active=True, identified_at__isnull=False).prefetch_related("sentinels"))
    outcomes = _look_at(rows, actor=actor)
    return {target.name: outcomes[target.pk] for target in rows}


def _look_at(targets: Iterable[Target], *, actor: Actor) -> dict[int, TovgovError | None]:
    outcomes: dict[int, TovgovError | None] = {}
    pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="watch")
    looks: dict[Future[tuple[identity.Identity | None, TovgovError | None]], Target] = {}
    for target in targets:
        try:
            looks[pool.submit(_prepare(target))] = target
        except TovgovError as error:  # a secret that cannot be read
            outcomes[target.pk] = _record(target, None, error, actor=actor)
    done, late = wait_for(looks, timeout=DEADLINE_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    for future in done:
        outcomes[looks[future].pk] = _record(looks[future], *future.result(), actor=actor)
    for future in late:
        silent = TargetUnreachable(f"{looks[future]} did not answer within {DEADLINE_SECONDS} seconds.")
        outcomes[looks[future].pk] = _record(looks[future], None, silent, actor=actor)
    return outcomes


def _prepare(target: Target) -> _Look:
    assert target.database_oid is not None
    return _Look(
        info=conninfo(target, Purpose.WATCH),
        maintenance_database=target.maintenance_database,
        oid=target.database_oid,
        sentinels=pins.sentinels_of(target),
    )


def _record(
    target: Target, seen: identity.Identity | None, error: TovgovError | None, *, actor: Actor
) -> TovgovError | None:
    """Note what was seen. A mismatch is recorded when it is news, not once a minute."""
    now = Target.objects.get(pk=target.pk)
    if now.identified_at != target.identified_at:
        return None  # it was swapped, recovered or confirmed while we looked: the next minute tells
    if seen is not None:
        error = pins.difference(now, seen) or error
    before = (now.check_error_code, now.check_error)
    if error is None and seen is not None:
        pins.note_address(now, seen.came_from)
    if error is None:
        _all_is_well(now, actor=actor)
    elif not isinstance(error, MISMATCH):
        _is_unreachable(now, error, again=before[0] == error.code, actor=actor)
    elif before == (error.code, error.message):
        pins.note_check(now, error)
    else:
        pins.record_refusal(now, error, actor=actor)
    return error


def _all_is_well(target: Target, *, actor: Actor) -> None:
    pins.note_check(target, None)
    for kind in (pins.ALERT, ALERT):
        alerts.resolve(kind, fingerprint=pins.fingerprint(target), actor=actor)


def _is_unreachable(target: Target, error: TovgovError, *, again: bool, actor: Actor) -> None:
    """A server that restarts is no alarm; one that is silent twice in a row is."""
    pins.note_check(target, error)
    if again:
        alerts.alert(
            ALERT,
            fingerprint=pins.fingerprint(target),
            title=f"{target}: {error.message}",
            target=target,
            severity=Severity.CRITICAL if target.is_production else Severity.WARNING,
            hint=error.hint,
            actor=actor,
        )
