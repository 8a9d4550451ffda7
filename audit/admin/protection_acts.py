"""What can be done about a target's protection: plan it, install it, look at it, take it off."""

from __future__ import annotations

from typing import Any

from django import forms

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.models import Approval, Protection, ProtectionPolicy, Target
from audit.protection import install, plan, uninstall, verify
from audit.templatetags.tovgov import page_of


class Plan(Act):
    """Of a target, or of what is known of its protection."""

    slug = "plan"
    label = "Plan protection"
    permission = plan.PLAN
    in_list = False

    def applies(self, obj: Target | Protection) -> bool:
        target = obj if isinstance(obj, Target) else obj.target
        return target.is_active and target.is_identified

    def consequences(self, obj: Any) -> list[str]:
        return [
            "tovgov reads the target's catalogues and shows every statement, lock and effect of the policy.",
            "Nothing is changed on the target.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        newest = ProtectionPolicy.objects.order_by("name", "-version").distinct("name")
        return {"policy": forms.ModelChoiceField(newest, empty_label=None)}

    def perform(self, obj: Target | Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        target = obj if isinstance(obj, Target) else obj.target
        made = plan.plan(target, data["policy"], actor=actor)
        words = f"{len(made.steps)} steps are to be done." if made.steps else "Nothing is left to do."
        return Done(f"{target}: {words}", page_of(Protection.objects.get(target=target)))


class Change(Act):
    """An act that changes the target: by a job, with a reason, on production with an approval."""

    permission = install.INSTALL
    in_list = False
    reason = Reason.NEEDED

    def _asked(self, approval: Approval) -> Done:
        return Done("A second person is asked. Come back here when it is approved.", page_of(approval))


class PlannedChange(Change):
    def applies(self, obj: Protection) -> bool:
        return bool(obj.planned_policy and obj.plan.get("steps") and not obj.plan.get("blocked"))

    def consequences(self, obj: Protection) -> list[str]:
        steps = obj.plan["steps"]
        lines = [f"{len(steps)} steps, each a transaction of its own, exactly as the plan shows them."]
        return lines + list(dict.fromkeys(step["effect"] for step in steps if step["effect"]))

    def of(self, obj: Protection, actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        return {"actor": actor, "reason": data["reason"], "fingerprint": obj.plan["fingerprint"]}


class Install(PlannedChange):
    slug = "install"
    label = "Install"
    tone = "primary"

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        assert obj.planned_policy is not None
        run = install.request(obj.target, obj.planned_policy, **self.of(obj, actor, data))
        return Done(f"{run} is queued.", page_of(run))


class AskInstall(PlannedChange):
    slug = "ask-install"
    label = "Ask for approval"

    def applies(self, obj: Protection) -> bool:
        return super().applies(obj) and obj.target.is_production

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        assert obj.planned_policy is not None
        return self._asked(install.ask_approval(obj.target, obj.planned_policy, **self.of(obj, actor, data)))


class Verify(Act):
    slug = "verify"
    label = "Verify now"
    permission = plan.PLAN

    def applies(self, obj: Protection) -> bool:
        return obj.is_installed

    def consequences(self, obj: Protection) -> list[str]:
        return ["tovgov reads the catalogues of the target and compares every object with the policy."]

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        return Done(f"{obj.target}: {verify.summary(verify.verify(obj.target, actor=actor))}")


class Removal(Change):
    tone = "danger"

    def applies(self, obj: Protection) -> bool:
        return obj.is_installed

    def consequences(self, obj: Protection) -> list[str]:
        return [
            f"The policy {obj.policy} is taken off {obj.target}; owners and flags are as they were before.",
            "Nothing of tovgov stays in the target, the delete log included.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        label = "Captured rows that were not imported may be lost"
        return {"may_lose_rows": forms.BooleanField(label=label, required=False)}

    def of(self, actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        return {"actor": actor, "reason": data["reason"], "may_lose_rows": data["may_lose_rows"]}


class Uninstall(Removal):
    slug = "uninstall"
    label = "Uninstall"

    def typed_name(self, objects: Any) -> str:
        return str(objects[0].target.name)

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        run = uninstall.request(obj.target, **self.of(actor, data))
        return Done(f"{run} is queued.", page_of(run))


class AskUninstall(Removal):
    slug = "ask-uninstall"
    label = "Ask to uninstall"
    tone = ""

    def applies(self, obj: Protection) -> bool:
        return super().applies(obj) and obj.target.is_production

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        return self._asked(uninstall.ask_approval(obj.target, **self.of(actor, data)))
