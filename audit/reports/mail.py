"""Send the mails of reports whose file is there: each once, tried again with pauses, never repeated blindly.

A mail is claimed by a conditional UPDATE. One whose worker died while it was sent is shown as *perhaps sent*: it may
have arrived. Whether its reader still may see the report is asked again in the moment of sending.
"""

from __future__ import annotations

import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, conf, ledger
from audit.actors import Actor
from audit.exceptions import ReportNotSent, TovgovError
from audit.exports import request as exports
from audit.models import Export, JobState, MailState, ReportMail, Severity
from audit.reports import known, schedules
from audit.reports import scope as scopes
from audit.reports.make import STEM

TASK = "audit.tasks.send_reports"
PAUSES = (60, 120, 300, 900, 1800, 3600, 7200, 14_400)
"""Seconds before the second, third … attempt; after the last pause one more is made, about eight hours in all."""
SECONDS = 60
CANNOT_SEND = "report.not_sent"
ACTOR = Actor.system("reports")
MEGABYTE = 1_000_000


def tend() -> None:
    """Once a minute: settle what dead workers left, give up what has no file, wake a worker when a mail is due."""
    settle()
    give_up()
    if due().exists():
        async_task(TASK)


def due() -> QuerySet[ReportMail]:
    """What may be sent now."""
    return ReportMail.objects.filter(
        state=MailState.WAITING, next_at__lte=timezone.now(), export__state=JobState.SUCCEEDED
    ).order_by("next_at", "id")


def settle() -> int:
    """Mails whose worker died while it sent them; how many."""
    long_ago = timezone.now() - timedelta(seconds=2 * SECONDS + 2 * conf.HEARTBEAT_STALE_SECONDS)
    left = ReportMail.objects.filter(state=MailState.SENDING, claimed_at__lt=long_ago)
    words = "The worker died while it was sent: it may have arrived. It is not repeated."
    return left.update(state=MailState.UNSURE, error=words)


def give_up() -> int:
    """Mails whose file could not be made; how many."""
    gone = ReportMail.objects.filter(
        state=MailState.WAITING, export__state__in=[JobState.FAILED, JobState.CANCELLED]
    ).select_related("export")
    for row in gone:
        words = f"The report was not made: {row.export.error or row.export.get_state_display()}"
        if ReportMail.objects.filter(pk=row.pk, state=MailState.WAITING).update(state=MailState.FAILED, error=words):
            _tell(row, words)
    return len(gone)


def send_due() -> int:
    """Send what is due; how many were taken by the mail server."""
    sent = 0
    while (row := _claim()) is not None:
        sent += _send(row)
    return sent


