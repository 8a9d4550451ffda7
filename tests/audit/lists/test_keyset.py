"""Long lists: every row once, in order, whichever way a page is found; and words that people search for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from audit.exceptions import FilterInvalid, ListTooSlow
from audit.lists import keyset
from audit.lists.deletions import ROWS, TRANSACTIONS
from audit.lists.ledger_entries import LEDGER
from audit.lists.listing import Listing
from audit.models import DeleteAuditLog, DeleteAuditTransaction
from tests import factories
from tests.factories import ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[DeleteAuditTransaction]:
    """23 transactions, newest first, several in the same moment."""
    target = factories.TargetFactory()
    moments = [ago(minutes=n // 4) for n in range(23)]
    made = [factories.DeleteAuditTransactionFactory(target=target, at=moments[n - n % 4]) for n in range(23)]
    return sorted(made, key=lambda row: (row.at, row.pk), reverse=True)


def down(listing: Listing, query: str, size: int = 5) -> list[Any]:
    """Every row that the pages show, walked by Older to the end."""
    found: list[Any] = []
    older = ""
    for _ in range(100):
        page = keyset.page(listing, listing.read(query), older=older, size=size)
        found += page.rows
        older = page.older
        if not older:
            return found
    raise AssertionError("no end")


def up(listing: Listing, query: str, newer: str, size: int = 5) -> list[Any]:
    """Every row above a key, walked by Newer to the top, newest first."""
    found: list[Any] = []
    for _ in range(100):
        page = keyset.page(listing, listing.read(query), newer=newer, size=size)
        found = page.rows + found
        newer = page.newer
        if not newer:
            return found
    raise AssertionError("no top")


def as_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No index is quick enough and every word is common: pages are found by walking."""

    def never(*given: Any, **more: Any) -> Any:
        raise ListTooSlow

    monkeypatch.setattr(keyset, "patience", never)
    monkeypatch.setattr(keyset, "candidates", lambda *given: None)
    monkeypatch.setattr(keyset, "CHUNKS", (3,))
    monkeypatch.setattr(keyset, "BUDGET", 0.0)


def test_every_row_once_in_order(rows: list[DeleteAuditTransaction]) -> None:
    assert down(TRANSACTIONS, "") == rows
    assert up(TRANSACTIONS, "", keyset.key_of(TRANSACTIONS, rows[-1])) == rows[:-1]


def test_a_walk_shows_the_same_rows(rows: list[DeleteAuditTransaction], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [row for row in rows if row.pk % 3 == 0]
    DeleteAuditTransaction.objects.filter(pk__in=[row.pk for row in wanted]).update(session_role="stray")
    for query in ("role=stray", "q=stray"):
        assert down(TRANSACTIONS, query) == wanted
        with monkeypatch.context() as patch:
            as_walks(patch)
            assert down(TRANSACTIONS, query) == wanted
            assert up(TRANSACTIONS, query, keyset.key_of(TRANSACTIONS, rows[-1])) == [
                row for row in wanted if row != rows[-1]
            ]


def test_a_walk_says_how_far_it_looked(rows: list[DeleteAuditTransaction], monkeypatch: pytest.MonkeyPatch) -> None:
    as_walks(monkeypatch)
    page = keyset.page(TRANSACTIONS, TRANSACTIONS.read("q=nosuchword"), counted=True)
    assert (page.rows, page.number) == ([], None)
    assert "next 3 rows" in page.note
    assert page.older


def test_links_lead_both_ways(rows: list[DeleteAuditTransaction]) -> None:
    first = keyset.page(TRANSACTIONS, TRANSACTIONS.read(""), size=10)
    assert not first.newer
    second = keyset.page(TRANSACTIONS, TRANSACTIONS.read(""), older=first.older, size=10)
    back = keyset.page(TRANSACTIONS, TRANSACTIONS.read(""), newer=second.newer, size=10)
    assert back.rows == first.rows
    assert back.older == first.older


@pytest.mark.parametrize("key", ["1", "x~1", "2026-01-01T00:00:00~1", "2026-01-01T00:00:00+00:00~-1", "~", "1~2~3"])
def test_a_key_of_no_link_is_refused(key: str) -> None:
    with pytest.raises(FilterInvalid):
        keyset.page(TRANSACTIONS, TRANSACTIONS.read(""), older=key)


@pytest.mark.parametrize(
    "query",
    [
        "target=x",
        f"table={'x' * 500}",
        "from=yesterday",
        "to=2026-13-01",
        "address=10.0.0",
        "state=lost",
        "assignee=nobody",
    ],
)
def test_an_answer_that_does_not_fit_is_refused(query: str) -> None:
    with pytest.raises(FilterInvalid):
        keyset.page(TRANSACTIONS, TRANSACTIONS.read(query))


def test_what_is_not_asked_is_left_out() -> None:
    wanted = TRANSACTIONS.read("pk__gt=1&target__credentials__password=x&q=%00&role=%20")
    assert wanted.is_everything


def test_each_filter_finds_its_rows(alice: Any) -> None:
    target = factories.TargetFactory()
    wanted = factories.DeleteAuditTransactionFactory(
        target=target, at=ago(days=2), session_role="stray", application_user="dana" * 40, client_address="10.9.9.9",
        tables={"public.User": 1}, state="in review", assignee=alice, assignee_name="alice",
    )  # fmt: skip
    row = factories.DeleteAuditLogFactory(of_transaction=wanted, table_name="User")
    factories.DeleteAuditLogFactory()
    day = f"from={ago(days=3):%Y-%m-%d}&to={ago(days=2):%Y-%m-%d}"
    answers = [f"target={target.pk}", "role=stray", f"user={'dana' * 40}", "address=10.9.9.9", "table=User",
               "table=public.User", "state=in+review", "assignee=alice", day]  # fmt: skip
    for answer in answers:
        assert down(TRANSACTIONS, answer) == [wanted], answer
        assert down(ROWS, answer) == [row], answer
    assert down(ROWS, "&".join(answers)) == [row]
    assert down(TRANSACTIONS, "table=user") == []


WORDS = [
    ("dana.levi@example.org", {"email": "dana.levi@example.org"}),
    ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", {"id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}),
    ("4711", {"number": 4711}),
    ("שלום", {"greeting": "שלום"}),
    ("second", {"note": "first\nsecond\tthird"}),
    ("third", {"note": "first\nsecond\tthird"}),
    ("O'Brien", {"name": "O'Brien"}),
    ('"nine on friday"', {"note": "Nine on Friday"}),
    ("gamerequest", {"note": "by its table"}),
    ("invoices", {"note": "by its query"}),
]


