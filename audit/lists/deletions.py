"""The two lists of deletes: by transaction and by row."""

from __future__ import annotations

from django.db.models import F, Q
from django.db.models.functions import Left
from django.db.models.lookups import Exact

from audit.lists.listing import Column, Filter, Listing, since, until
from audit.lists.questions import REVIEW, ROW, TARGET, address_clause, assignee, state
from audit.models import DeleteAuditLog, DeleteAuditTransaction
from audit.models.imports import ACTOR_LENGTH


def user_clause(answer: str, prefix: str = "") -> Q:
    """The application's user by the characters that are indexed; by all of them where these are not all. The planner
    would take both together for much rarer than each."""
    start = Q(Exact(Left(F(f"{prefix}application_user"), ACTOR_LENGTH), answer[:ACTOR_LENGTH]))
    return start if len(answer) < ACTOR_LENGTH else start & Q(**{f"{prefix}application_user": answer})


def _table(answer: str) -> Q:
    schema, dot, name = answer.partition(".")
    return Q(table_schema=schema, table_name=name) if dot else Q(table_name=answer)


def _of_transaction(prefix: str) -> tuple[Filter, ...]:
    return (
        Filter("role", "Session role", lambda text: Q(**{f"{prefix}session_role": text})),
        Filter("user", "Application user", lambda text: user_clause(text, prefix)),
        Filter("address", "Address", lambda text: address_clause(text, f"{prefix}client_address"), hint="10.0.0.7"),
        state(prefix),
        assignee(prefix),
    )


TRANSACTIONS = Listing(
    page="audit_deleteaudittransaction",
    model=DeleteAuditTransaction,
    order=("at", "id"),
    filters=(
        TARGET,
        Filter("table", "Table", lambda text: Q(), hint="public.User or User"),
        *_of_transaction(""),
        since("at"),
        until("at"),
    ),
    columns=(
        *ROW,
        Column("last_at", "last_at", is_text=False),
        Column("target", "target__name"),
        Column("transaction", "transaction", is_text=False),
        Column("session_role", "session_role"),
        Column("role_in_force", "role_in_force"),
        Column("application_user", "application_user"),
        Column("client_address", "client_address", is_text=False),
        Column("application_name", "application_name"),
        Column("row_count", "row_count", is_text=False),
        Column("undeleted", "undeleted", is_text=False),
        Column("tables", "tables", is_text=False),
        Column("query", "query"),
        *REVIEW,
    ),
    export_permission="audit.export_deletion",
    related=("target",),
    words=("tovgov_transaction_words", "query", "tables", "session_role", "application_user", "application_name"),
    words_hint="Words of the query, tables, roles, application",
    exact_words="table",
)

ROWS = Listing(
    page="audit_deleteauditlog",
    model=DeleteAuditLog,
    order=("at", "id"),
    filters=(
        TARGET,
        Filter("table", "Table", _table, is_indexed=True, hint="public.User or User"),
        *_of_transaction("of_transaction__"),
        since("at"),
        until("at"),
    ),
    columns=(
        *ROW,
        Column("target", "target__name"),
        Column("transaction", "of_transaction__transaction", is_text=False),
        Column("session_role", "of_transaction__session_role"),
        Column("application_user", "of_transaction__application_user"),
        Column("client_address", "of_transaction__client_address", is_text=False),
        Column("verb", "verb"),
        Column("table_schema", "table_schema"),
        Column("table_name", "table_name"),
        Column("key", "key"),
        Column("not_kept", "masked", is_text=False),
        Column("query", "query"),
        Column("row", "row"),
    ),
    export_permission="audit.export_deletion",
    related=("target", "of_transaction"),
    left_out=("row", "query"),
    words=("tovgov_row_words", "table_name", "query", "row"),
    words_hint="Words of the row's values, its query or table",
)
