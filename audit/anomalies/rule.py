"""What an anomaly rule is. Each lies in ``rules/``, one file a rule; to add one, copy one.

A rule is SQL over tovgov's own tables that names the *hits* among the entries of a target between two moments, with
the columns

    key        what the finding is about: a role, an address, a table
    at         when
    kind       the model of the entry, in small letters
    object_id  its id
    weight     how much it counts, for example deleted rows
    line       one line that says what it is

Whether an entry is a hit may depend on entries within ``reach`` of it and on nothing else: not on the order in which
they came nor on the time at which the rule is run. So the past can be tried, and what comes late is not missed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from audit.anomalies.setting import Setting, Value
from audit.models import Severity, Target


class Log(StrEnum):
    """Where entries come from."""

    DELETES = "deletes"
    SERVER = "server log"
    CONNECTIONS = "connections"
    CLIENTS = "clients"
    COUNTS = "delete counts"


QUIET = Setting(
    "quiet_minutes",
    "Over after, in minutes",
    60,
    "Hits closer together are one finding; its alert resolves so long after the last one.",
    least=1,
    most=24 * 60,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``title`` is a format string over target, key, count, times, rows (the weight), first and last."""

    code: str
    label: str
    means: str
    todo: str
    title: str
    sql: str
    reads: tuple[Log, ...]
    severity: Severity
    opens_incident: bool = False
    is_on: bool = True
    kinds: tuple[str, ...] = ()
    """Of the server log, only these classes; all when empty."""
    thresholds: tuple[Setting, ...] = ()
    reach: Callable[[Mapping[str, Any]], timedelta] = lambda settings: timedelta()
    """How far apart entries may be that decide about each other."""
    facts: Callable[[Target, datetime], dict[str, Any]] = lambda target, now: {}
    """More parameters of the SQL."""
    until_seen: bool = False
    """Its alert resolves only after a person has acknowledged it."""
    waits: Callable[[Target, Mapping[str, Any], datetime], bool] | None = None
    """For a rule about what does not come: whether it must be looked at now. It is run over the last days then."""
    is_over: Callable[[Target, str, datetime, Mapping[str, Any]], bool] | None = None
    """For such a rule: whether the finding of a key is over."""
    quiet: int = 60

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its thresholds, and when a finding is over."""
        return (*self.thresholds, QUIET.but(default=self.quiet))

    @property
    def defaults(self) -> dict[str, Value]:
        return {setting.name: setting.default for setting in self.settings}

    def gap(self, settings: Mapping[str, Any]) -> timedelta:
        """Hits that are further apart are two findings."""
        return timedelta(minutes=settings["quiet_minutes"])

    @property
    def alert(self) -> str:
        """The kind of its alerts."""
        return f"anomaly.{self.code}"


# --- shapes that several rules share ---------------------------------------------------------------------------------


def burst(events: str) -> str:
    """Hits are the events of a stretch of ``minutes`` in which their weights of one key make at least ``least``.

    Both windows move with a running sum and a running count: the time is that of one sort.
    """
    return f"""
        WITH events AS ({events}),
        summed AS (
            SELECT *, sum(weight) OVER (PARTITION BY key ORDER BY at RANGE BETWEEN
                make_interval(mins => %(minutes)s) PRECEDING AND CURRENT ROW) AS total
              FROM events
        ), told AS (
            SELECT *, count(*) FILTER (WHERE total >= %(least)s) OVER (PARTITION BY key ORDER BY at RANGE BETWEEN
                CURRENT ROW AND make_interval(mins => %(minutes)s) FOLLOWING) AS hot
              FROM summed
        )
        SELECT key, at, kind, object_id, weight, line FROM told WHERE hot > 0
    """  # noqa: S608  # our own text


def many(events: str) -> str:
    """Hits are the events of a stretch of ``minutes`` in which a key has at least ``least`` different values, counted
    by whole minutes. Keys that never have so many are left out first.

    A value counts from each of its minutes for ``minutes`` on. Such spans of one value that touch are one; then a
    running sum over their beginnings and ends says how many values count at each moment: the time is that of sorting.
    """
    return f"""
        WITH events AS ({events}),
        minutes AS (SELECT key, value, date_trunc('minute', at) AS minute FROM events GROUP BY 1, 2, 3),
        candidates AS (
            SELECT *, minute - lag(minute) OVER (PARTITION BY key, value ORDER BY minute)
                      <= make_interval(mins => %(minutes)s) AS goes_on
              FROM minutes
             WHERE key IN (SELECT key FROM minutes GROUP BY key HAVING count(DISTINCT value) >= %(least)s)
        ), numbered AS (
            SELECT *, count(*) FILTER (WHERE goes_on IS NOT true) OVER (PARTITION BY key, value ORDER BY minute) AS span
              FROM candidates
        ), spans AS (
            SELECT key, min(minute) AS first, max(minute) + make_interval(mins => %(minutes)s) AS ends
              FROM numbered GROUP BY key, value, span
        ), steps AS (
            SELECT key, first AS moment, 1 AS step FROM spans UNION ALL SELECT key, ends, -1 FROM spans
        ), summed AS (
            SELECT key, moment AS first, sum(sum(step)) OVER (PARTITION BY key ORDER BY moment) AS values,
                   lead(moment) OVER (PARTITION BY key ORDER BY moment) AS ends
              FROM steps GROUP BY key, moment
        ), edges AS (
            SELECT *, lag(ends) OVER (PARTITION BY key ORDER BY first) IS DISTINCT FROM first AS begins
              FROM summed WHERE values >= %(least)s
        ), hot AS (
            SELECT key, min(first) AS first, max(ends) AS ends
              FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY key ORDER BY first) AS n FROM edges) e
             GROUP BY key, n
        ), members AS (
            SELECT DISTINCT c.key, c.minute FROM candidates c
              JOIN hot h ON h.key = c.key AND h.ends > c.minute
                        AND h.first < c.minute + make_interval(mins => %(minutes)s)
        )
        SELECT e.key, e.at, e.kind, e.object_id, e.weight, e.line
          FROM events e JOIN members m ON m.key = e.key AND m.minute = date_trunc('minute', e.at)
    """  # noqa: S608  # our own text


def within_minutes(settings: Mapping[str, Any]) -> timedelta:
    """The reach of ``burst`` and ``many``: whole minutes at both ends."""
    return timedelta(minutes=settings["minutes"] + 1)


OUTSIDE_WINDOWS = """NOT EXISTS (
    SELECT FROM audit_maintenancewindow w WHERE w.target_id = %(target)s AND at >= w.opened_at
       AND at <= LEAST(w.closes_at, COALESCE(w.closed_at, w.closes_at)))"""
"""An entry outside every maintenance window of its target."""

UNEXPLAINED = """of_group_id NOT IN (
    SELECT id FROM audit_serverloggroup WHERE target_id = %(target)s AND explained_by <> '')"""
"""An entry of the server log that no run of tovgov's own explains."""

ENTRY_LINE = "concat_ws(' ', NULLIF(role, ''), NULLIF(address, ''), left(COALESCE(NULLIF(query, ''), message), 200))"
"""One line of an entry of the server log."""


def entries(condition: str, *, key: str = "COALESCE(NULLIF(role, ''), 'the server')") -> str:
    """Entries of the server log as hits or events: those that tovgov itself did not do."""
    return f"""
        SELECT {key} AS key, at, 'serverlogentry' AS kind, id AS object_id, 1 AS weight, {ENTRY_LINE} AS line
          FROM audit_serverlogentry
         WHERE target_id = %(target)s AND at BETWEEN %(from)s AND %(until)s AND {condition} AND {UNEXPLAINED}
    """  # noqa: S608  # our own text


def kinds_in(*codes: str) -> str:
    """The condition that an entry is of one of these classes."""
    return f"kind IN ({', '.join(repr(code) for code in codes)})"
