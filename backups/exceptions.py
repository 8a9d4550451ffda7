"""Every error a person can meet in backups. Same habit as ``audit.exceptions``."""

from __future__ import annotations

from audit.exceptions import ExitStatus, InfrastructureFault, Refusal, TovgovError, UsageError


class ProofFailed(TovgovError):
    code = "proof.failed"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "What was restored is not what was backed up."
    advice = "Do not use this copy. Verify another copy or an older backup; the live database was not touched."


class VerifierBlind(TovgovError):
    code = "verification.blind"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "A damaged copy was taken for a good one."
    advice = "Trust no verification until this is explained, and report it: it is a fault of tovgov."


# --- tools --------------------------------------------------------------------------------------------------------


class ToolMissing(Refusal):
    code = "tool.missing"
    sentence = "A PostgreSQL client tool was not found."
    advice = "Install the PostgreSQL client of the server's version or newer, or set TOVGOV_PG_BIN."


class ToolTooOld(Refusal):
    code = "tool.too_old"
    sentence = "The client tools are older than the server; pg_dump refuses that."
    advice = "Install the client of the server's major version or newer and set TOVGOV_PG_BIN."


class ToolFailed(InfrastructureFault):
    code = "tool.failed"
    sentence = "A client tool ended with an error."
    advice = "Its last lines are in the job's log and say why."


class SnapshotGone(InfrastructureFault):
    code = "tool.snapshot_gone"
    sentence = "The snapshot that the dump was to read is gone."
    advice = "The session that exported it ended too early, or it belongs to another database. Start the backup again."


class Stalled(InfrastructureFault):
    code = "tool.stalled"
    sentence = "No byte came for too long; the tool was ended."
    advice = "Look for a lock or a network that hangs, then start it again."


class DiskFull(InfrastructureFault):
    code = "disk.full"
    permanent = True
    sentence = "There is no space left."
    advice = "Free some space, or point TOVGOV_SPOOL or the destination elsewhere; what was begun was removed."


class KeyInvalid(UsageError):
    code = "key.invalid"
    sentence = "This is not an age key."
    advice = "A recipient begins with age1, a secret key with AGE-SECRET-KEY-1; age-keygen makes a pair."


# --- backups, copies and destinations -----------------------------------------------------------------------------


class BackupRunning(Refusal):
    code = "backup.already_running"
    sentence = "A backup of this target is already running."
    advice = "Watch that one on its page; one at a time keeps the load on the server bearable."


class UnknownBackup(UsageError):
    code = "backup.unknown"
    sentence = "There is no such backup."
    advice = "catalogue list shows them; name one by its number, its name, or latest:TARGET."


class UnknownDestination(UsageError):
    code = "destination.unknown"
    sentence = "There is no such destination."
    advice = "Destinations are listed in the admin; names are exact."


class NoDestination(Refusal):
    code = "backup.no_destination"
    sentence = "There is no active destination to put the backup in."
    advice = "Add a destination (a folder, S3 or SFTP) in the admin."


class BackupNotUsable(Refusal):
    code = "backup.not_usable"
    sentence = "This backup has not succeeded or its copies are gone."
    advice = "Choose another backup."


class ProofNotStarted(InfrastructureFault):
    code = "verification.not_started"
    sentence = "The backup was made, but its proof was not started."
    advice = "The worker may have been stopped just then. Start the proof with manage.py verify."


class VerificationRunning(Refusal):
    code = "verification.already_running"
    sentence = "This backup is being verified already."
    advice = "Watch that verification on its page."


class BackupHeld(Refusal):
    code = "backup.held"
    sentence = "This backup is held."
    advice = "Release it first, with a reason."


class DestinationUnreachable(InfrastructureFault):
    code = "destination.unreachable"
    sentence = "A destination cannot be reached or refuses to write."
    advice = "Test the destination on its page; the other copies are not affected."


class DestinationInvalid(UsageError):
    code = "destination.invalid"
    sentence = "A destination is not described rightly."
    advice = "Correct its settings on its page; docs/destinations.md explains each."


class DestinationTaken(Refusal):
    code = "destination.taken"
    sentence = "A destination already holds files under this backup's name."
    advice = "Nothing was written over. Look what is there: another tovgov may use the same place."


class NoCopyStored(InfrastructureFault):
    code = "backup.no_copy_stored"
    sentence = "The backup was made, but no destination took it."
    advice = "Test the destinations on their pages, then back up again."


class CopyDamaged(TovgovError):
    code = "copy.damaged"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "A copy is not what was stored: it was truncated or altered."
    advice = "Use another copy; keep the damaged one for the question of who or what changed it."


class ManifestInvalid(TovgovError):
    code = "manifest.invalid"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "A manifest is missing, damaged or not signed by a key we know."
    advice = "Do not trust this backup until its signature is explained; see docs/keys.md."


