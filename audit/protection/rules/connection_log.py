"""Who was connected, when and from where; and what the server's own log must say."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.protection import installed, server_logging
from audit.protection.facts import TargetFacts
from audit.protection.installed import AGAIN, WHO
from audit.protection.rule import Finding, Released, Settings, Status, Step
from audit.protection.server_logging import DDL
from audit.protection.statements import forget, forget_guard, released, remember, set_guard, statement

OBJECTS = Released("connection_log.v1")
TABLE, FUNCTION, TRIGGER = "ConnectionAuditLog", "log_connection", "tovgov_login"
LOGIN_TRIGGERS = 170_000
STATEMENTS, SERVER = "log_statement of the database", "settings of the server"


class ConnectionLog:
    code = "connection_log"
    title = "Connection log"
    promise = (
        "Logins are recorded: by a login trigger from PostgreSQL 17 on, before that by a look at the sessions once a"
        " minute; DDL stands in the server's log; connections too where the server is set so."
    )
    limits: Sequence[str] = (
        "The login trigger gives way to the login: with its table dropped, locked or full, on a standby, in a session"
        " that is read-only or serializable by default, nothing is recorded.",
        "A copy, and a database that was renamed, record nothing until they have the name of the installation.",
        "A superuser can log in with event_triggers = off.",
        "Before PostgreSQL 17 a session that is shorter than a minute may not be seen.",
        "A login that is refused never reaches the database: only the server's log knows of it.",
        "A role may have a log_statement of its own from a superuser, which wins over the database's.",
    )
    defaults: Settings = {"logins": True, "statements": True, "alter_system": False, "keep_days": 30}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = []
        if settings["logins"] and any(f.status is not Status.INSTALLED for f in self._logins(facts, connection)):
            made = set_guard(connection, self.code, {"database": facts.database})
            made += released(connection, OBJECTS, f"{FUNCTION}()")
            effect = "Each login writes a row, and goes on whatever becomes of it."
            steps.append(Step(self.code, "Record logins", made, "none that others wait for", effect, "superuser"))
        if settings["statements"] and not self._logs_ddl(connection):
            steps.append(self._set_statements(facts, connection))
        if settings["alter_system"]:
            steps += self._set_server(connection)
        return steps

    def advice(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[str]:
        """What an administrator must write into the server's configuration."""
        server = server_logging.read(connection)
        is_ours = settings["alter_system"] and server.may_set
        statements = settings["statements"] and not is_ours and not facts.is_superuser
        lines = server.lines(statements=statements)
        if is_ours:
            lines = [line for line in lines if line.split(" = ")[0] not in server.wanted]
        if not lines:
            return []
        words = "; ".join(lines)
        return [f"An administrator must set in postgresql.conf, for the server's log to tell of connections: {words}."]

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        findings = self._logins(facts, connection) if settings["logins"] else []
        if settings["statements"]:
            label = f"log_statement of {facts.database}"
            if self._logs_ddl(connection):
                findings.append(Finding(self.code, label, Status.INSTALLED))
            else:
                findings.append(Finding(self.code, label, Status.MISSING, "DDL is not logged.", AGAIN))
        if settings["alter_system"]:
            findings += self._judge_server(connection)
        if not findings:
            findings.append(Finding(self.code, "sessions", Status.INSTALLED, "They are looked at once a minute."))
        return findings

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps, records = [], installed.records(connection, self.code)
        if installed.has_ground(connection) and facts.version >= LOGIN_TRIGGERS:
            drop = (statement(connection, "connection_log_remove"), forget_guard(connection, self.code))
            effect = "Logins are no longer recorded; the rows in the target are gone."
            steps.append(Step(self.code, "Stop recording logins", drop, "none", effect, "superuser"))
        if STATEMENTS in records:
            steps.append(self._reset_statements(records[STATEMENTS]["was"], facts, connection))
        if SERVER in records:
            steps += self._reset_server(records[SERVER]["was"], connection)
        return steps

    # --- logins ----------------------------------------------------------------------------------------------------

    def _logins(self, facts: TargetFacts, connection: Connection) -> list[Finding]:
        if facts.version < LOGIN_TRIGGERS:
            return []
        table, function = installed.relations(connection).get(TABLE), installed.functions(connection).get(FUNCTION)
        trigger = installed.event_triggers(connection).get(TRIGGER)
        return [
            installed.judge_settings(self.code, {"database": facts.database}, connection),
            installed.judge_relation(self.code, TABLE, table),
            installed.judge_function(self.code, OBJECTS, FUNCTION, function),
            installed.judge_event_trigger(self.code, TRIGGER, FUNCTION, "login", set(), trigger),
        ]

    # --- statements ------------------------------------------------------------------------------------------------

    def _logs_ddl(self, connection: Connection) -> bool:
        here = server_logging.database_statement(connection)
        return (here or server_logging.read(connection).values["log_statement"]) in DDL

    def _set_statements(self, facts: TargetFacts, connection: Connection) -> Step:
        names = {"database": sql.Identifier(facts.database), "value": sql.Literal("ddl")}
        made = (
            remember(connection, self.code, STATEMENTS, {"was": server_logging.database_statement(connection)}),
            statement(connection, "set_log_statement", **names),
        )
        effect = "CREATE, ALTER and DROP in this database stand in the server's log, from the next login on."
        return Step(self.code, "Log DDL", made, "none", effect, "superuser")

    def _reset_statements(self, was: str | None, facts: TargetFacts, connection: Connection) -> Step:
        name = sql.Identifier(facts.database)
        back = statement(connection, "reset_log_statement", database=name)
        if was is not None:
            back = statement(connection, "set_log_statement", database=name, value=sql.Literal(was))
        lines = (back, forget(connection, self.code, STATEMENTS))
        return Step(self.code, "Put log_statement back", lines, "none", "", "superuser")

    # --- the server ------------------------------------------------------------------------------------------------

    def _set_server(self, connection: Connection) -> list[Step]:
        server = server_logging.read(connection)
        if not (server.wanted and server.may_set):
            return []
        before = {name: server.ours.get(name) for name in server.wanted}
        known = installed.records(connection, self.code).get(SERVER, {}).get("was", {})
        record = forget(connection, self.code, SERVER), remember(connection, self.code, SERVER, {"was": before | known})
        made = [server_logging.alter(name, value, connection) for name, value in server.wanted.items()]
        made.append(statement(connection, "reload"))
        effect = f"For the whole server, from the next login on: {', '.join(server.wanted)}."
        return [
            Step(self.code, "Remember how the server logs", record, "none", "", "superuser"),
            Step(self.code, "Log connections", tuple(made), "none", effect, "superuser", outside=True),
        ]

    def _reset_server(self, was: dict[str, str | None], connection: Connection) -> list[Step]:
        made = [
            server_logging.reset(name, connection) if value is None else server_logging.alter(name, value, connection)
            for name, value in was.items()
        ]
        made.append(statement(connection, "reload"))
        record = (forget(connection, self.code, SERVER),)
        return [
            Step(self.code, "Put the server's logging back", tuple(made), "none", "", "superuser", outside=True),
            Step(self.code, "Forget how the server logged", record, "none", "", "superuser"),
        ]

    def _judge_server(self, connection: Connection) -> list[Finding]:
        server = server_logging.read(connection)
        label, lines = "logging of the server", server.lines(statements=False)
        if not lines:
            return [Finding(self.code, label, Status.INSTALLED)]
        known = SERVER in installed.records(connection, self.code)
        status, hint = (Status.ALTERED, WHO) if known and server.wanted else (Status.MISSING, AGAIN)
        if not server.wanted or not server.may_set:
            hint = "Only an administrator of the server can write these lines into postgresql.conf."
        return [Finding(self.code, label, status, f"Not set: {'; '.join(lines)}.", hint)]


RULE = ConnectionLog()
