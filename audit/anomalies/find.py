"""Ask a rule what it finds between two moments: its hits, put together to episodes. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from audit.alerts import KEPT, Cited
from audit.anomalies.rule import Rule
from audit.models import Target

EPISODES = """
WITH hits AS MATERIALIZED ({hits}),
marked AS (
    SELECT *, (at AT TIME ZONE 'UTC')::date AS day,
           COALESCE(at - lag(at) OVER (PARTITION BY key, (at AT TIME ZONE 'UTC')::date ORDER BY at, kind, object_id)
                    > %(gap)s, true) AS begins
      FROM hits WHERE at BETWEEN %(first)s AND %(last)s
), numbered AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY key, day ORDER BY at, kind, object_id) AS number
      FROM marked
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY key, day, number ORDER BY at, kind, object_id) AS place FROM numbered
)
SELECT key, min(at), max(at), count(*), sum(weight)::bigint,
       json_agg(json_build_object('kind', kind, 'object_id', object_id, 'at', at, 'line', line) ORDER BY place)
           FILTER (WHERE place <= %(kept)s)
  FROM placed GROUP BY key, day, number ORDER BY 2, 1
"""
"""Hits of one key that are no further apart than the gap are one episode (gaps and islands). An episode ends with its
day (UTC), so that what never stops is told once a day and an episode can always be counted again as a whole."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Hits of one key: when, how many, what they weigh together, and the first of them."""

    key: str
    first_at: datetime
    last_at: datetime
    count: int
    weight: int
    evidence: tuple[Cited, ...]


def find(
    rule: Rule,
    target: Target,
    settings: Mapping[str, Any],
    first: datetime,
    last: datetime,
    *,
    now: datetime | None = None,
) -> list[Episode]:
    """The episodes of hits from ``first`` to ``last``; entries around them are read as far as the rule reaches. An
    episode that goes on outside is cut there."""
    now = now or timezone.now()
    reach = 2 * rule.reach(settings)  # a hit may depend on an entry within reach, and that one on others
    bounds = {"target": target.pk, "from": first - reach, "until": last + reach, "now": now}
    cut = {"first": first, "last": last, "gap": rule.gap(settings), "kept": KEPT}
    parameters = {**settings, **bounds, **cut, **rule.facts(target, now)}
    with connection.cursor() as cursor:
        cursor.execute(EPISODES.format(hits=rule.sql), parameters)
        return [_episode(row) for row in cursor.fetchall()]


def _episode(row: tuple[Any, ...]) -> Episode:
    key, first_at, last_at, count, weight, told = row
    entries = json.loads(told) if isinstance(told, str) else told
    evidence = tuple(
        Cited(one["kind"], one["object_id"], datetime.fromisoformat(one["at"]), one["line"] or "") for one in entries
    )
    return Episode((key or "")[:255], first_at, last_at, count, weight or 0, evidence)
