"""Every error a person can meet in audit: a stable code, a plain sentence and a hint that says what to do.

Entry points (admin, command line, tasks) catch ``TovgovError`` and nothing wider; a bug propagates.

The file is long because it is one list: whoever adds an error sees beside it those that mean nearly the same, and that
its code is not taken. A class is five lines without logic.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class ExitStatus(IntEnum):
    """What a management command returns to the shell; documented in ``docs/commands.md``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    INFRASTRUCTURE = 4
    PROOF_FAILED = 5
    CANCELLED = 6


class TovgovError(Exception):
    """Base of all errors that are meant for a person.

    ``permanent`` carries the caller's decision: a permanent error is never retried. ``detail`` holds facts for
    the page that shows the error (tables, counts); it must never hold a secret.
    """

    code: ClassVar[str] = "tovgov.error"
    sentence: ClassVar[str] = "Something went wrong."
    advice: ClassVar[str] = "Look at the job's log, then try again."
    permanent: ClassVar[bool] = True
    exit_status: ClassVar[ExitStatus] = ExitStatus.FAILED

    def __init__(self, message: str | None = None, *, hint: str | None = None, **detail: Any) -> None:
        self.message = message or self.sentence
        self.hint = hint or self.advice
        self.detail = detail
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The error as ``--json`` prints it."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "detail": self.detail}


class Refusal(TovgovError):
    """A guard said no. Nothing was changed."""

    code = "tovgov.refused"
    exit_status = ExitStatus.REFUSED


class InfrastructureFault(TovgovError):
    """A server, network or disk failed; the same act may succeed when it is back."""

    code = "tovgov.infrastructure"
    permanent = False
    exit_status = ExitStatus.INFRASTRUCTURE


class UsageError(TovgovError):
    """The words of a command or form do not fit."""

    code = "tovgov.usage"
    exit_status = ExitStatus.USAGE


# --- who may -----------------------------------------------------------------------------------------------------


class NotPermitted(Refusal):
    code = "actor.not_permitted"
    sentence = "You do not have the permission for this."
    advice = "Ask a manager for the right group, or ask someone who has it."


class UnknownActor(UsageError):
    code = "actor.unknown"
    sentence = "No such tovgov user."
    advice = "Name an active user with --as or TOVGOV_USER; every act is written to the ledger with its actor."


class TokenRefused(Refusal):
    code = "token.refused"
    sentence = "This API token is unknown, has expired or was revoked."
    advice = "Issue a new one: manage.py tokens issue."


class TokenNameTaken(UsageError):
    code = "token.name_taken"
    sentence = "You have a live token of this name already."
    advice = "Revoke it first, or choose another name."


class PasswordMissing(UsageError):
    code = "password.missing"
    sentence = "There is no password."
    advice = "Type it at the prompt, pipe it in with --password-stdin, or name a variable with --password-env."


class ClientInvalid(UsageError):
    code = "client.invalid"
    sentence = "This is no client that can be known."
    advice = "Name a part (address, role, application, hours) and a value, for example address 10.0.0.0/8."


class NoSuchClient(UsageError):
    code = "client.unknown"
    sentence = "There is no such known client."
    advice = "manage.py clients list shows them with their numbers."


class ReasonMissing(UsageError):
    code = "actor.reason_missing"
    sentence = "A reason is needed."
    advice = "Say in a sentence why; it is kept in the ledger."


class ApprovalMissing(Refusal):
    code = "approval.missing"
    sentence = "This needs the approval of a second person."
    advice = "An approver other than you opens Approvals in the admin and decides; then start it again."


class SelfApproval(Refusal):
    code = "approval.self"
    sentence = "Nobody approves their own request."
    advice = "Ask another approver."


class ApprovalClosed(Refusal):
    code = "approval.closed"
    sentence = "This approval is no longer open."
    advice = "It was decided, used or has expired. Ask for a new one."


# --- targets ------------------------------------------------------------------------------------------------------


class TargetInvalid(UsageError):
    code = "target.invalid"
    sentence = "These facts do not describe a target."
    advice = "Correct the fields that the sentence names; docs/targets.md explains each."


class AlreadyRegistered(Refusal):
    code = "target.already_registered"
    sentence = "This database is a target already."
    advice = "Use that one. If this is a physical copy of that server, register it with a reason that says so."


class UnknownTarget(UsageError):
    code = "target.unknown"
    sentence = "There is no such target."
    advice = "targets list shows them; names are exact."


class PreflightFailed(Refusal):
    code = "target.preflight_failed"
    sentence = "A check of the preflight failed."
    advice = "Each failed line says what to do."


class TargetUnreachable(InfrastructureFault):
    code = "target.unreachable"
    sentence = "The server does not answer."
    advice = "Check host, port and firewall, and that PostgreSQL runs; then Test connection."


