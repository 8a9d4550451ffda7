"""A role that reads and never writes: made or adopted, given what reading needs, judged, and taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.postgres import queries
from audit.protection import grants, installed
from audit.protection.facts import TargetFacts
from audit.protection.installed import AGAIN, WHO
from audit.protection.kept_verbs import Kept
from audit.protection.open_paths import OpenPaths
from audit.protection.rule import Finding, Settings, Status, Step
from audit.protection.statements import forget, remember, statement

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
READS = {
    "exclude": [],
    "database": ["CONNECT", "TEMPORARY"],
    "public": {"DATABASE": ["CONNECT", "TEMPORARY"], "SCHEMA": ["USAGE"], "ROUTINE": ["EXECUTE"]},
}
NEXT = (
    'Nobody can log in as {role} before a person has given it a password, or a certificate: \\password "{role}" in'
    " psql keeps it out of logs and histories. Then enter it on the target's page as the credential for “{purpose}”."
)


@dataclass(frozen=True, slots=True)
class State:
    """What the catalogues know of the role; ``read_only`` is its setting in this database."""

    can_login: bool
    is_superuser: bool
    bypasses_row_security: bool
    groups: list[str]
    may_connect: bool
    read_only: str | None
    large_objects_hidden: int
    mark: str


@dataclass(frozen=True, slots=True)
class ReaderRole:
    """``groups`` are predefined roles it belongs to; ``everything`` says that a dump must be whole: row security is
    passed by and large objects are read."""

    code: str
    purpose: str
    role: str
    groups: tuple[str, ...]
    connection_limit: int
    everything: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.role)

    @property
    def mark(self) -> str:
        """The comment on a role that this rule has made."""
        return f"tovgov {self.code}: made by tovgov, reads only"

    def refuse_misfit(self) -> None:
        """Raise ``PolicyMisfit`` for a name that is no plain word, or a limit that lets nobody in."""
        if not NAME.fullmatch(self.role) or self.role.startswith("pg_"):
            raise PolicyMisfit(f'The rule {self.code} names the role "{self.role}": use letters, digits and _ alone.')
        if self.connection_limit == 0 or self.connection_limit < -1:
            raise PolicyMisfit(f"A connection limit of {self.connection_limit} lets nobody in; -1 is none.")

    def look(self, connection: Connection) -> State | None:
        """The role as it is; None when the server does not have it."""
        row = connection.execute(queries.load("protection/reader_role", name=sql.Literal(self.role))).fetchone()
        return State(*row) if row else None

    # --- giving ----------------------------------------------------------------------------------------------------

    def steps(self, facts: TargetFacts, connection: Connection) -> list[Step]:
        """What is missing of it, in one step each."""
        self.refuse_misfit()
        state = self.look(connection)
        steps = [] if state else [self._make(connection)]
        if state and (lacking := self._lacking(state)):
            steps.append(self._adopt(lacking, connection))
        for group in self.groups:
            if state is None or group not in state.groups:
                steps.append(self._join(group, connection))
        if state is None or not state.may_connect or state.read_only != "on":
            steps.append(self._let_in(state, facts, connection))
        if self.everything and (state is None or state.large_objects_hidden):
            steps.append(self._share(connection))
        return steps

    def _make(self, connection: Connection) -> Step:
        parts = {"row_security": sql.SQL("BYPASSRLS" if self.everything else "NOBYPASSRLS"),
                 "limit": sql.Literal(self.connection_limit), "mark": sql.Literal(self.mark)}  # fmt: skip
        made = statement(connection, "reader_role_make", role=self.identifier, **parts)
        effect = NEXT.format(role=self.role, purpose=self.purpose)
        return Step(self.code, f"Make the role {self.role}", (made,), "none", effect, "superuser")

    def _adopt(self, lacking: list[str], connection: Connection) -> Step:
        made = [remember(connection, self.code, "attributes", {"role": self.role, "lacked": lacking})]
        made += [self._alter(word, connection) for word in lacking]
        title = f"Give the role {self.role} {' and '.join(lacking)}"
        return Step(self.code, title, tuple(made), "none", "In the whole server.", "superuser")

    def _join(self, group: str, connection: Connection) -> Step:
        made = (
            remember(connection, self.code, f"member of {group}", {"role": self.role}),
            statement(connection, "reader_member", group=sql.Identifier(group), role=self.identifier),
        )
        effect = f"{self.role} has the rights of {group}, in every database it can connect to."
        return Step(self.code, f"Make {self.role} a member of {group}", made, "none", effect, "superuser")

    def _let_in(self, state: State | None, facts: TargetFacts, connection: Connection) -> Step:
        names = {"database": sql.Identifier(facts.database), "role": self.identifier}
        before = {"role": self.role, "may_connect": bool(state and state.may_connect),
                  "read_only": state.read_only if state else None}  # fmt: skip
        made = (
            remember(connection, self.code, "database", before),
            statement(connection, "reader_connect", **names),
            statement(connection, "reader_read_only", **names, value=sql.SQL("on")),
        )
        effect = f"{self.role} may connect here; its transactions are read-only unless it says otherwise."
        return Step(self.code, f"Let {self.role} into the database", made, "none", effect, "superuser")

    def _share(self, connection: Connection) -> Step:
        made = (
            remember(connection, self.code, "large objects", {"role": self.role}),
            self.share(connection),
        )
        effect = f"{self.role} may read every large object. Those made later are shared before each backup."
        return Step(self.code, f"Let {self.role} read large objects", made, "none", effect, "superuser")

    def share(self, connection: Connection) -> str:
        """The statement that lets the role read every large object that is there."""
        names = {"name": sql.Literal(self.role), "role": self.identifier}
        return statement(connection, "large_objects_share", **names)

    # --- taking back -----------------------------------------------------------------------------------------------

    def back(self, facts: TargetFacts, connection: Connection) -> list[Step]:
        """What this rule gave goes; the role too, when it was made by tovgov and no other database needs it."""
        state, records = self.look(connection), installed.records(connection, self.code)
        made: list[str] = []
        if state is not None:
            for object_, before in records.items():
                made += self._undo(object_, before, facts, connection)
        made += [forget(connection, self.code, object_) for object_ in records]
        if state is not None and state.mark == self.mark:
            names = {"name": sql.Literal(self.role), "mark": sql.Literal(self.mark)}
            made.append(statement(connection, "reader_role_drop", role=self.identifier, **names))
        if not made:
            return []
        effect = f"{self.role} is gone, unless it was there before or another database needs it."
        return [Step(self.code, f"Take {self.role} back", tuple(made), "none", effect, "superuser")]

    def _undo(self, object_: str, before: dict[str, Any], facts: TargetFacts, connection: Connection) -> list[str]:
        if before.get("role") != self.role:
            return []
        names = {"database": sql.Identifier(facts.database), "role": self.identifier}
        if object_ == "large objects":
            parts = {"name": sql.Literal(self.role), "role": self.identifier}
            return [statement(connection, "large_objects_share_back", **parts)]
        if object_ == "attributes":
            return [self._alter(f"NO{word}", connection) for word in before["lacked"]]
        if object_ == "database":
            lines = [] if before["may_connect"] else [statement(connection, "reader_connect_back", **names)]
            if before["read_only"] is None:
                return [*lines, statement(connection, "reader_read_only_back", **names)]
            value = sql.Literal(before["read_only"])
            return [*lines, statement(connection, "reader_read_only", **names, value=value)]
        if object_.startswith("member of ") and not self._is_shared(connection):
            group = sql.Identifier(object_.removeprefix("member of "))
            return [statement(connection, "reader_member_back", group=group, role=self.identifier)]
        return []

    def _is_shared(self, connection: Connection) -> bool:
        """A role of ours keeps its memberships: it goes whole, or another database still needs it."""
        state = self.look(connection)
        return state is not None and state.mark == self.mark

    def _alter(self, word: str, connection: Connection) -> str:
        return statement(connection, "role_attribute", role=self.identifier, word=sql.SQL(word))

    # --- judging ---------------------------------------------------------------------------------------------------

    def findings(self, facts: TargetFacts, connection: Connection) -> list[Finding]:
        label, state = f"role {self.role}", self.look(connection)
        if state is None:
            return [Finding(self.code, label, Status.MISSING, "The server does not have it.", AGAIN)]
        wrong = [f"It lacks {word}." for word in self._lacking(state)]
        wrong += [f"It is no member of {group}." for group in self.groups if group not in state.groups]
        wrong += [] if state.may_connect else ["It was not granted CONNECT."]
        wrong += [] if state.read_only == "on" else ["Its transactions are not read-only by default."]
        found = [Finding(self.code, label, Status.ALTERED, " ".join(wrong), AGAIN)] if wrong else []
        if self.everything and state.large_objects_hidden:
            words = f"It cannot read {state.large_objects_hidden:,} large objects: they are new since."
            hint = "The next backup shares them first; or install the policy again."
            found.append(Finding(self.code, f"large objects for {self.role}", Status.OUTDATED, words, hint))
        found += [Finding(self.code, label, Status.ALTERED, words, WHO) for words in self._writes(facts, connection)]
        return found or [Finding(self.code, label, Status.INSTALLED)]

    def _lacking(self, state: State) -> list[str]:
        needs = {"LOGIN": state.can_login, "BYPASSRLS": state.bypasses_row_security or not self.everything}
        return [word for word, has in needs.items() if not has]

    def _writes(self, facts: TargetFacts, connection: Connection) -> Iterable[str]:
        """By what it could write after all."""
        settings: Settings = {"roles": {self.role: {"*": ["SELECT"]}}, **READS}
        kept, things = Kept(settings, facts), grants.read(connection)
        fine = {f"membership in {group}" for group in self.groups} | ({"BYPASSRLS"} if self.everything else set())
        for way in OpenPaths(kept, facts, things, connection).ways:
            if way.what not in fine:
                yield way.words
        for thing in things:
            if verbs := sorted({entry.verb for entry in kept.excess(self.role, thing)}):
                yield f"{self.role} has {', '.join(verbs)} on {thing.label}."
