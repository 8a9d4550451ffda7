"""All anomaly rules, in the order in which they are shown: what is lost first, who comes next, the server last."""

from __future__ import annotations

from audit.anomalies.rule import Rule
from audit.anomalies.rules import (
    crash,
    delete_burst,
    drop_attempts,
    failed_logins,
    many_addresses,
    mass_deletes,
    mass_drops,
    new_address,
    new_application,
    new_role,
    off_hours,
    restart,
    rights_granted,
    settings_changed,
    silence,
    surplus,
    surplus_possible,
    unknown_database,
    whole_table_delete,
)

ALL: tuple[Rule, ...] = (
    mass_drops.RULE,
    mass_deletes.RULE,
    whole_table_delete.RULE,
    delete_burst.RULE,
    surplus.RULE,
    surplus_possible.RULE,
    drop_attempts.RULE,
    unknown_database.RULE,
    off_hours.RULE,
    failed_logins.RULE,
    many_addresses.RULE,
    new_address.RULE,
    new_role.RULE,
    new_application.RULE,
    rights_granted.RULE,
    settings_changed.RULE,
    crash.RULE,
    restart.RULE,
    silence.RULE,
)
RULES: dict[str, Rule] = {rule.code: rule for rule in ALL}