class PasswordRefused(InfrastructureFault):
    code = "target.password_refused"
    permanent = True
    sentence = "The server refused the user or the password."
    advice = "Enter the credentials again on the target's page and check pg_hba.conf, then Test connection."


class TlsImpossible(InfrastructureFault):
    code = "target.tls_impossible"
    permanent = True
    sentence = "The server and tovgov cannot agree on TLS."
    advice = "Turn TLS on at the server or mend its certificate; or choose another sslmode on the target's page."


class RoleMissing(Refusal):
    code = "target.role_missing"
    sentence = "The server has no such role, or the role may not log in."
    advice = "Create the role, or name another on the target's page."


class DatabaseMissing(Refusal):
    code = "target.database_missing"
    sentence = "The server has no database of this exact name."
    advice = "Names are exact: TovPlay is not tovplay. If it was there yesterday, it was dropped: open Recover."


class WrongName(Refusal):
    code = "target.wrong_name"
    sentence = "This is not the database that was registered: its name differs."
    advice = "Correct the name on the target's page; names are exact, upper and lower case included."


class WrongServer(Refusal):
    code = "target.wrong_server"
    sentence = "This is another server than the one that was registered."
    advice = (
        "If the database was moved on purpose, confirm its new identity with a reason; if not, find out who moved it."
    )


class WrongIncarnation(Refusal):
    code = "target.wrong_incarnation"
    sentence = "A database of this name was dropped and made again: it is not the one that was registered."
    advice = "Nothing was touched. Find out who dropped it; then recover it, or confirm the new one with a reason."


class SentinelFailed(Refusal):
    code = "target.sentinel_failed"
    sentence = "A sentinel table is missing or has fewer rows than it must have."
    advice = "The database may have been emptied. Compare it with the last backup before anything else."


class NotIdentified(Refusal):
    code = "target.not_identified"
    sentence = "This target's identity was never pinned."
    advice = "Open the target and choose Test connection; the first good answer is pinned."


class RightsMissing(Refusal):
    code = "target.rights_missing"
    sentence = "The role lacks a right that this act needs."
    advice = "Grant it as the preflight says, then try again."


class QueryFailed(InfrastructureFault):
    code = "target.query_failed"
    sentence = "The server refused a statement."
    advice = "The sentence before this is the server's own. Mend its cause and try again."


class LockTimeout(InfrastructureFault):
    code = "target.lock_timeout"
    sentence = "A lock could not be had in time."
    advice = "Someone holds a table or the database. Try again when they are done."


class ConnectionLost(InfrastructureFault):
    code = "target.connection_lost"
    sentence = "The server closed the connection."
    advice = "It was restarted, crashed, or the network broke. What was begun is undone; try again."


class DatabaseBusy(InfrastructureFault):
    code = "target.database_busy"
    sentence = "Someone stays connected to the database."
    advice = "Nothing was changed. End the sessions that are named, or try again at a quieter hour."


class DatabaseExists(Refusal):
    code = "target.database_exists"
    sentence = "The server already has a database of this name."
    advice = "Nothing was changed. Look what it holds before you choose another name or drop it."


class LocaleMissing(Refusal):
    code = "target.locale_missing"
    sentence = "The server does not have the locale of the database."
    advice = "Install the locale on the server, or use a server that has it; text would sort differently without it."


class NameInvalid(UsageError):
    code = "target.name_invalid"
    sentence = "This is not a name for a database."
    advice = "A name has 1 to 63 bytes; letters outside of ASCII count 2 to 4 bytes each."


# --- protection ---------------------------------------------------------------------------------------------------


class PolicyMisfit(Refusal):
    code = "protection.policy_misfit"
    sentence = "The policy does not fit this target."
    advice = "Make a new version of the policy that names what the target really has."


class NoSuchPolicy(UsageError):
    code = "protection.no_such_policy"
    sentence = "There is no such protection policy."
    advice = "protection policies shows them; name one as standard, or standard:2 for a version."


class PolicyInvalid(UsageError):
    code = "protection.policy_invalid"
    sentence = "These rules do not make a policy."
    advice = "docs/protection.md lists the rules and their settings."


class NothingInstalled(Refusal):
    code = "protection.nothing_installed"
    sentence = "No policy is installed on this target."
    advice = "Plan and install one first."


class ProtectionRightsMissing(Refusal):
    code = "protection.rights_missing"
    sentence = "Our role on the target may not take every step of this plan."
    advice = "Store a superuser's credential for “Operate”, or install only the steps that are possible (--partly)."


class ProtectionRunning(Refusal):
    code = "protection.running"
    sentence = "This target's protection is being changed already."
    advice = "Watch that run on its page; then plan again."


