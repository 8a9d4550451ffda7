"""A source that used to speak is silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from audit.anomalies.rule import Log, Rule
from audit.anomalies.setting import Setting
from audit.models import AnomalyFiring, ImportSource, Severity, Target

RHYTHM_DAYS = 7
"""A source's rhythm is that of so many days before it fell silent."""
LEAST_PAUSES = 10
"""A source that spoke less often has no rhythm."""

SQL = f"""
    WITH spoke AS (
        SELECT source_id AS source, date_trunc('minute', at) AS minute
          FROM audit_serverlogentry
         WHERE target_id = %(target)s
           AND at BETWEEN %(from)s - interval '{RHYTHM_DAYS} days' AND LEAST(%(until)s, %(now)s)
         GROUP BY 1, 2
         UNION
        SELECT import_source_id, date_trunc('minute', at)
          FROM audit_connectionauditlog
         WHERE target_id = %(target)s AND import_source_id IS NOT NULL AND source <> 'sample'
           AND at BETWEEN %(from)s - interval '{RHYTHM_DAYS} days' AND LEAST(%(until)s, %(now)s)
    ), pauses AS (
        SELECT *, lead(minute, 1, %(now)s) OVER (PARTITION BY source ORDER BY minute) - minute AS pause FROM spoke
    ), long AS (
        SELECT p.source, p.minute, p.pause, before.usual
          FROM pauses p CROSS JOIN LATERAL (
               SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY b.pause) AS usual, count(*) AS number
                 FROM pauses b
                WHERE b.source = p.source AND b.minute < p.minute
                  AND b.minute >= p.minute - interval '{RHYTHM_DAYS} days') before
         WHERE p.pause > make_interval(mins => %(least)s) AND before.number >= {LEAST_PAUSES}
    ), silent AS (
        SELECT *, minute + GREATEST(make_interval(mins => %(least)s), usual * %(times)s) AS fell FROM long
    )
    SELECT s.source::text AS key, s.fell AS at, 'importsource' AS kind, s.source AS object_id,
           0 AS weight, concat('silent since ', to_char(s.minute AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
           ' UTC; it used to speak every ', GREATEST(1, extract(epoch FROM s.usual) / 60)::int, ' minutes') AS line
      FROM silent s
     WHERE s.fell < s.minute + s.pause
"""  # noqa: S608  # our own text


def waits(target: Target, settings: Mapping[str, Any], now: datetime) -> bool:
    """Whether a source has been silent for long enough and was not told yet."""
    quiet = target.import_sources.filter(is_active=True, heard_at__lt=now - timedelta(minutes=settings["least"]))
    told = AnomalyFiring.objects.filter(target=target, rule=RULE.code)
    return any(not told.filter(key=str(source.pk), first_at__gte=source.heard_at).exists() for source in quiet)


def has_spoken(target: Target, key: str, since: datetime, settings: Mapping[str, Any]) -> bool:
    """Whether the source speaks again, or is not in use any more."""
    source = ImportSource.objects.filter(pk=int(key), is_active=True).first()
    return source is None or (source.heard_at is not None and source.heard_at > since)


RULE = Rule(
    code="silence",
    label="A source is silent",
    means="A log that used to bring entries every few minutes has brought none for much longer: the server is"
    " down or idle, logging was switched off, or the files lie somewhere else now.",
    todo="Look whether the server lives and where its log goes (log_directory, logging_collector). Nothing of"
    " that time is known until the log is read again.",
    title="{target}: a log of it (source {key}) has been silent for too long, since before {first}.",
    sql=SQL,
    reads=(Log.SERVER, Log.CONNECTIONS),
    severity=Severity.WARNING,
    thresholds=(
        Setting(
            "times",
            "Times its usual pause",
            6,
            "Its usual pause is the longest but one in a hundred.",
            least=2,
            most=100,
        ),
        Setting("least", "And at least, in minutes", 30, least=5, most=24 * 60),
    ),
    waits=waits,
    is_over=has_spoken,
)
