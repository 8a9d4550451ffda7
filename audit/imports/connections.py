"""Storing connections, whatever told of them: what is known is left out, a session known from several sources counts
once, and alike sessions of a day become the group that a person reviews.

The row from the source that tells most (the server's log, then the login trigger, then a look at the sessions) is the
one that counts and is shown; the others point to it (``same_as``). A richer source that tells of it later takes over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from audit import clients
from audit.models import (
    ClientPart,
    ConnectionAuditLog,
    ConnectionGroup,
    ConnectionOutcome,
    ConnectionSource,
    ImportSource,
    ReviewEvent,
    ReviewState,
)
from audit.seals import leaves
from audit.seals.entries import CONNECTIONS, seal_connections

SAME = timedelta(seconds=61)
"""Sources name different moments of one login, at most PostgreSQL's authentication_timeout (a minute) apart."""

NUMBERS = "SELECT nextval(pg_get_serial_sequence('audit_connectionauditlog', 'id')) FROM generate_series(1, %s)"
COPY = (
    "COPY audit_connectionauditlog (id, import_source_id, of_group_id, leaf, seen_at, ended_at, same_as, "
    + ", ".join(f'"{name}"' for name in CONNECTIONS.names)
    + ") FROM STDIN"
)

RANK = {ConnectionSource.SAMPLE: 1, ConnectionSource.LOGIN_TRIGGER: 2, ConnectionSource.SERVER_LOG: 3}


@dataclass(slots=True)
class Login:
    """One session, or an attempt at one, as one source tells it."""

    at: datetime
    pid: int
    role: str = ""
    database: str = ""
    address: str | None = None
    """None for the server's own socket, and where only ``host`` is known."""
    host: str = ""
    application: str = ""
    session: str = ""
    tls: bool | None = None
    method: str = ""
    outcome: str = ConnectionOutcome.ACCEPTED
    reason: str = ""
    ended_at: datetime | None = None


@dataclass(slots=True)
class End:
    """A session was over at ``at``. With what its record tells, should nobody have told that it began."""

    at: datetime
    login: Login


@dataclass
class Stored:
    """What one call brought: rows stored, and logins that were known from the same source."""

    rows: int = 0
    known: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What alike sessions of a day have in common."""

    day: date
    role: str
    database: str
    address: str
    application: str
    outcome: str


@dataclass(slots=True)
class Tally:
    """What a group grows by."""

    first: datetime
    last: datetime
    number: int = 0
    hours: dict[int, datetime] = field(default_factory=dict)
    """A moment in each hour of the day, UTC."""

    def add(self, at: datetime) -> None:
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.hours.setdefault(at.astimezone(UTC).hour, at)


def store(source: ImportSource, kind: ConnectionSource, logins: Sequence[Login], ends: Sequence[End] = ()) -> Stored:
    """Store what a source tells, in one transaction or as part of the caller's. Told again, it changes nothing."""
    with transaction.atomic():
        clients.lock(source.target_id)
        done = Stored()
        fresh = _Fresh(source, kind)
        fresh.take(logins, _near(source.target_id, logins), done)
        fresh.write()
        done.rows += len(fresh.rows)
        _end(source, kind, ends, done)
    return done


# --- which are new, and which are known from elsewhere ---------------------------------------------------------------


def _near(target_id: int, logins: Iterable[Login]) -> dict[int, list[ConnectionAuditLog]]:
    """Stored rows that could be the same sessions, by process."""
    logins = list(logins)
    if not logins:
        return {}
    found: dict[int, list[ConnectionAuditLog]] = {}
    span = (min(login.at for login in logins) - SAME, max(login.at for login in logins) + SAME)
    rows = ConnectionAuditLog.objects.filter(target=target_id, pid__in={login.pid for login in logins}, at__range=span)
    for row in rows.order_by("at", "id"):
        found.setdefault(row.pid, []).append(row)
    return found


def _is_known(row: ConnectionAuditLog, login: Login, kind: ConnectionSource) -> bool:
    """Whether ``row`` is what the same source told of this login before. A log that names no process names too little
    to say; its position alone keeps it from being told twice."""
    if (
        not login.pid
        or row.source != kind
        or (row.outcome == ConnectionOutcome.ACCEPTED) != (login.outcome == ConnectionOutcome.ACCEPTED)
    ):
        return False
    if kind == ConnectionSource.SERVER_LOG:  # the same log in another format may name another moment
        named = row.session == login.session if row.session and login.session else row.role == login.role
        return named and abs(row.at - login.at) <= SAME
    return row.at == login.at


def _is_same(row: ConnectionAuditLog, login: Login, kind: ConnectionSource) -> bool:
    """Whether ``row`` is the same session as another source told it, or as the same log told it before it was refused
    after all (a database that is not there is found out after the role was let in)."""
    if not login.pid or row.same_as is not None or abs(row.at - login.at) > SAME:
        return False
    if row.source == kind:
        refused_after_all = login.outcome != ConnectionOutcome.ACCEPTED and row.outcome == ConnectionOutcome.ACCEPTED
        return kind == ConnectionSource.SERVER_LOG and refused_after_all and row.session == login.session
    return (row.role, row.database) == (login.role, login.database)


