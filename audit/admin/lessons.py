"""Lessons in the admin: the register with its search, and what resembles an incident on its page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit import lessons
from audit.actors import Actor
from audit.admin.action_items import IncidentChoice
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin
from audit.admin.incidents import IncidentAdmin
from audit.admin.keyset import KeysetMixin
from audit.admin.versioned import VersionedMixin, incident_of
from audit.lists.lessons import LESSONS
from audit.models import Incident, IncidentKind, Lesson, Target
from audit.templatetags.tovgov import age, badge

LIKE = 5
"""So many former incidents and so many lessons are shown beside an incident."""
AREA = {"rows": 4}


class LessonForm(forms.Form):
    problem = forms.CharField(
        widget=forms.Textarea(attrs=AREA), max_length=50_000, help_text="What happened, in words that are searched for."
    )
    cause = forms.CharField(widget=forms.Textarea(attrs=AREA), max_length=50_000, required=False)
    solution = forms.CharField(
        widget=forms.Textarea(attrs=AREA), max_length=50_000, help_text="What helped, or what would have."
    )
    tags = forms.CharField(required=False, max_length=1_000, help_text="Between commas, for example: sync, roles.")
    kind = forms.ChoiceField(required=False, choices=[("", "Any kind"), *IncidentKind.choices])
    target = forms.ModelChoiceField(Target.objects.order_by("name"), required=False, empty_label="Any target")
    incident = IncidentChoice(help_text="The one that taught it.")


class RetireLesson(Act):
    slug = "retire"
    label = "Retire"
    permission = lessons.KEEP
    reason = Reason.NEEDED
    reason_label = "Why does it hold no longer?"

    def applies(self, obj: Lesson) -> bool:
        return not obj.is_retired

    def consequences(self, obj: Lesson) -> list[str]:
        return ["It is shown no more beside incidents that it resembles.", "It stays on record and can come back."]

    def perform(self, obj: Lesson, *, actor: Actor, data: dict[str, Any]) -> Done:
        lessons.retire(obj, actor=actor, reason=data["reason"])
        return Done(f"Retired: {obj}")


class RestoreLesson(Act):
    slug = "restore"
    label = "Bring back"
    permission = lessons.KEEP
    reason = Reason.NEEDED

    def applies(self, obj: Lesson) -> bool:
        return obj.is_retired

    def consequences(self, obj: Lesson) -> list[str]:
        return [f"It was retired because: {obj.retired_why}", "It is shown again beside incidents that it resembles."]

    def perform(self, obj: Lesson, *, actor: Actor, data: dict[str, Any]) -> Done:
        lessons.restore(obj, actor=actor, reason=data["reason"])
        return Done(f"It holds again: {obj}")


@admin.register(Lesson)
class LessonAdmin(KeysetMixin, VersionedMixin, RecordAdmin):
    listing = LESSONS
    keep = lessons.KEEP
    form_of = LessonForm
    what = "a lesson"
    acts = [RetireLesson(), RestoreLesson()]
    record_template = "tovgov/lesson.html"
    change_list_template = "tovgov/lesson_list.html"
    list_display = ("problem_line", "solution_line", "tag_words", "kind_word", "of_target", "made")
    list_select_related = ("target", "incident")
    empty_note = "No lesson was kept yet. Write down what an incident taught: problem, cause, solution."

    @admin.display(description="problem")
    def problem_line(self, obj: Lesson) -> str:
        return f"{'Retired: ' if obj.is_retired else ''}{Truncator(obj.problem).chars(140)}"

    @admin.display(description="solution")
    def solution_line(self, obj: Lesson) -> str:
        return Truncator(obj.solution).chars(140)

    @admin.display(description="tags")
    def tag_words(self, obj: Lesson) -> SafeString | str:
        return format_html_join(" ", '<span class="tag">{}</span>', ((tag,) for tag in obj.tags)) or "–"

    @admin.display(description="kind")
    def kind_word(self, obj: Lesson) -> str:
        return obj.get_kind_display() or "any"

    @admin.display(description="target")
    def of_target(self, obj: Lesson) -> str:
        return str(obj.target or "any")

    @admin.display(description="written")
    def made(self, obj: Lesson) -> SafeString | str:
        return age(obj.made_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"lesson": obj, "state": badge("quiet", "Retired") if obj.is_retired else badge("good", "Holds")}

    # --- the form -----------------------------------------------------------------------------------------------------

    def may_edit(self, row: Lesson) -> bool:
        return not row.is_retired

    def facts(self, row: Lesson) -> dict[str, Any]:
        found = {name: getattr(row, name) for name in ("problem", "cause", "solution")}
        return found | {"tags": ", ".join(row.tags), "kind": row.kind, "target": row.target, "incident": row.incident}

    def fresh(self, request: HttpRequest) -> dict[str, Any]:
        """Of an incident, its kind, its target and what people said of it."""
        row = incident_of(request)
        if row is None:
            return {}
        words = {"problem": row.summary or row.title, "cause": row.root_causes}
        return {"incident": row, "kind": row.kind, "target": row.target, **words}

    def add(self, *, actor: Actor, data: dict[str, Any]) -> Lesson:
        return lessons.add(actor=actor, **data | {"tags": lessons.read_tags(data["tags"])})

    def change(self, row: Lesson, *, version: int, actor: Actor, data: dict[str, Any]) -> None:
        lessons.change(row, version=version, actor=actor, **data | {"tags": lessons.read_tags(data["tags"])})


def section(incident: Incident, user: User) -> dict[str, Any]:
    """What it taught, and what resembles it, each with the reason why it is shown."""
    url = f"{reverse('admin:audit_lesson_add')}?incident={incident.pk}"
    return {
        "own": list(incident.lessons.order_by("retired_at", "id")),
        "like": lessons.resembling(incident, LIKE),
        "add": url if user.has_perm(lessons.KEEP) else "",
    }


IncidentAdmin.sections.append(("tovgov/incident_lessons.html", section))
