"""The search in single log lines by notes of stretches: it finds what a walk finds."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.exceptions import ListTooSlow
from audit.imports.server_logs import words
from audit.lists import keyset, stretches
from audit.lists.server_logs import ENTRIES
from audit.models import LogWords, ServerLogEntry
from tests import factories
from tests.audit.lists.test_keyset import as_walks, down, up
from tests.factories import ago

SIZE = 10
"""Entries of a stretch in these tests."""
QUERIES = (
    "q=alpha",
    "q=alpha beta",
    'q="alpha beta"',
    'q="beta alpha"',
    "q=alpha -beta",
    "q=-alpha",
    "q=gamma or beta",
    "q=nosuchword",
    "q=%26 %21 ---",
    "q=it's \\",
    "q=ALPHA",
    "q=alph",
    "q=ärger",
    "q=example.org",
    "q=10.0.0.7/32",
    "q=-5",
    "q=foo-bar",
    "q=foo_bar",
    "class=deadlock",
    "severity=40%2B",
    "severity=20",
    "level=DEBUG",
    "sqlstate=40P01",
    "sqlstate=40",
    "role=o'brien",
    "database=a%3Ab %26 c",
    "address=local",
    "address=10.0.0.7",
    "application=x",
    "session=68f.1",
    "q=alpha&class=deadlock&role=o'brien",
)
MESSAGES = (
    "alpha beta", "beta alpha", "gamma", "Alpha", "it's \\ delta", "", "alpha gamma beta",
    "ÄRGER mit foo-bar, foo_bar, FOO-BAR", "http://www.example.org/alpha?x=1 from 10.0.0.7/32 at -5",
    "<b>alpha</b> &amp; 'beta'", "alphabet -alpha",
)  # fmt: skip


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """And all the time in the world: a busy machine changes nothing."""
    monkeypatch.setattr(LogWords, "STRETCH", SIZE)
    monkeypatch.setattr(keyset, "patience", lambda *given, **more: nullcontext())
    monkeypatch.setattr(keyset, "BUDGET", 600.0)
    monkeypatch.setattr(stretches, "SECONDS", 600.0)


def store(count: int, *, at: Any = None, **facts: Any) -> list[ServerLogEntry]:
    """Entries of ever other facts, the first ones the newest."""
    target = facts.pop("target", None) or factories.TargetFactory()
    made: list[ServerLogEntry] = []
    for number in range(count):
        changing: dict[str, Any] = {
            "message": MESSAGES[number % len(MESSAGES)],
            "query": "",
            "kind": "deadlock" if number % 9 == 0 else "statement",
            "severity": (10, 20, 40, 50)[number % 4],
            "level": ("LOG", "DEBUG3", "ERROR")[number % 3],
            "sqlstate": ("00000", "40P01", "40001")[number % 3],
            "role": "o'brien" if number % 5 == 0 else "web",
            "database": "a:b & c" if number % 6 == 0 else "TovPlay",
            "address": "" if number % 4 == 0 else "10.0.0.7",
            "application": "x" * 300 if number % 7 == 0 else "x",
            "session": f"68f.{number % 8}",
            "at": at or ago(minutes=number // 3),
        }
        made.append(factories.ServerLogEntryFactory.build(target=target, source_id=1, **changing | facts))
    return ServerLogEntry.objects.bulk_create(made)


def noted() -> int:
    return LogWords.objects.count()


def fits(query: str) -> list[int]:
    """What the list's own conditions say, of every row."""
    rows = ENTRIES.rows(ENTRIES.read(query)).order_by(*ENTRIES.ordering)
    return list(rows.values_list("pk", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES)
def test_every_row_that_fits_is_found_once_in_order(query: str) -> None:
    store(87)
    assert words.note() > 5
    assert [row.pk for row in down(ENTRIES, query)] == fits(query)


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["q=alpha", "class=deadlock", "role=o'brien"])
def test_and_upwards(query: str) -> None:
    rows = store(87)
    words.note()
    oldest = min(rows, key=lambda row: (row.at, row.pk))
    key = keyset.key_of(ENTRIES, oldest)
    assert [row.pk for row in up(ENTRIES, query, key)] == [pk for pk in fits(query) if pk != oldest.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["q=alpha", "class=deadlock", "q=-alpha"])
def test_with_no_time_at_all_the_pages_lead_on(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "SECONDS", 0.0)
    monkeypatch.setattr(stretches, "STEPS", (1,))
    rows = store(87)
    words.note()
    assert [row.pk for row in down(ENTRIES, query, size=20)] == fits(query)
    oldest = min(rows, key=lambda row: (row.at, row.pk))
    newer = [row.pk for row in up(ENTRIES, query, keyset.key_of(ENTRIES, oldest), size=20)]
    assert newer == [pk for pk in fits(query) if pk != oldest.pk]


@pytest.mark.django_db
def test_a_search_without_time_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "SECONDS", 0.0)
    monkeypatch.setattr(stretches, "STEPS", (1,))
    store(87)
    words.note()
    page = keyset.page(ENTRIES, ENTRIES.read("q=alpha"), counted=True)
    assert "Go on to older ones" in page.note
    assert "UTC" in page.note
    assert page.number is None
    assert page.older


@pytest.mark.django_db
def test_what_is_found_in_all_is_counted() -> None:
    store(87)
    words.note()
    page = keyset.page(ENTRIES, ENTRIES.read("class=deadlock&role=o'brien"), counted=True)
    assert str(page.number) == str(len(fits("class=deadlock&role=o'brien"))) == str(len(page.rows))
    assert not page.note


