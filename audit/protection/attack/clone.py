"""The clone that is attacked: the target's schema without its rows, invented tables, roles for the attack, the policy.

Database and roles are named after the run (``tovgov_attack_20260131_120000_9f3a61c2…``), which holds a lock on that
name as long as it lives: whatever bears the name of a run that is dead is removed by the next one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import Connection, sql

from audit import registry
from audit.exceptions import AttackImpossible, QueryFailed
from audit.postgres import databases, queries
from audit.postgres.connect import ConnInfo, connect
from audit.protection import base, execute
from audit.protection.attack.attempt import As
from audit.protection.attack.invent import invent_rows
from audit.protection.facts import read_facts
from audit.protection.rule import Rule, Settings
from audit.protection.rules.ownership import IMPLICIT

NAME = re.compile(r"(tovgov_attack_\d{8}_\d{6}_[0-9a-f]{8})(_\w+)?")
SCHEMA = "attack_stage"
LARGE_OBJECT = 424_242
APPLICATION = "tovgov attack"
WORDS = "A clone that tovgov attacks; it holds no real rows, and the next attack removes it if this one was killed."
TRIES = 3
SERVER_WIDE = {"backup_role", "watch_role", "connection_log"}
"""Rules about roles and settings of the whole server: a clone must not change those."""

Parts = Sequence[tuple[Rule, Settings]]


@dataclass(frozen=True)
class Ground:
    """Where an attack is fought: ``server`` leads, as a superuser, to the server's maintenance database, ``target`` to
    the database whose schema is cloned; ``name`` is the clone's."""

    server: ConnInfo
    target: ConnInfo
    name: str
    parts: Parts

    @property
    def clone(self) -> ConnInfo:
        return self.server.to(self.name)

    def role(self, who: As) -> str:
        """The temporary role's name."""
        return f"{self.name}_{who}"

    @property
    def roles(self) -> str:
        """A LIKE pattern of the temporary roles' names."""
        return self.name.replace("_", r"\_") + "%"

    @property
    def names(self) -> dict[str, str]:
        """What stands for the placeholders in statements."""
        tables = ("note", "member", "payment", "visit", "january", "building", "rich", "totals", "ticket", "mood")
        return (
            {table: f"{SCHEMA}.{table}" for table in tables}
            | {who.value: self.role(who) for who in As}
            | {
                "schema": SCHEMA,
                "amount": f"{SCHEMA}.amount",
                "helper": f"{SCHEMA}.helper",
                "index": f"{SCHEMA}.note_words",
                "elsewhere": f"{SCHEMA}_two",
                "large_object": str(LARGE_OBJECT),
                "database": self.name,
                "renamed": f"{self.name}_renamed",
                "stolen": f"{self.name}_stolen",
            }
        )


@contextmanager
def ground(
    server: ConnInfo, target: ConnInfo, parts: Parts, named: Callable[[str], None] = lambda name: None
) -> Iterator[Ground]:
    """Roles for an attack under a name that is ours, which ``named`` gets first, and their end. What dead runs left
    goes before.

    Raises ``AttackImpossible`` when the role of ``server`` is no superuser.
    """
    name = f"tovgov_attack_{datetime.now(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"
    made = Ground(server, target, name, widened(parts))
    with connect(server, application_name=APPLICATION) as connection:
        row = connection.execute(queries.load("protection/attack/is_superuser")).fetchone()
        if not (row and row[0]):
            raise AttackImpossible
        clear_away(connection, server)
        named(name)
        _hold(connection, name)
        try:
            _make_roles(connection, made)
            yield made
        finally:
            _remove(connection, server, name)


def _hold(connection: Connection, name: str) -> bool:
    row = connection.execute(queries.load("protection/attack/hold", name=sql.Literal(name))).fetchone()
    return bool(row and row[0])


def _make_roles(connection: Connection, made: Ground) -> None:
    for who in (As.APPLICATION, As.OWNER, As.CREATEDB):
        attribute = sql.SQL("CREATEDB" if who is As.CREATEDB else "NOCREATEDB")
        parts = {"role": sql.Identifier(made.role(who)), "attribute": attribute}
        connection.execute(queries.load("protection/attack/role", queries.ROOT, **parts))


# --- making ------------------------------------------------------------------------------------------------------


def make(made: Ground, *, cancelled: Callable[[], bool] = lambda: False) -> None:
    """The clone, anew: one that is there is dropped. Tried again when somebody on the server takes the guards' roles
    away meanwhile. Raises what copying the schema and installing the policy raise."""
    for attempt in range(1, TRIES + 1):
        try:
            return _make(made, cancelled)
        except QueryFailed:
            if attempt == TRIES:
                raise
    return None


