"""Import of a server log: every file that has changed is read on from where it was left, chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from django.utils import timezone

from audit import alerts, noise
from audit.actors import Actor
from audit.exceptions import (
    JobCancelled,
    LogEncodingUnusable,
    LogFileUnreadable,
    LogFormatUnknown,
    LogPrefixUnusable,
    LogReadTwice,
    LogsOverlap,
    LogTimezoneUnknown,
    TovgovError,
)
from audit.imports import seal, trouble
from audit.imports.server_logs import apart, files, sources, storing
from audit.imports.server_logs.ahead import ahead
from audit.imports.server_logs.filling import Ways
from audit.imports.server_logs.own_runs import former_roles, own_roles, own_work
from audit.imports.server_logs.sources import Files, Place
from audit.models import AuditImport, ImportSource, LogFile, LogFileState, Severity
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import Fault, Parser
from audit.progress import Progress

RUN_SECONDS = 40
"""After so long an import ends and the next one follows: each is sealed, and none keeps a worker from other work."""
OVERLAP = timedelta(seconds=60)
"""Two files of one server tell of the same time for no longer: it writes one at a time."""
Text = Iterator[bytes | Fault]
UNREADABLE = "imports.log_file"
FILE_FAULTS = (LogFileUnreadable, LogFormatUnknown, LogPrefixUnusable, LogEncodingUnusable, LogTimezoneUnknown)


def perform(run: AuditImport, progress: Progress) -> None:
    """The worker's part. Run again after a kill, it goes on where the last stored chunk ended.

    Raises ``LogSourceGone``, ``ImportOvertaken`` and what ``targets.connected`` raises.
    """
    if run.sealed_at is not None:
        return  # it was killed between its seal and its end
    actor = Actor(name=run.asked_name, source=f"worker {run.worker}", user=run.asked_by)
    try:
        bring(run, progress, actor=actor)
    except TovgovError as error:
        why = progress.why or error
        if not isinstance(why, JobCancelled):
            trouble.note(run.source, why, will_retry=not why.permanent and run.attempt < run.max_attempts)
        raise
    trouble.note(run.source, None)


def bring(run: AuditImport, progress: Progress, *, actor: Actor) -> None:
    """Read what has changed, and seal what was stored. What an import that fails has stored is sealed by the next."""
    seal.write_left_over(run, actor=actor)
    source, end = run.source, time.monotonic() + RUN_SECONDS
    with sources.opened(source, actor=actor) as there:
        progress.phase("Looking at the files")
        found = files.sort_out(source, there)
        progress.log(
            f"Files: {len(found.to_read):,} to read, {found.unchanged:,} as before, {found.left_out:,} left out."
        )
        progress.phase("Importing", unit="rows")
        reader, rules = Reader(noise.masking_of(source.target)), noise.rules_of(source.target)
        roles, former = own_roles(source.target), former_roles(source.target)
        own = own_work(source, [file for _, file in found.to_read])  # after the look: noted before it was logged
        is_done = True
        for place, file in found.to_read:
            ways = Ways(source.target_id, file.pk, roles, reader, former, own)
            is_done = _read(run, place, file, there, found, ways, rules, progress, end)
            if not is_done:
                break
        files.look_at_copies(source, (file for _, file in found.to_read))
    _finish(source, is_done)
    seal.write(run, actor=actor)


def _finish(source: ImportSource, is_done: bool) -> None:
    facts = {"looked_at": timezone.now()} if is_done else {}
    ImportSource.objects.filter(pk=source.pk).update(position={"caught_up": is_done}, **facts)
    source.position = {"caught_up": is_done}
    failed = LogFile.objects.filter(source=source, state=LogFileState.FAILED).order_by("-pk")
    fingerprint = f"source-{source.pk}"
    if first := failed.first():
        alerts.alert(
            UNREADABLE,
            fingerprint=fingerprint,
            title=f"{source}: {failed.count():,} files cannot be read, {first.name} for example: {first.error}",
            target=source.target,
            severity=Severity.WARNING,
            hint="The source's page lists them. The other files are read.",
            actor=trouble.ACTOR,
        )
    else:
        alerts.resolve(UNREADABLE, fingerprint=fingerprint, actor=trouble.ACTOR)


def parser_of(source: ImportSource, file: LogFile, text: Text) -> tuple[Parser, Text]:
    """The parser that goes on where ``file`` was left, and the text for it. Raises ``LogFileUnreadable`` and what
    ``open_parser`` raises."""
    if file.pending:
        return open_parser(state=file.pending), text
    first = next(text, b"")
    if isinstance(first, Fault):
        raise LogFileUnreadable(f"{file.name}: {first.why}")
    settings = {name: source.settings.get(name) or None for name in ("format", "prefix", "encoding", "timezone")}
    return open_parser(first, name=file.name, **settings), chain([first], text)


def _read(run: AuditImport, place: Place, file: LogFile, there: Files, found: files.Sorted, ways: Ways,
          rules: noise.Rules, progress: Progress, end: float) -> bool:  # fmt: skip
    """Read one file to its end, or as far as time allows; whether its end was reached. What is wrong with it is noted
    on it and keeps no other from being read."""
    source = run.source
    try:
        with there.text(place, file.offset) as text:
            parser, whole = parser_of(source, file, text)
            made = apart.chunks(whole, parser, ways, ends=lambda: there.is_complete or found.is_over(place))
            with ahead(made) as ready:
                for chunk in ready:
                    progress.check()
                    file = storing.store(run, file, place, chunk, rules)
                    progress.advance(chunk.rows)
                    if time.monotonic() > end and not chunk.is_last:
                        return False
    except FILE_FAULTS as error:
        progress.log(f"{place.name}: {error.message}")
        files.fail(file, error, place)
        there.done(place)
        return True
    there.done(place)
    _compare(source, file, progress)
    return True


def _compare(source: ImportSource, file: LogFile, progress: Progress) -> None:
    """Say when another source reads the same log, or when two files tell of the same time. All of it is kept."""
    error = _read_twice(source, file) or _overlap(source, file)
    if error is None:
        return
    LogFile.objects.filter(pk=file.pk).update(error_code=error.code, error=error.message)
    progress.log(f"{error.message} {error.hint}")


def _read_twice(source: ImportSource, file: LogFile) -> LogReadTwice | None:
    if file.head_bytes < files.HEAD_BYTES:
        return None
    same = LogFile.objects.filter(source__target=source.target_id, head=file.head, head_bytes=file.head_bytes)
    read = same.filter(records__gt=0, source__is_active=True).exclude(source=source).select_related("source__target")
    other = read.first()
    return LogReadTwice(f"{other.source} reads the same log: its records are there twice.") if other else None


def _overlap(source: ImportSource, file: LogFile) -> LogsOverlap | None:
    """Two files that tell of the same time: logs of two servers, which nothing in them tells apart, or a clock that was
    set back."""
    if file.first_at is None or file.last_at is None or file.last_at - file.first_at < OVERLAP:
        return None
    others = LogFile.objects.filter(source=source, format=file.format).exclude(pk=file.pk)
    same_time = others.filter(first_at__lt=file.last_at - OVERLAP, last_at__gt=file.first_at + OVERLAP, records__gt=1)
    other = same_time.order_by("-last_at").first()
    return LogsOverlap(f"{file.name} and {other.name} tell of the same time.") if other else None
