"""Errors of reaching a target, and being sure that it is the one."""

from __future__ import annotations

from audit.exceptions.base import InfrastructureFault, Refusal, UsageError


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
