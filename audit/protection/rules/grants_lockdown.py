"""The application's roles keep exactly the verbs they need; PUBLIC keeps next to none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from audit.protection import grants, grants_before, installed, role_paths
from audit.protection.facts import TargetFacts
from audit.protection.grants import PUBLIC, Entry, Thing
from audit.protection.installed import AGAIN, WHO
from audit.protection.kept_verbs import Kept
from audit.protection.open_paths import OpenPaths, Way
from audit.protection.role_paths import Membership
from audit.protection.rule import Finding, Settings, Status, Step
from audit.protection.statements import as_json, forget, remember, statement

ROLE, MEMBERSHIP = "role ", "membership "


class GrantsLockdown:
    code = "grants_lockdown"
    title = "Grants lockdown"
    promise = (
        "The named roles keep exactly the verbs that the policy lists, on tables, columns, sequences, schemas,"
        " functions, the database and what will be made later; PUBLIC keeps what the policy leaves it. Nobody gets"
        " more than before."
    )
    limits: Sequence[str] = (
        "An owner can give himself every verb again: use it together with ownership.",
        "Memberships and attributes of a role belong to the whole server; without memberships: true and attributes:"
        " true they are only named, here and by every verification.",
        "A role that has a verb through PUBLIC alone, and is not named by the policy, loses it.",
        "Objects of extensions and of the system keep their grants.",
    )
    defaults: Settings = {
        "roles": {},
        "exclude": [],
        "database": ["CONNECT"],
        "public": {"DATABASE": ["CONNECT"], "SCHEMA": ["USAGE"], "ROUTINE": ["EXECUTE"]},
        "memberships": False,
        "attributes": False,
    }

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        things = grants.read(connection)
        kept = Kept(settings, facts)
        kept.refuse_misfit(things)
        open_ = OpenPaths(kept, facts, things, connection)
        lost = open_.revocable if settings["memberships"] else []
        records = installed.records(connection, self.code)
        steps = [step for thing in things if (step := self._lock(thing, kept, open_, lost, records, connection))]
        steps += [self._leave(edge, connection) for edge in lost]
        if settings["attributes"]:
            steps += [self._plain(role, words, connection) for role, words in open_.attributes.items()]
        return steps

    def advice(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[str]:
        """What this plan does not close."""
        things = grants.read(connection)
        return [way.words for way in OpenPaths(Kept(settings, facts), facts, things, connection).left(settings)]

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        things = grants.read(connection)
        kept = Kept(settings, facts)
        missing = [role for role in settings["roles"] if role not in facts.roles]
        findings = [self._gone(role) for role in missing]
        records = installed.records(connection, self.code)
        wrong: dict[str, list[Finding]] = {role: [] for role in kept.grantees if role not in missing}
        for thing in things:
            for role, found in wrong.items():
                if verbs := sorted({entry.verb for entry in kept.excess(role, thing)}):
                    found.append(self._may(role, thing, verbs, records))
        for way in OpenPaths(kept, facts, things, connection).ways:
            if way.role in wrong:
                wrong[way.role].append(self._open(way))
        for role, found in wrong.items():
            findings += found or [Finding(self.code, f"role {role or 'PUBLIC'}", Status.INSTALLED)]
        return findings

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        """Every ACL as it was, in its order; grants that others made meanwhile stay. Schemas come first: whoever passes
        a right on must be able to reach what it is on."""
        records = installed.records(connection, self.code)
        acls = {label: before for label, before in records.items() if "kind" in before}
        back = grants_before.restore(acls, grants.read(connection), facts, connection)
        steps = [self._back(label, made, connection) for label, made in back]
        for label, before in records.items():
            if label.startswith(ROLE):
                steps.append(self._attributes_back(label, before, connection))
            elif label.startswith(MEMBERSHIP):
                steps.append(self._join_again(label, before, connection))
        return steps

    # --- taking ----------------------------------------------------------------------------------------------------

    def _lock(
        self, thing: Thing, kept: Kept, open_: OpenPaths, lost: list[Membership], records: dict[str, Any],
        connection: Connection,
    ) -> Step | None:  # fmt: skip
        """One step for a thing: what the named roles still need is given first, then the rest is taken."""
        excess = {role: kept.excess(role, thing) for role in kept.grantees}
        if not any(excess.values()) and not lost:
            return None
        given = self._given(thing, kept, open_.through(lost), excess[PUBLIC])
        taken = [entry for entries in excess.values() for entry in entries if not kept.keeps(entry, thing)]
        passing = [entry for entries in excess.values() for entry in entries if kept.keeps(entry, thing)]
        passed_on = self._passed_on(thing, [*taken, *passing])
        if not (given or taken or passing):
            return None
        made = [
            self._record(thing, [*taken, *passing, *passed_on], [*given, *passed_on], records, kept.facts, connection)
        ]
        made += grants.grant(thing, given, connection)
        for entries, way in ((taken, grants.revoke), (passing, grants.revoke_option)):
            made += way(thing, entries, connection, cascade=bool(passed_on))
        again = [entry._replace(grantor=thing.owner) for entry in passed_on]
        made += grants.grant(thing, again, connection)
        effect = " ".join(_words(thing, taken, passing, given))
        return Step(self.code, f"Lock the grants on {thing.label}", tuple(made), "none", effect, "superuser")

    def _given(self, thing: Thing, kept: Kept, lost: dict[str, list[str]], public: list[Entry]) -> list[Entry]:
        """What a named role keeps although it came through PUBLIC, or through a membership that goes."""
        found = []
        for role in kept.roles:
            had = {entry.verb for entry in public}
            had |= {verb for other in lost.get(role, []) for verb in thing.held(other)}
            verbs = (had & kept.verbs(role, thing)) - thing.held(role)
            if role != thing.owner:
                found += [Entry(role, thing.owner, verb, grantable=False) for verb in sorted(verbs)]
        return found

    def _passed_on(self, thing: Thing, lost: list[Entry]) -> list[Entry]:
        """What others have from a role that loses the right to give it: they keep it, from the owner."""
        givers = {(entry.grantee, entry.verb) for entry in lost if entry.grantable}
        mine, found = {entry.key for entry in lost}, dict[tuple[str, str, str], Entry]()
        while more := [
            e for e in thing.entries if (e.grantor, e.verb) in givers and e.key not in mine and e.key not in found
        ]:
            found |= {entry.key: entry for entry in more}
            givers |= {(entry.grantee, entry.verb) for entry in more}
        return list(found.values())

    def _record(
        self, thing: Thing, taken: list[Entry], given: list[Entry], records: dict[str, Any], facts: TargetFacts,
        connection: Connection,
    ) -> str:  # fmt: skip
        """The ACL before the first change, and all that this rule has taken and given since."""
        known = records.get(thing.label, {})
        if known.get("oid") != thing.oid and thing.kind != "DEFAULT":  # whose row comes and goes
            known = {}
        record = grants_before.as_record(thing, facts) | known
        record["taken"] = [*known.get("taken", []), *(list(entry) for entry in taken)]
        new = [[entry.grantee, thing.owner, entry.verb] for entry in given]
        record["given"] = [*known.get("given", []), *new]
        names = {"rule": sql.Literal(self.code), "object": sql.Literal(thing.label), "before": as_json(record)}
        return statement(connection, "record_again", **names)

    def _leave(self, edge: Membership, connection: Connection) -> Step:
        before = {"member": edge.member, "role": edge.role, "grantor": edge.grantor, "admin": edge.admin,
                  "inherit": edge.inherit, "set": edge.set}  # fmt: skip
        made = (remember(connection, self.code, edge.words, before), edge.revoke(connection))
        effect = f"{edge.member} can no longer become {edge.role}, in no database of this server."
        return Step(self.code, f"End the {edge.words}", made, "none", effect, "superuser")

    def _plain(self, role: str, words: list[str], connection: Connection) -> Step:
        made = [remember(connection, self.code, f"{ROLE}{role}", {"attributes": words})]
        made += [role_paths.alter(role, f"NO{word}", connection) for word in words]
        effect = f"{role} is no longer {', '.join(words)}, in no database of this server."
        return Step(self.code, f"Take {', '.join(words)} from {role}", tuple(made), "none", effect, "superuser")

    # --- giving back -----------------------------------------------------------------------------------------------

    def _back(self, label: str, made: list[str], connection: Connection) -> Step:
        lines = (*made, forget(connection, self.code, label))
        return Step(self.code, f"Put the grants on {label} back", lines, "none", "", "superuser")

    def _join_again(self, label: str, before: dict[str, Any], connection: Connection) -> Step:
        made = (Membership(**before).grant(connection), forget(connection, self.code, label))
        return Step(self.code, f"Put the {label} back", made, "none", "", "superuser")

    def _attributes_back(self, label: str, before: dict[str, Any], connection: Connection) -> Step:
        role = label.removeprefix(ROLE)
        made = [role_paths.alter(role, word, connection) for word in before["attributes"]]
        made.append(forget(connection, self.code, label))
        return Step(self.code, f"Give {role} its attributes back", tuple(made), "none", "", "superuser")

    # --- judging ---------------------------------------------------------------------------------------------------

    def _gone(self, role: str) -> Finding:
        return Finding(self.code, f"role {role}", Status.MISSING, "The server does not have it.", "Edit the policy.")

    def _may(self, role: str, thing: Thing, verbs: list[str], records: dict[str, Any]) -> Finding:
        words = f"{role or 'PUBLIC'} has {', '.join(verbs)} on {thing.label}, or may pass it on."
        known = records.get(thing.label, {}).get("oid") == thing.oid
        status, hint = (Status.ALTERED, WHO) if known else (Status.MISSING, AGAIN)
        return Finding(self.code, f"{role or 'PUBLIC'} on {thing.label}", status, words, hint)

    def _open(self, way: Way) -> Finding:
        return Finding(self.code, f"role {way.role}: {way.what}", Status.MISSING, way.words, way.hint)


def _words(thing: Thing, taken: list[Entry], passing: list[Entry], given: list[Entry]) -> list[str]:
    """The effect, a sentence for each role."""
    lines = []
    for role in dict.fromkeys(entry.grantee for entry in taken):
        verbs = ", ".join(sorted({entry.verb for entry in taken if entry.grantee == role}))
        who = f"Role {role}" if role else "PUBLIC, and whoever has it only so,"
        lines.append(f"{who} will no longer be able to {verbs}: {thing.label}.")
    for role in dict.fromkeys(entry.grantee for entry in passing):
        lines.append(f"{role} can no longer pass its rights on {thing.label} on.")
    for role in dict.fromkeys(entry.grantee for entry in given):
        verbs = ", ".join(entry.verb for entry in given if entry.grantee == role)
        lines.append(f"{role} keeps {verbs}, of its own.")
    return lines


RULE = GrantsLockdown()