def _make(made: Ground, cancelled: Callable[[], bool]) -> None:
    with connect(made.server, application_name=APPLICATION) as connection:
        drop(connection, made.server, made.name)
        facts = databases.read_facts(connection, made.target.database)
        databases.create_like(connection, made.name, facts, owner=made.role(As.OWNER))
        names = {"database": sql.Identifier(made.name), "words": sql.Literal(WORDS)}
        connection.execute(queries.load("protection/attack/describe", queries.ROOT, **names))
    if not registry.schema_copiers:
        raise AttackImpossible("Nothing here can copy a schema.")
    registry.schema_copiers[0](made.target, made.clone, cancelled)
    with connect(made.clone, application_name=APPLICATION) as connection:
        connection.execute(queries.read("protection/attack/strip"))
        _stage(connection, made)
        _give_to_owner(connection, made)
        install(connection, made.parts)


def _stage(connection: Connection, made: Ground) -> None:
    owner = sql.Identifier(made.role(As.OWNER))
    connection.execute(queries.load("protection/attack/stage_schema", owner=owner))
    connection.execute(queries.load("protection/attack/become", role=owner))
    connection.execute(queries.load("protection/attack/stage", large_object=sql.Literal(LARGE_OBJECT)))
    connection.execute(queries.read("protection/attack/myself"))


def _give_to_owner(connection: Connection, made: Ground) -> None:
    """The target's own tables get an invented row each and belong to the owner, too."""
    owner, application = (sql.Identifier(made.role(who)) for who in (As.OWNER, As.APPLICATION))
    for table in read_facts(connection).tables:
        names = {"table": table.identifier, "owner": owner}
        connection.execute(queries.load("protection/attack/own_table", queries.ROOT, **names))
    for _, schema, had in connection.execute(queries.load("protection/schemas")).fetchall():
        name = sql.Identifier(schema)
        if had != IMPLICIT:
            connection.execute(queries.load("protection/attack/own_schema", schema=name, owner=owner))
        connection.execute(queries.load("protection/attack/let_in", schema=name, application=application))
    invent_rows(connection, SCHEMA, made.role(As.OWNER))


def install(connection: Connection, parts: Parts) -> None:
    """Every step of these rules that is still to be done."""
    execute.run(connection, base.schema_steps(connection))
    for rule, settings in parts:
        execute.run(connection, rule.plan(read_facts(connection), settings, connection))


def widened(parts: Parts) -> list[tuple[Rule, Settings]]:
    """The same rules, meant for the invented tables too; what they would change on the whole server is left out."""
    return [(rule, _widened(settings)) for rule, settings in parts if rule.code not in SERVER_WIDE]


def _widened(settings: Settings) -> Settings:
    settings = settings | {name: False for name in ("memberships", "attributes") if name in settings}
    if not isinstance(settings.get("tables"), list):
        return settings
    exclude = [pattern for pattern in settings.get("exclude", []) if not pattern.startswith("*")]
    return settings | {"tables": [*settings["tables"], f"{SCHEMA}.*", f"{SCHEMA}_two.*"], "exclude": exclude}


# --- removing ----------------------------------------------------------------------------------------------------


def clear_away(connection: Connection, server: ConnInfo) -> list[str]:
    """Remove what runs have left that are dead; their names."""
    names = [name for _, name in connection.execute(queries.load("protection/attack/leftovers"))]
    roots = sorted({match[1] for name in names if (match := NAME.fullmatch(name))})
    gone = []
    for root in roots:
        if _hold(connection, root):  # nobody alive holds it
            _remove(connection, server, root)
            gone.append(root)
    return gone


def _remove(connection: Connection, server: ConnInfo, root: str) -> None:
    found = connection.execute(queries.load("protection/attack/leftovers")).fetchall()
    ours = [(kind, name) for kind, name in found if (match := NAME.fullmatch(name)) and match[1] == root]
    for kind, name in ours:
        if kind == "database":
            drop(connection, server, name)
    for kind, name in ours:
        if kind == "role":
            connection.execute(queries.load("protection/attack/drop_role", role=sql.Identifier(name)))
    with connection.transaction():
        connection.execute(queries.read("protection/roles_remove"))
    connection.execute(queries.load("protection/attack/let_go", name=sql.Literal(root)))


def drop(connection: Connection, server: ConnInfo, name: str) -> None:
    """Drop a database of ours with its locks; nothing happens when it is gone."""
    if not databases.exists(connection, name):
        return
    open_up = queries.load("databases/alter_allow_connections", database=sql.Identifier(name), flag=sql.Literal(True))
    connection.execute(open_up)
    with connect(server.to(name), application_name=APPLICATION) as inside:
        inside.execute(queries.read("protection/second_lock_remove"))
    databases.drop(connection, name, even_template=True)
