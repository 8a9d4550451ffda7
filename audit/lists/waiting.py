"""What waits for a review, by target: how many, and for how long. One query, however many targets and rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg import sql

from audit.lists.keyset import CAP, Count
from audit.models import Incident, Reviewed, ReviewState
from audit.models.incidents import UNRESOLVED
from audit.models.reviews import IN_HANDS

QUERY = """
SELECT target.id, target.name, target.environment, unreviewed.number, in_review.number, suspicious.number, oldest.at,
       {hidden}
  FROM audit_target target
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'unreviewed'
                                               {loud} LIMIT {limit}) rows) unreviewed (number)
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'in review'
                                               {loud} LIMIT {limit}) rows) in_review (number)
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'suspicious'
                                               {loud} LIMIT {limit}) rows) suspicious (number)
  LEFT JOIN LATERAL (SELECT at FROM {table} WHERE target_id = target.id AND state = 'unreviewed' {loud}
                      ORDER BY at LIMIT 1) oldest ON true
 ORDER BY oldest.at NULLS LAST, target.name
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One target's waiting reviews; ``oldest`` is the time of the oldest one that nobody has looked at."""

    target_id: int
    target: str
    environment: str
    unreviewed: Count
    in_review: Count
    suspicious: Count
    oldest: datetime | None
    hidden: Count
    """Unreviewed ones that nobody has to look at."""

    @property
    def is_clear(self) -> bool:
        return not (self.unreviewed.number or self.in_review.number or self.suspicious.number)


HIDDEN = """
       (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'unreviewed' AND is_noise
                               LIMIT {limit}) rows)
"""


def by_target(kind: type[Reviewed]) -> list[Waiting]:
    """Every target, the one that waits longest first; without noise, whose number is told apart. Numbers stop at
    ``CAP``."""
    names = {"table": sql.Identifier(kind._meta.db_table), "limit": sql.Literal(CAP + 1)}
    noisy = has_noise(kind)
    more = {
        "loud": sql.SQL("AND NOT is_noise" if noisy else ""),
        "hidden": sql.SQL(HIDDEN).format(**names) if noisy else sql.SQL("0"),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(QUERY).format(**names, **more))
        rows = cursor.fetchall()
    return [
        Waiting(pk, name, env, _count(a), _count(b), _count(c), at, _count(hidden))
        for pk, name, env, a, b, c, at, hidden in rows
    ]


def has_noise(kind: type[Reviewed]) -> bool:
    """Whether some of its rows need nobody's look."""
    return any(field.name == "is_noise" for field in kind._meta.fields)


def _count(number: int) -> Count:
    return Count(number) if number <= CAP else Count(CAP, "more than ")


def oldest(kind: type[Reviewed], limit: int, **mine: Any) -> list[Any]:
    """What waits longest, and first what stands out: what nobody has looked at, or with ``assignee=user`` what is in
    that person's hands."""
    states = IN_HANDS if mine else (ReviewState.UNREVIEWED,)
    loud = {"is_noise": False} if has_noise(kind) and not mine else {}
    rows: Any = kind._default_manager.filter(state__in=states, **mine, **loud)
    return list(rows.select_related("target").order_by(*kind.queue_order)[:limit])


def open_incidents(limit: int) -> list[Incident]:
    """Incidents that nobody has resolved, the newest first."""
    return list(Incident.objects.filter(status__in=UNRESOLVED).select_related("target")[:limit])
