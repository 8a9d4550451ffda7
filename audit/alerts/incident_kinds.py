"""What kind of incident an alert opens. A person changes it when they know better."""

from __future__ import annotations

from audit.models import IncidentKind

KINDS: dict[str, IncidentKind] = {
    "anomaly.mass-drops": IncidentKind.SYNC,
    "anomaly.mass-deletes": IncidentKind.DATA_LOSS,
    "anomaly.whole-table-delete": IncidentKind.DATA_LOSS,
    "anomaly.delete-burst": IncidentKind.DATA_LOSS,
    "anomaly.surplus": IncidentKind.DATA_LOSS,
    "anomaly.drop-attempts": IncidentKind.ACCESS,
    "anomaly.failed-logins": IncidentKind.ACCESS,
    "anomaly.many-addresses": IncidentKind.ACCESS,
    "anomaly.rights-granted": IncidentKind.ACCESS,
    "anomaly.unknown-database": IncidentKind.WRONG,
    "backup.failed": IncidentKind.BACKUP,
    "backup.missed": IncidentKind.BACKUP,
    "backup.unproved": IncidentKind.BACKUP,
    "backup.damaged": IncidentKind.BACKUP,
    "backup.copy_failed": IncidentKind.BACKUP,
    "protection.drift": IncidentKind.SCHEMA,
    "protection.promise_broken": IncidentKind.ACCESS,
    "target.identity": IncidentKind.WRONG,
}


def kind_of(alert: str) -> IncidentKind:
    """The kind of an alert's incident; other when it says too little."""
    return KINDS.get(alert, IncidentKind.OTHER)