def _claim() -> ReportMail | None:
    for pk in list(due().values_list("pk", flat=True)[:20]):
        taken = ReportMail.objects.filter(pk=pk, state=MailState.WAITING).update(
            state=MailState.SENDING, claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
        if taken == 1:
            return ReportMail.objects.select_related("schedule", "export", "user").get(pk=pk)
    return None


def _send(row: ReportMail) -> bool:
    if why := _refusal(row):
        _end(row, MailState.DROPPED, error=why)
        return False
    try:
        _post(message(row))
    except TovgovError as error:
        _failed(row, error)
        return False
    with transaction.atomic():
        _end(row, MailState.SENT, sent_at=timezone.now())
        ledger.append(
            "report.mailed", actor=ACTOR, obj=row, to=row.address, page=row.export.page, query=row.export.query,
            sha256=row.export.sha256,
        )  # fmt: skip
        alerts.resolve(CANNOT_SEND, fingerprint=_fingerprint(row), actor=ACTOR)
    return True


def _refusal(row: ReportMail) -> str:
    """Why it is not to be sent any more."""
    schedule = row.schedule
    if schedule is None or not schedule.is_active:
        return "It was removed or turned off meanwhile."
    if row.user is None:
        return "" if row.address in schedule.addresses else "The address is not allowed any more."
    if not schedule.recipients.filter(pk=row.user.pk).exists() or row.user.email != row.address:
        return "The person is no recipient any more."
    return schedules.refusal(known.find(schedule.report), row.user)


def message(row: ReportMail) -> EmailMessage:
    """The mail: what it is, its period, and the file or the way to it. Raises ``NoSuchExport``, ``ExportDamaged``."""
    report = known.find(row.export.page.removeprefix(f"{STEM}."))
    limit = conf.report_mail_mb() * MEGABYTE
    lines = [report.title, report.about, "", *_period(row)]
    mail = EmailMessage(
        subject=f"tovgov: {' '.join(row.schedule_name.split())}{_days(row)}", from_email=settings.DEFAULT_FROM_EMAIL,
        to=[row.address], headers={"Auto-Submitted": "auto-generated"}, connection=get_connection(timeout=SECONDS),
    )  # fmt: skip
    made = exports.download(row.export, actor=ACTOR)
    with made.file:
        if row.export.bytes <= limit:
            mail.attach(made.name, made.file.read(), made.media.partition(";")[0])
            lines.append(f"The file is attached: {row.export.rows:,} rows, SHA-256 {made.sha256}.")
        else:
            lines += _elsewhere(row.export)
    mail.body = "\n".join([*lines, "", *_footer(row)])
    return mail


def _period(row: ReportMail) -> list[str]:
    if row.period_start is None or row.period_end is None or row.schedule is None:
        return []
    zone = scopes.zone(row.schedule.zone)
    start, end = (moment.astimezone(zone) for moment in (row.period_start, row.period_end))
    found = [f"Period: from {start:%Y-%m-%d %H:%M} to before {end:%Y-%m-%d %H:%M}, {zone.key}."]
    if row.missed:
        found.append(f"{row.missed} mails before this one were not sent, because tovgov did not run: this is for all.")
    return found


def _days(row: ReportMail) -> str:
    if row.period_start is None or row.period_end is None or row.schedule is None:
        return ""
    zone = scopes.zone(row.schedule.zone)
    first, last = row.period_start.astimezone(zone), row.period_end.astimezone(zone) - timedelta(microseconds=1)
    return f", {first:%Y-%m-%d}" if first.date() == last.date() else f", {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _elsewhere(export: Export) -> list[str]:
    """The file is too large for a mail."""
    url = reverse("admin:audit_export_change", args=[export.pk])
    where = conf.site_url() + url if conf.site_url() else f"tovgov, Exports, number {export.pk}"
    gone = f" until {export.expires_at:%Y-%m-%d %H:%M} UTC" if export.expires_at else ""
    return [f"The file is too large for a mail. Sign in and fetch it{gone}:", where, f"SHA-256 {export.sha256}."]


def _footer(row: ReportMail) -> list[str]:
    return [f"Sent because “{row.schedule_name}” names {row.address}. What cannot be known stands in the file."]


def _post(mail: EmailMessage) -> None:
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        raise ReportNotSent(f"The mail server did not take it: {str(error)[:300]}") from error


def _failed(row: ReportMail, error: TovgovError) -> None:
    """Try again after a pause, or give up aloud."""
    is_last = error.permanent or row.attempts > len(PAUSES)
    if is_last:
        _end(row, MailState.FAILED, error=error.message)
    else:
        pause = timedelta(seconds=PAUSES[row.attempts - 1])
        _end(row, MailState.WAITING, error=error.message, next_at=timezone.now() + pause)
    if is_last or row.attempts == 3:
        _tell(row, error.message)


def _tell(row: ReportMail, words: str) -> None:
    alerts.alert(
        CANNOT_SEND, fingerprint=_fingerprint(row), title=f"Report “{row.schedule_name}” cannot be sent: {words}"[:255],
        severity=Severity.WARNING, hint="Its page names each mail. The report itself can be made at any time.",
        actor=ACTOR,
    )  # fmt: skip


def _fingerprint(row: ReportMail) -> str:
    return f"report-{row.schedule_id or row.schedule_name}"[:120]


def _end(row: ReportMail, state: MailState, **facts: object) -> None:
    """Write how it went, unless somebody has settled it meanwhile."""
    ours = ReportMail.objects.filter(Q(pk=row.pk, state=MailState.SENDING, attempts=row.attempts))
    ours.update(state=state, **({"error": ""} | facts))
