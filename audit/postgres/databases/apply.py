"""Giving a new database what belonged to the old one: owner, rights, settings, limits, comment."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from audit.postgres.databases.facts import (
    DatabaseFacts,
    Grant,
    Setting,
    read_facts,
    read_grants,
    read_settings,
)
from audit.postgres.queries import load, read

# Settings whose value is a list of quoted names (GUC_LIST_QUOTE): each element is a literal of its own.
LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
REFUSALS = (  # what one statement may fail with without making the others useless
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.CantChangeRuntimeParam,
    psycopg.errors.InvalidName,
)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that could not be given to the new database. ``kind`` is owner, grant, setting, limit, comment,
    template or connections."""

    kind: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.what}: {self.why}"


def apply_facts(
    conn: psycopg.Connection, name: str, facts: DatabaseFacts, *, owner: str | None = None
) -> list[Skipped]:
    """Give the database ``name`` the owner, exact rights, settings, comment, connection limit and flags of ``facts``;
    what could not be given (a role that does not exist here, a right that is missing) is returned, never silent.

    ``owner`` takes the place of the owner in ``facts``, in its rights too. Raises ``DatabaseMissing``.
    """
    skipped = _give_owner(conn, name, owner or facts.owner)
    now = read_facts(conn, name)
    wanted = tuple(replace(g, grantee=now.owner) if g.grantee == facts.owner else g for g in facts.grants)
    skipped += _give_grants(conn, name, wanted, now)
    skipped += _give_settings(conn, name, facts.settings)
    for kind, what, statement in _plain_statements(name, facts, now):
        skipped += _try(conn, kind, what, statement)
    return skipped


def _try(
    conn: psycopg.Connection, kind: str, what: str, statement: sql.Composed, role: str | None = None
) -> list[Skipped]:
    """Run ``statement``; when we may not, as ``role``: every role may change settings of its own."""
    try:
        with conn.transaction():
            conn.execute(statement)
    except REFUSALS as error:
        if role is not None and not _try_as(conn, role, statement):
            return []
        return [Skipped(kind, what, str(error.diag.message_primary))]
    return []


def _try_as(conn: psycopg.Connection, role: str, statement: sql.Composed) -> str:
    """Run ``statement`` as ``role``, which takes membership in it; why it failed, or nothing."""
    try:
        with conn.transaction():
            conn.execute(load("databases/become", role=sql.Identifier(role)))
            conn.execute(statement)
    except REFUSALS as error:
        return str(error.diag.message_primary)
    return ""


def _give_owner(conn: psycopg.Connection, name: str, owner: str) -> list[Skipped]:
    if read_facts(conn, name).owner == owner:
        return []
    statement = load("databases/alter_owner", database=sql.Identifier(name), owner=sql.Identifier(owner))
    return _try(conn, "owner", owner, statement)


def _give_grants(conn: psycopg.Connection, name: str, wanted: tuple[Grant, ...], now: DatabaseFacts) -> list[Skipped]:
    """Exactly ``wanted``, in one transaction. GRANT only warns when the role may not, so the outcome is compared."""
    if set(wanted) == set(now.grants):
        return []
    known = [grant for grant in wanted if _role_exists(conn, grant.grantee)]
    skipped = [Skipped("grant", str(g), f'role "{g.grantee}" does not exist') for g in wanted if g not in known]
    try:
        with conn.transaction():
            for grantee in {None, now.owner, *(grant.grantee for grant in now.grants)}:
                conn.execute(load("databases/revoke_all", database=sql.Identifier(name), grantee=_grantee(grantee)))
            for grant in known:
                conn.execute(_grant_statement(name, grant))
    except REFUSALS as error:
        return [*skipped, *(Skipped("grant", str(grant), str(error.diag.message_primary)) for grant in known)]
    there = read_grants(conn, name)
    skipped += [Skipped("grant", str(g), "the role may not grant it") for g in known if g not in there]
    return skipped + [Skipped("grant", str(g), "the role may not revoke it") for g in there if g not in known]


def _grant_statement(name: str, grant: Grant) -> sql.Composed:
    return load(
        "databases/grant",
        database=sql.Identifier(name),
        privilege=sql.Identifier(grant.privilege.lower()),
        grantee=_grantee(grant.grantee),
        option=sql.SQL("WITH GRANT OPTION" if grant.is_grantable else ""),
    )


def _grantee(role: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if role is None else sql.Identifier(role)


def _role_exists(conn: psycopg.Connection, role: str | None) -> bool:
    if role is None:
        return True
    row = conn.execute(read("databases/role_exists"), (role,)).fetchone()
    return bool(row and row[0])


def _give_settings(conn: psycopg.Connection, name: str, wanted: tuple[Setting, ...]) -> list[Skipped]:
    database = sql.Identifier(name)
    skipped = []
    for role in {setting.role for setting in read_settings(conn, name) if setting not in wanted}:
        reset = "databases/alter_reset_all" if role is None else "databases/alter_role_reset_all"
        statement = load(reset, database=database, role=_grantee(role))
        skipped += _try(conn, "setting", f"the former ones of {role or 'the database'}", statement, role)
    for setting in wanted:
        statement = load(
            "databases/alter_set" if setting.role is None else "databases/alter_role_set",
            database=database,
            role=_grantee(setting.role),
            setting=sql.Identifier(*setting.name.split(".")),
            value=_value(setting),
        )
        skipped += _try(conn, "setting", str(setting), statement, setting.role)
    return skipped


def _value(setting: Setting) -> sql.Composable:
    """The value as SET wants it: one literal, or one for each element of a list of names."""
    if setting.name.lower() not in LISTS:
        return sql.Literal(setting.value)
    return sql.SQL(", ").join(sql.Literal(element) for element in split_names(setting.value))


def split_names(value: str) -> list[str]:
    """The elements of a list setting as the catalogue keeps it: ``"$user", public`` gives ``$user`` and ``public``."""
    return [element.strip() for element in next(csv.reader([value], skipinitialspace=True), [])] or [""]


def _plain_statements(name: str, facts: DatabaseFacts, now: DatabaseFacts) -> Iterator[tuple[str, str, sql.Composed]]:
    """What differs and is set by one statement; connections last, because it may close the door."""
    database = sql.Identifier(name)
    if facts.comment != now.comment:
        comment = load("databases/comment", database=database, comment=sql.Literal(facts.comment))
        yield "comment", facts.comment or "none", comment
    if facts.connection_limit != now.connection_limit:
        limit = sql.Literal(facts.connection_limit)
        statement = load("databases/alter_connection_limit", database=database, limit=limit)
        yield "limit", str(facts.connection_limit), statement
    if facts.is_template != now.is_template:
        flag = sql.Literal(facts.is_template)
        yield "template", str(facts.is_template), load("databases/alter_is_template", database=database, flag=flag)
    if facts.allow_connections != now.allow_connections:
        flag = sql.Literal(facts.allow_connections)
        statement = load("databases/alter_allow_connections", database=database, flag=flag)
        yield "connections", str(facts.allow_connections), statement
