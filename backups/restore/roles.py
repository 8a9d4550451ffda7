"""Roles that a backup's objects belong to or are granted to: which are missing here, made anew, or mapped to others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from audit.postgres.connect import ConnInfo, connect
from audit.progress import Progress
from backups.copies import side_file
from backups.exceptions import RolesMissing
from backups.globals import JSON_FILE
from backups.models import BackupCopy, Restore, SwapState
from backups.restore.shape import load, read
from backups.restore.side_database import note, server_of

KINDS = {"foreign-data wrapper": "FOREIGN DATA WRAPPER", "statistics object": "STATISTICS"}


@dataclass(frozen=True, slots=True)
class Around:
    """What a backup's globals say: ``owners`` maps (type, identity) to a role, ``needed`` are roles that the dump
    names, ``roles`` what each of them was."""

    owners: dict[tuple[str, str], str]
    needed: list[str]
    roles: dict[str, dict[str, Any]]


def read_around(copy: BackupCopy) -> Around:
    """The globals of a copy, compared with the manifest. Raises ``CopyDamaged`` or ``DestinationUnreachable``."""
    facts = json.loads(side_file(copy, JSON_FILE))
    return Around(
        owners={(row["type"], row["identity"]): row["owner"] for row in facts.get("owners", [])},
        needed=list(facts.get("needed_roles", [])),
        roles={row["name"]: row for row in facts.get("roles", [])},
    )


def missing(conn: psycopg.Connection, needed: Iterable[str]) -> list[str]:
    """Those of ``needed`` that the server of ``conn`` lacks."""
    there = {str(row[0]) for row in conn.execute(read("restore/roles"))}
    return sorted(set(needed) - there)


def require_roles(conn: psycopg.Connection, needed: Iterable[str]) -> None:
    """Raise ``RolesMissing`` when the server of ``conn`` lacks one of ``needed``."""
    if absent := missing(conn, needed):
        raise RolesMissing(f"The server lacks roles that were granted something: {', '.join(absent)}.", roles=absent)


def make_missing(restore: Restore, around: Around, progress: Progress) -> None:
    """Make roles that the dump needs and the server lacks, without a password and not allowed to log in.

    They are taken back when the restore fails. Raises ``RolesMissing`` when our role may not make them.
    """
    with server_of(restore) as conn:
        names = missing(conn, around.needed)
        if not names:
            return
        note(restore, plan=restore.plan | {"roles_made": names})
        try:
            with conn.transaction():
                for name in names:
                    conn.execute(load("restore/create_role", role=sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            note(restore, plan={key: value for key, value in restore.plan.items() if key != "roles_made"})
            raise RolesMissing(f"The server lacks these roles: {', '.join(names)}.", roles=names) from None
    for name in names:
        could = "; it could log in before: give it a password when it should again"
        may_login = around.roles.get(name, {}).get("may_login")
        progress.log(f'Made the role "{name}", which the backup needs{could if may_login else ""}.')


def drop_roles(restore: Restore) -> None:
    """Take back the roles that were made for a restore that did not come into service."""
    names = restore.plan.get("roles_made", [])
    if not names or restore.swap != SwapState.NONE:
        return
    with server_of(restore) as conn:
        for name in names:
            try:
                conn.execute(load("restore/drop_role", role=sql.Identifier(name)))
            except psycopg.errors.DependentObjectsStillExist:
                continue  # somebody uses it by now
    note(restore, plan={key: value for key, value in restore.plan.items() if key != "roles_made"})


# --- owners of a copy ---------------------------------------------------------------------------------------------


def mapping(conn: psycopg.Connection, roles: Iterable[str], owner_map: Mapping[str, str]) -> dict[str, str]:
    """Role of the backup → role here: as ``owner_map`` says, else the role of the same name, else our own.

    Raises ``RolesMissing`` when a role that the map names does not exist here.
    """
    if absent := missing(conn, owner_map.values()):
        raise RolesMissing(f"There are no such roles here: {', '.join(absent)}.", roles=absent)
    wanted = sorted(set(roles))
    strangers = set(missing(conn, wanted))
    ourselves = conn.info.user
    return {role: owner_map.get(role, ourselves if role in strangers else role) for role in wanted}


def give_owners(info: ConnInfo, around: Around, owner_map: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """Give each object of the copied database ``info`` the owner it is mapped to. What it is called is asked from the
    database itself, so that nothing but its own objects is named. Returns the mapping that was used."""
    with connect(info) as conn:
        mapped = mapping(conn, around.owners.values(), owner_map)
        conn.execute(read("restore/quiet_triggers"))
        with conn.cursor(row_factory=dict_row) as cursor:
            there = cursor.execute(read("globals/owners")).fetchall()
        with conn.transaction():
            for row in there:
                owner = mapped.get(around.owners.get((row["type"], row["identity"]), ""))
                if owner is not None and owner != row["owner"]:
                    conn.execute(_alter_owner(row["type"], row["identity"], owner))
    for role, here in mapped.items():
        if role != here:
            progress.log(f'What belonged to "{role}" belongs to "{here}" here.')
    return mapped


def _alter_owner(kind: str, identity: str, owner: str) -> sql.Composed:
    """``kind`` and ``identity`` are the server's own words (pg_identify_object), quoted by it."""
    words = sql.SQL(KINDS.get(kind, kind.upper()))
    return load("restore/alter_owner", kind=words, object=sql.SQL(identity), role=sql.Identifier(owner))
