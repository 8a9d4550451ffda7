"""Database, schemas and tables belong to a role that nobody can log in as, so that no login role can undo a guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.postgres import queries
from audit.protection import installed
from audit.protection.facts import Table, TargetFacts
from audit.protection.installed import AGAIN, WHO
from audit.protection.rule import Finding, Settings, Status, Step
from audit.protection.statements import forget, remember, statement

OWNER = "tovgov_owner"
IMPLICIT = "pg_database_owner"  # owns the schema public from 15 on; whoever owns the database is its only member

Sequences = dict[int, list[sql.Identifier]]


class Ownership:
    code = "ownership"
    title = "Ownership"
    promise = (
        f"Database, schemas and tables belong to {OWNER}, a role without login that no login role is a member of:"
        " only a superuser can alter or drop them, or put another's trigger off."
    )
    limits: Sequence[str] = (
        "A superuser owns everything anyway; drift checks find what they change.",
        "The former owner keeps SELECT, INSERT, UPDATE, DELETE and the use of sequences; CREATE, ALTER, DROP,"
        " TRUNCATE and GRANT need a maintenance window.",
        "Row security that the former owner passed by as owner now applies to them.",
        "Views, functions, types and free-standing sequences keep their owner.",
    )
    defaults: Settings = {"tables": ["*"], "exclude": [], "database": True, "schemas": True}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        members = _members(connection)
        if members:
            words = f"Login roles are members of {OWNER}: {', '.join(members)}."
            raise PolicyMisfit(words, hint=f"Revoke {OWNER} from them first; ownership by that role would hold nobody.")
        steps = []
        if OWNER not in facts.roles:
            made = (statement(connection, "owner_role"),)
            steps.append(
                Step(self.code, f"Make the role {OWNER}", made, "none", "Nobody can log in as it.", "superuser")
            )
        sequences = _sequences(connection)
        for table in facts.chosen(settings["tables"], settings["exclude"]):
            if table.owner != OWNER:
                steps.append(self._take_table(table, sequences, facts, connection))
        for oid, schema, owner in self._schemas(settings, connection):
            if owner not in (OWNER, IMPLICIT):
                steps.append(self._take("schema", oid, schema, owner, facts, connection))
        if settings["database"] and facts.database_owner != OWNER:
            steps.append(
                self._take("database", facts.database_oid, facts.database, facts.database_owner, facts, connection)
            )
        return steps

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        owners = {t.label: t.owner for t in facts.chosen(settings["tables"], settings["exclude"])}
        for _, schema, owner in self._schemas(settings, connection):
            if owner != IMPLICIT:
                owners[f"schema {schema}"] = owner
        if settings["database"]:
            owners[f"database {facts.database}"] = facts.database_owner
        findings = [self._judge_members(facts, connection)]
        return findings + [self._judge(label, owner, connection) for label, owner in owners.items()]

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        """Everything that has a record goes back to its former owner, under whatever name it has now.

        Raises ``PolicyMisfit`` when there is no record of whose a table was: it was not this rule that took it.
        """
        former = Former(installed.records(connection, self.code), facts)
        sequences = _sequences(connection)
        steps = []
        if key := former.find("database", {facts.database_oid: facts.database}, facts.database_oid):
            steps.append(self._give_back("database", facts.database, key, former.owner(key), connection))
        schemas = {oid: name for oid, name, _ in self._schemas({"schemas": True}, connection)}
        for oid, name in schemas.items():
            if key := former.find("schema", schemas, oid):
                steps.append(self._give_back("schema", name, key, former.owner(key), connection))
        tables = {table.oid: table.label for table in facts.tables}
        for table in facts.tables:
            if key := former.find("table", tables, table.oid):
                steps.append(self._give_table_back(table, key, former.owner(key), sequences, connection))
            elif table.owner == OWNER:
                raise PolicyMisfit(
                    f"{table.label} belongs to {OWNER}, and there is no record of who had it before.",
                    hint="Give it to the right role by hand: ALTER TABLE … OWNER TO …",
                )
        return steps

    # --- taking ----------------------------------------------------------------------------------------------------

    def _take_table(self, table: Table, sequences: Sequences, facts: TargetFacts, connection: Connection) -> Step:
        old = sql.Identifier(table.owner)
        made = [remember(connection, self.code, f"table {table.label}", _before(table.owner, table.oid, facts))]
        made.append(statement(connection, "own_table", table=table.identifier, new=sql.Identifier(OWNER), old=old))
        for sequence in sequences.get(table.oid, []):
            made.append(statement(connection, "own_sequence", sequence=sequence, old=old))
        effect = f"{table.owner} keeps SELECT, INSERT, UPDATE and DELETE, and can no longer ALTER, DROP or GRANT."
        if table.row_security:
            effect += f" Row security of this table applies to {table.owner} from now on."
        locks = f"ACCESS EXCLUSIVE on {table.label}, for a moment"
        return Step(self.code, f"Take {table.label} from {table.owner}", tuple(made), locks, effect, "superuser")

    def _take(self, kind: str, oid: int, name: str, owner: str, facts: TargetFacts, connection: Connection) -> Step:
        names = {kind: sql.Identifier(name), "new": sql.Identifier(OWNER), "old": sql.Identifier(owner)}
        made = (
            remember(connection, self.code, f"{kind} {name}", _before(owner, oid, facts)),
            statement(connection, f"own_{kind}", **names),
        )
        effect = {
            "schema": f"{owner} keeps USAGE and can no longer CREATE in it.",
            "database": f"{owner} keeps CONNECT and can no longer drop, rename or set the database, nor unlock it.",
        }[kind]
        locks = f"a lock on the {kind}'s row, for a moment"
        return Step(self.code, f"Take the {kind} {name} from {owner}", made, locks, effect, "superuser")

    # --- giving back -----------------------------------------------------------------------------------------------

    def _give_table_back(
        self, table: Table, key: str, former: str, sequences: Sequences, connection: Connection
    ) -> Step:
        owner = sql.Identifier(former)
        made = [
            statement(connection, "own_sequence_back", sequence=sequence, new=owner)
            for sequence in sequences.get(table.oid, [])
        ]
        made.append(statement(connection, "own_table_back", table=table.identifier, new=owner))
        made.append(forget(connection, self.code, key))
        locks = f"ACCESS EXCLUSIVE on {table.label}, for a moment"
        title = f"Give {table.label} back to {former}"
        return Step(self.code, title, tuple(made), locks, "", "superuser")

    def _give_back(self, kind: str, name: str, key: str, owner: str, connection: Connection) -> Step:
        names = {kind: sql.Identifier(name), "new": sql.Identifier(owner)}
        made = (statement(connection, f"own_{kind}_back", **names), forget(connection, self.code, key))
        return Step(self.code, f"Give the {kind} {name} back to {owner}", made, "none for long", "", "superuser")

    # --- judging ---------------------------------------------------------------------------------------------------

    def _judge(self, label: str, owner: str, connection: Connection) -> Finding:
        if owner == OWNER:
            return Finding(self.code, label, Status.INSTALLED)
        known = installed.records(connection, self.code)
        words = f"It belongs to {owner}."
        if label in known or f"table {label}" in known:
            return Finding(self.code, label, Status.ALTERED, words, WHO)
        return Finding(self.code, label, Status.MISSING, words, AGAIN)

    def _judge_members(self, facts: TargetFacts, connection: Connection) -> Finding:
        label = f"role {OWNER}"
        if OWNER not in facts.roles:
            return Finding(self.code, label, Status.MISSING, "It is not there.", AGAIN)
        if _may_log_in(connection):
            hint = f"{WHO} ALTER ROLE {OWNER} NOLOGIN;"
            return Finding(self.code, label, Status.ALTERED, "It may log in.", hint)
        members = _members(connection)
        if members:
            return Finding(self.code, label, Status.ALTERED, f"Login roles are members: {', '.join(members)}.", WHO)
        return Finding(self.code, label, Status.INSTALLED)

    def _schemas(self, settings: Settings, connection: Connection) -> list[tuple[int, str, str]]:
        if not settings["schemas"]:
            return []
        return connection.execute(queries.load("protection/schemas")).fetchall()


class Former:
    """Who had what before. A thing is known by its oid, for it may have been renamed; by its name where the oid of the
    record is no longer there, or is of another database: this one was restored from a dump."""

    def __init__(self, records: dict[str, Any], facts: TargetFacts) -> None:
        self._records = records
        here = {key: before["oid"] for key, before in records.items() if before.get("in") == facts.incarnation}
        self._by_oid = {(key.split(" ", 1)[0], oid): key for key, oid in here.items()}

    def find(self, kind: str, names: dict[int, str], oid: int) -> str | None:
        """The record's key of the thing ``oid``, among all of its kind that are there."""
        if key := self._by_oid.get((kind, oid)):
            return key
        key = f"{kind} {names[oid]}"
        is_anothers = any(known == key and other in names for (_, other), known in self._by_oid.items())
        return key if key in self._records and not is_anothers else None

    def owner(self, key: str) -> str:
        return str(self._records[key]["owner"])


def _before(owner: str, oid: int, facts: TargetFacts) -> dict[str, Any]:
    return {"owner": owner, "oid": oid, "in": facts.incarnation}


def _members(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute(queries.load("protection/owner_members"))]


def _may_log_in(connection: Connection) -> bool:
    row = connection.execute(queries.load("protection/owner_login")).fetchone()
    return bool(row and row[0])


def _sequences(connection: Connection) -> Sequences:
    """Sequences of serial and identity columns, by their table's oid: they follow the table's owner."""
    found: Sequences = {}
    for oid, _, schema, name in connection.execute(queries.load("protection/owned_sequences")):
        found.setdefault(oid, []).append(sql.Identifier(schema, name))
    return found


RULE = Ownership()
