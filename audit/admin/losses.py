"""Computations of an incident's loss: their job page."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from audit.admin.jobs import JobAdmin
from audit.models import LossCount
from audit.templatetags.tovgov import age, state_badge


@admin.register(LossCount)
class LossCountAdmin(JobAdmin):
    record_template = "tovgov/loss_count.html"
    list_display = ("__str__", "state_word", "asked_name", "queued")
    list_filter = ("state",)
    list_select_related = ("incident",)
    empty_note = "No loss was computed yet. Open an incident and choose Compute the loss."

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: LossCount) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="asked", ordering="queued_at")
    def queued(self, obj: LossCount) -> SafeString | str:
        return age(obj.queued_at)
