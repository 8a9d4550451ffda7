"""Errors of evidence packs."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, InfrastructureFault, TovgovError, UsageError


class PackPeriodInvalid(UsageError):
    code = "evidence.period_invalid"
    sentence = "This is no period: it must end after it begins, and begin in the past."
    advice = "Name its first moment, and the first moment after it, for example 2026-07-01 and 2026-10-01."


class ScopeInvalid(UsageError):
    code = "evidence.scope_invalid"
    sentence = "An evidence pack needs at least one target, and something to hold."
    advice = "Choose targets that tovgov knows, paused ones too, and at least one part."


class EvidenceTargetGone(TovgovError):
    code = "evidence.target_gone"
    sentence = "A target of this pack was removed before the pack was built."
    advice = "Ask for a pack of the others. The ledger keeps what was done with the removed one: export the ledger."


class NoSuchPack(UsageError):
    code = "evidence.unknown"
    sentence = "There is no such evidence pack, or its file is gone."
    advice = "evidence list shows them. Files are removed after some days: ask for it again."


class PackDamaged(TovgovError):
    code = "evidence.damaged"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "This evidence pack is not what was signed."
    advice = "Do not use it. Ask for it again, and find out who had access to the file."


class PackUnreadable(UsageError):
    code = "evidence.unreadable"
    sentence = "This file cannot be read as an evidence pack."
    advice = "Name the ZIP as it was downloaded."


class TimeStampRefused(InfrastructureFault):
    code = "evidence.time_stamp_refused"
    sentence = "The time-stamp authority gave no usable answer."
    advice = "The pack is whole without one and says so. Look at TOVGOV_TSA_URL, and ask for the pack again."