@pytest.mark.django_db
def test_only_stretches_that_may_hold_it_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    target = factories.TargetFactory()
    store(40, target=target)
    store(1, target=target, message="needle in it")
    store(40, target=target)
    words.note()
    read: list[int] = []
    monkeypatch.setattr(stretches.Search, "_read", lambda self, some: read.extend(one.number for one in some))
    keyset.page(ENTRIES, ENTRIES.read("q=needle"))
    holding = ServerLogEntry.objects.get(message="needle in it").pk // SIZE
    assert read == [holding]


@pytest.mark.django_db
def test_a_time_keeps_other_stretches_out(monkeypatch: pytest.MonkeyPatch) -> None:
    target = factories.TargetFactory()
    for days in range(4):
        store(2 * SIZE, target=target, at=ago(days=days))
    words.note()
    read: list[int] = []
    monkeypatch.setattr(stretches.Search, "_read", lambda self, some: read.extend(one.number for one in some))
    since, until = (ago(days=2) - timedelta(hours=1)).isoformat(), (ago(days=2) + timedelta(hours=1)).isoformat()
    keyset.page(ENTRIES, ENTRIES.read({"q": "alpha", "from": since, "to": until}))
    rows = ServerLogEntry.objects.filter(at__gte=since, at__lt=until)
    assert read
    assert set(read) <= {row.pk // SIZE for row in rows}


# --- what is not noted yet ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_newest_are_found_before_they_are_noted() -> None:
    target = factories.TargetFactory()
    store(40, target=target)
    words.note()
    store(25, target=target, at=ago(seconds=1))
    assert [row.pk for row in down(ENTRIES, "q=alpha")] == fits("q=alpha")


@pytest.mark.django_db
def test_how_many_are_not_looked_through_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "TAIL", 15)
    target = factories.TargetFactory()
    store(40, target=target)
    words.note()
    behind = LogWords.objects.order_by("-pk").values_list("pk", flat=True)[0] * SIZE + SIZE
    rows = store(60, target=target, message="needle")
    page = keyset.page(ENTRIES, ENTRIES.read("q=needle"), counted=True)
    last = rows[-1].pk
    assert len(page.rows) == 15
    assert f"words of {last - 14 - behind:,} lines that came last are not noted yet" in page.note
    assert page.number is None
    words.note()
    page = keyset.page(ENTRIES, ENTRIES.read("q=needle"), counted=True)
    assert len(page.rows) == 50
    assert not page.note


@pytest.mark.django_db
def test_before_anything_is_noted_the_list_is_walked() -> None:
    store(30)
    assert not noted()
    assert [row.pk for row in down(ENTRIES, "q=alpha")] == fits("q=alpha")


@pytest.mark.django_db
def test_where_notes_are_slow_the_list_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    store(45)
    words.note()

    def never(self: Any) -> None:
        raise ListTooSlow

    monkeypatch.setattr(stretches.Search, "run", never)
    assert [row.pk for row in down(ENTRIES, "q=alpha")] == fits("q=alpha")


@pytest.mark.django_db
def test_thousands_in_one_moment_lead_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "MOST", 2)
    store(75, at=ago(hours=1))
    words.note()
    assert [row.pk for row in down(ENTRIES, "q=alpha")] == fits("q=alpha")


@pytest.mark.django_db
def test_a_stretch_whose_words_are_too_many_is_always_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "LONGEST", 3)
    store(40)
    words.note()
    assert LogWords.objects.filter(words=None).count() == noted() > 0
    assert [row.pk for row in down(ENTRIES, "q=alpha beta")] == fits("q=alpha beta")


@pytest.mark.django_db
def test_text_that_looks_like_markup_hides_nothing_of_the_next_line() -> None:
    """PostgreSQL's parser leaves tags and comments out: each line is read by itself."""
    target = factories.TargetFactory()
    rows = [store(1, target=target, message=text)[0] for text in ("<!-- hush", "needle", "--> <a '", "thread", "' >")]
    store(2 * SIZE, target=target, message="x")
    words.note()
    for word, place in (("needle", 1), ("thread", 3)):
        assert [row.pk for row in down(ENTRIES, f"q={word}")] == [rows[place].pk]


# --- against a walk, whatever is asked --------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["alpha", "beta", "gamma", "nosuch", '"alpha beta"', "-beta", "or", "delta", "'", "&", "<->", '"']
)


class Against(TestCase):
    @given(
        texts=st.lists(
            st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "x"]), max_size=4), min_size=1, max_size=40
        ),
        asked=st.lists(WORDS, min_size=1, max_size=5),
        before=st.integers(0, 40),
    )
    @settings(max_examples=60, deadline=None)
    def test_a_search_finds_what_a_walk_finds(self, texts: list[list[str]], asked: list[str], before: int) -> None:
        ServerLogEntry.objects.all().delete()
        LogWords.objects.all().delete()
        target = factories.TargetFactory()
        for number, parts in enumerate(texts):
            if number == before:
                words.note()
            store(1, target=target, message=" ".join(parts), at=ago(minutes=number * 7 % 11))
        wanted = {"q": " ".join(asked)}
        fitting = ENTRIES.rows(ENTRIES.read(wanted)).order_by(*ENTRIES.ordering)
        page = keyset.page(ENTRIES, ENTRIES.read(wanted), size=100)
        assert [row.pk for row in page.rows] == list(fitting.values_list("pk", flat=True))


@pytest.mark.django_db
def test_notes_are_as_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    store(40)
    words.note()
    found = down(ENTRIES, "q=alpha")
    with monkeypatch.context() as patch:
        patch.setattr(stretches, "answers", lambda *given: False)
        as_walks(patch)
        assert down(ENTRIES, "q=alpha") == found


@pytest.mark.django_db
def test_the_index_over_the_words_is_there() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'audit_logwords'")
        assert any("USING gin (words)" in row[0] for row in cursor.fetchall())
