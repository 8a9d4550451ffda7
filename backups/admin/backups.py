"""Backups and verifications: what they hold, how far they are proved, where their copies are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin.jobs import JobAdmin
from audit.exceptions import DatabaseMissing
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, badge, environment_badge, level_badge, state_badge
from backups.admin.backup_acts import ACTS, is_usable
from backups.admin.restore_form import restore_url
from backups.models import Backup, CopyState, Level, Verification


class Keeping(admin.SimpleListFilter):
    """What became of it."""

    title = "keeping"
    parameter_name = "keeping"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Usable"), ("held", "Held"), ("damaged", "Damaged"), ("removed", "Removed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        rules = {
            "usable": Q(state="succeeded", removed_at=None),
            "held": Q(is_held=True),
            "damaged": Q(damaged_at__isnull=False),
            "removed": Q(removed_at__isnull=False),
        }
        return queryset.filter(rules.get(self.value() or "", Q()))


def backup_word(backup: Backup) -> SafeString:
    """One badge that says what matters most about a backup."""
    if backup.removed_at:
        return badge("quiet", "Removed")
    if backup.damaged_at:
        return badge("bad", "Damaged")
    if backup.state != "succeeded":
        return state_badge(backup.state, backup.get_state_display())
    return level_badge(backup.level, backup.get_level_display())


@admin.register(Backup)
class BackupAdmin(JobAdmin):
    acts = [*ACTS, *JobAdmin.acts]
    record_template = "tovgov/backup.html"
    list_display = ("label", "environment", "target_name", "word", "when", "size", "copies_word", "kind")
    list_display_links = ("label",)
    list_filter = (
        "target__environment",
        ("target", admin.RelatedOnlyFieldListFilter),
        "level",
        Keeping,
        "state",
        "kind",
        ("queued_at", admin.DateFieldListFilter),
    )
    search_fields = ("name", "target__name", "database", "sha256", "reason")
    search_help_text = "Name, target, database, SHA-256 or reason."
    list_select_related = ("target",)
    empty_note = "There is no backup yet. Open a target and choose “Back up now”."

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Without manifests and logs, which are large; with the copies of this page’s rows, in one query."""
        found = super().get_changelist_instance(request)
        rows = found.result_list
        if isinstance(rows, QuerySet):
            found.result_list = rows.defer("manifest", "log", "phases").prefetch_related("copies")
        return found

    @admin.display(description="backup", ordering="queued_at")
    def label(self, obj: Backup) -> str:
        return f"{timezone.localtime(obj.snapshot_at or obj.queued_at):%d %b %Y, %H:%M}"

    @admin.display(description="environment", ordering="target__environment")
    def environment(self, obj: Backup) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="target", ordering="target__name")
    def target_name(self, obj: Backup) -> str:
        return obj.target.name

    @admin.display(description="state", ordering="level")
    def word(self, obj: Backup) -> SafeString:
        held = format_html(' <span class="tag">Held</span>') if obj.is_held else ""
        return format_html("{}{}", backup_word(obj), held)

    @admin.display(description="age", ordering="snapshot_at")
    def when(self, obj: Backup) -> SafeString | str:
        return age(obj.snapshot_at or obj.queued_at)

    @admin.display(description="size", ordering="stored_bytes")
    def size(self, obj: Backup) -> SafeString:
        return format_html('<span class="nowrap">{}</span>', words.size(obj.stored_bytes))

    @admin.display(description="copies")
    def copies_word(self, obj: Backup) -> str:
        states = [copy.state for copy in obj.copies.all() if copy.state != CopyState.REMOVED]
        return f"{states.count(CopyState.STORED)} of {len(states)}" if states else words.NOTHING

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """The acts, and the ways to restore; these have a page of their own."""
        found = super().buttons(request, obj)
        if not (is_usable(obj) and request.user.has_perm("backups.request_restore")):
            return found
        gone = obj.target.check_error_code == DatabaseMissing.code
        ways = [("recover", "Recover …")] if gone else [("replace", "Restore …"), ("merge", "Merge …")]
        links = [(words, restore_url(obj, mode)) for mode, words in [*ways, ("copy", "Copy to …")]]
        return [*({"label": words, "tone": "", "minor": False, "url": url} for words, url in links), *found]

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        copies = list(obj.copies.select_related("destination"))
        stored = sum(1 for copy in copies if copy.state == CopyState.STORED)
        wanted = sum(1 for copy in copies if copy.state != CopyState.REMOVED)
        return {
            **super().record(request, obj),
            "title": f"Backup of {obj.target}, {words.moment(obj.snapshot_at or obj.queued_at)}",
            "trail_here": obj.name or f"Backup {obj.pk}",
            "backup": obj,
            "word": backup_word(obj),
            "copies": copies,
            "copies_words": f"{stored} of {wanted} {'copy' if wanted == 1 else 'copies'}" if wanted else "",
            "copies_missing": wanted - stored,
            "verifications": obj.verifications.defer("log", "phases", "result")[:20],
            "restores": obj.restores.select_related("target").defer("log", "phases", "comparison", "proof")[:20],
            "tables": sorted(
                obj.manifest.get("tables", []), key=lambda row: (-row["rows"], row["schema"], row["name"])
            ),
        }


@admin.register(Verification)
class VerificationAdmin(JobAdmin):
    record_template = "tovgov/verification.html"
    list_display = ("label", "environment", "wanted", "reached_word", "state_word", "when", "took")
    list_display_links = ("label",)
    list_filter = ("state", "level", ("queued_at", admin.DateFieldListFilter))
    search_fields = ("backup__name", "backup__target__name")
    list_select_related = ("backup", "backup__target")
    empty_note = "Nothing was verified yet. Open a backup and choose “Prove”: it is restored and compared, row by row."

    @admin.display(description="backup", ordering="queued_at")
    def label(self, obj: Verification) -> str:
        return str(obj.backup)

    @admin.display(description="environment")
    def environment(self, obj: Verification) -> SafeString:
        return environment_badge(obj.backup.target.environment)

    @admin.display(description="wanted", ordering="level")
    def wanted(self, obj: Verification) -> str:
        return obj.get_level_display()

    @admin.display(description="reached", ordering="reached")
    def reached_word(self, obj: Verification) -> SafeString:
        return level_badge(obj.reached, obj.get_reached_display())

    @admin.display(description="when", ordering="queued_at")
    def when(self, obj: Verification) -> SafeString | str:
        return age(obj.queued_at)

    @admin.display(description="took")
    def took(self, obj: Verification) -> str:
        return words.duration(obj.duration)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **super().record(request, obj),
            "title": f"Verification of {obj.backup.target}’s backup",
            "trail_here": f"Verification {obj.pk}",
            "verification": obj,
            "backup": obj.backup,
            "is_proved": obj.reached == Level.PROVED,
        }
