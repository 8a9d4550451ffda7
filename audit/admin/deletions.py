"""Deletes: by transaction, which people review, and by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit import reviews
from audit.admin.base import RecordAdmin
from audit.admin.cells import target_cell, when
from audit.admin.keyset import KeysetMixin
from audit.admin.reviews import ReviewedAdmin, review_acts
from audit.lists.deletions import ROWS, TRANSACTIONS
from audit.lists.listing import number
from audit.models import DeleteAuditLog, DeleteAuditTransaction
from audit.templatetags import format as words
from audit.templatetags.tovgov import state_badge

ROWS_A_PAGE = 50
LONGEST = 2000
"""So many characters of a value are shown; an export has all."""


def summary(row: DeleteAuditTransaction) -> str:
    """“tovplay_app deleted 182 rows of 3 tables”."""
    rows = f"{row.row_count:,} row{'' if row.row_count == 1 else 's'}"
    tables = next(iter(row.tables)) if len(row.tables) == 1 else f"{len(row.tables)} tables"
    return f"{row.session_role} deleted {rows} of {tables}"


@admin.register(DeleteAuditTransaction)
class DeleteAuditTransactionAdmin(ReviewedAdmin):
    acts = review_acts(DeleteAuditTransaction.review_permission)
    listing = TRANSACTIONS
    record_template = "tovgov/delete_transaction.html"
    list_display = ("what", "when", "of_target", "by", "query_line", "state_word", "assigned")
    list_display_links = ("what",)
    empty_note = (
        "Protect a target with a policy that captures deletes; each transaction that deletes rows there appears here "
        "within a minute."
    )

    @admin.display(description="assigned to")
    def assigned(self, obj: DeleteAuditTransaction) -> str:
        return obj.assignee_name or "–"

    @admin.display(description="what")
    def what(self, obj: DeleteAuditTransaction) -> str:
        return summary(obj)

    @admin.display(description="when")
    def when(self, obj: DeleteAuditTransaction) -> SafeString:
        return when(obj.at)

    @admin.display(description="target")
    def of_target(self, obj: DeleteAuditTransaction) -> SafeString:
        return target_cell(obj)

    @admin.display(description="by")
    def by(self, obj: DeleteAuditTransaction) -> str:
        return " from ".join(filter(None, (Truncator(obj.application_user).chars(40), obj.client_address))) or "–"

    @admin.display(description="query")
    def query_line(self, obj: DeleteAuditTransaction) -> SafeString:
        return format_html("<code>{}</code>", Truncator(" ".join(obj.query[:400].split()) or "–").chars(80))

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        rows, more = _rows_of(obj, request.GET.get("after", ""))
        return {
            "title": summary(obj),
            "trail_here": f"Transaction {obj.transaction}",
            "transaction": obj,
            "tables": sorted(obj.tables.items(), key=lambda item: -item[1]),
            "history": reviews.history(obj),
            "rows": rows,
            "more": more,
            "is_first": "after" not in request.GET,
            "undeletes": obj.undeletes.all()[:10],
        }


def _rows_of(obj: DeleteAuditTransaction, after: str) -> tuple[list[DeleteAuditLog], str]:
    """A page of its rows in the order of their deletion, and the key of the next page."""
    rows = DeleteAuditLog.objects.filter(of_transaction=obj).defer("row").order_by("record", "position")
    try:
        record, _, position = after.partition("~")
        place = (number(record), number(position)) if after else (-1, 0)
    except ValueError:
        place = (-1, 0)
    further = Q(record__gt=place[0]) | Q(record=place[0], position__gt=place[1])
    found = list(rows.filter(further, record__gte=place[0])[: ROWS_A_PAGE + 1])
    if len(found) <= ROWS_A_PAGE:
        return found, ""
    last = found[ROWS_A_PAGE - 1]
    return found[:ROWS_A_PAGE], f"{last.record}~{last.position}"


@dataclass(frozen=True, slots=True)
class Value:
    """One column of a deleted row: its text, or that it was not kept."""

    column: str
    text: str = ""
    is_null: bool = False
    is_kept: bool = True
    is_cut: bool = False


def values(row: str, masked: list[str]) -> list[Value]:
    """The columns of a row, each as the text that the target wrote; masked ones are named, without a value."""
    found = [_value(column, text) for column, text in _pairs(row)]
    return found + [Value(column, is_kept=False) for column in masked]


def _pairs(row: str) -> list[tuple[str, str]]:
    """Column and JSON text of each value: parsed no further, so that no number loses a digit and no key its twin."""
    decoder, found, place = JSONDecoder(), [], row.find("{") + 1
    try:
        while place and (start := _skip(row, place)) < len(row) and row[start] != "}":
            column, place = decoder.raw_decode(row, start)
            start = _skip(row, place)
            _, place = decoder.raw_decode(row, start)
            found.append((str(column), row[start:place]))
    except JSONDecodeError:
        return [*found, ("", row)]
    return found


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n,:":
        place += 1
    return place


def _value(column: str, text: str) -> Value:
    shown = JSONDecoder().decode(text) if text.startswith('"') and text.endswith('"') and column else text
    return Value(column, str(shown)[:LONGEST], is_null=text == "null", is_cut=len(str(shown)) > LONGEST)


@admin.register(DeleteAuditLog)
class DeleteAuditLogAdmin(KeysetMixin, RecordAdmin):
    listing = ROWS
    record_template = "tovgov/deleted_row.html"
    beside: ClassVar[list[Callable[[HttpRequest, DeleteAuditLog], dict[str, Any]]]] = []
    """What stands beside the row on its page: each returns context for the block ``live`` of the template."""
    list_display = ("row_name", "when", "of_target", "by", "address", "not_kept", "state_word")
    list_display_links = ("row_name",)
    empty_note = "Rows that are deleted in a protected target appear here within a minute, with their values."

    @admin.display(description="row")
    def row_name(self, obj: DeleteAuditLog) -> str:
        return f"{obj.table_schema}.{obj.table_name} {Truncator(obj.key).chars(60) or 'without key'}"

    @admin.display(description="when")
    def when(self, obj: DeleteAuditLog) -> SafeString:
        return when(obj.at)

    @admin.display(description="target")
    def of_target(self, obj: DeleteAuditLog) -> SafeString:
        return target_cell(obj)

    @admin.display(description="by")
    def by(self, obj: DeleteAuditLog) -> str:
        role, user = obj.of_transaction.session_role, obj.of_transaction.application_user
        return f"{role} for {Truncator(user).chars(40)}" if user else role

    @admin.display(description="address")
    def address(self, obj: DeleteAuditLog) -> str:
        return obj.of_transaction.client_address or words.NOTHING

    @admin.display(description="not kept")
    def not_kept(self, obj: DeleteAuditLog) -> str:
        return Truncator(", ".join(obj.masked)).chars(40) or words.NOTHING

    @admin.display(description="review")
    def state_word(self, obj: DeleteAuditLog) -> SafeString:
        return state_badge(obj.of_transaction.state, obj.of_transaction.get_state_display())

    def is_personal(self, obj: Any) -> bool:
        return True

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "title": f"{obj.verb.capitalize()}d row of {obj.table_schema}.{obj.table_name}",
            "trail_here": f"Row {obj.pk}",
            "deleted": obj,
            "transaction": obj.of_transaction,
            "values": values(obj.row, obj.masked),
            "transaction_url": reverse("admin:audit_deleteaudittransaction_change", args=[obj.of_transaction_id]),
        }
        for more in self.beside:
            facts |= more(request, obj)
        return facts
