"""Errors of lists, reviews and exports."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, InfrastructureFault, Refusal, TovgovError, UsageError


class FilterInvalid(UsageError):
    code = "list.filter_invalid"
    sentence = "This filter cannot be used."
    advice = "Correct what the sentence names, or take the filter away."


class FilterNameTaken(UsageError):
    code = "list.filter_name_taken"
    sentence = "You have a filter of this name already."
    advice = "Choose another name, or remove the other one first."


class ListTooSlow(InfrastructureFault):
    code = "list.too_slow"
    sentence = "This list cannot be read in the time that a page may take."
    advice = "Narrow it: a target, a time, or a rarer word."


class ReviewMisfit(Refusal):
    code = "review.misfit"
    sentence = "This step does not fit the state of the review."
    advice = "Somebody may have been faster: look at the history of the review on its page."


class ReviewBySame(Refusal):
    code = "review.same_person"
    sentence = "What was found suspicious needs a second person."
    advice = "Ask somebody other than who found it suspicious to look at it and to decide."


class ReviewTooMany(Refusal):
    code = "review.too_many"
    sentence = "These are more than one act reviews."
    advice = "Narrow the filter, for example by time or by table, and review them part by part."


class NoSuchReview(UsageError):
    code = "review.unknown"
    sentence = "There is nothing to review under this number."
    advice = "reviews queue shows what waits, with its numbers."


class NoSuchExport(UsageError):
    code = "export.unknown"
    sentence = "There is no such export, or its file is gone."
    advice = "exports list shows them. Files are removed after some days: export again."


class ExportDamaged(TovgovError):
    code = "export.damaged"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "The file of this export is not what was written."
    advice = "Do not use it. Export again, and find out who had access to the folder of exports."


class ExportFolderUnusable(InfrastructureFault):
    code = "export.folder_unusable"
    sentence = "The folder of exports cannot be written to."
    advice = "Look at its owner, its rights and the free space; TOVGOV_EXPORTS names it."
