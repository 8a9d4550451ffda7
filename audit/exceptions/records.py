"""Errors of keys, secrets, the ledger and jobs."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, InfrastructureFault, Refusal, TovgovError, UsageError


class KeyMissing(Refusal):
    code = "key.missing"
    sentence = "A key that this act needs is not on this machine."
    advice = "Put the key back where docs/keys.md says, or ask the person who keeps its copy."


class SigningKeyInvalid(Refusal):
    code = "key.signing_invalid"
    sentence = "A key file holds no Ed25519 key."
    advice = "Put the right file back where docs/keys.md says, from the copy that was kept."


class SecretUnreadable(Refusal):
    code = "key.secret_unreadable"
    sentence = "A stored secret cannot be decrypted with the keys at hand."
    advice = "Put the former key back into TOVGOV_SECRET_KEYS, behind the new one, or enter the secret again."


class LedgerBroken(TovgovError):
    code = "ledger.broken"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "The ledger was altered outside tovgov."
    advice = "Keep a copy of tovgov's database as it is, and find out who had access to it."


class PartitionBusy(InfrastructureFault):
    code = "partition.busy"
    sentence = "A partition of tovgov's own logs could not be made or dropped in time."
    advice = "A worker tries again every minute. If it stays, end long transactions in tovgov's own database."


class JobCancelled(TovgovError):
    code = "job.cancelled"
    exit_status = ExitStatus.CANCELLED
    sentence = "The job was cancelled."
    advice = "What it had begun was undone. Start it again when you like."


class WorkerDied(InfrastructureFault):
    code = "job.worker_died"
    sentence = "The worker that ran this job stopped answering."
    advice = "It was killed, ran out of memory, or its machine went away. What it had begun was undone; start it again."


class NoSuchJob(UsageError):
    code = "job.unknown"
    sentence = "There is no such job."
    advice = "Name it as jobs list does, for example backup-12."


class JobNotOpen(Refusal):
    code = "job.not_open"
    sentence = "This job is over; there is nothing to cancel."
    advice = "Look at its page to see how it ended."
