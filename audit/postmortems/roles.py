"""People's names as roles: a post-mortem asks what made a mistake possible, not who made it."""

from __future__ import annotations

import re

from audit.models import Incident

SHORTEST = 3
"""A shorter name is also a word or an abbreviation."""


def roles(incident: Incident) -> dict[str, str]:
    """Who had a part in it, and the role that is written instead of the name. The first role found is kept."""
    found: dict[str, str] = {}
    acceptance = incident.acceptance
    writers = incident.lines.order_by("added_by").values_list("added_by", flat=True).distinct()
    for name, role in (
        (incident.lead_name, "the lead"),
        (acceptance.decided_name if acceptance else "", "the approver"),
        (incident.reviewed_by, "the reviewer"),
        (incident.opened_by, "the reporter"),
        *((name, "a responder") for name in writers),
    ):
        if len(name) >= SHORTEST and name != "tovgov":
            found.setdefault(name, role)
    return found


def without_names(text: str, known: dict[str, str]) -> str:
    """``text`` with each known name (a whole word) as its role."""
    if not known:
        return text
    names = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    return re.sub(rf"(?<![\w.@-])(?:{names})(?![\w@-])", lambda found: known[found[0]], text)
