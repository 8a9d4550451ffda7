"""Exports: asked for on a list, seen as a job, downloaded while their file is there."""

from __future__ import annotations

import base64
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from audit.admin.base import actor_of, explain
from audit.admin.jobs import JobAdmin
from audit.exceptions import FilterInvalid, NoSuchExport, NotPermitted, TovgovError
from audit.exports import content
from audit.exports import request as exports
from audit.lists.saved import LISTINGS, listing_of
from audit.models import Export, ImportSource
from audit.reports import make
from audit.templatetags import format as words
from audit.templatetags.tovgov import page_of


@admin.register(Export)
class ExportAdmin(JobAdmin):
    record_template = "tovgov/export.html"
    list_display = ("what", "format", "state_word", "row_number", "asked_name", "queued", "file")
    list_filter = ("state", "format")
    search_fields = ("asked_name", "sha256")
    empty_note = "Open a list, filter it, and choose Export; or open a log and choose Export with proof."

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(require_POST(self.start_view))
        fetch = self.admin_site.admin_view(self.download_view)
        return [
            path("start/", start, name="audit_export_start"),
            path("<path:object_id>/download/", fetch, name="audit_export_download"),
            *super().get_urls(),
        ]

    @admin.display(description="what")
    def what(self, obj: Export) -> str:
        return list_name(obj)

    @admin.display(description="rows")
    def row_number(self, obj: Export) -> str:
        return words.count(obj.rows if obj.sha256 else None)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return super().record(request, obj) | {
            "title": f"Export of {list_name(obj)} as {obj.get_format_display()}",
            "export": obj,
            "list_url": _page_url(obj),
            "log": _log(obj),
            "download_url": reverse("admin:audit_export_download", args=[obj.pk]) if _may_fetch(request, obj) else "",
        }

    def start_view(self, request: HttpRequest) -> HttpResponse | FileResponse:
        """A small export is the answer; a large one is a job, whose page is."""
        asked = {name: request.POST.get(name, "") for name in ("page", "query", "format")}
        try:
            listing = listing_of(asked["page"])
        except FilterInvalid:
            raise Http404 from None
        actor = actor_of(request)
        try:
            if exports.is_small(listing, asked["query"]):
                return answer(exports.direct(listing, asked["query"], asked["format"], actor=actor))
            row = exports.start(listing, asked["query"], asked["format"], actor=actor)
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(f"{reverse(f'admin:{listing.page}_changelist')}?{asked['query']}")
        return HttpResponseRedirect(page_of(row))

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        try:
            return answer(exports.download(obj, actor=actor_of(request)))
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(page_of(obj))


def list_name(obj: Export) -> str:
    """The list as people call it: "deleted rows"; or the log that is proved, or the report."""
    if obj.page == content.SOURCES:
        return str(_log(obj) or "a log that is gone")
    if obj.page in LISTINGS:
        return LISTINGS[obj.page].name
    try:
        return content.of(obj).name
    except TovgovError:
        return obj.page


def _page_url(obj: Export) -> str:
    """Where what it holds is seen on a page."""
    if obj.page in LISTINGS:
        return f"{reverse(f'admin:{obj.page}_changelist')}?{obj.query}"
    stem, dot, name = obj.page.partition(".")
    return f"{reverse('admin:report', args=[name])}?{obj.query}" if dot and stem == make.STEM else ""


def _log(obj: Export) -> ImportSource | None:
    """The log of an export with proof, while it is there."""
    try:
        return content.log_of(obj) if obj.page == content.SOURCES else None
    except NoSuchExport:
        return None


def _may_fetch(request: HttpRequest, obj: Export) -> bool:
    try:
        return bool(obj.path) and request.user.has_perms(content.of(obj).permissions)
    except TovgovError:
        return False


def answer(made: exports.Made) -> FileResponse:
    """The file as a download, with its hash in a header (RFC 9530)."""
    answer = FileResponse(made.file, as_attachment=True, filename=made.name, content_type=made.media)
    answer["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(made.sha256)).decode()}:"
    answer["X-SHA256"] = made.sha256
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer
