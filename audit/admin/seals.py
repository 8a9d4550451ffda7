"""Seals in the admin: verifications as jobs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.admin.jobs import JobAdmin
from audit.models import SealVerification
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, state_badge


@admin.register(SealVerification)
class SealVerificationAdmin(JobAdmin):
    record_template = "tovgov/seal_verification.html"
    list_display = ("__str__", "state_word", "entries", "queued")
    list_filter = ("state",)
    list_select_related = ("target",)
    empty_note = "Nothing was verified yet. Open a log and choose Verify seals."

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
