"""Seals in the admin: verifications as jobs, checkpoints, and the proof of an entry as a file."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin.base import RecordAdmin, actor_of
from audit.admin.jobs import JobAdmin
from audit.exceptions import NotPermitted, NotSealed
from audit.models import Checkpoint, Publication, SealTree, SealVerification
from audit.seals import proofs
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, badge

LOGS = 200
"""So many logs are offered in the filter of checkpoints."""


@admin.register(SealVerification)
class SealVerificationAdmin(JobAdmin):
    record_template = "tovgov/seal_verification.html"
    list_display = ("__str__", "state_word", "entries", "queued")
    list_filter = ("state",)
    list_select_related = ("target",)
    empty_note = "Nothing was verified yet. Open a log and choose Verify seals."

    def get_urls(self) -> list[URLPattern]:
        proof = self.admin_site.admin_view(self.proof_view)
        return [path("proof/<slug:model>/<int:pk>/", proof, name="audit_seal_proof"), *super().get_urls()]

    def proof_view(self, request: HttpRequest, model: str, pk: int) -> HttpResponse:
        """The proof of one entry, for ``verifier.py``."""
        kind = {found._meta.model_name: found for found in proofs.MODELS.values()}.get(model)
        entry = kind._default_manager.filter(pk=pk).first() if kind else None
        if entry is None:
            raise Http404
        try:
            proof = proofs.of_entry(entry, actor=actor_of(request))
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except NotSealed as error:
            raise Http404(error.message) from None
        answer = JsonResponse(proof, json_dumps_params={"indent": 1, "ensure_ascii": False})
        answer["Content-Disposition"] = f'attachment; filename="proof-{model}-{pk}.json"'
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.display(description="entries", ordering="leaves")
    def entries(self, obj: SealVerification) -> str:
        return words.count(obj.leaves)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return super().record(request, obj) | {"verification": obj}


class OfLog(admin.SimpleListFilter):
    """The logs that are sealed, by their names."""

    title = "log"
    parameter_name = "log"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        trees = SealTree.objects.filter(size__gt=0).select_related("source__target").order_by("source__target__name")
        return [(str(tree.source_id), str(tree.source)) for tree in trees[:LOGS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Checkpoint]) -> QuerySet[Checkpoint]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(tree__source=int(value)) if value.isdecimal() else queryset.none()


@admin.register(Checkpoint)
class CheckpointAdmin(RecordAdmin):
    """Signed statements of every log, the newest first; nobody changes one, the database refuses it."""

    record_template = "tovgov/checkpoint.html"
    list_display = ("name", "log", "entries", "root_start", "signed", "key_id", "published")
    list_filter = (OfLog,)
    list_select_related = ("tree__source__target",)
    ordering = ("-id",)
    empty_note = (
        "A worker signs a checkpoint some minutes after the first import. It needs the signing key: docs/keys.md."
    )

    def get_urls(self) -> list[URLPattern]:
        note = self.admin_site.admin_view(self.note_view)
        return [path("<path:object_id>/note/", note, name="audit_checkpoint_note"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Checkpoint]:
        rows = super().get_queryset(request).select_related(*self.list_select_related)
        return rows.prefetch_related("publications__place")

    @admin.display(description="number")
    def name(self, obj: Checkpoint) -> str:
        return words.count(obj.number)

    @admin.display(description="log")
    def log(self, obj: Checkpoint) -> str:
        return str(obj.tree.source)

    @admin.display(description="entries")
    def entries(self, obj: Checkpoint) -> str:
        return words.count(obj.size)

    @admin.display(description="root")
    def root_start(self, obj: Checkpoint) -> str:
        return f"{obj.root[:16]}…"

    @admin.display(description="signed")
    def signed(self, obj: Checkpoint) -> SafeString | str:
        return age(obj.at)

    @admin.display(description="published at")
    def published(self, obj: Checkpoint) -> SafeString | str:
        rows = obj.publications.all()
        arrived = ", ".join(row.place.name for row in rows if row.at)
        if failing := ", ".join(row.place.name for row in rows if row.error_code and row.at is None):
            return format_html("{} {}", arrived, badge("bad", f"Fails at {failing}"))
        return arrived or words.NOTHING

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        later = Publication.objects.filter(checkpoint__tree=obj.tree_id, checkpoint__number__gt=obj.number)
        later = later.exclude(at=None).select_related("checkpoint__tree__source__target", "place")
        return {
            "checkpoint": obj,
            "source": obj.tree.source,
            "publications": obj.publications.all(),
            "later": later.order_by("checkpoint__number").first(),
        }

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The signed note as a file: what ``verifier.py --checkpoint`` and ``imports verify --published`` read."""
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            raise Http404
        answer = HttpResponse(obj.note, content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="checkpoint-{obj.tree.uuid}-{obj.number:08}.txt"'
        answer["X-Content-Type-Options"] = "nosniff"
        return answer