class ProtectionBroken(TovgovError):
    code = "protection.broken"
    sentence = "The target's protection is not what the policy says."
    advice = "Find out who changed it; then install the policy again."
    exit_status = ExitStatus.PROOF_FAILED


class PromiseBroken(TovgovError):
    code = "protection.promise_broken"
    sentence = "An attack came through that the policy promises to stop."
    advice = "Read the report: it names the attempt and the promise. Verify the target, then report it to its makers."
    exit_status = ExitStatus.PROOF_FAILED


class AttackImpossible(Refusal):
    code = "protection.attack_impossible"
    sentence = "An attack needs a superuser on the server: it makes a clone, roles and the policy there."
    advice = "Store a superuser's credential for “Operate”."


class CapturedRowsLost(Refusal):
    code = "protection.captured_rows_lost"
    sentence = "The delete log holds rows that would be lost."
    advice = "Export or import them first; or say with a reason that they may go."


class WindowOpen(Refusal):
    code = "window.open"
    sentence = "A maintenance window is open on this target."
    advice = "Wait until it closes, or close it now."


class WindowInvalid(UsageError):
    code = "window.invalid"
    sentence = "This is not a maintenance window."
    advice = "Name rules of the installed policy, and a length from 1 to 480 minutes."


class WindowClosed(Refusal):
    code = "window.closed"
    sentence = "This maintenance window is closed."
    advice = "Open a new one, with a reason of its own."


class WindowCommandFailed(TovgovError):
    code = "window.command_failed"
    sentence = "The command that the window was opened for failed."
    advice = "The window is closed again and everything is locked. Mend the command, then open a new window."


class PlanOutdated(Refusal):
    code = "protection.plan_outdated"
    sentence = "The target has changed since this plan was made."
    advice = "Plan again and have the new plan approved; nothing was changed."


# --- imports ------------------------------------------------------------------------------------------------------


class LogMissing(Refusal):
    code = "imports.log_missing"
    sentence = "The target has no delete log."
    advice = "Install a policy with the rule delete_audit; if one was installed, find out who removed the log."


class LogUnreadable(Refusal):
    code = "imports.log_unreadable"
    sentence = "The delete log holds what cannot be read as text."
    advice = "The database has no encoding (SQL_ASCII) and holds bytes that are no UTF-8; read that record by hand."


class LogFormatUnknown(UsageError):
    code = "imports.log_format_unknown"
    sentence = "This text does not look like a server log of PostgreSQL."
    advice = "Say the source's format, and for stderr and syslog its log_line_prefix; a binary file is no log."


class LogPrefixUnusable(UsageError):
    code = "imports.log_prefix_unusable"
    sentence = "Records cannot be read with this log_line_prefix."
    advice = "Copy the server's own: SHOW log_line_prefix. It must hold a time: %m, %t or %n."


class LogEncodingUnusable(UsageError):
    code = "imports.log_encoding_unusable"
    sentence = "This is not an encoding of server logs."
    advice = "Name one that keeps ASCII as it is, such as utf-8, latin-1 or cp1252."


class LogTimezoneUnknown(UsageError):
    code = "imports.log_timezone_unknown"
    sentence = "This is not a time zone."
    advice = "Copy the server's own: SHOW log_timezone, such as Europe/Berlin."


class LogSourceGone(InfrastructureFault):
    code = "imports.log_source_gone"
    sentence = "The place where a server's log lies cannot be read."
    advice = "Mount the folder again or mend its rights. Reading goes on by itself where it was left."


class LogFileUnreadable(Refusal):
    code = "imports.log_file_unreadable"
    sentence = "A file of a server's log cannot be read."
    advice = "Give the account of tovgov's workers the right to read it. The other files are read."


class LogReaderLost(InfrastructureFault):
    code = "imports.log_reader_lost"
    sentence = "The process that reads a server's log ended before it was done."
    advice = "Usually the system had no memory left. Nothing is lost: reading goes on where the last chunk was stored."


class LogsOverlap(Refusal):
    code = "imports.log_overlap"
    sentence = "Two files of a source tell of the same time."
    advice = (
        "Logs of two servers in one folder cannot be told apart: give each server a source of its own, by a folder or"
        " by patterns of names. After a clock that was set back it means nothing."
    )


class LogSourceInvalid(UsageError):
    code = "imports.log_source_invalid"
    sentence = "A source of server logs cannot be like this."
    advice = "Correct what the sentence names."


class LogUploadTooLarge(UsageError):
    code = "imports.log_upload_too_large"
    sentence = "The upload is larger than it may be."
    advice = (
        "Pack the files, send fewer at once, or pipe them in: manage.py imports run TARGET - --name x.csv < x.csv. "
        "TOVGOV_LOG_UPLOAD_MB is the limit."
    )


