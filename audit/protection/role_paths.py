"""What a role can become: memberships followed to their end, predefined roles, and attributes of roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import class_row

from audit.postgres import queries
from audit.protection.statements import statement

ATTRIBUTES = {
    "SUPERUSER": "nothing holds it",
    "CREATEDB": "it may make databases, and clone this one",
    "CREATEROLE": "it may make roles and give memberships",
    "REPLICATION": "it may copy the whole server",
    "BYPASSRLS": "it passes row security by",
}
PREDEFINED = {
    "pg_write_all_data": "INSERT, UPDATE and DELETE in every table",
    "pg_read_all_data": "SELECT from every table",
    "pg_maintain": "VACUUM FULL, CLUSTER and LOCK every table",
    "pg_execute_server_program": "run programs on the server, and so everything",
    "pg_write_server_files": "write files on the server, and so everything",
    "pg_read_server_files": "read files on the server, every table's included",
    "pg_signal_backend": "end other roles' sessions",
    "pg_signal_autovacuum_worker": "stop autovacuum",
    "pg_create_subscription": "make subscriptions that write into tables",
    "pg_use_reserved_connections": "take the connections that are kept in reserve",
    "pg_checkpoint": "force checkpoints",
}


@dataclass(frozen=True, slots=True)
class Membership:
    """An edge: ``member`` belongs to ``role``. ``inherit`` and ``set`` are None before PostgreSQL 16."""

    member: str
    role: str
    grantor: str
    admin: bool
    inherit: bool | None
    set: bool | None

    @property
    def leads(self) -> bool:
        """Whether it can be used: its rights inherited, the role set, or the membership given to oneself anew."""
        return self.admin or self.inherit is not False or self.set is not False

    @property
    def words(self) -> str:
        return f"membership of {self.member} in {self.role} by {self.grantor}"

    def revoke(self, connection: Connection) -> str:
        return statement(connection, "membership_revoke", **self._names())

    def grant(self, connection: Connection) -> str:
        options = " WITH ADMIN OPTION" if self.admin else ""
        if self.inherit is not None:
            pairs = {"ADMIN": self.admin, "INHERIT": self.inherit, "SET": self.set}
            options = " WITH " + ", ".join(f"{name} {str(bool(value)).upper()}" for name, value in pairs.items())
        return statement(connection, "membership_grant", **self._names(), options=sql.SQL(options))

    def _names(self) -> dict[str, sql.Composable]:
        return {name: sql.Identifier(getattr(self, name)) for name in ("member", "role", "grantor")}


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a role to another; ``edges`` are its memberships, the first being the role's own."""

    edges: tuple[Membership, ...]

    @property
    def end(self) -> str:
        return self.edges[-1].role

    @property
    def words(self) -> str:
        """For example ``app → writers → pg_write_all_data``."""
        return " → ".join([self.edges[0].member, *(edge.role for edge in self.edges)])


def memberships(connection: Connection) -> list[Membership]:
    """Every membership of the server that can be used."""
    with connection.cursor(row_factory=class_row(Membership)) as cursor:
        rows = cursor.execute(queries.load("protection/memberships")).fetchall()
    return [row for row in rows if row.leads]


def paths(role: str, edges: Iterable[Membership]) -> list[Path]:
    """The shortest way from ``role`` to every role it can become, nearest first."""
    by_member: dict[str, list[Membership]] = {}
    for edge in edges:
        by_member.setdefault(edge.member, []).append(edge)
    found: dict[str, Path] = {}
    waiting = [Path((edge,)) for edge in by_member.get(role, [])]
    while waiting:
        path = waiting.pop(0)
        if path.end == role or path.end in found:
            continue
        found[path.end] = path
        waiting += [Path((*path.edges, edge)) for edge in by_member.get(path.end, [])]
    return list(found.values())


def attributes(connection: Connection) -> dict[str, list[str]]:
    """The attributes of ``ATTRIBUTES`` that each role has."""
    cursor = connection.execute(queries.load("protection/role_attributes"))
    names = [column.name for column in cursor.description or ()][1:]
    return {row[0]: [name for name, has in zip(names, row[1:], strict=True) if has] for row in cursor}


def parameters(connection: Connection) -> dict[str, list[str]]:
    """Settings of the server that were opened to a role (``""`` is PUBLIC), for example ``SET
    session_replication_role``."""
    if connection.info.server_version < 150_000:
        return {}
    found: dict[str, list[str]] = {}
    for parameter, grantee, verb in connection.execute(queries.load("protection/parameter_grants")):
        found.setdefault(grantee, []).append(f"{verb} {parameter}")
    return found


def alter(role: str, word: str, connection: Connection) -> str:
    """``ALTER ROLE role word``, where ``word`` is an attribute or NO and it."""
    return statement(connection, "role_attribute", role=sql.Identifier(role), word=sql.SQL(word))
