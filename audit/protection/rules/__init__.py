"""The rules, by code, in the order of installation. To add one, copy a file and list it here."""

from __future__ import annotations

from audit.protection.rule import Rule
from audit.protection.rules import (
    backup_role,
    connection_log,
    ddl_guard,
    delete_audit,
    drop_database_lock,
    grants_lockdown,
    ownership,
    protection_status,
    truncate_guard,
    watch_role,
)

RULES: dict[str, Rule] = {
    rule.RULE.code: rule.RULE
    for rule in (
        protection_status,
        delete_audit,
        truncate_guard,
        ownership,
        grants_lockdown,
        drop_database_lock,
        connection_log,
        backup_role,
        watch_role,
        ddl_guard,
    )
}
