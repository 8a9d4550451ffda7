"""``manage.py targets``: register databases, test and confirm them, keep their credentials."""

from __future__ import annotations

import argparse
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import CommandParser

from audit import preflight, secrets, targets
from audit.exceptions import PreflightFailed, TargetInvalid
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.management.passwords import password_arguments, read_password
from audit.models import Environment, Purpose, Target

FIELDS = (
    "name", "environment", "host", "port", "service", "database", "maintenance_database", "sslmode", "is_active",
    "system_identifier", "database_oid", "server_version", "identified_at", "checked_at", "check_error_code",
    "check_error",
)  # fmt: skip
ADDRESS = (
    "host",
    "port",
    "service",
    "database",
    "maintenance_database",
    "sslmode",
    "notes",
    "rpo_goal_minutes",
    "rto_goal_minutes",
)


def facts(target: Target) -> dict[str, Any]:
    """The target as ``--json`` prints it: no secret."""
    return {name: getattr(target, name) for name in FIELDS}


def sentinel(word: str) -> targets.Sentinel:
    """``schema.table:rows``, for example ``public.User:10``."""
    table, _, rows = word.rpartition(":")
    schema, _, name = table.partition(".")
    if not (schema and name and rows.isdigit()):
        raise argparse.ArgumentTypeError(f'"{word}" is not schema.table:rows, for example public.User:10')
    return schema, name, int(rows)


