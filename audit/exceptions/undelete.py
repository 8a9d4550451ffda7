"""Errors of putting deleted rows back."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, Refusal, TovgovError, UsageError


class NothingToUndelete(UsageError):
    code = "undelete.nothing"
    sentence = "There are no deleted rows to put back."
    advice = "Name transactions, or rows, of one target whose deletes were imported."


class DryRunMissing(Refusal):
    code = "undelete.dry_run_missing"
    sentence = "Rows are put back only after a dry run of exactly this."
    advice = "Start the dry run, read what it says, then put the rows back on the same terms."


class UndeleteRefused(Refusal):
    code = "undelete.refused"
    sentence = "Something stands in the way of the rows."
    advice = (
        "Nothing was changed. The dry run names every table and what to do; leave such rows out, or mend the cause."
    )


class UndeleteProofFailed(TovgovError):
    code = "undelete.proof_failed"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "A row that was put back is not the row that was deleted."
    advice = (
        "All of it was taken back. A trigger, a default or a changed type stands behind it; the page shows the columns."
    )


class UndeleteRunning(Refusal):
    code = "undelete.running"
    sentence = "Rows are being put back into this target already."
    advice = "Wait for that job, or cancel it."
