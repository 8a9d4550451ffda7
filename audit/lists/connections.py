"""The two lists of connections: alike ones of a day, and each by itself."""

from __future__ import annotations

from django.db.models import Q

from audit.lists.listing import Column, Filter, Listing, since, until
from audit.lists.questions import (
    GROUP,
    REVIEW,
    ROW,
    SPAN,
    TARGET,
    address_clause,
    assignee,
    noise,
    noise_of_group,
    one_of,
    state,
)
from audit.models import ConnectionAuditLog, ConnectionGroup, ConnectionOutcome, ConnectionSource

REFUSED = "not let in"
NEW = ("address", "role", "application", "hour")


def _outcome(answer: str) -> Q:
    if answer == REFUSED:
        return ~Q(outcome=ConnectionOutcome.ACCEPTED)
    return one_of(answer, "outcome", ConnectionOutcome.values)


def _new(answer: str) -> Q:
    if answer == "any":
        return Q(is_new=True)
    if answer not in NEW:
        raise ValueError(f"“{answer[:40]}” is no part of a client.")
    return Q(new__contains=[answer]) | Q(new__contains=[f"refused {answer}"])


def _rows(answer: str) -> Q:
    if answer not in ("each", "others"):
        raise ValueError(f"“{answer[:40]}” is neither each nor others.")
    return Q() if answer == "each" else Q(same_as__isnull=False)


def _who() -> tuple[Filter, ...]:
    return (
        Filter("role", "Role", lambda text: Q(role=text)),
        Filter("database", "Database", lambda text: Q(database=text)),
        Filter("address", "Address", address_clause, hint="10.0.0.7 or local"),
        Filter("application", "Application", lambda text: Q(application_name=text)),
        Filter(
            "outcome", "Outcome", _outcome, "choice", lambda: [(REFUSED, "Refused (any)"), *ConnectionOutcome.choices]
        ),
    )


GROUPS = Listing(
    page="audit_connectiongroup",
    model=ConnectionGroup,
    order=("at", "id"),
    filters=(
        TARGET,
        *_who(),
        Filter("new", "New", _new, "choice", lambda: [("any", "Anything new"), *((name, name) for name in NEW)]),
        state(),
        assignee(),
        noise("Known clients"),
        since("at"),
        until("at"),
    ),
    columns=(
        *GROUP,
        Column("role", "role"),
        Column("database", "database"),
        Column("client_address", "client_address", is_text=False),
        Column("application_name", "application_name"),
        Column("outcome", "outcome"),
        *SPAN,
        Column("new", "new", is_text=False),
        Column("is_noise", "is_noise", is_text=False),
        *REVIEW,
    ),
    export_permission="audit.export_connection",
    related=("target",),
    words=("tovgov_connection_group_words", "role", "database", "application_name"),
    words_hint="Words of role, database, application",
)

CONNECTIONS = Listing(
    page="audit_connectionauditlog",
    model=ConnectionAuditLog,
    order=("at", "id"),
    filters=(
        TARGET,
        *_who(),
        noise_of_group("Known clients"),
        Filter("host", "Host", lambda text: Q(client_host=text), hint="app7.example.org"),
        Filter("method", "Method", lambda text: Q(method=text), hint="scram-sha-256"),
        Filter(
            "source", "Known from", lambda text: one_of(text, "source", ConnectionSource.values), "choice",
            lambda: list(ConnectionSource.choices),
        ),
        Filter(
            "rows", "Told twice", _rows, "choice", lambda: [("each", "Shown too"), ("others", "Alone")],
            is_indexed=True, absent=Q(same_as=None), hidden="others", shown="each",
        ),
        since("at"),
        until("at"),
    ),
    columns=(
        *ROW,
        Column("ended_at", "ended_at", is_text=False),
        Column("target", "target__name"),
        Column("role", "role"),
        Column("database", "database"),
        Column("client_address", "client_address", is_text=False),
        Column("client_host", "client_host"),
        Column("application_name", "application_name"),
        Column("tls", "tls", is_text=False),
        Column("method", "method"),
        Column("outcome", "outcome"),
        Column("reason", "reason"),
        Column("pid", "pid", is_text=False),
        Column("session", "session"),
        Column("source", "source"),
        Column("same_as", "same_as", is_text=False),
        Column("leaf", "leaf", is_text=False),
    ),
    export_permission="audit.export_connection",
    related=("target", "of_group"),
    words=("tovgov_connection_words", "role", "database", "application_name", "client_host", "reason"),
    words_hint="Words of role, database, application, reason",
)  # fmt: skip
