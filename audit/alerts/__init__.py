"""Alarms: raised once a cause, counted when seen again, silenced for a while, resolved when the cause is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from audit import conf, incidents, ledger
from audit.actors import Actor
from audit.alerts import outbox
from audit.alerts.evidence import KEPT, Cited, cite
from audit.alerts.incident_kinds import kind_of
from audit.exceptions import AlertResolved, ReasonMissing, SilenceInvalid
from audit.models import Alert, Change, Severity, Target

__all__ = ["KEPT", "Cited", "acknowledge", "alert", "end_silences", "resolve", "silence", "unsilence"]

SILENCE = "audit.silence_alert"
LONGEST_SILENCE = timedelta(days=30)
BACK = timedelta(days=1)
"""What opens again so soon is told as the same trouble that is back."""
SYSTEM = Actor.system("alerts")


def alert(
    kind: str,
    *,
    fingerprint: str,
    title: str,
    target: Target | None = None,
    severity: Severity = Severity.WARNING,
    hint: str = "",
    actor: Actor,
    evidence: Sequence[Cited] = (),
    cited: int | None = None,
    incident: str = "",
) -> Alert:
    """Open an alert, or count one more sight of the open one with the same kind and fingerprint.

    ``evidence`` are entries that it rests on, ``cited`` how many there are in all. With ``incident``, the fingerprint
    of one, it opens or joins that incident; an alert of a severity in ``TOVGOV_INCIDENTS_AT`` always has one.
    """
    with transaction.atomic():
        ledger.hold()
        facts = {"target": target, "title": title[:255], "severity": severity, "hint": hint}
        rows = Alert.objects.select_for_update(no_key=True)
        row, created = rows.get_or_create(kind=kind, fingerprint=fingerprint, resolved_at=None, defaults=facts)
        if created:
            _open(row, actor)
        else:
            _see_again(row, title, severity, hint, actor)
        cite(row, evidence, cited)
        _join_incident(row, incident)
    return row


def _open(row: Alert, actor: Actor) -> None:
    """The ledger, the silence that its cause may have, and whoever is to be told."""
    before = Alert.objects.filter(kind=row.kind, fingerprint=row.fingerprint).exclude(pk=row.pk).first()
    if before is not None and before.is_silent():
        row.silenced_until, row.silenced_by = before.silenced_until, before.silenced_by
        row.silenced_why = before.silenced_why
        row.save(update_fields=["silenced_until", "silenced_by", "silenced_why"])
    ledger.append("alert.open", actor=actor, obj=row, target=row.target, kind=row.kind)
    is_back = before is not None and before.resolved_at is not None and timezone.now() - before.resolved_at < BACK
    outbox.tell(row, Change.REOPENED if is_back else Change.OPENED)


def _see_again(row: Alert, title: str, severity: Severity, hint: str, actor: Actor) -> None:
    is_worse = severity.rank > Severity(row.severity).rank
    row.times, row.seen_at = row.times + 1, timezone.now()
    row.title, row.severity, row.hint = title[:255], severity, hint
    row.changes += is_worse
    row.save(update_fields=["times", "seen_at", "title", "severity", "hint", "changes"])
    if is_worse:
        ledger.append("alert.escalate", actor=actor, obj=row, target=row.target, severity=str(severity))
        outbox.tell(row, Change.ESCALATED)


def _join_incident(row: Alert, fingerprint: str) -> None:
    if not fingerprint and row.severity not in conf.incident_severities():
        return
    began_at: datetime | None = row.evidence.aggregate(first=Min("at"))["first"]
    if row.incident_id is not None and row.incident is not None and row.incident.is_open:
        incidents.reach_back(row.incident, began_at, actor=SYSTEM)
        if Severity(row.severity).rank <= Severity(row.incident.severity).rank:
            return
        fingerprint = row.incident.fingerprint or fingerprint
    row.incident = incidents.open_incident(
        row.title,
        target=row.target,
        actor=SYSTEM,
        reason=row.hint,
        severity=Severity(row.severity),
        kind=kind_of(row.kind),
        fingerprint=fingerprint or f"{row.kind}:{row.fingerprint}",
        began_at=began_at,
    )
    row.save(update_fields=["incident"])


def resolve(kind: str, *, fingerprint: str, actor: Actor) -> bool:
    """Close the open alert of this cause, if there is one; whether there was."""
    if not Alert.objects.filter(kind=kind, fingerprint=fingerprint, resolved_at=None).exists():
        return False
    with transaction.atomic():
        ledger.hold()
        row = (
            Alert.objects.select_for_update(no_key=True)
            .filter(kind=kind, fingerprint=fingerprint, resolved_at=None)
            .first()
        )
        if row is None:
            return False
        row.resolved_at = timezone.now()
        row.changes += 1
        row.save(update_fields=["resolved_at", "changes"])
        ledger.append("alert.resolve", actor=actor, obj=row, target=row.target, kind=kind)
        outbox.tell(row, Change.RESOLVED)
    return True


def acknowledge(row: Alert, *, actor: Actor) -> None:
    """Note that a person has seen it. Raises ``NotPermitted``."""
    actor.require("audit.acknowledge_alert")
    with transaction.atomic():
        ledger.hold()
        rows = Alert.objects.filter(pk=row.pk, acknowledged_at=None)
        if rows.update(acknowledged_at=timezone.now(), acknowledged_by=actor.name):
            ledger.append("alert.acknowledge", actor=actor, obj=row, target=row.target)


def silence(row: Alert, *, until: datetime, reason: str, actor: Actor) -> None:
    """Send nothing of it until then, nor of a new alert of the same cause; it is counted and shown all the same.
    Raises ``NotPermitted``, ``ReasonMissing``, ``SilenceInvalid`` and ``AlertResolved``."""
    actor.require(SILENCE)
    if not reason.strip():
        raise ReasonMissing
    if not timezone.now() < until <= timezone.now() + LONGEST_SILENCE:
        raise SilenceInvalid
    with transaction.atomic():
        ledger.hold()
        found = Alert.objects.select_for_update(no_key=True).get(pk=row.pk)
        if not found.is_open:
            raise AlertResolved
        _set_silence(found, until, actor.name, reason.strip())
        outbox.drop_waiting(found)
        details = {"until": until.isoformat(), "kind": found.kind}
        ledger.append("alert.silence", actor=actor, obj=found, target=found.target, reason=reason.strip(), **details)
    row.refresh_from_db()


def unsilence(row: Alert, *, actor: Actor) -> None:
    """End its silence now: what is open is told again. Raises ``NotPermitted``."""
    actor.require(SILENCE)
    with transaction.atomic():
        ledger.hold()
        _end_silence(Alert.objects.select_for_update(no_key=True).get(pk=row.pk), actor)
    row.refresh_from_db()


def end_silences() -> int:
    """End the silences whose time has come, and tell what is still open; how many."""
    due = Alert.objects.filter(resolved_at=None, silenced_until__lte=timezone.now()).values_list("pk", flat=True)
    count = 0
    for pk in list(due):
        with transaction.atomic():
            ledger.hold()
            row = Alert.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if row is not None and not row.is_silent():
                count += _end_silence(row, SYSTEM)
    return count


def _end_silence(row: Alert, actor: Actor) -> bool:
    if row.silenced_until is None:
        return False
    _set_silence(row, None, "", "")
    ledger.append("alert.unsilence", actor=actor, obj=row, target=row.target)
    if row.is_open:
        row.changes += 1
        row.save(update_fields=["changes"])
        outbox.tell(row, Change.STILL_OPEN)
    return True


def _set_silence(row: Alert, until: datetime | None, who: str, why: str) -> None:
    row.silenced_until, row.silenced_by, row.silenced_why = until, who, why
    row.save(update_fields=["silenced_until", "silenced_by", "silenced_why"])
