"""What is asked about a target: to register it, to change it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import BoundField

from audit.models import Environment, Purpose, Target
from audit.targets.registration import Sentinel

ROLE_WORDS = {
    Purpose.WATCH: "Looks only. Counts rows, compares identities.",
    Purpose.BACKUP: "Reads everything: what pg_dump needs.",
    Purpose.OPERATE: "May create, rename and drop databases: needed to prove beside the target and to restore.",
}
SSLMODES = [(mode, mode) for mode in ("disable", "prefer", "require", "verify-ca", "verify-full")]


def fact_fields(target: Target | None = None) -> dict[str, forms.Field]:
    """The fields that ``register`` and ``update`` take, filled in from ``target``."""
    fields: dict[str, forms.Field] = {
        "name": forms.CharField(max_length=80, help_text="What people call it, for example “TovPlay production”."),
        "environment": forms.ChoiceField(
            choices=[("", "Choose"), *Environment.choices],
            help_text="Production has the most guards. A backup never goes into a higher environment than its own.",
        ),
        "database": forms.CharField(
            max_length=63, strip=False, help_text="The exact name, upper and lower case: TovPlay is not tovplay."
        ),
        "host": forms.CharField(required=False, max_length=255, help_text="Name, address, or the folder of a socket."),
        "port": forms.IntegerField(required=False, min_value=1, max_value=65_535, help_text="5432 when empty."),
        "service": forms.CharField(
            label="libpq service", required=False, max_length=80, help_text="Instead of host and port, if you use one."
        ),
        "sslmode": forms.ChoiceField(
            label="TLS",
            choices=SSLMODES,
            initial="prefer",
            help_text="require or better for what leaves this machine; verify-full also checks who answers.",
        ),
        "maintenance_database": forms.CharField(
            max_length=63, initial="postgres", help_text="Where tovgov connects when the database itself is gone."
        ),
        "proving_target": forms.ModelChoiceField(
            Target.objects.filter(environment=Environment.SCRATCH),
            required=False,
            empty_label="Beside the target",
            label="Backups are proved",
            help_text="On a scratch server if there is one; else in a scratch database beside the target.",
        ),
        "rpo_goal_minutes": _goal(
            "RPO goal", "At most so many minutes of data may be lost; incidents are measured by it."
        ),
        "rto_goal_minutes": _goal("RTO goal", "After at most so many minutes it must be in service again."),
        "notes": forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3})),
    }
    if target is not None:
        fields["is_active"] = forms.BooleanField(
            label="In use", required=False, help_text="What is not in use is neither checked nor backed up."
        )
        for name, field in fields.items():
            field.initial = getattr(target, name)
    return fields


def _goal(label: str, help_text: str) -> forms.Field:
    return forms.IntegerField(
        label=label, required=False, min_value=1, max_value=5_256_000, help_text=f"{help_text} Empty: no goal."
    )


def role_fields(purpose: Purpose) -> dict[str, forms.Field]:
    """User and password of one role."""
    return {
        f"user_{purpose}": forms.CharField(label="User", required=False, max_length=63),
        f"password_{purpose}": forms.CharField(
            label="Password",
            required=False,
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        ),
    }


class SentinelField(forms.CharField):
    """One sentinel in words."""

    def clean(self, value: Any) -> Any:
        return read_sentinel(super().clean(value))


class RegisterForm(forms.Form):
    """Everything about a new target on one page."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="target_%s")
        self.fields |= fact_fields()
        for purpose in Purpose:
            self.fields |= role_fields(purpose)
        self.fields["sentinels"] = forms.CharField(
            required=False,
            widget=forms.Textarea(attrs={"rows": 3, "placeholder": "public.User 10"}),
            help_text="One a line: schema.table and its least rows. They tell an emptied database from yours.",
        )
        self.fields["twin_reason"] = forms.CharField(
            label="Copy of a registered server",
            required=False,
            help_text="Only for a physical copy, which has the same identity: say what it is, as in “cloned disk”.",
        )

    def clean_sentinels(self) -> list[Sentinel]:
        return [read_sentinel(line) for line in self.cleaned_data["sentinels"].splitlines() if line.strip()]

    @property
    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """The fields under their headings."""
        plan = [
            ("What it is", ("name", "environment", "database")),
            ("Where it is", ("host", "port", "sslmode", "service", "maintenance_database")),
            (
                "How it is guarded",
                ("sentinels", "proving_target", "rpo_goal_minutes", "rto_goal_minutes", "notes", "twin_reason"),
            ),
        ]
        return [(heading, [self[name] for name in names]) for heading, names in plan]

    @property
    def roles(self) -> list[tuple[Purpose, str, list[BoundField]]]:
        """The fields of each role with what it is for."""
        return [(p, ROLE_WORDS[p], [self[f"user_{p}"], self[f"password_{p}"]]) for p in Purpose]

    @property
    def facts(self) -> dict[str, Any]:
        """As ``register`` takes them."""
        data = self.cleaned_data
        return {name: data[name] for name in fact_fields() if name != "name"}

    @property
    def credentials(self) -> dict[Purpose, tuple[str, str]]:
        data = self.cleaned_data
        given = {p: (data[f"user_{p}"], data[f"password_{p}"]) for p in Purpose}
        return {purpose: pair for purpose, pair in given.items() if any(pair)}


def read_sentinel(line: str) -> Sentinel:
    """``public.User 10`` as schema, table and rows. Raises ``ValidationError``."""
    name, _, rows = line.strip().rpartition(" ")
    schema, dot, table = name.strip().partition(".")
    if not (dot and schema and table and rows.isdigit()):
        raise forms.ValidationError(f"“{line.strip()}” is not like “public.User 10”.")
    return schema, table, int(rows)
