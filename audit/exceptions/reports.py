"""Errors of reports and of their mails."""

from __future__ import annotations

from audit.exceptions.base import InfrastructureFault, Refusal, UsageError


class NoSuchReport(UsageError):
    code = "report.unknown"
    sentence = "There is no such report."
    advice = "manage.py reports list shows them; the page Reports does too."


class ReportInvalid(UsageError):
    code = "report.invalid"
    sentence = "This cannot be asked of a report."
    advice = "Correct what the sentence names, or take it away."


class PeriodInvalid(UsageError):
    code = "report.period_invalid"
    sentence = "This is no period."
    advice = "A period has a first and a last day, in this order, and a time zone: from 2026-03-01 to 2026-03-31."


class ReportTooLong(Refusal):
    code = "report.too_long"
    sentence = "The report has more rows than this format can hold."
    advice = "Narrow it by period, target or a filter; or take CSV, Excel or JSON, which hold them all."


class ReportScheduleInvalid(UsageError):
    code = "report.schedule_invalid"
    sentence = "These facts do not describe a report that is sent by mail."
    advice = "Correct what the sentence names; docs/reports.md shows an example."


class RecipientRefused(Refusal):
    code = "report.recipient_refused"
    sentence = "This person may not be sent the report."
    advice = "Name active users with a mail address who may see and export it; a manager may allow other addresses."


class NoSuchReportSchedule(UsageError):
    code = "report.schedule_unknown"
    sentence = "There is no such report that is sent by mail."
    advice = "manage.py reports schedules shows them with their numbers."


class ReportScheduleOff(Refusal):
    code = "report.schedule_off"
    sentence = "This report by mail is turned off."
    advice = "Turn it on again first, on its page; or make the report as a file, which needs no schedule."


class ReportNotSent(InfrastructureFault):
    code = "report.not_sent"
    sentence = "The mail server did not take the report."
    advice = "Look at TOVGOV_EMAIL_URL and at the mail server's log; it is tried again for some hours."
