"""The admin site: sections instead of app labels, and a dashboard as its home."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from audit.models import Alert, Approval, ApprovalState

OVERVIEW = "Overview"
SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (OVERVIEW, (("audit.Approval", "Approvals"), ("audit.Alert", "Alerts"))),
    (
        "Explain",
        (
            ("audit.Incident", "Incidents"),
            ("audit.PostMortem", "Post-mortems"),
            ("audit.Runbook", "Runbooks"),
            ("audit.ActionItem", "Action items"),
            ("audit.Lesson", "Lessons"),
            ("audit.ReportSchedule", "Reports by mail"),
            ("audit.EvidencePack", "Evidence packs"),
            ("audit.IncidentReport", "Imported reports"),
        ),
    ),
    (
        "Recover",
        (("backups.Backup", "Backups"), ("backups.Restore", "Restores"), ("backups.Verification", "Verifications")),
    ),
    (
        "Protect the copies",
        (
            ("backups.Schedule", "Schedules"),
            ("backups.RetentionPolicy", "Retention"),
            ("backups.Destination", "Destinations"),
        ),
    ),
    (
        "Databases",
        (
            ("audit.Target", "Targets"),
            ("audit.Protection", "Protection"),
            ("audit.ProtectionPolicy", "Policies"),
            ("audit.ProtectionRun", "Protection runs"),
            ("audit.MaintenanceWindow", "Windows"),
        ),
    ),
    (
        "Connections",
        (
            ("audit.ConnectionGroup", "Connections by day"),
            ("audit.ConnectionAuditLog", "Connections"),
            ("audit.KnownClient", "Known clients"),
        ),
    ),
    (
        "Server logs",
        (
            ("audit.ServerLogGroup", "Log lines by day"),
            ("audit.ServerLogEntry", "Log lines"),
            ("audit.NoiseFilter", "Noise filters"),
            ("audit.LogSettings", "Log settings"),
            ("audit.ImportSource", "Log sources"),
            ("audit.AuditImport", "Imports"),
        ),
    ),
    (
        "Deletes",
        (
            ("audit.DeleteAuditTransaction", "Deletes"),
            ("audit.DeleteAuditLog", "Deleted rows"),
            ("audit.Undelete", "Put back"),
        ),
    ),
    ("People", (("auth.User", "Users"), ("auth.Group", "Groups"), ("audit.ApiToken", "API tokens"))),
    (
        "Watch",
        (
            ("audit.AnomalyFiring", "Findings"),
            ("audit.AnomalySettings", "Anomaly rules"),
            ("audit.NotificationChannel", "Channels"),
            ("audit.Delivery", "Messages"),
        ),
    ),
    (
        "Record",
        (
            ("audit.LedgerEntry", "Ledger"),
            ("audit.Export", "Exports"),
            ("audit.SealVerification", "Seals verified"),
            ("audit.Checkpoint", "Checkpoints"),
            ("audit.PublicationPlace", "Published at"),
        ),
    ),
)
"""The rail: what people come for, in their words. A model that is named nowhere has no place in the admin."""


PAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    OVERVIEW: (
        ("Dashboard", "index", ""),
        ("Jobs", "jobs", ""),
        ("Review queue", "reviews", "audit.view_deleteaudittransaction"),
        ("Day", "day", "audit.view_deleteaudittransaction"),
    ),
    "Explain": (("Trends", "trends", "audit.view_incident"), ("Reports", "reports", "audit.view_target")),
}
"""Pages that are no list of a model: name, URL, and the permission that it takes."""


class TovgovAdminSite(admin.AdminSite):
    """Django's own admin under our skin."""

    site_header = "tovgov"
    site_title = "tovgov"
    index_title = "Dashboard"
    index_template = "tovgov/dashboard.html"
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own: list[URLPattern | URLResolver] = [
            path("jobs/", self.admin_view(self.jobs_view), name="jobs"),
            path("reviews/", self.admin_view(self.reviews_view), name="reviews"),
            path("day/", self.admin_view(self.day_view), name="day"),
            path("around/", self.admin_view(self.around_view), name="around"),
            path("trends/", self.admin_view(self.trends_view), name="trends"),
            path("reports/", self.admin_view(self.reports_view), name="reports"),
            path("reports/<slug:name>/", self.admin_view(self.report_view), name="report"),
            path("reports/<slug:name>/file/", self.admin_view(self.report_file_view), name="report_file"),
        ]
        return own + super().get_urls()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from tovgov import dashboard  # below: the site must be there before any model admin is

        facts = dashboard.gather(request.user)
        return super().index(request, {"dashboard": facts, **(extra_context or {})})

    def app_index(  # type: ignore[override]
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There are no pages by app: sections are not apps."""
        return HttpResponseRedirect(reverse("admin:index"))

    def jobs_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.job_list import job_list

        return job_list(request, self)

    def reviews_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.review_queue import review_queue

        return review_queue(request, self)

    def day_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.days import day_view

        return day_view(request, self)

    def around_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.days import around_view

        return around_view(request, self)

    def trends_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.trends import trends_view

        return trends_view(request, self)

    def reports_view(self, request: HttpRequest) -> HttpResponse:
        from audit.admin.reports import reports_view

        return reports_view(request, self)

    def report_view(self, request: HttpRequest, name: str) -> HttpResponse:
        from audit.admin.reports import report_view

        return report_view(request, self, name)

    def report_file_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        from audit.admin.reports import file_view

        return file_view(request, self, name)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The sections that this person may see, each with its lists and what waits there."""
        cached: list[Any] | None = getattr(request, "tovgov_sections", None)
        if cached is not None:
            return cached
        known = {
            model["model"]._meta.label: model
            for app in self._build_app_dict(request).values()
            for model in app["models"]
        }
        waiting = self._waiting(known)
        sections = []
        for name, labels in SECTIONS:
            models = self._pages(request, name)
            models += [
                known[label] | {"name": words, "label": label, "waiting": waiting.get(label, 0)}
                for label, words in labels
                if label in known
            ]
            if models:
                sections.append(_section(request, name, models))
        request.tovgov_sections = sections  # type: ignore[attr-defined]  # a page asks for them twice
        return sections

    def _pages(self, request: HttpRequest, section: str) -> list[dict[str, Any]]:
        """Pages of a section that are no list of a model."""
        if not request.user.is_authenticated:
            return []
        return [
            {"name": name, "admin_url": reverse(f"admin:{url}"), "label": "", "perms": {}}
            for name, url, permission in PAGES.get(section, ())
            if not permission or request.user.has_perm(permission)
        ]

    def _waiting(self, known: dict[str, Any]) -> dict[str, int]:
        """How many approvals and alerts wait; shown beside their names on every page."""
        counts = {}
        if "audit.Approval" in known:
            counts["audit.Approval"] = Approval.objects.filter(state=ApprovalState.WAITING).count()
        if "audit.Alert" in known:
            counts["audit.Alert"] = Alert.objects.filter(resolved_at=None, acknowledged_at=None).count()
        return counts


def not_permitted(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 with the sections beside it, and with the words of who refused: what is not allowed is no dead end."""
    context = site.each_context(request) | {"why": str(exception or "")}
    return render(request, "403.html", context, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404, likewise."""
    return render(request, "404.html", site.each_context(request), status=404)


def _section(request: HttpRequest, name: str, models: list[dict[str, Any]]) -> dict[str, Any]:
    home = reverse("admin:index")
    for model in models:
        url = model["admin_url"]
        model["current"] = request.path == url if url == home else bool(url) and request.path.startswith(url)
    return {"name": name, "app_label": "", "app_url": home, "has_module_perms": True, "models": models}
