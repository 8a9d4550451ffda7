"""Errors of imported incident reports."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class IncidentReportTooLarge(UsageError):
    code = "imported.too_large"
    sentence = "This file is too large for an incident report."
    advice = "2 MB are the most. Cut raw logs out of it: they belong into an import of server logs."


class IncidentReportUnreadable(UsageError):
    code = "imported.unreadable"
    sentence = "This file is no text."
    advice = "Export it as Markdown or plain text first, then import that."


class IncidentReportNoIncident(UsageError):
    code = "imported.no_incident"
    sentence = "Nothing in this file looks like an incident: no times, no impact, no cause, no timeline."
    advice = "Look at its headings. If it is one nevertheless, import it with --anyway, or tick “anyway”."


class IncidentReportKnown(Refusal):
    code = "imported.known"
    sentence = "The same file was imported before."
    advice = "Its page shows what became of it. A report that was thrown away can be imported again."


class IncidentReportDecided(Refusal):
    code = "imported.decided"
    sentence = "This report was confirmed or thrown away already."
    advice = "Work on its incident, or import the file again if it was thrown away."


class IncidentReportUndated(UsageError):
    code = "imported.undated"
    sentence = "Nobody knows on which day it happened."
    advice = "Give at least the time when the impact began or was noticed."


class IncidentReportZoneUnknown(UsageError):
    code = "imported.zone"
    sentence = "There is no such time zone."
    advice = "Name one of the IANA database, for example Europe/Berlin or UTC."


class NoSuchIncidentReport(UsageError):
    code = "imported.unknown"
    sentence = "There is no such imported report."
    advice = "See their numbers with manage.py incident_reports list."
