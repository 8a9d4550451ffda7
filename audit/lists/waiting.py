"""What waits for a review, by target: how many, and for how long. One query, however many targets and rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg import sql

from audit.lists.keyset import CAP, Count
from audit.models import Incident, Reviewed

QUERY = """
SELECT target.id, target.name, target.environment, unreviewed.number, in_review.number, suspicious.number, oldest.at
  FROM audit_target target
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'unreviewed'
                                            LIMIT {limit}) rows) unreviewed (number)
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'in review'
                                            LIMIT {limit}) rows) in_review (number)
 CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM {table} WHERE target_id = target.id AND state = 'suspicious'
                                            LIMIT {limit}) rows) suspicious (number)
  LEFT JOIN LATERAL (SELECT at FROM {table} WHERE target_id = target.id AND state = 'unreviewed'
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

    @property
    def is_clear(self) -> bool:
        return not (self.unreviewed.number or self.in_review.number or self.suspicious.number)


def by_target(kind: type[Reviewed]) -> list[Waiting]:
    """Every target, the one that waits longest first. Numbers stop at ``CAP``."""
    table = sql.Identifier(kind._meta.db_table)
    query = sql.SQL(QUERY).format(table=table, limit=sql.Literal(CAP + 1))
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    return [Waiting(pk, name, env, _count(a), _count(b), _count(c), at) for pk, name, env, a, b, c, at in rows]


def _count(number: int) -> Count:
    return Count(number) if number <= CAP else Count(CAP, "more than ")


def oldest(kind: type[Reviewed], limit: int, **mine: Any) -> list[Any]:
    """What waits longest: what nobody has looked at, or with ``assignee=user`` what is in that person's hands."""
    states = ("in review", "suspicious") if mine else ("unreviewed",)
    rows: Any = kind._default_manager.filter(state__in=states, **mine)
    return list(rows.select_related("target").order_by("at", "id")[:limit])


def open_incidents(limit: int) -> list[Incident]:
    """Incidents that nobody has closed, the newest first."""
    return list(Incident.objects.filter(closed_at=None).select_related("target")[:limit])