class ScheduleInvalid(UsageError):
    code = "schedule.invalid"
    sentence = "This is not a schedule."
    advice = "Five fields: minute hour day month weekday, for example 0 */6 * * *."


class UnknownSchedule(UsageError):
    code = "schedule.unknown"
    sentence = "There is no such schedule."
    advice = "schedules list shows them with their numbers."


class NoPolicy(Refusal):
    code = "retention.no_policy"
    sentence = "There is no retention policy that is on: every backup is kept."
    advice = "Make one in the admin, or with manage.py retention set."


class RetentionInvalid(UsageError):
    code = "retention.invalid"
    sentence = "These are no rules of retention."
    advice = "Whole numbers from 0 (keep-last from 1); docs/retention.md explains each."


# --- restores -----------------------------------------------------------------------------------------------------


class WrongBackup(Refusal):
    code = "restore.wrong_backup"
    sentence = "This is a backup of another database."
    advice = "Choose a backup of this target, or use Copy to."


class WouldLoseRows(Refusal):
    code = "restore.would_lose_rows"
    sentence = "The backup holds fewer rows than the live database."
    advice = "Choose an older, fuller backup, or merge. An approver can override this with a reason."


class LowerIntoHigher(Refusal):
    code = "restore.lower_into_higher"
    sentence = "A backup of a lower environment is never restored into a higher one."
    advice = "That is how an empty development database wipes production. Copy downwards only."


class NotEnoughDisk(Refusal):
    code = "restore.not_enough_disk"
    sentence = "There is not enough disk space for a side database."
    advice = "Free some space on the server; nothing was begun."


class ServerTooOld(Refusal):
    code = "restore.server_too_old"
    sentence = "The server is older than the one the backup was made on."
    advice = "Restore into a server of the same or a newer major version."


class NameNotTyped(Refusal):
    code = "restore.name_not_typed"
    sentence = "The typed database name does not match."
    advice = "Type the exact name of the database that will be replaced."


class DatabaseStillThere(Refusal):
    code = "restore.database_still_there"
    sentence = "A database of this name exists: there is nothing to recover."
    advice = "Use Replace to restore over it, or Merge to put missing rows back."


class SwapBlocked(InfrastructureFault):
    code = "restore.swap_blocked"
    sentence = "The databases could not be renamed because someone stays connected."
    advice = "The live database is as it was. End the sessions that the log names, or try at a quieter hour."


class UndoGone(Refusal):
    code = "restore.undo_gone"
    sentence = "There is nothing to undo: the former database is no longer kept."
    advice = "Restore the safety backup that was made before the swap."


class MergeImpossible(Refusal):
    code = "restore.merge_impossible"
    sentence = "These tables cannot be merged."
    advice = "A merge needs a primary key and the same columns on both sides; use Replace instead."


class TableUnknown(UsageError):
    code = "restore.table_unknown"
    sentence = "There is no table of this name."
    advice = 'Names are exact: "public"."User" is not public.user. The preview lists them all.'


class DryRunMissing(Refusal):
    code = "restore.dry_run_missing"
    sentence = "A merge is run dry first, so that everybody sees what it would do."
    advice = "Run it with --dry-run (in the admin: Plan the merge), read the plan, then merge."


class RestoreRunning(Refusal):
    code = "restore.already_running"
    sentence = "A restore into this target is already asked for or running."
    advice = "Watch that one on its page, or cancel it."


class CountingTooLong(InfrastructureFault):
    code = "restore.counting_too_long"
    sentence = "Counting the live rows takes too long for a page; the loss is UNKNOWN."
    advice = "Ask for the restore: the worker counts however long it takes, and refuses a loss."


class LossGrew(Refusal):
    code = "restore.loss_grew"
    sentence = "More rows would be lost than were approved."
    advice = "The live database has been written to since. Ask for a new approval, or merge instead."


class RolesMissing(Refusal):
    code = "restore.roles_missing"
    sentence = "The server lacks roles that the backup's objects belong to."
    advice = "Create them (without a password is enough), or name others with --owner OLD=NEW in a copy."


class SafetyBackupFailed(InfrastructureFault):
    code = "restore.safety_backup_failed"
    permanent = True
    sentence = "What is left of the live database could not be backed up first."
    advice = "Nothing was changed. Mend what the backup's page says, then ask again."


class UnknownRestore(UsageError):
    code = "restore.unknown"
    sentence = "There is no such restore."
    advice = "Name it by its number; manage.py jobs list shows them."


class NoMaintenance(Refusal):
    code = "restore.no_maintenance_database"
    sentence = "The target's maintenance database is the target itself."
    advice = "Name another database of the server on the target's page: from there this one is renamed."
