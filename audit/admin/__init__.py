"""What people see of audit: one module per module of ``audit/models``. A method shows or asks, then calls one verb."""

from audit.admin import (
    alerts,
    approvals,
    clients,
    connections,
    deletions,
    exports,
    imports,
    incidents,
    ledger,
    noise,
    people,
    protection,
    seals,
    targets,
    tokens,
    undelete,
)

__all__ = [
    "alerts",
    "approvals",
    "clients",
    "connections",
    "deletions",
    "exports",
    "imports",
    "incidents",
    "ledger",
    "noise",
    "people",
    "protection",
    "seals",
    "targets",
    "tokens",
    "undelete",
]
