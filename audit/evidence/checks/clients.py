"""Who reached the data: groups of alike connections, and whether a person looked at what was new."""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.checks.words import named
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import SERVER_LOGS, WAITING_STATES, ConnectionGroup, ImportKind, ImportSource, Target
from audit.registry import Checked

TOPIC = "access"


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        groups = ConnectionGroup.objects.filter(scope.during("at"), target=target).order_by("at", "pk")
        waiting = groups.filter(state__in=WAITING_STATES, is_noise=False)
        yield Checked(
            TOPIC,
            f"{target}: groups of alike connections; was what was new, or was refused, looked at by a person?",
            groups.count(),
            groups.count(),
            named(waiting, lambda row: f"{row.target}: {row} waits for a review."),
            _gaps(target),
        )


def _gaps(target: Target) -> list[str]:
    kinds = set(ImportSource.objects.filter(target=target, is_active=True).values_list("kind", flat=True))
    gaps = [f"{target}: which rights each role had in the database at each moment of the period is not kept."]
    if not kinds & {*SERVER_LOGS, ImportKind.LOGINS}:
        gaps.append(f"{target}: connections are known from a look once a minute alone; shorter ones are not seen.")
    if not kinds & {*SERVER_LOGS}:
        gaps.append(f"{target}: connections that were refused are not seen, because no server log is read.")
    return gaps