class KeepDaysInvalid(UsageError):
    code = "imports.keep_days_invalid"
    sentence = "A source keeps its entries for 1 to 36,500 days, or for ever."
    advice = "Give the number of days, or forever."


class LogSourceUsed(Refusal):
    code = "imports.log_source_used"
    sentence = "Entries of this source are kept and sealed; it cannot be removed."
    advice = "Pause it: then nothing more is read, and what was read stays provable."


class NoSuchLogSource(UsageError):
    code = "imports.log_source_unknown"
    sentence = "There is no such source of server logs."
    advice = "imports list shows them."


class ImportRunning(Refusal):
    code = "imports.running"
    sentence = "An import of this log is queued or running already."
    advice = "Watch it on its page; it reads everything that waits."


class ImportOvertaken(InfrastructureFault):
    code = "imports.overtaken"
    sentence = "Another import has moved on from the same place."
    advice = "Nothing was stored twice. The next import goes on where that one stopped."


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


# --- lists, reviews, incidents, exports ---------------------------------------------------------------------------


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


class IncidentClosed(Refusal):
    code = "incident.closed"
    sentence = "This incident is closed."
    advice = "Open a new one and name the former in its title."


class IncidentInvalid(UsageError):
    code = "incident.invalid"
    sentence = "An incident needs a title."
    advice = "Say in a line what happened, for example: Users deleted at night by a script."


class AlertResolved(Refusal):
    code = "alert.resolved"
    sentence = "This alert is over already."
    advice = "A new one opens when its cause comes back; silence that one."


class SilenceInvalid(UsageError):
    code = "alert.silence_invalid"
    sentence = "A silence ends in the future, within 30 days."
    advice = "Choose a moment by which somebody will have looked; silence it again if need be."


class NoSuchAlert(UsageError):
    code = "alert.unknown"
    sentence = "There is no such alert."
    advice = "The page Alerts lists them with their numbers."


class ChannelInvalid(UsageError):
    code = "channel.invalid"
    sentence = "These facts do not describe a notification channel."
    advice = "Correct what the sentence names; docs/alerts.md shows an address of each common kind."


class ChannelNameTaken(UsageError):
    code = "channel.name_taken"
    sentence = "There is a notification channel of this name already."
    advice = "Choose another name, or change that one."


class NoSuchChannel(UsageError):
    code = "channel.unknown"
    sentence = "There is no such notification channel."
    advice = "channels list shows them; names are exact."


class NotSent(InfrastructureFault):
    code = "channel.not_sent"
    sentence = "The message was not taken."
    advice = "Compare the address with what the service gave you, enter it anew, and test again."


class AnomalySettingInvalid(UsageError):
    code = "anomaly.setting_invalid"
    sentence = "This is no setting of an anomaly rule."
    advice = "anomalies list shows each rule's settings; docs/anomalies.md explains them."


class NoSuchAnomalyRule(UsageError):
    code = "anomaly.unknown_rule"
    sentence = "There is no such anomaly rule."
    advice = "anomalies list shows them."


class DryRunTooLong(Refusal):
    code = "anomaly.dry_run_too_long"
    sentence = "The rule could not be tried on so much in the time that a page has."
    advice = "Choose fewer days, or try it on the command line, which takes its time: manage.py anomalies dry-run."


class IncidentUnanswered(Refusal):
    code = "incident.unanswered"
    sentence = "Something in this incident still waits for its review."
    advice = "Close the reviews that its page lists first."


class NoSuchIncident(UsageError):
    code = "incident.unknown"
    sentence = "There is no such incident."
    advice = "Name the number of an open one; the page Incidents lists them."


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


# --- configuration and records ------------------------------------------------------------------------------------


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


# --- undelete -----------------------------------------------------------------------------------------------------


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


class NoisePatternWrong(UsageError):
    code = "noise.pattern_wrong"
    sentence = "This pattern cannot be used."
    advice = "Patterns are RE2's: no look-around, no back references. docs/noise.md has examples."


class NoiseReasonMissing(UsageError):
    code = "noise.reason_missing"
    sentence = "A noise filter needs a reason."
    advice = "Say in a sentence why nobody has to look at these entries; it stands in the ledger."


class NoiseHidesCritical(Refusal):
    code = "noise.hides_critical"
    sentence = "This filter would hide entries of a critical class."
    advice = "Narrow the pattern or name a class: disk full, corruption, crashes and the like are always shown."


class NoiseSettingsWrong(UsageError):
    code = "noise.settings_wrong"
    sentence = "These log settings do not fit."
    advice = "docs/log-classes.md lists the classes and the severities."


class NoSuchNoiseFilter(UsageError):
    code = "noise.unknown"
    sentence = "There is no such noise filter."
    advice = "See their numbers with manage.py noise list."


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
