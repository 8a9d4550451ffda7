"""Errors of an incident's timeline."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class NoteInvalid(UsageError):
    code = "timeline.note"
    sentence = "A line needs words, and a time that is not in the future."
    advice = "Say what happened and when; the time may be long ago."


class NoSuchLine(UsageError):
    code = "timeline.unknown"
    sentence = "There is no such line in this timeline."
    advice = "The incident's timeline shows the number of each line."


class LineMisfit(Refusal):
    code = "timeline.misfit"
    sentence = "This line is hidden, shown, pinned or unpinned already."
    advice = "Load the page again: somebody else was faster."


class MomentInvalid(UsageError):
    code = "timeline.moment"
    sentence = "This is no time."
    advice = "Write it as 2026-06-01T02:10:00+00:00; without a zone it is UTC."
