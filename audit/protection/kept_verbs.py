"""Which verbs a role of the policy ``grants_lockdown`` keeps on what."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from audit.exceptions import PolicyMisfit
from audit.protection.facts import TargetFacts
from audit.protection.grants import PUBLIC, Entry, Thing
from audit.protection.rule import Settings

ORDINARY = {"*": ["SELECT", "INSERT", "UPDATE", "DELETE"]}
"""What a role keeps on tables when the policy lists no patterns for it."""
ALWAYS = {
    "SEQUENCE": frozenset({"USAGE", "SELECT"}),
    "SCHEMA": frozenset({"USAGE"}),
    "ROUTINE": frozenset({"EXECUTE"}),
}
VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}
LEFT_BY_OWNERSHIP = {
    "TABLE": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "SEQUENCE": ("USAGE", "SELECT", "UPDATE"),
    "SCHEMA": ("USAGE",),
    "DATABASE": ("CONNECT", "TEMPORARY"),
}
"""What the rule ``ownership`` leaves to a former owner."""
OWNER = "tovgov_owner"


class Kept:
    """The policy's answer to: may this role keep that verb there?"""

    def __init__(self, settings: Settings, facts: TargetFacts) -> None:
        self.facts = facts
        self.roles: dict[str, dict[str, list[str]]] = {
            role: patterns or ORDINARY for role, patterns in settings["roles"].items()
        }
        self.grantees = (*self.roles, PUBLIC)
        self._exclude = settings["exclude"]
        self._database = frozenset(settings["database"])
        self._public = {kind: frozenset(verbs) for kind, verbs in settings["public"].items()}
        taking = facts.policy.get("ownership")
        self._database_goes = bool(taking and taking["database"])
        self._schemas_go = bool(taking and taking["schemas"])
        self._tables_go = {t.oid for t in facts.chosen(taking["tables"], taking["exclude"])} if taking else set()
        self._sequences_go = {oid for oid, table in facts.sequences.items() if table in self._tables_go}

    def refuse_misfit(self, things: Iterable[Thing]) -> None:
        """Raise ``PolicyMisfit`` for a role, a table or a verb that is not there."""
        tables = {thing.table for thing in things if thing.kind == "TABLE"}
        for role, patterns in self.roles.items():
            if role not in self.facts.roles:
                raise PolicyMisfit(f"The policy names the role {role}, which the server does not have.")
            for pattern, verbs in patterns.items():
                if not any(sign in pattern for sign in "*?") and pattern not in tables:
                    raise PolicyMisfit(f"The policy names the table {pattern}, which the target does not have.")
                if wrong := sorted(set(verbs) - VERBS):
                    raise PolicyMisfit(f"The policy lets {role} keep {', '.join(wrong)}: tables know no such verb.")

    def verbs(self, role: str, thing: Thing) -> frozenset[str]:
        """What ``role`` (``""`` is PUBLIC) may keep on ``thing``."""
        if role == PUBLIC:
            return self._public.get(thing.holds, frozenset())
        if thing.holds == "DATABASE":
            return self._database
        if thing.holds in ALWAYS:
            return ALWAYS[thing.holds]
        found = [verbs for pattern, verbs in self.roles[role].items() if _fits(pattern, thing)]
        return frozenset(verb for verbs in found for verb in verbs)

    def keeps(self, entry: Entry, thing: Thing) -> bool:
        return entry.verb in self.verbs(entry.grantee, thing)

    def excess(self, role: str, thing: Thing) -> list[Entry]:
        """What ``role`` itself holds and does not keep, or may pass on. Nothing can be taken from an owner; what
        ``ownership`` is about to leave to one can."""
        if self._is_excluded(thing):
            return []
        kept = self.verbs(role, thing)
        if role == thing.owner:
            left = LEFT_BY_OWNERSHIP.get(thing.kind, ()) if self.is_taken(thing) else ()
            return [Entry(role, role, verb, grantable=False) for verb in left if verb not in kept]
        mine = [entry for entry in thing.entries if entry.grantee == role]
        return [entry for entry in mine if entry.verb not in kept or entry.grantable]

    def is_taken(self, thing: Thing) -> bool:
        """Whether the rule ``ownership`` of the same policy takes it from its owner before."""
        if thing.owner == OWNER:
            return False
        if thing.kind == "DATABASE":
            return self._database_goes
        if thing.kind == "SCHEMA":
            return self._schemas_go
        return thing.oid in self._tables_go or (thing.kind == "SEQUENCE" and thing.oid in self._sequences_go)

    def _is_excluded(self, thing: Thing) -> bool:
        return thing.kind in ("TABLE", "COLUMN") and any(fnmatchcase(thing.table, p) for p in self._exclude)


def _fits(pattern: str, thing: Thing) -> bool:
    """Future tables of a schema fit a pattern that can name a table there."""
    if thing.kind != "DEFAULT":
        return fnmatchcase(thing.table, pattern)
    return not thing.schema or fnmatchcase(f"{thing.schema}.", pattern.partition(".")[0] + ".") or "." not in pattern
