"""Errors of bringing what targets log."""

from __future__ import annotations

from audit.exceptions.base import InfrastructureFault, Refusal, UsageError


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


class LogReadTwice(Refusal):
    code = "imports.log_read_twice"
    sentence = "Another source of the target reads the same log."
    advice = "Pause one of the two: until then its lines stand there twice, and rules and pages count them twice."


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
