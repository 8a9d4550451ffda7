"""Acts: one verb behind a page that says exactly what will happen, and a second, confirming POST.

An act is shown as a button where it fits and where the person may do it, and as an action of the list. Its verb checks
the permission again: a forged POST ends in 403, whoever sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from django import forms
from django.db import models

from audit.actors import Actor
from audit.exceptions import TovgovError


class Reason(Enum):
    """Whether the person is asked why."""

    NONE = "none"
    WELCOME = "welcome"
    NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act says when it is done, and the page that shows what goes on (None: the object's own)."""

    message: str
    url: str | None = None


class Act:
    """Subclass it: words, permission, and the one verb that ``perform`` calls. Instances hold no state."""

    slug: ClassVar[str]
    label: ClassVar[str]
    permission: ClassVar[str]
    own: ClassVar[bool] = False
    """Who lacks the permission may do it to what is their own; ``may_on`` of the model admin says what that is."""
    tone: ClassVar[str] = ""
    """"" (plain), "primary" (the obvious next step) or "danger" (something will be replaced or given up)."""
    in_list: ClassVar[bool] = True
    """Also offered as an action of the list, for several objects at once."""
    minor: ClassVar[bool] = False
    """Seldom wanted: shown under More instead of among the buttons."""
    reason: ClassVar[Reason] = Reason.NONE
    reason_label: ClassVar[str] = "Why?"

    def applies(self, obj: Any) -> bool:
        """Whether it makes sense for ``obj`` now; where it does not, there is no button."""
        return True

    def title(self, objects: Sequence[Any]) -> str:
        """The heading of the page, as a question."""
        what = str(objects[0]) if len(objects) == 1 else f"{len(objects)} {objects[0]._meta.verbose_name_plural}"
        return f"{self.label}: {what}?"

    def consequences(self, obj: Any) -> list[str]:
        """What will happen to ``obj``, a sentence each."""
        raise NotImplementedError

    def warning(self, objects: Sequence[Any]) -> str:
        """One sentence that must not be missed, or nothing."""
        return ""

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        """What else is asked; reaches ``perform`` in ``data``."""
        return {}

    def typed_name(self, objects: Sequence[Any]) -> str:
        """The name that must be typed before anything happens, or nothing."""
        return ""

    def facts(self, objects: Sequence[Any]) -> dict[str, Any]:
        """More context for a template of its own."""
        return {}

    template: ClassVar[str] = "tovgov/act.html"

    def perform(self, obj: Any, *, actor: Actor, data: dict[str, Any]) -> Done:
        """Call the verb. Raises ``TovgovError``, which the page shows with its hint."""
        raise NotImplementedError

    def perform_all(self, objects: Sequence[Any], *, actor: Actor, data: dict[str, Any]) -> list[Outcome]:
        """Do it to each; one that is refused does not keep the next from being done. An act whose verb takes many at
        once answers with one outcome for all."""
        return [self._outcome(obj, actor, data) for obj in objects]

    def _outcome(self, obj: Any, actor: Actor, data: dict[str, Any]) -> Outcome:
        try:
            return Outcome(obj, self.perform(obj, actor=actor, data=data), None)
        except TovgovError as error:
            return Outcome(obj, None, error)

    def form(self, objects: Sequence[Any], data: Any = None) -> forms.Form:
        """Reason, typed name and the act's own fields."""
        fields = dict(self.fields(objects))
        if self.reason is not Reason.NONE:
            fields["reason"] = forms.CharField(
                label=self.reason_label,
                required=self.reason is Reason.NEEDED,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="Kept in the ledger with your name.",
            )
        name = self.typed_name(objects)
        if name:
            fields["typed_name"] = TypedName(name)
        form = forms.Form(data, auto_id="act_%s")
        form.fields.update(fields)
        return form


class TypedName(forms.CharField):
    """The exact name, typed by hand: no paste is offered, upper and lower case count."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            label=f"Type {name} to confirm",
            strip=False,
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
            help_text="The exact name, upper and lower case included.",
        )

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        if typed != self.name:
            raise forms.ValidationError(f"This is not “{self.name}”. Nothing was done.")
        return typed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an act ended for one object."""

    obj: models.Model
    done: Done | None
    error: TovgovError | None
