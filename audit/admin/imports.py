"""Imports: how far the log of each target was read, and the imports that read it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.jobs import JobAdmin
from audit.admin.log_sources import LogSourcePages, Pause, Remove, Resume
from audit.exports import request as exports
from audit.imports import asking
from audit.imports.retention import keeping
from audit.models import OPEN_STATES, SERVER_LOGS, AuditImport, Checkpoint, ImportKind, ImportSource
from audit.seals import proofs
from audit.seals import request as seals
from audit.seals.verify import VERIFY
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, badge, environment_badge, page_of


class ImportNow(Act):
    slug = "import-now"
    label = "Import now"
    permission = asking.RUN
    reason = Reason.WELCOME

    def applies(self, obj: ImportSource) -> bool:
        return obj.target.is_active and not obj.imports.filter(state__in=OPEN_STATES).exists()

    def consequences(self, obj: ImportSource) -> list[str]:
        if obj.kind in SERVER_LOGS:
            return [f"A worker reads every file of {obj} that has changed, from where it was left."]
        return [
            f"A worker reads the delete log of {obj.target} as far as no open transaction holds it back.",
            "Records that were imported, are sealed and are old enough are removed from the target afterwards.",
        ]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        run = asking.request(obj, actor=actor, reason=data["reason"])
        return Done(f"{run} is queued.", page_of(run))


class Keep(Act):
    slug = "keep"
    label = "Keep for …"
    permission = keeping.MANAGE
    reason = Reason.WELCOME
    in_list = False

    def consequences(self, obj: ImportSource) -> list[str]:
        return [
            f"Once a day entries of {obj} that are older are removed from tovgov for good. Their hashes, counts and"
            " groups stay, and the ledger says who set this.",
            "Entries that wait for a review, belong to an open incident or are cited by an open alert stay.",
        ]

    def warning(self, objects: Any) -> str:
        if objects[0].kind != ImportKind.DELETIONS:
            return ""
        return "These are deleted rows: what is retired can never be put back."

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        days = forms.IntegerField(
            label="Days", required=False, min_value=1, max_value=keeping.MOST, initial=objects[0].keep_days,
            help_text="Empty: for ever.",
        )  # fmt: skip
        return {"days": days}

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        row = keeping.keep(obj, data["days"], actor=actor, reason=data["reason"])
        days = keeping.days_of(row)
        return Done(f"Entries of {row} are kept {'for ever' if days is None else f'for {days:,} days'}.")


class VerifySeals(Act):
    slug = "verify-seals"
    label = "Verify seals"
    permission = VERIFY
    reason = Reason.WELCOME
    in_list = False

    def consequences(self, obj: ImportSource) -> list[str]:
        return [
            f"A worker reads every sealed entry of {obj.target} again and compares it with its seal.",
            "This takes as long as reading the entries: some seconds for a million. Nothing is changed.",
        ]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        row = seals.request(obj.target, actor=actor, reason=data["reason"])
        return Done(f"{row} is queued.", page_of(row))


class ExportWithProof(Act):
    """Each kind of log has a permission of its own, and so an act of its own."""

    label = "Export with proof"
    in_list = False

    def applies(self, obj: ImportSource) -> bool:
        is_its = proofs.permissions_of(obj)[0] == self.permission
        return is_its and Checkpoint.objects.filter(tree__source=obj).exists()

    def consequences(self, obj: ImportSource) -> list[str]:
        return [
            f"A worker writes the sealed entries of {obj} into a ZIP, with their proof and the verifier.",
            "Who has it, the public key and a checkpoint that was published checks it without tovgov.",
            "It stands under Exports with its SHA-256, and is removed after some days.",
        ]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        row = exports.start_proof(obj, actor=actor)
        return Done(f"The export of {obj} is queued.", page_of(row))


class ExportDeletes(ExportWithProof):
    slug = "export-deletes"
    permission = "audit.export_deletion"


class ExportConnections(ExportWithProof):
    slug = "export-connections"
    permission = "audit.export_connection"


class ExportLog(ExportWithProof):
    slug = "export-log"
    permission = "audit.export_log"


@admin.register(ImportSource)
class ImportSourceAdmin(LogSourcePages):
    acts = [
        ImportNow(), Pause(), Resume(), Keep(), VerifySeals(), ExportDeletes(), ExportConnections(), ExportLog(),
        Remove(),
    ]  # fmt: skip
    change_list_template = "tovgov/import_sources.html"
    record_template = "tovgov/import_source.html"
    list_display = ("target", "source", "environment", "status", "lag", "looked")
    list_select_related = ("target",)
    empty_note = (
        "No log is read yet. Install a policy with the rule delete_audit on a target: reading begins by itself. "
        "Add a server log to see who was there."
    )

    @admin.display(description="source", ordering="kind")
    def source(self, obj: ImportSource) -> str:
        return obj.name or obj.get_kind_display()

    @admin.display(description="environment")
    def environment(self, obj: ImportSource) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="status", ordering="error_code")
    def status(self, obj: ImportSource) -> SafeString:
        if not obj.is_active:
            return badge("quiet", "Paused")
        return badge("bad", "Cannot be read") if obj.error_code else badge("good", "Read")

    @admin.display(description="oldest waiting", ordering="lag_seconds")
    def lag(self, obj: ImportSource) -> str:
        return words.duration(round(obj.lag_seconds)) if obj.lag_seconds else "nothing waits"

    @admin.display(description="read to the end", ordering="looked_at")
    def looked(self, obj: ImportSource) -> SafeString | str:
        return age(obj.looked_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        surplus = obj.target.delete_counts.filter(surplus__gt=0)
        return {
            "source": obj,
            "is_server_log": obj.kind in SERVER_LOGS,
            "lag": self.lag(obj),
            "kept": keeping.shown(obj),
            "imports": obj.imports.all()[:20],
            "files": obj.files.defer("pending")[:50],
            "surpluses": surplus.order_by("-at")[:20],
            "checkpoints": Checkpoint.objects.filter(tree__source=obj).order_by("-number")[:5],
        }


@admin.register(AuditImport)
class AuditImportAdmin(JobAdmin):
    record_template = "tovgov/import.html"
    list_display = ("__str__", "state_word", "row_words", "last_at", "queued")
    list_filter = ("state",)
    list_select_related = ("source__target",)
    empty_note = "Nothing was imported yet. Deletes on protected targets are read once a minute."

    @admin.display(description="rows", ordering="rows")
    def row_words(self, obj: AuditImport) -> str:
        return words.count(obj.rows)
