"""Computations of an incident's loss: their job page."""

from __future__ import annotations

from django.contrib import admin

from audit.admin.jobs import JobAdmin
from audit.models import LossCount


@admin.register(LossCount)
class LossCountAdmin(JobAdmin):
    record_template = "tovgov/loss_count.html"
    list_display = ("__str__", "state_word", "asked_name", "queued")
    list_filter = ("state",)
    list_select_related = ("incident",)
    empty_note = "No loss was computed yet. Open an incident and choose Compute the loss."
