"""The two lists of deletes: by transaction and by row."""

from __future__ import annotations

import ipaddress

from django.contrib.auth.models import User
from django.db.models import F, Q
from django.db.models.functions import Left
from django.db.models.lookups import Exact

from audit.lists.listing import Column, Filter, Listing, number, since, until
from audit.models import DeleteAuditLog, DeleteAuditTransaction, ReviewState, Target
from audit.models.imports import ACTOR_LENGTH
from audit.models.reviews import WAITING_STATES

WAITING = "waiting"


def _targets() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Target.objects.order_by("name").values_list("pk", "name")]


def _states() -> list[tuple[str, str]]:
    return [(WAITING, "Waiting (any)"), *ReviewState.choices]


def _people() -> list[tuple[str, str]]:
    names = User.objects.filter(is_active=True).order_by("username").values_list("username", flat=True)
    return [(name, name) for name in names]


def _state(answer: str, prefix: str = "") -> Q:
    if answer == WAITING:
        return Q(**{f"{prefix}state__in": WAITING_STATES})
    if answer not in ReviewState.values:
        raise ValueError(f"“{answer}” is no state of a review.")
    return Q(**{f"{prefix}state": answer})


def _address(answer: str, prefix: str = "") -> Q:
    return Q(**{f"{prefix}client_address": str(ipaddress.ip_address(answer))})


def _assignee(answer: str, prefix: str = "") -> Q:
    user = User.objects.filter(username=answer).first()
    if user is None:
        raise ValueError(f"there is no user “{answer}”.")
    return Q(**{f"{prefix}assignee": user.pk})


def _user(answer: str, prefix: str = "") -> Q:
    """The application's user: the indexed characters first, then all of them."""
    start = Exact(Left(F(f"{prefix}application_user"), ACTOR_LENGTH), answer[:ACTOR_LENGTH])
    return Q(start) & Q(**{f"{prefix}application_user": answer})


def _table(answer: str) -> Q:
    schema, dot, name = answer.partition(".")
    return Q(table_schema=schema, table_name=name) if dot else Q(table_name=answer)


def _of_transaction(prefix: str) -> tuple[Filter, ...]:
    return (
        Filter("role", "Session role", lambda text: Q(**{f"{prefix}session_role": text})),
        Filter("user", "Application user", lambda text: _user(text, prefix)),
        Filter("address", "Address", lambda text: _address(text, prefix), hint="10.0.0.7"),
        Filter("state", "Review", lambda text: _state(text, prefix), "choice", _states),
        Filter("assignee", "Assigned to", lambda text: _assignee(text, prefix), "choice", _people),
    )


TARGET = Filter("target", "Target", lambda text: Q(target=number(text)), "choice", _targets, is_indexed=True)

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
        Column("id", "pk", is_text=False),
        Column("at", "at", is_text=False),
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
        Column("state", "state"),
        Column("assignee", "assignee_name"),
        Column("decided_by", "decided_by"),
        Column("decided_at", "decided_at", is_text=False),
        Column("closed_by", "closed_by"),
        Column("closed_at", "closed_at", is_text=False),
        Column("incident", "incident_id", is_text=False),
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
        Column("id", "pk", is_text=False),
        Column("at", "at", is_text=False),
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
