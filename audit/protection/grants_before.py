"""ACLs put back: as they were, in their order, without what others took meanwhile and with what they gave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from audit.protection import grants
from audit.protection.facts import TargetFacts
from audit.protection.grants import PUBLIC, Entry, Thing

Records = dict[str, dict[str, Any]]
ORDER = ("DATABASE", "SCHEMA", "TABLE", "COLUMN", "SEQUENCE", "ROUTINE", "DEFAULT")


def as_record(thing: Thing, facts: TargetFacts) -> dict[str, Any]:
    """A thing and its ACL, for the record."""
    names = ("kind", "oid", "sub", "schema", "name", "detail", "owner")
    return {name: getattr(thing, name) for name in names} | {
        "before": [list(entry) for entry in thing.entries],
        "in": facts.incarnation,
    }


def find(records: Records, things: Iterable[Thing], facts: TargetFacts) -> dict[str, Thing]:
    """The thing of each record: by its oid, for it may have been renamed, or by its label. One whose ACL is empty now
    stands in no catalogue and is made of its record; one that was dropped is left out."""
    by_oid = {(thing.kind, thing.oid, thing.sub): thing for thing in things}
    by_label = {thing.label: thing for thing in by_oid.values()}
    found: dict[str, Thing] = {}
    for label, before in records.items():
        known = by_label.get(label)
        if before["in"] == facts.incarnation:  # else it was restored from a dump, and oids say nothing
            known = by_oid.get((before["kind"], before["oid"], before["sub"]), known)
        thing = known or _without_acl(before, by_oid, facts)
        if thing is not None:
            found[label] = thing
    return found


def restore(
    records: Records, everything: Iterable[Thing], facts: TargetFacts, connection: Connection
) -> list[tuple[str, list[str]]]:
    """The statements for each record, in the order in which they can be run. A REVOKE on a table takes the same verbs
    from its columns: theirs are given anew behind it."""
    things = find(records, everything, facts)
    wanted = {_place(thing): _wanted(records[label], thing, facts.roles) for label, thing in things.items()}
    columns = {_place(t): t for t in (*everything, *things.values()) if t.kind == "COLUMN"}
    made, done = [], set[int]()
    for label in sorted(records, key=lambda label: (ORDER.index(records[label]["kind"]), label)):
        thing, lines = things.get(label), list[str]()
        if thing is not None and thing.oid not in done:
            lines = grants.rebuild(thing, wanted[_place(thing)], connection)
        if thing is not None and thing.kind == "TABLE" and any(line.startswith("REVOKE") for line in lines):
            done.add(thing.oid)
            for column in (t for t in columns.values() if t.oid == thing.oid):
                lines += grants.anew(column, wanted.get(_place(column), column.entries), connection)
        made.append((label, lines))
    return made


def _place(thing: Thing) -> tuple[str, int, int, str]:
    return thing.kind, thing.oid, thing.sub, thing.label


def _without_acl(before: dict[str, Any], by_oid: dict[tuple[str, int, int], Thing], facts: TargetFacts) -> Thing | None:
    names = {name: before[name] for name in ("kind", "oid", "sub", "schema", "name", "detail", "owner")}
    if before["kind"] == "DEFAULT" and before["owner"] in facts.roles:
        return Thing(**names, entries=())
    table = by_oid.get(("TABLE", before["oid"], 0)) if before["in"] == facts.incarnation else None
    if before["kind"] != "COLUMN" or table is None:
        return None
    columns = {column for t in facts.tables if t.oid == table.oid for column in t.columns}
    if columns and before["detail"] not in columns:
        return None
    return Thing(**names | {"schema": table.schema, "name": table.name, "owner": table.owner}, entries=())


def _wanted(before: dict[str, Any], thing: Thing, roles: frozenset[str]) -> list[Entry]:
    """The ACL to put back."""
    then = [_owned(Entry(*entry), before, thing) for entry in before["before"]]
    taken = {_owned(Entry(*entry), before, thing).key for entry in before["taken"]}
    ours = [Entry(grantee, grantor, verb, grantable=False) for grantee, grantor, verb in before["given"]]
    given = {_owned(entry, before, thing).key for entry in ours}
    now, known = {entry.key for entry in thing.entries}, {entry.key for entry in then}
    wanted = [e for e in then if e.key in now or e.key in taken]
    wanted += [e for e in thing.entries if e.key not in known and e.key not in given]
    return [e for e in wanted if e.grantee in roles | {PUBLIC} and e.grantor in roles]


def _owned(entry: Entry, before: dict[str, Any], thing: Thing) -> Entry:
    """The owner of that time is the owner of today: ``ownership`` may stand in between."""
    swap = {before["owner"]: thing.owner}
    return entry._replace(
        grantee=swap.get(entry.grantee, entry.grantee), grantor=swap.get(entry.grantor, entry.grantor)
    )
