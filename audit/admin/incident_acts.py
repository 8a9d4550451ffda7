"""The acts of an incident: a button for every verb of ``audit.incidents``, ``audit.losses`` and ``audit.timeline``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from audit import incidents, losses, timeline
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.approvals import ApprovalAdmin
from audit.exceptions import NoSuchProof
from audit.incidents.lifecycle import fits
from audit.models import Approval, ApprovalState, Incident, IncidentKind, IncidentStatus, Severity
from audit.models.incidents import STAMPS
from audit.templatetags.format import moment
from audit.templatetags.tovgov import page_of

STAMP_WORDS = {
    "began_at": "Impact began",
    "detected_at": "Detected",
    "acknowledged_at": "Acknowledged",
    "mitigated_at": "Mitigated",
    "resolved_at": "Resolved",
}
NEXT = {
    IncidentStatus.OPEN: "investigate",
    IncidentStatus.INVESTIGATING: "mitigate",
    IncidentStatus.MITIGATED: "resolve",
    IncidentStatus.RESOLVED: "review",
    IncidentStatus.REVIEWED: "close",
}
"""The obvious next step of each status: its button stands out."""
FORMAT = "%Y-%m-%dT%H:%M:%S"


def moment_field(label: str, help_text: str = "", *, required: bool = False) -> forms.DateTimeField:
    """A day and a time to the second, in the zone of the pages."""
    return forms.DateTimeField(
        label=f"{label} ({timezone.get_current_timezone_name()})",
        required=required,
        help_text=help_text,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=FORMAT),
    )


class IncidentAct(Act):
    permission = incidents.HANDLE
    in_list = False
    step: str = ""
    """The step of the lifecycle that it is, if it is one."""

    def applies(self, obj: Incident) -> bool:
        return fits(obj, self.step) if self.step else obj.status != IncidentStatus.CLOSED


class Investigate(IncidentAct):
    slug = step = "investigate"
    label = "I take it"
    reason = Reason.WELCOME
    reason_label = "What do you look at first?"

    def consequences(self, obj: Incident) -> list[str]:
        lead = [] if obj.lead_name else ["You lead it."]
        return [*lead, "It is acknowledged now: the others see that somebody works on it."]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.investigate(obj, actor=actor, note=data["reason"])
        return Done(f"{obj.code} is in your hands.")


class Mitigate(IncidentAct):
    slug = step = "mitigate"
    label = "The impact is over"
    reason = Reason.WELCOME
    reason_label = "What ended it?"

    def consequences(self, obj: Incident) -> list[str]:
        return ["Nobody is hurt by it any more. It stays open until everything is as it should be."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {"at": moment_field("Since when?", "Empty: now.")}

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.mitigate(obj, actor=actor, note=data["reason"], at=data["at"])
        return Done(f"{obj.code} is mitigated.")


class Resolve(IncidentAct):
    slug = step = "resolve"
    label = "Resolve"
    reason = Reason.NEEDED
    reason_label = "What makes it as it should be?"

    def consequences(self, obj: Incident) -> list[str]:
        proof = [f"The proof: {obj.proof_line}"] if obj.proof_line else []
        proof += [f"The loss was accepted: {obj.acceptance.reason}"] if obj.acceptance else []
        return ["Everything is as it should be again.", "Nothing joins it any more.", *proof]

    def warning(self, objects: Sequence[Any]) -> str:
        is_missing = objects[0].is_lossy and not objects[0].is_answered
        return "Rows were lost and nothing proves that they are back: this will be refused." if is_missing else ""

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {"at": moment_field("Since when?", "Empty: now.")}

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.resolve(obj, actor=actor, note=data["reason"], at=data["at"])
        return Done(f"{obj.code} is resolved.")


class Review(IncidentAct):
    slug = step = "review"
    label = "Review"
    permission = incidents.LEAD
    reason = Reason.WELCOME
    reason_label = "Note"

    def consequences(self, obj: Incident) -> list[str]:
        said = ["You have read the whole record, and its lessons are drawn, says your name."]
        approval = incidents.waiver(obj)
        if approval is not None and approval.state == ApprovalState.APPROVED and incidents.lacks_post_mortem(obj):
            said.append(f"{approval.decided_name} agreed to do without a post-mortem: {approval.reason}")
        return said

    def warning(self, objects: Sequence[Any]) -> str:
        approval = incidents.waiver(objects[0])
        if not incidents.lacks_post_mortem(objects[0]) or (approval and approval.state == ApprovalState.APPROVED):
            return ""
        return "A post-mortem is expected of it, and none was reviewed: this will be refused."

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.review(obj, actor=actor, note=data["reason"])
        return Done(f"{obj.code} is reviewed.")


class AskWaiver(IncidentAct):
    slug = "ask-waiver"
    label = "Ask to do without a post-mortem"
    minor = True
    reason = Reason.NEEDED
    reason_label = "Why is there nothing to learn from it?"

    def applies(self, obj: Incident) -> bool:
        return fits(obj, "review") and incidents.lacks_post_mortem(obj)

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "An approver decides whether this incident may be reviewed without one; your reason stands in the ledger.",
            "Another kind or severity, or reopening it, needs another decision. Nothing is reviewed by this.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        approval = incidents.request_waiver(obj, actor=actor, reason=data["reason"])
        return Done("An approver is asked. Come back here when it is approved.", page_of(approval))


class Close(IncidentAct):
    slug = step = "close"
    label = "Close the incident"
    reason = Reason.NEEDED
    reason_label = "What came of it?"

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "It is closed with your name and your words; nothing joins it any more.",
            "What in it is still suspicious must be closed by a second person before.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.close(obj, actor=actor, note=data["reason"])
        return Done(f"Closed: {obj}")


class Reopen(IncidentAct):
    slug = step = "reopen"
    label = "Reopen"
    minor = True
    reason = Reason.NEEDED

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "Its resolution, review and end are taken back.",
            "Its proof or accepted loss is taken back too; the ledger keeps it.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.reopen(obj, actor=actor, note=data["reason"])
        return Done(f"{obj.code} is open again.")


class ChangeStamps(IncidentAct):
    slug = "stamps"
    label = "Correct the times"
    permission = incidents.LEAD
    minor = True
    reason = Reason.NEEDED
    reason_label = "How do you know?"

    def consequences(self, obj: Incident) -> list[str]:
        return ["In this order, as far as they are known; leave empty what nobody knows.", "The ledger keeps both."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        for name in STAMPS:
            found[name] = moment_field(STAMP_WORDS[name])
            found[name].initial = getattr(objects[0], name)
        return found

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        changed = {name: data[name] for name in STAMPS if _second(getattr(obj, name)) != _second(data[name])}
        incidents.change_stamps(obj, changed, actor=actor, reason=data["reason"])
        return Done("The times are corrected." if changed else "The times are as they were.")


def _second(at: datetime | None) -> datetime | None:
    """The form knows whole seconds only: what it shows unchanged is no change."""
    return at.replace(microsecond=0) if at is not None else None


class Classify(IncidentAct):
    slug = "classify"
    label = "Title, kind, severity, lead"
    permission = incidents.LEAD
    minor = True
    reason = Reason.NEEDED

    def consequences(self, obj: Incident) -> list[str]:
        return ["What lost rows (data loss, dropped database, sync) resolves only with a proof or an accepted loss."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        obj: Incident = objects[0]
        people = [user.pk for user in User.objects.filter(is_active=True) if user.has_perm(incidents.HANDLE)]
        return {
            "title": forms.CharField(max_length=255, initial=obj.title),
            "kind": forms.ChoiceField(choices=IncidentKind.choices, initial=obj.kind),
            "severity": forms.ChoiceField(choices=Severity.choices, initial=obj.severity),
            "lead": forms.ModelChoiceField(
                User.objects.filter(pk__in=people), required=False, initial=obj.lead, empty_label="As it is"
            ),
        }

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.classify(
            obj, actor=actor, reason=data["reason"], title=data["title"], kind=IncidentKind(data["kind"]),
            severity=Severity(data["severity"]), lead=data["lead"],
        )  # fmt: skip
        return Done(f"{obj.code} is changed.")


class AskAcceptance(IncidentAct):
    slug = "ask-acceptance"
    label = "Ask to accept the loss"
    minor = True
    reason = Reason.NEEDED
    reason_label = "Why may these rows stay lost?"

    def applies(self, obj: Incident) -> bool:
        return obj.is_open and obj.is_lossy and not obj.is_answered

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "An approver decides on exactly the loss that stands here now; another number needs another decision.",
            "Nothing is resolved by this.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        approval = incidents.request_acceptance(obj, actor=actor, reason=data["reason"])
        return Done("An approver is asked. Come back here when it is approved.", page_of(approval))


class UseAcceptance(IncidentAct):
    slug = "accept-loss"
    label = "Use the acceptance of the loss"
    tone = "primary"

    def applies(self, obj: Incident) -> bool:
        approval = incidents.acceptance(obj)
        return obj.is_open and not obj.is_answered and approval is not None and approval.state == "approved"

    def consequences(self, obj: Incident) -> list[str]:
        approval = incidents.acceptance(obj)
        said = [f"{approval.decided_name} approved: {approval.summary}"] if approval else []
        return [*said, "The incident may be resolved without a proof."]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.accept_loss(obj, actor=actor)
        return Done("The loss is accepted.")


class CountLoss(IncidentAct):
    slug = "count-loss"
    label = "Compute the loss"

    def applies(self, obj: Incident) -> bool:
        return super().applies(obj) and obj.target_id is not None and obj.began_at is not None

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "Every table of the target is counted, in one snapshot; nothing is changed or locked there.",
            "The counts are held against the last proved backup before the impact and the captured deletes.",
            "What nobody knows stays unknown.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        job = losses.request(obj, actor=actor)
        return Done("The target is being counted.", page_of(job))


class LinkProof(IncidentAct):
    slug = "prove"
    label = "Link the proof"

    def applies(self, obj: Incident) -> bool:
        return obj.is_open and obj.target_id is not None and obj.began_at is not None

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "A restore or an undelete whose comparison passed proves that the rows are back.",
            "RTO and RPO count from it.",
            "A dry run, another target, what was undone, and what came before the impact prove nothing.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        fitting = [(_name(one.row), one.line) for one in losses.proofs(objects[0])]
        found: dict[str, forms.Field] = {}
        if fitting:
            found["fitting"] = forms.ChoiceField(
                label="What fits, the newest first", choices=[*fitting, ("", "Another one")], required=False,
                widget=forms.RadioSelect, initial=fitting[0][0],
            )  # fmt: skip
        found["name"] = forms.CharField(
            label="Another one" if fitting else "Restore or undelete", required=False, max_length=60,
            help_text="As its page names it, for example restore-12.",
        )  # fmt: skip
        return found

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        name = data["name"] or data.get("fitting", "")
        if not name:
            raise NoSuchProof("Nothing was chosen.")
        losses.prove(obj, losses.find(name), actor=actor)
        return Done(f"Linked: {obj.proof_line}", f"{page_of(obj)}#loss")


def _name(row: Any) -> str:
    return f"{row._meta.model_name}-{row.pk}"


class Note(IncidentAct):
    slug = "note"
    label = "Add a note"

    def consequences(self, obj: Incident) -> list[str]:
        return ["It stands in the timeline at its own time, with your name."]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {
            "text": forms.CharField(
                label="What happened?", max_length=timeline.LONGEST_NOTE, widget=forms.Textarea(attrs={"rows": 4})
            ),
            "at": moment_field("When?", "Empty: now."),
        }

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        timeline.add(obj, data["text"], actor=actor, at=data["at"])
        return Done("Added.", f"{page_of(obj)}#timeline")


class Assemble(IncidentAct):
    slug = "assemble"
    label = "Assemble the timeline again"
    minor = True

    def consequences(self, obj: Incident) -> list[str]:
        seen = f" It was done at {moment(obj.timeline_at)}." if obj.timeline_at else ""
        return [f"What is new in the records is added; no line is changed or removed.{seen}"]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        done = timeline.assemble(obj, actor=actor)
        return Done(f"{done.added} new line{'' if done.added == 1 else 's'}.", f"{page_of(obj)}#timeline")


ACTS: list[Act] = [
    Investigate(), Mitigate(), Resolve(), Review(), Close(), UseAcceptance(), CountLoss(), LinkProof(), Note(),
    AskAcceptance(), AskWaiver(), Classify(), ChangeStamps(), Assemble(), Reopen(),
]  # fmt: skip


def _go_on(approval: Approval) -> str:
    """The incident whose loss was accepted, or that is reviewed without a post-mortem."""
    for row in Incident.objects.filter(target=approval.target).order_by("-number"):
        if approval in (incidents.acceptance(row), incidents.waiver(row)):
            return page_of(row)
    return ""


ApprovalAdmin.continuations["incident"] = (incidents.HANDLE, _go_on)
