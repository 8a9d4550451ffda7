"""Sources of server logs: added, changed, paused and removed by people; tried before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from audit import conf, ledger
from audit.actors import Actor
from audit.exceptions import ImportRunning, LogSourceInvalid, LogSourceUsed, TovgovError
from audit.imports import asking
from audit.imports.retention import keeping
from audit.imports.server_logs import bring, files, sources
from audit.imports.server_logs.sources import sent
from audit.models import OPEN_STATES, SERVER_LOGS, AuditImport, ImportKind, ImportSource, LogFile, Target
from audit.postgres.logs.opening import FORMATS, open_parser
from audit.postgres.logs.record import Found, LogRecord

MANAGE = "audit.manage_sources"
SETTINGS = ("folder", "patterns", "format", "prefix", "encoding", "timezone")
SHOWN = 20
USUAL = -1
"""Keep entries as long as ``TOVGOV_LOG_KEEP_DAYS`` says."""


def add(target: Target, kind: str, *, name: str = "", settings: dict[str, Any] | None = None,
        keep_days: int | None = USUAL, actor: Actor, reason: str = "") -> ImportSource:  # fmt: skip
    """Add a source of server logs. Its entries are kept for ``keep_days``, None for ever. Raises ``NotPermitted``,
    ``LogSourceInvalid`` and ``KeepDaysInvalid``."""
    actor.require(MANAGE)
    keep_days = keeping.checked(conf.log_keep_days() if keep_days == USUAL else keep_days)
    settings = checked(kind, settings or {})
    _check_name(target, kind, name)
    with transaction.atomic():
        source: ImportSource = ImportSource.objects.create(
            target=target, kind=kind, name=name, settings=settings, keep_days=keep_days
        )
        _note("add", source, actor=actor, reason=reason)
    return source


def change(source: ImportSource, *, settings: dict[str, Any], keep_days: int | None, actor: Actor,
           reason: str = "") -> ImportSource:  # fmt: skip
    """Change how a source is read and how long it is kept. Files that could not be read are tried again. Raises
    ``NotPermitted``, ``LogSourceInvalid`` and ``KeepDaysInvalid``."""
    actor.require(MANAGE)
    keeping.checked(keep_days)
    with transaction.atomic():
        row = (
            ImportSource.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=source.pk)
        )
        row.settings, row.keep_days = checked(row.kind, settings), keep_days
        row.save(update_fields=["settings", "keep_days"])
        files.try_again(row)
        _note("change", row, actor=actor, reason=reason)
    return row


def pause(source: ImportSource, *, actor: Actor, reason: str = "") -> None:
    """Read nothing more of it, until ``resume``. Raises ``NotPermitted``."""
    _switch(source, False, "pause", actor=actor, reason=reason)


def resume(source: ImportSource, *, actor: Actor, reason: str = "") -> None:
    """Read it again, from where it was left. Raises ``NotPermitted``."""
    _switch(source, True, "resume", actor=actor, reason=reason)


def _switch(source: ImportSource, is_active: bool, verb: str, *, actor: Actor, reason: str) -> None:
    actor.require(MANAGE)
    with transaction.atomic():
        if ImportSource.objects.filter(pk=source.pk, is_active=not is_active).update(is_active=is_active):
            _note(verb, source, actor=actor, reason=reason)
    source.is_active = is_active


def remove(source: ImportSource, *, actor: Actor, reason: str = "") -> None:
    """Remove a source of which nothing is kept. Raises ``NotPermitted`` and ``LogSourceUsed``."""
    actor.require(MANAGE)
    with transaction.atomic():
        row = (
            ImportSource.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=source.pk)
        )
        tree = getattr(row, "seal_tree", None)
        if (tree and tree.size) or row.imports.filter(state__in=OPEN_STATES).exists():
            raise LogSourceUsed
        _note("remove", row, actor=actor, reason=reason)
        row.delete()
    sent.forget(source)


def _note(verb: str, source: ImportSource, *, actor: Actor, reason: str) -> None:
    facts = {"kind": source.kind, "name": source.name, "settings": source.settings, "keep_days": source.keep_days}
    ledger.append(f"imports.source.{verb}", actor=actor, obj=source, target=source.target, reason=reason, **facts)


# --- what a source may be like --------------------------------------------------------------------------------------


def checked(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """``settings`` without what is empty. Raises ``LogSourceInvalid``."""
    if kind not in SERVER_LOGS:
        raise LogSourceInvalid(f"“{kind}” is no kind of server log; there are {', '.join(SERVER_LOGS)}.")
    if strange := set(settings) - set(SETTINGS):
        raise LogSourceInvalid(f"There is no setting {', '.join(sorted(strange))}.")
    kept = {name: value for name, value in settings.items() if value not in (None, "", [], False)}
    if kind == ImportKind.FOLDER and not Path(str(kept.get("folder", ""))).is_absolute():
        raise LogSourceInvalid("A folder is named by its whole path, such as /var/log/postgresql.")
    if kept.get("format") and kept["format"] not in FORMATS:
        raise LogSourceInvalid(f"There is no format {kept['format']}; there are {', '.join(FORMATS)}.")
    chosen = kept.get("format") or ("stderr" if kept.get("prefix") else "csvlog")
    try:
        open_parser(
            format=chosen,
            prefix=kept.get("prefix", "%m "),
            encoding=kept.get("encoding"),
            timezone=kept.get("timezone"),
        )
    except TovgovError as error:
        raise LogSourceInvalid(f"{error.message} {error.hint}") from error
    return kept


def _check_name(target: Target, kind: str, name: str) -> None:
    if ImportSource.objects.filter(target=target, kind=kind, name=name).exists():
        raise LogSourceInvalid(f"{target} has a source “{name or kind}” already; give this one a name.")


def find(target: Target, name: str = "") -> ImportSource:
    """The source of server logs that ``name`` names by its name, kind or number; the only one when it is empty. Raises
    ``NoSuchLogSource``."""
    rows = ImportSource.objects.filter(target=target, kind__in=SERVER_LOGS).select_related("target")
    return keeping.named(target, rows, name)


# --- trying it ------------------------------------------------------------------------------------------------------


@dataclass
class Trial:
    """What would be read."""

    files: int = 0
    bytes: int = 0
    shown: list[dict[str, str]] = field(default_factory=list)
    """The newest files: name, format or what is wrong, and the time and message of a record."""


def attempt(target: Target, kind: str, settings: dict[str, Any], *, actor: Actor) -> Trial:
    """Look at a source without storing anything: how many files, in which format, the first record of the newest.
    Raises ``NotPermitted``, ``LogSourceInvalid``, ``LogSourceGone`` and what ``targets.connected`` raises."""
    actor.require(MANAGE)
    return _looked(ImportSource(target=target, kind=kind, settings=checked(kind, settings)), actor)


def attempt_change(source: ImportSource, settings: dict[str, Any], *, actor: Actor) -> Trial:
    """The same for a source that is there, as if it were read in this way. Raises what ``attempt`` raises."""
    actor.require(MANAGE)
    settings = checked(source.kind, settings)
    return _looked(ImportSource(pk=source.pk, target=source.target, kind=source.kind, settings=settings), actor)


def _looked(source: ImportSource, actor: Actor) -> Trial:
    trial = Trial()
    with sources.opened(source, actor=actor) as there:
        places = [place for place in there.places() if place.size]
        trial.files, trial.bytes = len(places), sum(place.size for place in places)
        for place in places[: -SHOWN - 1 : -1]:
            trial.shown.append({"name": place.name} | _first(source, there, place))
    return trial


def _first(source: ImportSource, there: sources.Files, place: sources.Place) -> dict[str, str]:
    try:
        with there.text(place) as text:
            parser, whole = bring.parser_of(source, LogFile(name=place.name), text)
            first = next(whole)
            assert isinstance(first, bytes)  # parser_of has seen it
            found = parser.feed(first) or parser.settle()
    except TovgovError as error:
        return {"fault": error.message}
    record = next((one.record for one in found if isinstance(one, Found)), None)
    if record is None:
        return {"format": parser.format, "fault": "No record was found at its beginning."}
    return {"format": parser.format, "prefix": parser.prefix, "at": f"{record.at:%Y-%m-%d %H:%M:%S} UTC"} | _told(
        record
    )


def _told(record: LogRecord) -> dict[str, str]:
    """Of a record nothing but what says that it was read well; its message may hold secrets."""
    return {"level": record.level, "role": record.role, "database": record.database}


# --- sending --------------------------------------------------------------------------------------------------------


def sent_source(target: Target, *, actor: Actor) -> ImportSource:
    """Where files go that are sent to ``target``; made at its first use. Raises ``NotPermitted``."""
    row = ImportSource.objects.filter(target=target, kind=ImportKind.SENT, name="").select_related("target").first()
    if row is not None:
        return row
    actor.require(asking.RUN)
    with transaction.atomic():
        row, was_made = ImportSource.objects.get_or_create(
            target=target, kind=ImportKind.SENT, name="", defaults={"keep_days": conf.log_keep_days()}
        )
        if was_made:
            _note("add", row, actor=actor, reason="")
    return row


def send(source: ImportSource, pieces: Iterable[bytes], name: str, *, actor: Actor,
         reason: str = "") -> AuditImport:  # fmt: skip
    """Keep what was sent until a worker has read it, and queue the import, or return the one that is open already: what
    comes too late for it is read within a minute. Raises ``NotPermitted`` and ``LogSourceGone``."""
    actor.require(asking.RUN)
    kept = sent.keep(source, pieces, name)
    ledger.append("imports.sent", actor=actor, obj=source, target=source.target, reason=reason, name=name, kept=kept)
    try:
        return asking.request(source, actor=actor, reason=reason)
    except ImportRunning:
        run: AuditImport = source.imports.filter(state__in=OPEN_STATES).latest("pk")
        return run
