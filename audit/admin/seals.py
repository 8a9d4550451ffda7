"""Seals in the admin: verifications as jobs, and the proof of an entry as a file."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from audit.admin.base import actor_of
from audit.admin.jobs import JobAdmin
from audit.exceptions import NotPermitted, NotSealed
from audit.models import SealVerification
from audit.seals import proofs
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, state_badge


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

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: SealVerification) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="entries", ordering="leaves")
    def entries(self, obj: SealVerification) -> str:
        return words.count(obj.leaves)

    @admin.display(description="asked", ordering="queued_at")
    def queued(self, obj: SealVerification) -> SafeString | str:
        return age(obj.queued_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return super().record(request, obj) | {"verification": obj}