class Command(TovgovCommand):
    help = "List, register, test and change targets; keep their credentials and keys."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "list", self.list, "show all targets and what their last check said")
        self._add_add(parser)
        self._add_change(parser)
        test = self.verb(parser, "test", self.test, "run every check of the preflight; pins a target's first identity")
        test.add_argument("target")
        identify = self.verb(parser, "identify", self.identify, "pin the identity anew, on purpose")
        identify.add_argument("target")
        identify.add_argument("--reason", required=True, help="why it is another database now")
        confirm = self.verb(parser, "confirm", self.confirm, "compare targets with their pinned identity now")
        confirm.add_argument("target", nargs="?", help="all active ones when left out")
        role = self.verb(parser, "credential", self.credential, "store the role for a purpose")
        role.add_argument("target")
        role.add_argument("purpose", choices=list(Purpose))
        role.add_argument("--role", required=True)
        password_arguments(role)
        guard = self.verb(parser, "sentinel", self.sentinel, "name a table that must hold at least so many rows")
        guard.add_argument("target")
        guard.add_argument("table", type=sentinel, help="schema.table:rows")
        self.verb(parser, "rotate-keys", self.rotate_keys, "encrypt every secret with the newest key, seal the ledger")
        self.verb(parser, "new-key", self.new_key, "print a new key for TOVGOV_SECRET_KEYS")

    def _add_add(self, parser: CommandParser) -> None:
        add = self.verb(parser, "add", self.add, "register a database: connect, check, pin its identity")
        add.add_argument("name", help="what people call it")
        add.add_argument("--environment", choices=list(Environment), required=True)
        add.add_argument("--role", default="", help="the role that backs up and, until another is named, does the rest")
        add.add_argument("--purpose", choices=list(Purpose), default=str(Purpose.BACKUP), help="what --role is for")
        add.add_argument("--sentinel", type=sentinel, action="append", default=[], help="schema.table:rows; repeatable")
        add.add_argument("--twin", default="", metavar="REASON", help="it is a physical copy of a registered server")
        self._address(add)
        password_arguments(add)

    def _add_change(self, parser: CommandParser) -> None:
        change = self.verb(parser, "change", self.change, "change fields; the pinned identity stays")
        change.add_argument("target")
        change.add_argument("--name")
        change.add_argument("--environment", choices=list(Environment))
        change.add_argument("--active", choices=["yes", "no"])
        change.add_argument("--ask", action="store_true", help="ask for the approval to lower the environment")
        change.add_argument("--reason", default="")
        self._address(change)

    @staticmethod
    def _address(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host")
        parser.add_argument("--port", type=int)
        parser.add_argument("--service", help="a libpq service instead of host and port")
        parser.add_argument("--database", help="the exact name")
        parser.add_argument("--maintenance-database", help="where to connect when the database is gone")
        parser.add_argument("--sslmode")
        parser.add_argument("--notes")
        parser.add_argument("--rpo-goal-minutes", type=int, help="at most so many minutes of data may be lost")
        parser.add_argument("--rto-goal-minutes", type=int, help="after at most so many minutes it must be in service")

    # --- verbs ------------------------------------------------------------------------------------------------

    def list(self, options: dict[str, Any]) -> None:
        rows = list(Target.objects.all())
        cells = [
            (row, row.environment, row.database, _place(row), _identity(row), row.check_error or "fine") for row in rows
        ]
        headers = ("name", "environment", "database", "server", "identity", "last check")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def add(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in ADDRESS if options[name] is not None}
        if not given.get("database"):
            raise TargetInvalid("database: a name is needed.", hint="Name it with --database.")
        user = options["role"]
        roles = {Purpose(options["purpose"]): (user, read_password(options, user))} if user else {}
        target = targets.register(
            options["name"],
            actor=self.actor(options),
            environment=options["environment"],
            credentials=roles,
            sentinels=options["sentinel"],
            twin_reason=options["twin"],
            **given,
        )
        self.emit(options, facts(target), f'{target} is registered: "{target.database}", {_identity(target)}.')

    def change(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        given = {name: options[name] for name in (*ADDRESS, "name", "environment") if options[name] is not None}
        if options["active"]:
            given["is_active"] = options["active"] == "yes"
        if options["ask"]:
            self._ask(target, options)
            return
        target = targets.update(target, actor=actor, reason=options["reason"], **given)
        self.emit(options, facts(target), f"{target} is changed.")

    def _ask(self, target: Target, options: dict[str, Any]) -> None:
        if not options["environment"]:
            raise TargetInvalid("--ask needs the --environment that is asked for.")
        environment = Environment(options["environment"])
        actor, reason = self.actor(options), options["reason"]
        approval = targets.lower_environment(target, environment, actor=actor, reason=reason)
        self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")

    def test(self, options: dict[str, Any]) -> None:
        result = preflight.test_connection(find_target(options["target"]), actor=self.actor(options))
        cells = [(line["status"], line["check"], line["detail"], line["hint"]) for line in result.lines]
        shown = self.table(("", "check", "what was found", "what to do"), cells)
        self.emit(options, {"passed": result.passed, "lines": result.lines}, shown)
        if not result.passed:
            raise PreflightFailed(target=options["target"])

    def identify(self, options: dict[str, Any]) -> None:
        target = find_target(options["target"])
        targets.identify(target, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(target), f'{target} is pinned to "{target.database}", {_identity(target)}.')

    def confirm(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        if options["target"]:
            target = find_target(options["target"])
            outcomes = {target.name: targets.check(target, actor=actor)}
        else:
            outcomes = targets.confirm_all(actor=actor)
        found = {name: error.as_dict() if error else None for name, error in outcomes.items()}
        cells = [
            (name, *((error.message, error.hint) if error else ("confirmed", ""))) for name, error in outcomes.items()
        ]
        self.emit(options, found, self.table(("target", "outcome", "what to do"), cells))
        worst = next((error for error in outcomes.values() if error), None)
        if worst:
            raise worst

    def credential(self, options: dict[str, Any]) -> None:
        target, actor, user = find_target(options["target"]), self.actor(options), options["role"]
        purpose = Purpose(options["purpose"])
        password = read_password(options, user)
        targets.set_credential(target, purpose, user=user, password=password, actor=actor)
        done = {"target": target.name, "purpose": purpose, "user": user}
        self.emit(options, done, f"{target}: {user} is stored for “{purpose.label}”.")

    def sentinel(self, options: dict[str, Any]) -> None:
        target = find_target(options["target"])
        targets.set_sentinel(target, options["table"], actor=self.actor(options))
        schema, table, rows = options["table"]
        done = {"target": target.name, "schema": schema, "table": table, "least_rows": rows}
        self.emit(options, done, f"{target}: {schema}.{table} must hold at least {rows:,} rows.")

    def rotate_keys(self, options: dict[str, Any]) -> None:
        counts = secrets.rotate_keys(actor=self.actor(options))
        total = sum(counts.values())
        words = f"{total} secrets are encrypted with the newest key, the ledger is sealed with it. Older keys can go."
        self.emit(options, counts, words)

    def new_key(self, options: dict[str, Any]) -> None:
        key = Fernet.generate_key().decode()
        self.emit(options, {"key": key}, key)


def _place(target: Target) -> str:
    if target.service:
        return f"service {target.service}"
    return f"{target.host or 'local socket'}{f':{target.port}' if target.port else ''}"


def _identity(target: Target) -> str:
    if not target.is_identified:
        return "not pinned yet"
    return f"number {target.database_oid} on server {target.system_identifier}"
