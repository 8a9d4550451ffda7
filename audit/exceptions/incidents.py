"""Errors of incidents."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class IncidentClosed(Refusal):
    code = "incident.closed"
    sentence = "This incident is resolved or closed already."
    advice = "Reopen it with a reason, or open a new one and name the former in its title."


class IncidentInvalid(UsageError):
    code = "incident.invalid"
    sentence = "An incident needs a title."
    advice = "Say in a line what happened, for example: Users deleted at night by a script."


class IncidentUnanswered(Refusal):
    code = "incident.unanswered"
    sentence = "Something in this incident still waits for its review."
    advice = "Close the reviews that its page lists first."


class IncidentUnproved(Refusal):
    code = "incident.unproved"
    sentence = "Rows were lost, and nothing proves that they are back."
    advice = "Link the restore or undelete whose comparison passed, or ask an approver to accept the loss."


class PostMortemOwed(Refusal):
    code = "incident.post_mortem_owed"
    sentence = "After a loss of rows or a critical incident a post-mortem is expected, and none was reviewed."
    advice = "Write it and have another person review it; or ask an approver to do without one, with a reason."


class IncidentMisfit(Refusal):
    code = "incident.misfit"
    sentence = "This step does not fit the incident's status."
    advice = "Its page shows the steps that fit. A resolved or closed one is reopened with a reason."


class IncidentChanged(Refusal):
    code = "incident.changed"
    sentence = "Somebody else changed the incident since you opened the form."
    advice = "Your words were not saved yet. Compare them with what stands there now, then save again."


class StampsOutOfOrder(UsageError):
    code = "incident.stamps"
    sentence = "The times are out of order: impact, detection, acknowledgement, mitigation, resolution."
    advice = "Correct the one that is too early or too late; leave empty what nobody knows."


class NoSuchIncident(UsageError):
    code = "incident.unknown"
    sentence = "There is no such incident."
    advice = "Name the number of one that the page Incidents lists, for example 12 or INC-12."
