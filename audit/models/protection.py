"""Protection: versioned policies, the runs that install or remove them, and what each target has."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.approvals import Approval
from audit.models.jobs import Job, JobManager
from audit.models.targets import Target


class ProtectionPolicy(models.Model):
    """A named set of rules. A version is never edited: an edit makes the next one."""

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    rules = models.JSONField(help_text='A list of {"rule": code, "settings": {…}}, in the order of installation.')
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["name", "-version"]
        verbose_name_plural = "protection policies"
        permissions = [("edit_policy", "Can make new versions of protection policies")]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_policy_a_name_and_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="policy_versions_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Protection(models.Model):
    """What a target has: the policy installed, and what its catalogues said when they were last read."""

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="protection")
    policy = models.ForeignKey(ProtectionPolicy, null=True, on_delete=models.PROTECT, related_name="installed_on")
    installed_at = models.DateTimeField(null=True)
    installed_by = models.CharField(max_length=150, blank=True)
    findings = models.JSONField(
        default=list, help_text='{"rule", "object", "status", "detail", "hint"} of the last look.'
    )
    verified_at = models.DateTimeField(null=True)
    planned_policy = models.ForeignKey(ProtectionPolicy, null=True, on_delete=models.PROTECT, related_name="+")
    plan = models.JSONField(default=dict, help_text="The last plan as it was shown.")
    planned_at = models.DateTimeField(null=True)
    planned_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name_plural = "protection"

    def __str__(self) -> str:
        return f"Protection of {self.target}"

    @property
    def is_installed(self) -> bool:
        return self.policy_id is not None

    @property
    def wrong(self) -> list[dict[str, str]]:
        """Findings that are not INSTALLED."""
        return [finding for finding in self.findings if finding["status"] != "INSTALLED"]


class RunKind(models.TextChoices):
    INSTALL = "install", "Install"
    UNINSTALL = "uninstall", "Uninstall"
    ATTACK = "attack", "Attack"


class ProtectionRun(Job):
    """One act on a target's protection. ``plan`` is what was shown and approved: the worker runs exactly that."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="protection_runs")
    policy = models.ForeignKey(ProtectionPolicy, null=True, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10, choices=RunKind.choices)
    plan = models.JSONField(
        default=dict, help_text='{"fingerprint", "steps", "blocked", …}; a step is {"rule", "title", "statements", …}.'
    )
    report = models.JSONField(
        default=list, help_text="What the verification after it found, or how each attempt of an attack ended."
    )
    partly = models.BooleanField(default=False, help_text="Steps that our role may not take are left out.")
    may_lose_rows = models.BooleanField(default=False, help_text="Captured rows may be lost by this uninstall.")
    approval = models.ForeignKey(Approval, null=True, on_delete=models.SET_NULL, related_name="protection_runs")
    traces = models.JSONField(
        default=dict,
        help_text='{"made": [database], "marks": [SHA-256], "sessions": [%c]}: its work in the server\'s log.',
    )

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        permissions = [
            ("plan_protection", "Can plan and verify protection"),
            ("install_protection", "Can install and uninstall protection"),
        ]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(state__in=["queued", "running"]),
                name="one_open_protection_run_a_target",
            ),
        ]

    def __str__(self) -> str:
        if self.kind == RunKind.ATTACK:
            return f"Attack on {self.target} under {self.policy}"
        return f"{RunKind(self.kind).label} {self.policy or 'protection'} on {self.target}"
