"""Errors of what an incident lost, and of what proves that it is back."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class LossTimeless(UsageError):
    code = "incident.no_beginning"
    sentence = "Nobody has said when the impact began, or on which target: the loss cannot be computed."
    advice = "Correct the times of the incident first; its alerts and the target's day show when it began."


class LossRunning(Refusal):
    code = "incident.loss_running"
    sentence = "The loss of this incident is being computed already."
    advice = "Open Jobs to see how far it is, or cancel it there."


class NoSuchProof(UsageError):
    code = "incident.proof_unknown"
    sentence = "There is no such restore or undelete."
    advice = "Name it as its page does, for example restore-12 or undelete-7."


class ProofNotPassed(Refusal):
    code = "incident.proof_not_passed"
    sentence = "It did not end with a comparison that passed: it proves nothing."
    advice = "Link a restore or undelete that succeeded, or start one."


class ProofOfAnother(Refusal):
    code = "incident.proof_of_another"
    sentence = "It concerns another target than the incident."
    advice = "Link a restore into the incident's own target, from a backup of that target."


class ProofDry(Refusal):
    code = "incident.proof_dry_run"
    sentence = "It was a dry run: nothing came back by it."
    advice = "Do it in earnest, then link that."


class ProofUndone(Refusal):
    code = "incident.proof_undone"
    sentence = "It was undone: what it had brought back is out of service again."
    advice = "Redo it, or link another one."


class ProofTooEarly(Refusal):
    code = "incident.proof_too_early"
    sentence = "It ended before the impact began: it cannot have brought back what was lost then."
    advice = "Link one that came afterwards, or correct when the impact began."


class ProofTooYoung(Refusal):
    code = "incident.proof_too_young"
    sentence = "Its backup was made after the impact began: what was lost before is not in it."
    advice = "Restore a backup of a moment before the impact, or correct when the impact began."
