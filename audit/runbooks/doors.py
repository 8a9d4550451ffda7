"""The pages of audit that steps of runbooks lead to; the app above registers its own. Each is found anew for the
incident's target and time at every look, so that a link leads where the thing is now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from audit.models import Incident, Protection
from audit.registry import Door, doors

DELETES, CONNECTIONS, LOGS = "view_deleteaudittransaction", "view_connectiongroup", "view_serverloggroup"
BEFORE = timedelta(hours=1)
"""Lists begin so long before the impact: what led to it stands there."""


def began(incident: Incident) -> datetime:
    """The earliest moment that is known of it."""
    return incident.began_at or incident.detected_at or incident.opened_at


def page(name: str, *args: object, **query: object) -> str:
    """The address of an admin page."""
    url = reverse(f"admin:{name}", args=args)
    return f"{url}?{urlencode(query)}" if query else url


def _act(slug: str) -> Callable[[Incident], str]:
    return lambda one: page("audit_target_act", slug, ids=one.target_id) if one.target_id else ""


def _list(name: str, **query: str) -> Callable[[Incident], str]:
    """A list of the incident's target since shortly before it began."""

    def way(one: Incident) -> str:
        if not one.target_id:
            return ""
        since = {"from": (began(one) - BEFORE).isoformat(timespec="seconds")}
        return page(f"audit_{name}_changelist", target=one.target_id, **since, **query)

    return way


def _plain(name: str, **query: str) -> Callable[[Incident], str]:
    return lambda one: page(name, **query)


def _target(one: Incident) -> str:
    return page("audit_target_change", one.target_id) if one.target_id else ""


def _around(one: Incident) -> str:
    return page("around", target=one.target_id, at=began(one).isoformat()) if one.target_id else ""


def _clients(one: Incident) -> str:
    return page("audit_knownclient_changelist", target__id__exact=one.target_id) if one.target_id else ""


def _plan(one: Incident) -> str:
    target = one.target
    return _act("plan")(one) if target is not None and target.is_active and target.is_identified else ""


def _protection(one: Incident) -> str:
    row = Protection.objects.filter(target=one.target_id).first() if one.target_id else None
    return page("audit_protection_change", row.pk) if row is not None else ""


def _incident(one: Incident) -> str:
    return page("audit_incident_change", one.pk)


def _add(name: str) -> Callable[[Incident], str]:
    return lambda one: page(f"audit_{name}_add", incident=one.pk)


NOT_READY = "The target is not in use, or was never identified: its page says what to do."

AUDIT = {
    "target": Door("the target's page", "audit.view_target", _target),
    "target.test": Door("Test connection", "audit.test_target", _act("test")),
    "target.role": Door("Enter a role, on the target's page", "audit.change_credential", _act("role")),
    "target.sentinel": Door("Add a sentinel, on the target's page", "audit.change_sentineltable", _act("sentinel")),
    "target.plan": Door("Plan protection, on the target's page", "audit.plan_protection", _plan, NOT_READY),
    "around": Door("Everything around the moment it began", f"audit.{DELETES}", _around),
    "deletes": Door("Deletes of this target since then", f"audit.{DELETES}", _list("deleteaudittransaction")),
    "deleted_rows": Door("Deleted rows of this target since then", f"audit.{DELETES}", _list("deleteauditlog")),
    "connections": Door("Connections to this target since then", f"audit.{CONNECTIONS}", _list("connectiongroup")),
    "refusals": Door(
        "Refused connections since then", f"audit.{CONNECTIONS}", _list("connectiongroup", outcome="not let in")
    ),
    "new_clients": Door("New clients since then", f"audit.{CONNECTIONS}", _list("connectiongroup", new="any")),
    "logs": Door("Server log of this target since then", f"audit.{LOGS}", _list("serverloggroup")),
    "clients": Door("Known clients of this target", "audit.view_knownclient", _clients),
    "protection": Door(
        "Protection of this target", "audit.view_protection", _protection,
        "The target is not protected yet: plan protection on its page.",
    ),
    "undeletes": Door("Put back", "audit.view_undelete", _plain("audit_undelete_changelist")),
    "approvals": Door(
        "Approvals that wait", "audit.view_approval", _plain("audit_approval_changelist", state__exact="waiting")
    ),
    "alerts": Door("Alerts", "audit.view_alert", _plain("audit_alert_changelist", open="open")),
    "ledger": Door("Ledger", "audit.view_ledgerentry", _plain("audit_ledgerentry_changelist")),
    "incident": Door("the incident's page", "audit.view_incident", _incident),
    "action": Door("Add an action item", "audit.keep_action", _add("actionitem")),
    "lesson": Door("Write a lesson", "audit.keep_lesson", _add("lesson")),
}  # fmt: skip
"""By the name that steps use."""


def register() -> None:
    """Make them known to the steps."""
    doors.update(AUDIT)
