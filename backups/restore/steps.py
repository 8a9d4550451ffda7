"""What exactly will happen, in sentences for the page, the approver and the ledger."""

from __future__ import annotations

from django.conf import settings

from backups.models import RestoreMode
from backups.restore.case import Case


def steps(case: Case) -> list[str]:
    """The steps of this case in order. Reads what the server says; raises what looking at it raises."""
    if case.mode == RestoreMode.MERGE:
        return _merge(case)
    name, backup = f'"{case.target.database}"', case.backup
    when = f"{backup.snapshot_at:%Y-%m-%d %H:%M} UTC" if backup.snapshot_at else "an unknown time"
    says = [f"{_what(case)} {name} of {case.target} ({case.target.get_environment_display()}) by the backup of {when}."]
    if case.replaces:
        says.append("First a safety backup of what is there now is made.")
    says.append(
        f"The backup is restored into a database beside it and every count and hash is compared ({_size(case)})."
    )
    if case.replaces:
        days = int(settings.TOVGOV_KEEP_FORMER_DAYS)
        says.append(f"Then sessions are ended and the two are swapped by name; the former one is kept {days} days.")
    else:
        says.append(f"Then it gets the name {name}.")
    return says


def _what(case: Case) -> str:
    if case.mode == RestoreMode.RECOVER:
        return "Recover the dropped database"
    return "Replace the database" if case.replaces else "Make the database"


def _size(case: Case) -> str:
    manifest = case.manifest
    return f"{len(manifest.tables):,} tables, {manifest.rows:,} rows"


def _merge(case: Case) -> list[str]:
    tables = ", ".join(case.tables) or "all tables"
    name = f'"{case.target.database}" of {case.target} ({case.target.get_environment_display()})'
    says = [f"Put rows of the backup {case.backup} whose key is missing back into {name}: {tables}."]
    says.append("No row that is there is changed or deleted. All of it in one transaction, or nothing.")
    return [*says, "This is a dry run: it changes nothing."] if case.dry_run else says
