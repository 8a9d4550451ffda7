"""Try a rule on the past: with these thresholds it would have fired so often, then, on that. Nothing is written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from audit.actors import Actor
from audit.anomalies import configure
from audit.anomalies.find import Episode, find
from audit.exceptions import AnomalySettingInvalid, DryRunTooLong
from audit.models import AnomalySettings

TRY = "audit.try_anomaly"
DAYS = 30
MOST_DAYS = 400
PAGE_SECONDS = 20
"""A page waits so long; the command line as long as it takes."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a rule would have found."""

    settings: Mapping[str, Any]
    first: datetime
    last: datetime
    episodes: list[Episode]
    seconds: float

    @property
    def times(self) -> int:
        """How often it would have fired."""
        return len(self.episodes)


def dry_run(
    row: AnomalySettings,
    given: Mapping[str, Any],
    *,
    actor: Actor,
    days: int = DAYS,
    seconds: int | None = None,
    now: datetime | None = None,
) -> DryRun:
    """Try the rule with its thresholds and ``given`` in their place on the last ``days``.

    Raises ``NotPermitted``, ``AnomalySettingInvalid``, and ``DryRunTooLong`` after ``seconds``.
    """
    actor.require(TRY)
    if not 1 <= days <= MOST_DAYS:
        raise AnomalySettingInvalid(f"{days} is no number of days from 1 to {MOST_DAYS}.")
    rule, settings = configure.rule_of(row.rule), configure.tried(row, given)
    last = now or timezone.now()
    began, first = time.monotonic(), last - timedelta(days=days)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if seconds is not None:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
            found = find(rule, row.target, settings, first, last, now=last)
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        raise DryRunTooLong from error
    return DryRun(settings, first, last, found, time.monotonic() - began)
