"""What is wrong with reading a log: kept on its source, told by an alarm, and taken back when it is read again."""

from __future__ import annotations

from audit import alerts
from audit.actors import Actor
from audit.exceptions import InfrastructureFault, TovgovError
from audit.models import ImportKind, ImportSource, Severity

FAILED = "imports.failed"
ACTOR = Actor.system("imports")


def fingerprint(source: ImportSource) -> str:
    """What tells the alarms of one source from those of another."""
    return f"target-{source.target_id}" if source.kind == ImportKind.DELETIONS else f"source-{source.pk}"


def what(source: ImportSource) -> str:
    """The source in a sentence about its target."""
    return "its delete log" if source.kind == ImportKind.DELETIONS else source.name or source.get_kind_display()


def note(source: ImportSource, error: TovgovError | None, *, will_retry: bool = False) -> None:
    """Keep how the last reading ended; an error that is not tried again raises the alarm, none resolves it."""
    facts = {"error_code": error.code if error else "", "error": error.message if error else ""}
    ImportSource.objects.filter(pk=source.pk).update(**facts)
    if error is None:
        alerts.resolve(FAILED, fingerprint=fingerprint(source), actor=ACTOR)
    elif not will_retry:
        _tell(source, error)


def _tell(source: ImportSource, error: TovgovError) -> None:
    target = source.target
    target.refresh_from_db(fields=["check_error_code"])
    if target.check_error_code and (isinstance(error, InfrastructureFault) or error.code == target.check_error_code):
        return  # the target itself cannot be reached or is another one: that alarm is raised already
    alerts.alert(
        FAILED,
        fingerprint=fingerprint(source),
        title=f"{target}: {what(source)} cannot be imported: {error.message}",
        target=target,
        severity=Severity.CRITICAL if target.is_production else Severity.WARNING,
        hint=error.hint,
        actor=ACTOR,
    )
