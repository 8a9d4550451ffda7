"""Errors of the seals over what was brought."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, InfrastructureFault, Refusal, TovgovError, UsageError


class SealBroken(TovgovError):
    code = "imports.seal_broken"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "Sealed entries are not what was sealed."
    advice = "Keep a copy of tovgov's database as it is, and find out who had access to it."


class VerificationRunning(Refusal):
    code = "seals.verification_running"
    sentence = "The seals of this target are being verified already."
    advice = "Watch that job; it reads everything."


class NotSealed(UsageError):
    code = "seals.not_sealed"
    sentence = "This entry is not sealed by a checkpoint."
    advice = "A worker signs a checkpoint some minutes after an import: manage.py imports checkpoints shows the last."


class PublishedUnreadable(UsageError):
    code = "seals.published_unreadable"
    sentence = "The folder of published checkpoints cannot be read."
    advice = "Name a folder that holds the files as they were published, and nothing else."


class PlaceInvalid(UsageError):
    code = "seals.place_invalid"
    sentence = "Checkpoints cannot be published at this place."
    advice = "docs/seals.md says what each kind of place needs."


class NoSuchPlace(UsageError):
    code = "seals.place_unknown"
    sentence = "There is no such place for checkpoints."
    advice = "imports places shows them."


class PlaceBusy(UsageError):
    code = "seals.place_busy"
    sentence = "Something is brought to this place just now."
    advice = "Wait until it is over, a minute at most, and try again."


class PublicationFailed(InfrastructureFault):
    code = "seals.publication_failed"
    sentence = "A checkpoint could not be published."
    advice = "It is tried again by itself, less and less often. Look at the place and at the way to it."
