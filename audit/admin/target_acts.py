"""What can be done with a target: test its connection, change it, confirm who it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from audit import preflight, targets
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.protection_acts import Plan
from audit.admin.target_forms import ROLE_WORDS, SentinelField, fact_fields, role_fields
from audit.models import Environment, Purpose, Target
from audit.templatetags import format as words
from audit.templatetags.tovgov import page_of


class TestConnection(Act):
    """Ask everything that can be asked beforehand."""

    __test__ = False  # pytest takes its name for a test
    slug = "test"
    label = "Test connection"
    permission = "audit.test_target"

    def consequences(self, obj: Target) -> list[str]:
        pins = [] if obj.is_identified else ["With the first good answer its identity is pinned."]
        return ["Each role connects and is asked what it may do; nothing is written and nobody has to wait.", *pins]

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        lines = preflight.test_connection(obj, actor=actor).lines
        count = {status: sum(1 for line in lines if line["status"] == status) for status in ("PASS", "FAIL", "UNKNOWN")}
        told = f"{count['PASS']} passed, {count['FAIL']} failed, {count['UNKNOWN']} could not be asked."
        return Done(f"{obj}: {told}", f"{page_of(obj)}#preflight")


class Change(Act):
    """Change what is known of it."""

    slug = "change"
    label = "Change"
    permission = "audit.change_target"
    in_list = False
    reason = Reason.WELCOME

    def consequences(self, obj: Target) -> list[str]:
        return [
            "The pinned identity stays: an address that leads to another database is refused at the next connection.",
            "A lower environment has fewer guards: from production it takes the approval of a second person.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return fact_fields(objects[0])

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        facts = {name: data[name] for name in fact_fields(obj)}
        targets.update(obj, actor=actor, reason=data["reason"], **facts)
        return Done(f"{facts['name']} is changed.")


class SetRole(Act):
    """Enter a role and its password."""

    slug = "role"
    minor = True
    label = "Enter a role"
    permission = "audit.change_credential"
    in_list = False

    def consequences(self, obj: Target) -> list[str]:
        return [
            "The password is encrypted at rest and never shown again, to nobody.",
            "It stands in the place of what was entered for this purpose before.",
            "A purpose without a role of its own uses the next stronger one.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        choices = [(purpose.value, f"{purpose.label}: {ROLE_WORDS[purpose]}") for purpose in Purpose]
        user, password = role_fields(Purpose.OPERATE).values()
        return {"purpose": forms.ChoiceField(label="For", choices=choices), "user": user, "password": password}

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        purpose = Purpose(data["purpose"])
        targets.set_credential(obj, purpose, user=data["user"], password=data["password"], actor=actor)
        return Done(f"{obj}: the role for “{purpose.label}” is stored. Test the connection now.")


class SetSentinel(Act):
    """Name a table that must not be empty."""

    slug = "sentinel"
    minor = True
    label = "Add a sentinel"
    permission = "audit.change_sentineltable"
    in_list = False

    def consequences(self, obj: Target) -> list[str]:
        return ["From the next check on, fewer rows there raise a critical alarm and refuse every act."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {"sentinel": SentinelField(label="Table and least rows", help_text="As in: public.User 10")}

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        schema, table, least = data["sentinel"]
        targets.set_sentinel(obj, (schema, table, least), actor=actor)
        return Done(f"{obj}: {schema}.{table} must have at least {least} rows.")


class RemoveSentinel(Act):
    """No longer watch a table."""

    slug = "remove-sentinel"
    minor = True
    label = "Remove a sentinel"
    permission = "audit.delete_sentineltable"
    in_list = False
    reason = Reason.NEEDED

    def applies(self, obj: Target) -> bool:
        return obj.sentinels.exists()

    def consequences(self, obj: Target) -> list[str]:
        return ["Nobody is told any more when this table loses its rows."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {"sentinel": forms.ModelChoiceField(objects[0].sentinels.all(), empty_label=None)}

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        targets.remove_sentinel(data["sentinel"], actor=actor, reason=data["reason"])
        return Done(f"{obj}: {data['sentinel']} is no longer watched.")


class LowerEnvironment(Act):
    """Ask that production becomes less."""

    slug = "lower"
    minor = True
    label = "Ask to lower the environment"
    permission = "audit.change_target"
    in_list = False
    reason = Reason.NEEDED

    def applies(self, obj: Target) -> bool:
        return obj.is_production

    def consequences(self, obj: Target) -> list[str]:
        return [
            "A second person decides. Nothing changes until then.",
            "Once it is approved, choose Change and set the environment there.",
        ]

    def warning(self, objects: Sequence[Any]) -> str:
        return "The guards of production go: a second person at restores, the typed name, the loud banner."

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        lower = [choice for choice in Environment.choices if choice[0] != Environment.PRODUCTION]
        return {"environment": forms.ChoiceField(choices=lower)}

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        wanted = Environment(data["environment"])
        approval = targets.lower_environment(obj, wanted, actor=actor, reason=data["reason"])
        return Done("Asked. A second person decides.", page_of(approval))


class Identify(Act):
    """Pin another identity, on purpose."""

    slug = "identify"
    minor = True
    label = "Confirm identity anew"
    permission = "audit.identify_target"
    tone = "danger"
    in_list = False
    reason = Reason.NEEDED
    reason_label = "Why is it another one now?"

    def applies(self, obj: Target) -> bool:
        return obj.is_identified

    def consequences(self, obj: Target) -> list[str]:
        return [
            f'Pinned now: database "{obj.pinned_database}", number {obj.database_oid}, on server'
            f" {obj.system_identifier}, PostgreSQL {words.version(obj.server_version)}.",
            f'tovgov connects to "{obj.database}" and pins whatever answers there now.',
            "From then on every act goes to that one: backups, restores, everything.",
        ]

    def warning(self, objects: Any) -> str:
        return (
            "Do this only when you know that the database was moved or made again on purpose. If you do not know why"
            " it differs, find out first: this guard is there for exactly that moment."
        )

    def typed_name(self, objects: Any) -> str:
        return str(objects[0].database)

    def perform(self, obj: Target, *, actor: Actor, data: dict[str, Any]) -> Done:
        seen = targets.identify(obj, actor=actor, reason=data["reason"])
        return Done(f'{obj}: pinned to database "{seen.database}", number {seen.database_oid}.')


ACTS: list[Act] = [
    TestConnection(),
    Plan(),
    Change(),
    SetRole(),
    SetSentinel(),
    RemoveSentinel(),
    LowerEnvironment(),
    Identify(),
]
