"""Errors of post-mortems."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class PostMortemChanged(Refusal):
    code = "postmortem.changed"
    sentence = "Somebody else saved the post-mortem since you read it."
    advice = "Your text is kept as a revision of its own. Compare the two on its page, and take over what is missing."


class PostMortemMisfit(Refusal):
    code = "postmortem.misfit"
    sentence = "This step does not fit the post-mortem's state."
    advice = "A draft is put up for review, then reviewed or sent back. Its page shows what fits."


class PostMortemOwn(Refusal):
    code = "postmortem.own"
    sentence = "Who wrote last cannot review it."
    advice = "Ask another person to read and review it."


class PostMortemUnsettled(Refusal):
    code = "postmortem.unsettled"
    sentence = "A text that was written at the same time still stands beside it."
    advice = "Take over what is missing from it, and tick that it is settled."


class PostMortemTooLong(UsageError):
    code = "postmortem.too_long"
    sentence = "This text is too long for a post-mortem."
    advice = "500,000 characters are the most. Put raw logs into the evidence pack instead."


class PostMortemEmpty(UsageError):
    code = "postmortem.empty"
    sentence = "There are no words in it."
    advice = "Write at least what happened. The former text stands in its revisions."


class PostMortemUnreadable(UsageError):
    code = "postmortem.unreadable"
    sentence = "This file is no text in UTF-8."
    advice = "Save it as UTF-8 in your editor, then import it again."


class PostMortemUnwritable(UsageError):
    code = "postmortem.unwritable"
    sentence = "The file cannot be written there."
    advice = "Name another file or folder with --output."


class NoSuchPostMortem(UsageError):
    code = "postmortem.unknown"
    sentence = "There is no such post-mortem, or no such revision of it."
    advice = "Start one on the incident's page, or with manage.py postmortem start 12."
