"""Maintenance windows in the admin: open one, ask for one, close it now."""

from __future__ import annotations

from typing import Any

from django import forms

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.exceptions import WindowClosed
from audit.models import MaintenanceWindow, Protection
from audit.protection import policies, windows
from audit.templatetags.tovgov import page_of


def window_of(obj: Protection | MaintenanceWindow) -> MaintenanceWindow | None:
    """The window that is open, or not locked again yet."""
    rows = MaintenanceWindow.objects.filter(target=obj.target, relocked_at=None)
    return (rows.filter(pk=obj.pk) if isinstance(obj, MaintenanceWindow) else rows).first()


class Opening(Act):
    """Minutes, rules and reason; the same words are asked of both acts, so that an approval fits."""

    permission = windows.OPEN
    in_list = False
    reason = Reason.NEEDED

    def applies(self, obj: Protection) -> bool:
        return obj.is_installed and window_of(obj) is None

    def consequences(self, obj: Protection) -> list[str]:
        return [
            "The guards of the rules you choose stand aside for so many minutes; the others, and the guards themselves,"
            " stay.",
            "It closes by itself: the guards ask the time at every act, whether or not a worker is alive. What tovgov"
            " unlocks for it is locked again then.",
            "Every DDL that happens inside is listed with the window.",
        ]

    def fields(self, objects: Any) -> dict[str, forms.Field]:
        assert objects[0].policy is not None
        choices = [(rule.code, f"{rule.title}: {rule.promise}") for rule, _ in policies.parts(objects[0].policy)]
        return {
            "minutes": forms.IntegerField(min_value=1, max_value=windows.LONGEST, initial=15),
            "rules": forms.MultipleChoiceField(
                choices=choices, widget=forms.CheckboxSelectMultiple, label="Rules that stand aside"
            ),
        }

    def of(self, actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        return {"actor": actor, "minutes": data["minutes"], "rules": data["rules"], "reason": data["reason"]}


class OpenWindow(Opening):
    slug = "open-window"
    label = "Open a maintenance window"

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        row = windows.open_window(obj.target, **self.of(actor, data))
        return Done(f"Open until {row.closes_at:%H:%M} UTC; it closes by itself.", page_of(row))


class AskWindow(Opening):
    slug = "ask-window"
    label = "Ask for a window"

    def applies(self, obj: Protection) -> bool:
        return super().applies(obj) and obj.target.is_production

    def perform(self, obj: Protection, *, actor: Actor, data: dict[str, Any]) -> Done:
        approval = windows.ask_approval(obj.target, **self.of(actor, data))
        words = "A second person is asked. When it is approved, open it here with the same minutes, rules and reason."
        return Done(words, page_of(approval))


class CloseWindow(Act):
    """Of a window, or of the protection it belongs to."""

    slug = "close-window"
    label = "Close the window now"
    permission = windows.OPEN
    tone = "primary"
    in_list = False

    def applies(self, obj: Protection | MaintenanceWindow) -> bool:
        return window_of(obj) is not None

    def consequences(self, obj: Protection | MaintenanceWindow) -> list[str]:
        return [
            "Every rule stands again from now on, for tables made in the window too.",
            "The DDL that happened inside is listed on the window's page.",
        ]

    def perform(self, obj: Protection | MaintenanceWindow, *, actor: Actor, data: dict[str, Any]) -> Done:
        row = window_of(obj)
        if row is None:
            raise WindowClosed
        windows.close(row, actor=actor)
        return Done(f"Closed and locked; {len(row.ddl)} changes are listed.", page_of(row))