def _complete(row: ConnectionAuditLog, twin: ConnectionAuditLog) -> None:
    """What the log told of a login before it refused it after all."""
    row.at = twin.at
    row.client_address, row.client_host = twin.client_address, twin.client_host
    row.application_name, row.tls, row.method = twin.application_name, twin.tls, twin.method


class _Fresh:
    """The logins of one call that are to be stored."""

    def __init__(self, source: ImportSource, kind: ConnectionSource) -> None:
        self.source, self.kind = source, kind
        self.rows: list[ConnectionAuditLog] = []
        self.counted: list[tuple[ConnectionAuditLog, ConnectionAuditLog | None]] = []
        """Rows that count, with the one each takes over from."""

    def take(self, logins: Sequence[Login], near: dict[int, list[ConnectionAuditLog]], done: Stored) -> None:
        for login in logins:
            there = near.setdefault(login.pid, [])
            if any(_is_known(row, login, self.kind) for row in there):
                done.known += 1
                continue
            same = [row for row in there if _is_same(row, login, self.kind)]
            twin = min(same, key=lambda row: abs(row.at - login.at), default=None)
            row = self._row(login)
            if twin is not None and twin.source == self.kind:
                _complete(row, twin)
            if twin is not None and RANK[ConnectionSource(twin.source)] > RANK[self.kind]:
                row.same_as, row.of_group_id = twin.pk, twin.of_group_id
            else:
                self.counted.append((row, twin))
            there.append(row)
            self.rows.append(row)

    def _row(self, login: Login) -> ConnectionAuditLog:
        return ConnectionAuditLog(
            target_id=self.source.target_id, import_source_id=self.source.pk, source=self.kind, at=login.at,
            pid=login.pid, session=login.session[:40], role=login.role[:63], database=login.database[:63],
            client_address=login.address, client_host=login.host[:255], application_name=login.application[:63],
            tls=login.tls, method=login.method[:20], outcome=login.outcome, reason=login.reason,
            ended_at=login.ended_at,
        )  # fmt: skip

    def write(self) -> None:
        """Groups first, then the rows, then what they take over."""
        if not self.rows:
            return
        groups = _Groups(self.source.target_id)
        keys = [groups.add(row, twin) for row, twin in self.counted]
        groups.write()
        for (row, twin), key in zip(self.counted, keys, strict=True):
            row.of_group_id = groups.found[key].pk
            if twin is not None and row.ended_at is None:
                row.ended_at = twin.ended_at
        _copy(self.rows, seal_connections(self.source, self.rows))
        taken = [(row, twin) for row, twin in self.counted if twin is not None]
        for row, twin in taken:
            twin.same_as, twin.of_group_id = row.pk, row.of_group_id
        write_all([twin for _, twin in taken], ["same_as", "of_group"])
        groups.tidy()


