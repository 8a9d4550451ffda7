"""Connections once a minute: the login trigger's table is read where there is one, sessions are looked at where nothing
else tells of them, and old rows are pruned in the target once they are here."""

from __future__ import annotations

import logging
from typing import Any

from django.utils import timezone

from audit.actors import Actor
from audit.exceptions import ImportOvertaken, TovgovError
from audit.imports import logins, rule, samples
from audit.models import Target

logger = logging.getLogger(__name__)
ACTOR = Actor.system("connections")
RULE = "connection_log"
KEEP_DAYS = 30
LOGIN_TRIGGERS = 170_000
PRUNE_MINUTE = 17  # of each hour


def watch() -> None:
    """Look at every active target whose policy records connections. One that cannot be reached keeps no other waiting
    long; that it cannot be is an alarm already."""
    for target, settings in rule.with_rule(RULE):
        if not settings.get("logins", True) or target.check_error_code:
            continue
        try:
            look(target, settings)
        except ImportOvertaken:
            continue  # another worker has read it in the same moment
        except TovgovError as error:
            logger.warning("%s: %s %s", target, error.code, error.message)


def look(target: Target, settings: dict[str, Any]) -> None:
    """Read one target's logins, or look at its sessions. Raises what ``targets.connected`` raises."""
    brought = logins.bring(target, actor=ACTOR) if (target.server_version or 0) >= LOGIN_TRIGGERS else None
    if brought is None:
        if samples.is_needed(target):
            samples.sample(target, actor=ACTOR)
    elif timezone.now().minute == PRUNE_MINUTE:
        logins.prune(target, days=int(settings.get("keep_days", KEEP_DAYS)), actor=ACTOR)
