"""Protection: the policies, what each target has, its plan, and the runs that put it on or take it off."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from audit import own_acts
from audit.admin import attack
from audit.admin.approvals import ApprovalAdmin
from audit.admin.attack import AskAttack, Attack
from audit.admin.base import RecordAdmin
from audit.admin.jobs import JobAdmin
from audit.admin.protection_acts import AskInstall, AskUninstall, Install, Plan, Uninstall, Verify
from audit.admin.window_acts import AskWindow, CloseWindow, OpenWindow
from audit.models import (
    Approval,
    MaintenanceWindow,
    Protection,
    ProtectionPolicy,
    ProtectionRun,
    RunKind,
    ServerLogGroup,
)
from audit.protection import install, policies, windows
from audit.protection.rule import Finding, Status
from audit.protection.verify import by_rule
from audit.templatetags.tovgov import age, badge, environment_badge, page_of

TONES = {"INSTALLED": "good", "OUTDATED": "warn", "MISSING": "bad", "ALTERED": "bad", "UNKNOWN": "quiet"}


def status_badge(status: str) -> SafeString:
    """The badge of a finding: its word, and a colour."""
    return badge(TONES.get(status, "quiet"), status.capitalize())


def worst(obj: Protection) -> dict[str, str]:
    """The worst status of each rule at the last look."""
    found = [Finding(f["rule"], f["object"], Status(f["status"])) for f in obj.findings]
    return {rule: str(status) for rule, status in by_rule(found).items()}


def _go_on(approval: Approval) -> str:
    """Where an approved installation or removal is started."""
    row = Protection.objects.filter(target=approval.target).first()
    return page_of(row) if row else ""


ApprovalAdmin.continuations["protection"] = (install.INSTALL, _go_on)
ApprovalAdmin.continuations["window"] = (windows.OPEN, _go_on)


def _last_attack(obj: Protection) -> ProtectionRun | None:
    """The newest one that has a report."""
    return obj.target.protection_runs.filter(kind=RunKind.ATTACK).exclude(report=[]).first()


@admin.register(Protection)
class ProtectionAdmin(RecordAdmin):
    acts = [
        CloseWindow(), Plan(), Install(), AskInstall(), Verify(), Attack(), AskAttack(), OpenWindow(), AskWindow(),
        Uninstall(), AskUninstall(),
    ]  # fmt: skip
    record_template = "tovgov/protection.html"
    list_display = ("target", "environment", "policy_word", "status", "verified")
    list_select_related = ("target", "policy")
    empty_note = "No target is protected. Open a target and choose Plan protection: nothing is changed by a plan."

    @admin.display(description="environment")
    def environment(self, obj: Protection) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="policy")
    def policy_word(self, obj: Protection) -> str:
        return str(obj.policy) if obj.policy else "none"

    @admin.display(description="status")
    def status(self, obj: Protection) -> SafeString:
        if not obj.is_installed:
            return badge("quiet", "Not protected")
        return badge("bad", f"{len(obj.wrong)} wrong") if obj.wrong else badge("good", "As the policy says")

    @admin.display(description="verified", ordering="verified_at")
    def verified(self, obj: Protection) -> SafeString | str:
        return age(obj.verified_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "protection": obj,
            "rules": [(rule, status_badge(status)) for rule, status in worst(obj).items()],
            "wrong": [(f, status_badge(f["status"])) for f in obj.wrong],
            "runs": obj.target.protection_runs.all()[:10],
            "attack": attack.shown(_last_attack(obj)),
            "windows": obj.target.windows.all()[:10],
        }


@admin.register(ProtectionPolicy)
class ProtectionPolicyAdmin(RecordAdmin):
    record_template = "tovgov/policy.html"
    list_display = ("name", "version", "rule_words", "note", "created_by")
    list_display_links = ("name",)
    search_fields = ("name", "note")
    empty_note = "The ready-made policies are made when tovgov starts, or by manage.py protection policies."

    @admin.display(description="rules")
    def rule_words(self, obj: ProtectionPolicy) -> str:
        return ", ".join(part["rule"] for part in obj.rules)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"policy": obj, "parts": policies.parts(obj)}


def _told(obj: Model) -> dict[str, Any]:
    """How much the server's log tells of what ``obj`` did."""
    name = own_acts.reference_of(obj)
    lines = ServerLogGroup.objects.filter(explained_by=name).aggregate(all=Sum("count"))["all"] or 0
    groups = reverse("admin:audit_serverloggroup_changelist")
    return {"log_lines": lines, "log_url": f"{groups}?noise=shown&explained={name}"}


@admin.register(ProtectionRun)
class ProtectionRunAdmin(JobAdmin):
    record_template = "tovgov/protection_run.html"
    list_display = ("__str__", "state_word", "asked_name", "queued")
    list_filter = ("state", "kind")
    list_select_related = ("target", "policy")
    empty_note = "No policy was installed, attacked or taken off yet."

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {**super().record(request, obj), "attack": attack.shown(obj), **_told(obj)}


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(RecordAdmin):
    acts = [CloseWindow()]
    record_template = "tovgov/window.html"
    list_display = ("__str__", "state_word", "rule_words", "opened_by", "reason")
    list_select_related = ("target",)
    empty_note = "No window was opened yet. manage.py window open lets guards stand aside, for a reason and a time."

    @admin.display(description="state")
    def state_word(self, obj: MaintenanceWindow) -> SafeString:
        return badge("quiet", "Closed") if obj.relocked_at else badge("warn", "Open")

    @admin.display(description="rules")
    def rule_words(self, obj: MaintenanceWindow) -> str:
        return ", ".join(obj.rules)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"window": obj, **_told(obj)}
