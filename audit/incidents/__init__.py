"""Incidents: opened and numbered, joined by what belongs to them, led through their statuses, told in people's words.

The steps from one status to the next are in ``lifecycle``, its review in ``reviewing``, words and stamps in ``story``.
"""

from audit.incidents.lifecycle import (
    HANDLE,
    LEAD,
    accept_loss,
    acceptance,
    close,
    find,
    hold,
    investigate,
    is_undone,
    join,
    mitigate,
    reopen,
    request_acceptance,
    resolve,
    suspicious,
)
from audit.incidents.opening import open_incident, reach_back
from audit.incidents.reviewing import lacks_post_mortem, request_waiver, review, waiver
from audit.incidents.story import STORY, change_stamps, classify, tell

__all__ = [
    "HANDLE",
    "LEAD",
    "STORY",
    "accept_loss",
    "acceptance",
    "change_stamps",
    "classify",
    "close",
    "find",
    "hold",
    "investigate",
    "is_undone",
    "join",
    "lacks_post_mortem",
    "mitigate",
    "open_incident",
    "reach_back",
    "reopen",
    "request_acceptance",
    "request_waiver",
    "resolve",
    "review",
    "suspicious",
    "tell",
    "waiver",
]
