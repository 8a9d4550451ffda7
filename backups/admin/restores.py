"""Restores: asked for with open eyes, watched, proved, undone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from audit.admin.approvals import ApprovalAdmin
from audit.admin.jobs import JobAdmin
from audit.exceptions import NotPermitted, TovgovError
from audit.models import Approval, Target
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, environment_badge, state_badge
from backups.admin import restore_form
from backups.admin.restore_acts import ACTS
from backups.models import Backup, Level, Restore, RestoreMode

PERMISSION = "backups.request_restore"


@admin.register(Restore)
class RestoreAdmin(JobAdmin):
    acts = [*ACTS, *JobAdmin.acts]
    record_template = "tovgov/restore.html"
    list_display = ("label", "environment", "mode", "state_word", "swap_word", "when", "rto", "asked_name")
    list_display_links = ("label",)
    list_filter = ("mode", "state", "swap", "target__environment", ("queued_at", admin.DateFieldListFilter))
    search_fields = ("target__name", "backup__name", "reason", "asked_name")
    list_select_related = ("target", "backup", "backup__target")
    empty_note = "Nothing was ever restored. Open a backup and choose “Restore …”: it shows what would change first."

    @admin.display(description="target", ordering="queued_at")
    def label(self, obj: Restore) -> str:
        return obj.target.name

    @admin.display(description="environment", ordering="target__environment")
    def environment(self, obj: Restore) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="swap", ordering="swap")
    def swap_word(self, obj: Restore) -> SafeString:
        return state_badge(obj.swap, obj.get_swap_display())

    @admin.display(description="when", ordering="queued_at")
    def when(self, obj: Restore) -> SafeString | str:
        return age(obj.queued_at)

    @admin.display(description="RTO")
    def rto(self, obj: Restore) -> str:
        return words.duration(obj.rto_seconds)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        goes_on = obj.mode == RestoreMode.MERGE and obj.dry_run and obj.state == "succeeded"
        follow = restore_form.restore_url(obj.backup, obj.mode, table=obj.merge_tables) if goes_on else ""
        return {
            **super().record(request, obj),
            "title": f"{obj.get_mode_display()}: {obj.target}",
            "trail_here": f"Restore {obj.pk}",
            "restore": obj,
            "lost": sum(row.get("lost", 0) for row in obj.comparison),
            "follow": follow if request.user.has_perm(PERMISSION) else "",
        }

    # --- asking for one -------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Choose a backup; see what would happen; ask for it, or start it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if not request.GET.get("backup"):
            return self._choose(request)
        page = restore_form.look(request, restore_form.read(request.GET))
        error: TovgovError | None = None
        if request.method == "POST" and page.way in ("ask", "start", "dry-run") and page.form.is_valid():
            try:
                done = restore_form.act(request, page)
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
            else:
                self.message_user(request, done.message, messages.SUCCESS)
                return HttpResponseRedirect(done.url or "")
        context = self._form_context(request, page) | {"error": error}
        status = 409 if error or (request.method == "POST" and page.way in ("wait", "nothing")) else 200
        return TemplateResponse(request, "tovgov/restore_form.html", context, status=status)

    def _form_context(self, request: HttpRequest, page: restore_form.Page) -> dict[str, Any]:
        wish = page.wish
        known = wish.backup.manifest.get("tables", [])
        return {
            **self.admin_site.each_context(request),
            "title": "Ask for a restore",
            "opts": self.opts,
            "trail_here": "Ask for a restore",
            "banner": wish.target,
            "page": page,
            "wish": wish,
            "backup": wish.backup,
            "preview": page.preview,
            "modes": [(mode, mode.label, text, wish.url(mode=mode)) for mode, text in restore_form.MODES.items()],
            "tables": sorted(f"{row['schema']}.{row['name']}" for row in known),
            "targets": Target.objects.filter(is_active=True).exclude(pk=wish.backup.target_id),
            "override_url": wish.url(override="on"),
            "here": wish.url(),
        }

    def _choose(self, request: HttpRequest) -> HttpResponse:
        """The newest usable backups of each target, proved ones first in mind."""
        usable = Backup.objects.usable().select_related("target").defer("manifest", "log", "phases")
        context = {
            **self.admin_site.each_context(request),
            "title": "Which backup?",
            "opts": self.opts,
            "backups": usable.filter(damaged_at=None, target__is_active=True).order_by("-snapshot_at")[:60],
            "proved": Level.PROVED,
        }
        return TemplateResponse(request, "tovgov/restore_choose.html", context)


def continuation(approval: Approval) -> str:
    """Where an approved restore is started, from what was asked for."""
    asked: dict[str, Any] = approval.detail.get("options", {})
    backup = Backup.objects.filter(pk=asked.get("backup", 0)).first()
    if backup is None:
        return ""
    more: dict[str, Any] = {"target": asked.get("target"), "table": asked.get("merge_tables", [])}
    more["owner"] = [f"{ours}={theirs}" for ours, theirs in asked.get("owner_map", {}).items()]
    more |= {"override": "on"} if asked.get("override_loss") else {}
    more |= {"privileges": "on"} if asked.get("with_privileges") else {}
    return restore_form.restore_url(backup, asked["mode"], **more)


ApprovalAdmin.continuations["restore"] = (PERMISSION, continuation)
