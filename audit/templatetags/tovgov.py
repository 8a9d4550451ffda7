"""What tovgov's pages are made of: badges with words, ages, the trail, the section list and small charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField
from django.template.context import Context
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from audit import jobs
from audit.documents import safe_html
from audit.exceptions import advice_of
from audit.models import Environment, Job, LogSeverity
from audit.templatetags import format as words

register = template.Library()

TONES = {
    "queued": "info",
    "running": "info",
    "succeeded": "good",
    "failed": "bad",
    "cancelled": "quiet",
    "waiting": "warn",
    "approved": "good",
    "refused": "bad",
    "expired": "quiet",
    "used": "quiet",
    "critical": "bad",
    "warning": "warn",
    "info": "info",
    "PASS": "good",
    "FAIL": "bad",
    "UNKNOWN": "warn",
    "pending": "info",
    "stored": "good",
    "damaged": "bad",
    "removed": "quiet",
    "swapped": "good",
    "undone": "warn",
    "dropped": "quiet",
    "none": "quiet",
    "unreviewed": "warn",
    "in review": "info",
    "accepted": "good",
    "suspicious": "bad",
    "closed": "quiet",
    "seen": "quiet",
    "learned": "info",
    "confirmed": "good",
    "failed password": "bad",
    "unknown role": "bad",
    "unknown database": "warn",
    "no pg_hba entry": "bad",
    "too many": "warn",
    "sending": "info",
    "sent": "good",
    "unsure": "warn",
    "incident open": "bad",
    "incident investigating": "warn",
    "incident mitigated": "info",
    "incident resolved": "good",
    "incident reviewed": "good",
    "incident closed": "quiet",
    "met": "good",
    "missed": "bad",
    "no goal": "quiet",
    "not known yet": "quiet",
}
"""The colour of each state. A badge always says its word too: colour alone tells nobody anything."""


@register.simple_tag
def badge(tone: str, text: str) -> SafeString:
    """A word on a coloured ground; ``tone`` is good, warn, bad, info or quiet."""
    return format_html('<span class="badge badge-{}">{}</span>', tone, text)


@register.simple_tag
def state_badge(state: str, text: str = "") -> SafeString:
    """The badge of a job, copy, approval, alert or preflight line by its state."""
    return badge(TONES.get(state, "quiet"), text or state.capitalize())


SEVERITY_TONES = {
    LogSeverity.CRITICAL: "bad",
    LogSeverity.HIGH: "bad",
    LogSeverity.MEDIUM: "warn",
    LogSeverity.LOW: "info",
    LogSeverity.INFO: "quiet",
}


@register.simple_tag
def severity_badge(severity: int) -> SafeString:
    """How much an entry of a server log matters, as its word on its colour."""
    return badge(SEVERITY_TONES[LogSeverity(severity)], LogSeverity(severity).label)


@register.simple_tag
def level_badge(level: int, text: str) -> SafeString:
    """How far a backup is verified, as three steps and the word."""
    return format_html(
        '<span class="level level-{}">{}{}</span>',
        level,
        SafeString('<span class="level-steps" aria-hidden="true"><i></i><i></i><i></i></span>'),
        text,
    )


@register.simple_tag
def environment_badge(environment: str) -> SafeString:
    """The environment in its colour and its word."""
    return format_html('<span class="env env-{}">{}</span>', environment, Environment(environment).label)


@register.filter
def advice(code: str) -> str:
    """What to do about an error of which only its code was kept."""
    return advice_of(code)


@register.filter
def age(moment: datetime | None) -> SafeString | str:
    """How long ago, with the exact moment for those who need it."""
    if moment is None:
        return words.ago(None)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), words.moment(moment), words.ago(moment)
    )


@register.simple_tag
def bar(done: int | None, total: int | None, label: str = "Progress") -> SafeString:
    """A progress bar; without a total it moves without an end."""
    if not total or done is None:
        return format_html('<progress class="bar" aria-label="{}"></progress>', label)
    return format_html(
        '<progress class="bar" max="{}" value="{}" aria-label="{}"></progress>', total, min(done, total), label
    )


@register.simple_tag
def sparkline(values: Sequence[int], label: str) -> SafeString | str:
    """A small line of sizes, oldest first, with its story in words for those who do not see it."""
    if len(values) < 2:
        return ""
    width, height, edge = 120, 28, 3
    low, high = min(values), max(values)
    spread = (high - low) or 1
    step = (width - 2 * edge) / (len(values) - 1)
    points = [
        (round(edge + i * step, 1), round(height - edge - (v - low) / spread * (height - 2 * edge), 1))
        for i, v in enumerate(values)
    ]
    if high == low:
        points = [(x, height / 2) for x, _ in points]
    story = f"{label}: from {words.size(values[0])} to {words.size(values[-1])} over {len(values)} backups"
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><polyline points="{}"/>'
        '<circle cx="{}" cy="{}" r="2.4"/></svg>',
        width,
        height,
        story,
        format_html_join(" ", "{},{}", points),
        *points[-1],
    )


@register.inclusion_tag("tovgov/trail.html", takes_context=True)
def trail(context: Context) -> dict[str, Any]:
    """Where we are: home, the section, the list, the thing, the act. Built from what every admin page knows."""
    steps: list[tuple[str, str]] = []
    opts = context.get("opts") or getattr(context.get("cl"), "opts", None)
    here = str(context.get("title") or "")
    if opts is not None:
        site = f"admin:{opts.app_label}_{opts.model_name}"
        listed = _in_rail(context, opts)[1] or opts.verbose_name_plural.capitalize()
        if context.get("cl") is None or context.get("act") is not None:
            steps.append((listed, reverse(f"{site}_changelist")))
        else:
            here = listed
        thing = context.get("original") or (context.get("object") if opts else None)
        if thing is not None and getattr(thing, "pk", None):
            label = str(thing)
            if context.get("object_page"):
                here = str(context.get("trail_here") or label)
            else:
                steps.append((label, reverse(f"{site}_change", args=[thing.pk])))
    return {"steps": steps, "here": here, "section": _in_rail(context, opts)[0]}


def _in_rail(context: Context, opts: Any) -> tuple[str, str]:
    """The section of a list in the rail, and its name there."""
    for section in context.get("available_apps") or []:
        for model in section["models"]:
            if opts is not None and model.get("label") == opts.label:
                return str(section["name"]), str(model["name"])
    return "", ""


@register.filter
def job_title(job: Job) -> str:
    """What a job does, short: "Backup of TovPlay production"."""
    target = jobs.job_target(job)
    kind = str(job._meta.verbose_name).capitalize()
    return f"{kind} of {target}" if target else f"{kind} {job.pk}"


@register.simple_tag
def around_url(target: int, at: datetime) -> str:
    """The page of everything around a moment of a target."""
    return f"{reverse('admin:around')}?{urlencode({'target': target, 'at': at.isoformat()})}"


@register.simple_tag
def day_url(target: int, day: date | datetime) -> str:
    """The page of one day (UTC) of a target."""
    found = day.astimezone(UTC).date() if isinstance(day, datetime) else day
    return f"{reverse('admin:day')}?{urlencode({'target': target, 'day': found.isoformat()})}"


@register.filter
def prose(text: str) -> SafeString:
    """People's Markdown as HTML; no markup of theirs gets through."""
    return safe_html(text, shift=3)


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """A single box, whose words stand beside it."""
    return field.widget_type == "checkbox"


@register.filter
def has_minor(buttons: list[dict[str, Any]]) -> bool:
    return any(button["minor"] for button in buttons)


@register.filter
def page_of(obj: Any) -> str:
    """The admin page of a row."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


# --- facts of unknown shape: what an approver decides on --------------------------------------------------------------


KNOWN_WORDS = {"of": "Data as of", "override_loss": "Loss of rows allowed", "losses": "Rows that would be lost"}


@register.filter
def plain_words(name: str) -> str:
    """``rows_lost`` is "Rows lost"."""
    return KNOWN_WORDS.get(name) or str(name).replace("_", " ").capitalize()


@register.filter
def act_words(action: str) -> str:
    """``restore.drop_kept`` is "drop kept"."""
    return action.partition(".")[2].replace("_", " ") or action


REVIEW_WORDS = {
    "take": "looks at it",
    "assign": "assigned it to",
    "accept": "accepted it",
    "suspect": "found it suspicious",
    "close": "closed it",
    "reopen": "reopened it",
    "note": "noted",
}


@register.filter
def review_words(act: str) -> str:
    """``suspect`` is "found it suspicious"."""
    return REVIEW_WORDS.get(act, act)


@register.filter
def plain_value(value: Any) -> str:
    """Yes, no, a moment, or the value itself."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    try:
        return words.moment(value) if isinstance(value, str) and value[4:5] == "-" else str(value)
    except ValueError:
        return str(value)


@register.filter
def is_table(value: Any) -> bool:
    """A list of objects: shown as a table."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


@register.filter
def is_list(value: Any) -> bool:
    return isinstance(value, list)


@register.filter
def is_map(value: Any) -> bool:
    return isinstance(value, dict)


@register.filter
def is_long(value: Any) -> bool:
    return len(str(value)) > 40


@register.inclusion_tag("tovgov/detail_table.html")
def detail_table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Objects as a table: words first, then numbers (the database does not keep the order of keys)."""
    found = list(dict.fromkeys(key for row in rows for key in row))
    columns = sorted(found, key=lambda key: not isinstance(rows[0].get(key), str))
    return {"columns": columns, "rows": [[row.get(column, "") for column in columns] for row in rows]}


@register.filter
def headed(cells: Iterable[SafeString], headers: Sequence[dict[str, Any]]) -> list[SafeString]:
    """The cells of a change list's row, each with its column's heading as ``data-label``."""
    found = []
    for cell, header in zip(cells, headers, strict=False):
        text = "" if "action-checkbox" in str(header.get("class_attrib", "")) else str(header["text"])
        label = escape(text[:1].upper() + text[1:])
        found.append(SafeString(re.sub(r"^<(td|th)\b", rf'<\1 data-label="{label}"', str(cell), count=1)))
    return found