@pytest.mark.parametrize(("words", "row"), WORDS)
def test_words_are_found(words: str, row: dict[str, Any]) -> None:
    query = "DELETE FROM invoices" if words == "invoices" else ""
    found = factories.DeleteAuditLogFactory(query=query, row=json.dumps(row, ensure_ascii=False), key="")
    factories.DeleteAuditLogFactory(row='{"other": "thing"}', key="", table_name="Other")
    wanted = ROWS.read({"q": words})
    assert keyset.page(ROWS, wanted).rows == [found]


def test_words_of_a_transaction(rows: list[DeleteAuditTransaction]) -> None:
    row = rows[7]
    DeleteAuditTransaction.objects.filter(pk=row.pk).update(query="DELETE FROM invoices", application_name="nightly")
    assert down(TRANSACTIONS, "q=invoices+nightly+-web") == [row]
    assert len(down(TRANSACTIONS, "q=gamerequest&table=public.GameRequest")) == 23


@pytest.mark.parametrize("text", ["x" * 3_000_000, "a b c " * 500_000, '{"a":"' + "\\u0000" * 10 + '"}', "not json"])
def test_no_row_is_too_large_or_too_strange_to_be_stored(text: str) -> None:
    assert factories.DeleteAuditLogFactory(row=text, query=text, key="").pk
    assert factories.DeleteAuditTransactionFactory(query=text, application_user=text).pk


@pytest.mark.parametrize("words", ["'", '"', "\\", "a & | !", "(((", "%", "🦉", "x" * 400])
def test_no_words_break_the_search(words: str) -> None:
    factories.DeleteAuditLogFactory()
    assert keyset.page(ROWS, ROWS.read({"q": words})).rows == []
    assert keyset.page(TRANSACTIONS, TRANSACTIONS.read({"q": words, "table": words})).rows == []


def test_counts_are_exact_up_to_the_cap(rows: list[DeleteAuditTransaction], monkeypatch: pytest.MonkeyPatch) -> None:
    everything = TRANSACTIONS.read("")
    assert str(keyset.count(TRANSACTIONS, everything)) == "23"
    monkeypatch.setattr(keyset, "CAP", 20)
    assert str(keyset.count(TRANSACTIONS, TRANSACTIONS.read("role=tovplay_app"))) == "more than 20"
    monkeypatch.setattr(keyset, "estimate", lambda listing: 10_000_000)
    assert str(keyset.count(TRANSACTIONS, everything)) == "about 10,000,000"


def test_patience_ends_and_leaves_no_trace() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('jit')")
        before = cursor.fetchone()
        with pytest.raises(ListTooSlow), keyset.patience(0.05):
            cursor.execute("SELECT pg_sleep(10)")
        with keyset.patience(5):
            cursor.execute("SELECT 1")
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('jit')")
        assert cursor.fetchone() == before


def test_the_ledger_is_a_list_too(tovgov: Any) -> None:
    from audit import ledger

    for number in range(7):
        ledger.append("alert.open" if number % 2 else "backup.request", actor=tovgov, reason=f"Because of {number}")
    assert [row.number for row in down(LEDGER, "", size=3)] == [7, 6, 5, 4, 3, 2, 1]
    assert [row.number for row in down(LEDGER, "family=alert", size=2)] == [6, 4, 2]
    assert [row.number for row in down(LEDGER, "q=because+of+3")] == [4]


def test_the_newest_page_is_read_along_an_index() -> None:
    plan = DeleteAuditLog.objects.order_by("-at", "-id")[:51].explain()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = DeleteAuditLog.objects.order_by("-at", "-id")[:51].explain()
    assert "deleted_rows_latest" in plan
    assert "Sort" not in plan


def test_a_user_is_looked_up_exactly_however_long_the_name() -> None:
    target = factories.TargetFactory()
    names = ["dana", "dana2", "x" * 99, "x" * 100, "x" * 101]
    for name in names:
        factories.DeleteAuditTransactionFactory(target=target, application_user=name)
    for name in names:
        found = keyset.page(TRANSACTIONS, TRANSACTIONS.read(f"user={name}"))
        assert [row.application_user for row in found.rows] == [name]
