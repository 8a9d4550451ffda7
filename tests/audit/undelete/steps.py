"""Deletes of a really protected database brought into tovgov's store, and undeletes run as a worker runs them."""

from __future__ import annotations

from typing import Any

from psycopg.types.string import TextLoader

from audit import tasks
from audit.actors import Actor
from audit.models import DeleteAuditLog, DeleteAuditTransaction, Target, Undelete
from audit.postgres.connect import ConnInfo, connect
from audit.undelete import request

WHY = "Noa deleted them by mistake."
READ = """
SELECT r.transaction_id::text::bigint, r.id, e.position, r.at, r.verb, r.table_oid::bigint, r.table_schema::text,
       r.table_name::text, r.key_columns::text[], r.masked_columns::text[], r.session_role::text, e.row::text,
       (SELECT json_object_agg(k, e.row -> k::text)::text FROM unnest(r.key_columns) k)
  FROM tovgov.delete_audit_record r
 CROSS JOIN LATERAL json_array_elements(r.rows) WITH ORDINALITY AS e (row, position)
 ORDER BY r.transaction_id, r.id, e.position
"""


def bring(target: Target, info: ConnInfo) -> list[DeleteAuditTransaction]:
    """Every deleted row that the target kept and we do not have yet; the transactions that are new, oldest first."""
    with connect(info) as connection:
        connection.adapters.register_loader("json", TextLoader)
        rows = connection.execute(READ).fetchall()
    new: dict[int, DeleteAuditTransaction] = {}
    logs = []
    for transaction, record, position, at, verb, oid, schema, name, _, masked, role, row, key in rows:
        if DeleteAuditTransaction.objects.filter(target=target, transaction=transaction).exists():
            if transaction not in new:
                continue
        else:
            new[transaction] = DeleteAuditTransaction.objects.create(
                target=target, transaction=transaction, incarnation="test", at=at, last_at=at, session_role=role,
                role_in_force=role,
            )  # fmt: skip
        of = new[transaction]
        of.row_count += 1
        of.tables[f"{schema}.{name}"] = of.tables.get(f"{schema}.{name}", 0) + 1
        logs.append(
            DeleteAuditLog(target=target, of_transaction=of, record=record, position=position, at=at, verb=verb,
                           table_oid=oid, table_schema=schema, table_name=name, key=key or "", masked=masked, row=row)
        )  # fmt: skip
    DeleteAuditLog.objects.bulk_create(logs)
    for of in new.values():
        of.save()
    return list(new.values())


def run(undelete: Undelete) -> Undelete:
    tasks.run_undelete(undelete.pk)
    undelete.refresh_from_db()
    return undelete


def dry(transactions: list[DeleteAuditTransaction], actor: Actor, **terms: Any) -> Undelete:
    """A dry run that must end well, whatever it has to say."""
    target, wanted = request.wish([t.pk for t in transactions], **terms)
    done = run(request.dry_run(target, wanted, actor=actor))
    assert (done.state, done.error) == ("succeeded", ""), done.log
    return done


def put_back(transactions: list[DeleteAuditTransaction], actor: Actor, **terms: Any) -> Undelete:
    """The dry run and then the act; how it ended is for the caller to look at."""
    dry(transactions, actor, **terms)
    target, wanted = request.wish([t.pk for t in transactions], **terms)
    return run(request.request(target, wanted, actor=actor, reason=WHY))


def codes(undelete: Undelete, *, refused: bool = False) -> set[str]:
    """The codes of everything that was found, or of what stands in the way."""
    if refused:
        return {finding["code"] for finding in undelete.plan["refusals"]}
    return {finding["code"] for table in undelete.plan["tables"] for finding in table["findings"]}


def rows(info: ConnInfo, statement: str) -> list[tuple[Any, ...]]:
    with connect(info) as connection:
        return connection.execute(statement.encode()).fetchall()
