"""Errors of runbooks, action items and lessons."""

from __future__ import annotations

from audit.exceptions.base import InfrastructureFault, Refusal, UsageError


class NoSuchRunbook(UsageError):
    code = "runbook.unknown"
    sentence = "There is no such runbook."
    advice = "The incident's page offers those that there are; docs/runbooks.md has them in full."


class NoSuchStep(UsageError):
    code = "runbook.step_unknown"
    sentence = "There is no such step in this runbook."
    advice = "manage.py runbooks show lists its steps with their numbers."


class RunbookStarted(Refusal):
    code = "runbook.started"
    sentence = "This runbook was begun on the incident already."
    advice = "Go on with that one; its steps are on the incident's page."


class RunbookOver(Refusal):
    code = "runbook.over"
    sentence = "The incident is closed: its runbooks are a record now."
    advice = "Reopen the incident with a reason if there is still work to do."


class StepTicked(Refusal):
    code = "runbook.step_ticked"
    sentence = "This step was ticked already."
    advice = "Look who did it and what they noted; take the tick back with a reason if it was wrong."


class StepNotTicked(Refusal):
    code = "runbook.step_not_ticked"
    sentence = "This step is not ticked."
    advice = "There is no tick to take back."


class StepInvalid(UsageError):
    code = "runbook.step_invalid"
    sentence = "A step needs a title of at most 255 characters."
    advice = "Say in a line what is to be done; why it is done goes into the other field."


class ActionInvalid(UsageError):
    code = "action.invalid"
    sentence = "An action item needs a title of at most 255 characters."
    advice = "Say in a line what is to be done, for example: Take DROP away from the deployment's role."


class ActionChanged(Refusal):
    code = "action.changed"
    sentence = "Somebody else changed the action item since you opened the form."
    advice = "Your words were not saved yet. Compare them with what stands there now, then save again."


class ActionMisfit(Refusal):
    code = "action.misfit"
    sentence = "This step does not fit the action item's state."
    advice = "Its page shows what fits. One that is done or dropped is reopened with a reason."


class ActionOwnerUnfit(UsageError):
    code = "action.owner_unfit"
    sentence = "This person cannot own an action item."
    advice = "Choose an active manager, member of the staff or approver."


class NoSuchAction(UsageError):
    code = "action.unknown"
    sentence = "There is no such action item."
    advice = "The page Action items lists them."


class ReminderNotSent(InfrastructureFault):
    code = "action.reminder_not_sent"
    sentence = "The mail server did not take the reminder."
    advice = "Compare TOVGOV_EMAIL_URL with what the mail server wants. It is tried again by itself."


class LessonInvalid(UsageError):
    code = "lesson.invalid"
    sentence = "A lesson needs a problem and a solution."
    advice = "Say what happened and what helps; a person who was not there must understand it."


class LessonChanged(Refusal):
    code = "lesson.changed"
    sentence = "Somebody else changed the lesson since you opened the form."
    advice = "Your words were not saved yet. Compare them with what stands there now, then save again."


class LessonRetired(Refusal):
    code = "lesson.retired"
    sentence = "This lesson is retired."
    advice = "Bring it back with a reason first, or write a new one."


class LessonNotRetired(Refusal):
    code = "lesson.not_retired"
    sentence = "This lesson is not retired."
    advice = "There is nothing to bring back."


class NoSuchLesson(UsageError):
    code = "lesson.unknown"
    sentence = "There is no such lesson."
    advice = "The page Lessons lists them."
