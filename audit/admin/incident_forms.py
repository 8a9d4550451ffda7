"""The forms of incidents: one is opened by hand; its story is told, and two who write at once lose nothing."""

from __future__ import annotations

from typing import Any

from django import forms

from audit.admin.incident_acts import moment_field
from audit.incidents import STORY
from audit.models import Cause, Incident, IncidentKind, Severity, Target

LONGEST = 100_000
STORY_WORDS = {
    "summary": ("In short", "What happened, in a few sentences, for somebody who was not there."),
    "impact": ("Impact", "Who could not do what, and for how long."),
    "trigger": ("Trigger", "What set it off."),
    "detection": ("Detection", "How it was noticed, and what should have noticed it."),
    "root_causes": ("Root causes", "Why it could happen. Causes, never people."),
    "contributing_factors": ("Contributing factors", "What made it worse or more likely."),
    "went_well": ("What went well", ""),
    "went_wrong": ("What went wrong", ""),
    "lucky": ("Where we were lucky", ""),
}


class OpenForm(forms.Form):
    """What is known of a new incident."""

    title = forms.CharField(max_length=255, help_text="What happened, in a line.")
    target = forms.ModelChoiceField(Target.objects.order_by("name"), required=False, empty_label="None, or several")
    kind = forms.ChoiceField(choices=IncidentKind.choices, initial=IncidentKind.OTHER)
    severity = forms.ChoiceField(choices=Severity.choices, initial=Severity.WARNING)
    reason = forms.CharField(
        label="What do you know?", required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="incident_%s")
        helped = "The loss and the timeline begin there. Empty: not known yet."
        self.fields["began_at"] = moment_field("The impact began", helped)
        self.fields["detected_at"] = moment_field("It was noticed", "Empty: now.")


class StoryForm(forms.Form):
    """The fields in people's words, the causes that are counted, and the version that the writer read."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, row: Incident, data: Any = None) -> None:
        super().__init__(data, auto_id="story_%s")
        self.initial["version"] = row.version
        for name in STORY:
            label, help_text = STORY_WORDS[name]
            self.fields[name] = forms.CharField(
                label=label, help_text=help_text, required=False, max_length=LONGEST,
                widget=forms.Textarea(attrs={"rows": 4}), initial=getattr(row, name),
            )  # fmt: skip
        self.fields["causes"] = forms.MultipleChoiceField(
            choices=Cause.choices, required=False, widget=forms.CheckboxSelectMultiple, initial=row.causes,
            help_text="Causes that come again are counted by these.",
        )  # fmt: skip

    @property
    def words(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in STORY}

    def against(self, row: Incident) -> list[dict[str, str]]:
        """Where the writer's text differs from what stands there now: both, side by side."""
        pairs = [(name, self.cleaned_data[name].strip(), str(getattr(row, name))) for name in STORY]
        return [
            {"label": STORY_WORDS[name][0], "mine": mine, "theirs": theirs}
            for name, mine, theirs in pairs
            if mine.replace("\r\n", "\n") != theirs.replace("\r\n", "\n")
        ]