def _copy(rows: Sequence[ConnectionAuditLog], lines: Sequence[bytes]) -> None:
    """Store rows whose leaves are ``lines``; each learns its key."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
        heads = [
            leaves.line([
                leaves.text(value)
                for value in (row.pk, row.import_source_id, row.of_group_id, row.leaf, now, row.ended_at, row.same_as)
            ])
            for row in rows
        ]  # fmt: skip
        with connection.wrap_database_errors, cursor.copy(COPY) as copy:
            copy.write(b"".join(b"%b\t%b\n" % both for both in zip(heads, lines, strict=True)))


# --- the groups ------------------------------------------------------------------------------------------------------


def key_of(row: ConnectionAuditLog) -> Key:
    """The group of a row. What an attacker may make up at will makes no group of its own."""
    role = "" if row.outcome == ConnectionOutcome.UNKNOWN_ROLE else row.role
    made_up = (ConnectionOutcome.UNKNOWN_DATABASE, ConnectionOutcome.UNKNOWN_ROLE)
    database = "" if row.outcome in made_up else row.database
    day, address = row.at.astimezone(UTC).date(), str(row.client_address or "")
    return Key(day, role, database, address, row.application_name, row.outcome)


class _Groups:
    """The groups of one target, grown by the rows that count. The caller holds ``clients.lock``."""

    def __init__(self, target_id: int) -> None:
        self.target_id = target_id
        self.grown: dict[Key, Tally] = {}
        self.left: Counter[int] = Counter()
        self.seen: clients.Seen = {}
        self.found: dict[Key, ConnectionGroup] = {}

    def add(self, row: ConnectionAuditLog, twin: ConnectionAuditLog | None) -> Key:
        """Count a row; one that takes over from ``twin`` is counted already where both are alike. Its group's key."""
        key = key_of(row)
        tally = self.grown.get(key)
        if tally is None:
            tally = self.grown[key] = Tally(row.at, row.at)
        tally.add(row.at)
        known_before: list[clients.Key] = []
        if twin is not None:
            known_before = _keys(twin) if twin.outcome == ConnectionOutcome.ACCEPTED else []
        if twin is None or key_of(twin) != key:
            tally.number += 1
            if twin is not None and twin.of_group_id:
                self.left[twin.of_group_id] += 1
        if row.outcome == ConnectionOutcome.ACCEPTED:
            for part in _keys(row):
                if part not in known_before:
                    times, last = self.seen.get((part, key.day), (0, row.at))
                    self.seen[part, key.day] = times + 1, max(last, row.at)
        return key

    def write(self) -> None:
        known = clients.known(self.target_id)
        self._find()
        made, old = [], []
        for key, tally in sorted(self.grown.items()):
            group = self.found.get(key)
            if group is not None:
                old.append(group)
            else:
                group = self.found[key] = self._new(key)
                made.append(group)
            self._grow(group, key, tally, known)
        ConnectionGroup.objects.bulk_create(made, batch_size=1000)
        fields = ["at", "last_at", "count", "new", "is_noise"]
        write_all(old, fields)
        if self.seen:
            clients.count(self.target_id, self.seen)

    def _find(self) -> None:
        days = {key.day for key in self.grown}
        roles = {key.role for key in self.grown}
        rows = ConnectionGroup.objects.filter(target=self.target_id, day__in=days, role__in=roles)
        for group in rows:
            address = str(group.client_address or "")
            key = Key(group.day, group.role, group.database, address, group.application_name, group.outcome)
            self.found[key] = group

    def _new(self, key: Key) -> ConnectionGroup:
        first = self.grown[key].first
        return ConnectionGroup(
            target_id=self.target_id, day=key.day, role=key.role, database=key.database,
            client_address=key.address or None, application_name=key.application, outcome=key.outcome, at=first,
            last_at=first, is_noise=key.outcome == ConnectionOutcome.ACCEPTED,
        )  # fmt: skip

    def _grow(self, group: ConnectionGroup, key: Key, tally: Tally, known: clients.Known) -> None:
        group.count += tally.number
        group.at, group.last_at = min(group.at, tally.first), max(group.last_at, tally.last)
        parts = {
            part: None
            for at in tally.hours.values()
            for part in clients.keys_of(key.address or None, key.role, key.application, at)
        }
        if key.outcome != ConnectionOutcome.ACCEPTED:  # its application is not said, and a made-up role is none
            asked = (ClientPart.ADDRESS, ClientPart.ROLE if key.role else "")
            parts = {part: None for part in parts if part[0] in asked}
        new, is_confirmed = known.judge(parts)
        group.new = list(dict.fromkeys([*group.new, *new]))
        group.is_noise = group.is_noise and is_confirmed and key.outcome == ConnectionOutcome.ACCEPTED

    def tidy(self) -> None:
        """Groups whose sessions went to others; one that is empty then and that nobody looked at is gone."""
        for pk, number in self.left.items():
            ConnectionGroup.objects.filter(pk=pk).update(count=F("count") - number)
        empty = ConnectionGroup.objects.filter(pk__in=self.left, count=0, state=ReviewState.UNREVIEWED)
        kind = str(ConnectionGroup._meta.model_name)
        touched = ReviewEvent.objects.filter(kind=kind, object_id__in=self.left).values("object_id")
        empty.exclude(pk__in=touched).delete()


def _keys(row: ConnectionAuditLog) -> list[clients.Key]:
    return clients.keys_of(row.client_address, row.role, row.application_name, row.at)


# --- ends ------------------------------------------------------------------------------------------------------------


def _end(source: ImportSource, kind: ConnectionSource, ends: Sequence[End], done: Stored) -> None:
    """Write when sessions ended, on every row of each; a session that nobody told of before is stored by its end."""
    if not ends:
        return
    near = _near(source.target_id, [end.login for end in ends])
    ended, unheard = [], []
    for end in ends:
        rows = [row for row in near.get(end.login.pid, ()) if _is_of(row, end.login)]
        if not rows:
            end.login.ended_at = end.at
            unheard.append(end.login)
        for row in rows:
            if row.ended_at is None:
                row.ended_at = end.at
                ended.append(row)
    write_all(ended, ["ended_at"])
    done.ended += len(ended)
    if unheard:
        fresh = _Fresh(source, kind)
        fresh.take(unheard, near, done)
        fresh.write()
        done.rows += len(fresh.rows)


def _is_of(row: ConnectionAuditLog, login: Login) -> bool:
    if row.session and login.session:
        return row.session == login.session
    return row.role == login.role and abs(row.at - login.at) <= SAME


def write_all(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write these fields of stored rows in one statement, of one size however many they are."""
    if not rows:
        return
    meta = rows[0]._meta
    by_name = {field.name: field for field in meta.concrete_fields}
    fields = [by_name["id"], *(by_name[name] for name in names)]
    columns = [str(field.column) for field in fields]
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows] for field in fields]
    types = [field.rel_db_type(connection) for field in fields]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    changes = ", ".join(f'"{name}" = n."{name}"' for name in columns[1:])
    names_ = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{meta.db_table}" t SET {changes} FROM unnest({arrays}) n ({names_}) WHERE t.id = n.id',  # noqa: S608
            values,
        )
