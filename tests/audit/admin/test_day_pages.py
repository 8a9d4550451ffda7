"""The day of a target and everything around a moment: numbers that are right, links that lead to the entries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.exceptions import FilterInvalid
from audit.lists import around, day
from audit.models import (
    ConnectionAuditLog,
    DeleteAuditTransaction,
    MaintenanceWindow,
    ServerLogEntry,
    Target,
)
from audit.templatetags.tovgov import page_of
from backups.models import Backup
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 12, 6, 0, 4, 123456, tzinfo=UTC)
DAY = date(2026, 3, 12)
KINDS = [model for _, model in around.LARGE]


@pytest.fixture
def target() -> Target:
    return factories.TargetFactory(name="Club")


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def delete(target: Target, seconds: float = 0, **more: Any) -> DeleteAuditTransaction:
    made: DeleteAuditTransaction = factories.DeleteAuditTransactionFactory(target=target, at=later(seconds), **more)
    return made


def login(target: Target, seconds: float = 0, *, noise: bool = False, **more: Any) -> ConnectionAuditLog:
    who = {"role": "dana", **more}
    group = factories.ConnectionGroupFactory(target=target, at=later(seconds), is_noise=noise, count=1, **who)
    made: ConnectionAuditLog = factories.ConnectionAuditLogFactory(
        target=target, at=later(seconds), of_group=group, **who
    )
    return made


def entry(target: Target, seconds: float = 0, *, noise: bool = False, **more: Any) -> ServerLogEntry:
    more = {"count": 1} | more
    group = factories.ServerLogGroupFactory(target=target, at=later(seconds), is_noise=noise, **more)
    made: ServerLogEntry = factories.GroupedLogEntryFactory(of_group=group)
    return made


def text(client: Client, url: str, status: int = 200, **data: Any) -> str:
    answer = client.get(url, data)
    assert answer.status_code == status, url
    return " ".join(answer.content.decode().split())


# --- the day ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(target: Target) -> Target:
    delete(target, row_count=7)
    delete(target, 3600)
    login(target)
    login(target, 5, role="web", noise=True)
    login(target, 7200, role="guess", outcome="failed password")
    entry(target, kind="deadlock", severity=40)
    entry(target, 60, kind="drop-database", severity=50)
    entry(target, 70, kind="checkpoint", severity=10, noise=True)
    delete(target, 86_400)
    return target


def test_a_day_counts_by_class_and_hour(busy: Target) -> None:
    found = day.of(busy, DAY)
    lines = [(line.group, line.code, line.total) for line in found.lines]
    assert lines == [
        ("deletes", "", 2),
        ("connections", "accepted", 1),
        ("refused", "failed password", 1),
        ("log", "drop-database", 1),
        ("log", "deadlock", 1),
    ]
    assert found.has_hours
    assert [hour for hour, number in enumerate(found.hours("deletes")) if number] == [6, 7]
    assert found.hours("refused")[8] == 1
    assert (found.rows_deleted, found.hidden_connections, found.hidden_log) == (8, 1, 1)
    assert found.unreviewed == {"deletes": 2, "connections": 2, "log": 2}


def test_with_noise_everything_counts(busy: Target) -> None:
    found = day.of(busy, DAY, noise=True)
    assert (found.total("connections"), found.total("log"), found.hidden_log) == (2, 3, 0)


def test_a_session_that_is_known_twice_counts_once(target: Target) -> None:
    row = login(target)
    factories.ConnectionAuditLogFactory(target=target, at=later(0.1), of_group=row.of_group, same_as=row.pk)
    found = day.of(target, DAY)
    assert (found.total("connections"), sum(found.hours("connections"))) == (1, 1)


def test_a_day_that_is_too_large_to_divide_shows_its_sums(busy: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    from audit.exceptions import ListTooSlow

    def slow(*words: Any) -> Any:
        raise ListTooSlow

    monkeypatch.setattr(day.keyset, "patience", slow)
    found = day.of(busy, DAY)
    assert not found.has_hours
    assert found.total("log") == 2


def test_every_number_leads_to_its_entries(cast: Cast, busy: Target) -> None:
    client = signed_in(cast.charlie)
    page = client.get("/admin/day/", {"target": busy.pk, "day": "2026-03-12"})
    for row in page.context["rows"]:
        wanted = [(row["url"], row["line"].total), *((url, number) for number, url, _ in row["cells"] if url)]
        for url, number in wanted:
            assert len(client.get(url).context["cl"].result_list) == number, url
    for bar in page.context["bars"]:
        for part in bar.parts:
            found = client.get(part.url).context["cl"].result_list
            assert len(found) == part.number, part.url
    for _, number, url in page.context["counts"]:
        assert len(client.get(url).context["cl"].result_list) == number, url


def test_previous_and_next_pass_empty_days_by(cast: Cast, busy: Target) -> None:
    delete(busy, -86_400 * 9)
    assert day.neighbours(busy, DAY) == (date(2026, 3, 3), date(2026, 3, 13))
    page = text(signed_in(cast.charlie), "/admin/day/", target=busy.pk, day="2026-03-12")
    assert "day=2026-03-03" in page
    assert "Hidden: 1 log line that is noise and 1 connection of known clients." in page


def test_without_a_day_it_is_the_newest(cast: Cast, busy: Target) -> None:
    assert "13 Mar 2026" in text(signed_in(cast.charlie), "/admin/day/", target=busy.pk)


def test_empty_days_and_no_target_say_what_to_do(cast: Cast) -> None:
    client = signed_in(cast.charlie)
    assert "No target yet" in text(client, "/admin/day/")
    target = factories.TargetFactory()
    assert "Nothing is known of this day" in text(client, "/admin/day/", target=target.pk)


@pytest.mark.parametrize(
    "asked", [{"day": "tomorrow"}, {"day": "2026-13-01"}, {"day": "0001-01-01"}, {"target": "x"}, {"target": "99"}]
)
def test_what_is_no_day_is_not_found(cast: Cast, target: Target, asked: dict[str, str]) -> None:
    text(signed_in(cast.charlie), "/admin/day/", 404, **({"target": str(target.pk)} | asked))


def test_who_may_see_nothing_of_it_is_refused(cast: Cast, target: Target) -> None:
    cast.charlie.groups.clear()
    for url in ("/admin/day/", "/admin/around/", "/admin/reviews/"):
        text(signed_in(cast.charlie), url, 403)


# --- everything around a moment --------------------------------------------------------------------------------------


def kinds_of(found: around.Stretch) -> list[str]:
    return [moment.kind for moment in found.moments]


def test_all_kinds_stand_in_one_line_in_their_order(target: Target) -> None:
    login(target, -2)
    entry(target, -1)
    delete(target)
    other = delete(factories.TargetFactory(), 1)
    delete(target, 16 * 60)
    found = around.of(target, AT, minutes=15, kinds=KINDS)
    assert kinds_of(found) == ["connection", "log", "delete"]
    assert other.pk not in {moment.pk for moment in found.moments if moment.kind == "delete"}


def test_what_tovgov_did_stands_there_too(cast: Cast, target: Target) -> None:
    delete(target)
    factories.AlertFactory(target=target, opened_at=later(0))
    MaintenanceWindow.objects.create(
        target=target, rules=[], reason="x", minutes=5, opened_by="miriam", closes_at=later(10**9), closed_at=later(3)
    )
    backup = factories.BackupFactory(target=target, proved=True)
    Backup.objects.filter(pk=backup.pk).update(started_at=later(-9), finished_at=later(-8))
    client = signed_in(cast.charlie)
    page = text(client, "/admin/around/", target=target.pk, at=AT.isoformat())
    assert page.index(page_of(backup)) < page.index("deleted 1 row") < page.index("Window on Club")
    assert "closed" in page


@pytest.mark.parametrize("seed", range(3))
def test_walked_by_keys_nothing_is_lost_or_doubled(target: Target, seed: int) -> None:
    """Many at the same microsecond, of all kinds."""
    for n in range(9):
        moment = (n % 3) * seed
        delete(target, moment, transaction=1000 + n)
        login(target, moment, role=f"r{n}")
        entry(target, moment, role=f"r{n}")
    whole = [one.key for one in around.of(target, AT, minutes=1, kinds=KINDS, size=100).moments]
    assert len(whole) == 27
    found = around.of(target, AT, minutes=1, kinds=KINDS, size=4)
    walked = [one.key for one in found.moments]
    ahead, behind = found.newer, found.older
    while ahead:
        page = around.of(target, AT, minutes=1, kinds=KINDS, newer=ahead, size=4)
        walked += [one.key for one in page.moments]
        ahead = page.newer
    while behind:
        page = around.of(target, AT, minutes=1, kinds=KINDS, older=behind, size=4)
        walked = [one.key for one in page.moments] + walked
        behind = page.older
    assert walked == whole == sorted(whole)


def test_noise_is_hidden_and_counted(cast: Cast, target: Target) -> None:
    delete(target)
    entry(target, 1, noise=True)
    login(target, 2, noise=True)
    found = around.of(target, AT, minutes=1, kinds=KINDS)
    assert kinds_of(found) == ["delete"]
    assert found.hidden is not None
    assert found.hidden.number == 2
    assert len(around.of(target, AT, minutes=1, kinds=KINDS, noise=True).moments) == 3
    page = text(signed_in(cast.charlie), "/admin/around/", target=target.pk, at=AT.isoformat())
    assert "2 are hidden: noise and known clients." in page


def test_only_what_a_person_may_see(target: Target) -> None:
    delete(target)
    login(target)
    assert kinds_of(around.of(target, AT, minutes=1, kinds=[ConnectionAuditLog])) == ["connection"]


def test_one_click_from_every_entry_and_a_permalink(cast: Cast, target: Target) -> None:
    client = signed_in(cast.charlie)
    rows = [delete(target), login(target), entry(target)]
    rows += [rows[1].of_group, rows[2].of_group, factories.DeleteAuditLogFactory(of_transaction=rows[0])]
    link = "/admin/around/?" + urlencode({"target": target.pk, "at": AT.isoformat()})
    for row in rows:
        assert link.replace("&", "&amp;") in client.get(page_of(row)).content.decode(), row
    assert "tovplay_app deleted 1 row" in text(client, link)


@pytest.mark.parametrize("asked", [{"at": "now"}, {"at": "0001-01-01T00:00:00"}, {"target": "0"}])
def test_what_is_no_moment_is_not_found(cast: Cast, target: Target, asked: dict[str, str]) -> None:
    text(signed_in(cast.charlie), "/admin/around/", 404, **({"target": str(target.pk)} | asked))


@pytest.mark.parametrize("key", ["x", "2026-03-12~0~1", "2026-03-12T06:00:00+00:00~x~1", "a~b"])
def test_a_place_that_no_link_has_is_refused(cast: Cast, target: Target, key: str) -> None:
    with pytest.raises(FilterInvalid):
        around.read_key(key)
    assert "does not exist" in text(signed_in(cast.charlie), "/admin/around/", target=target.pk, older=key)


def test_minutes_are_chosen(cast: Cast, target: Target) -> None:
    delete(target, 50 * 60)
    client = signed_in(cast.charlie)
    asked = {"target": target.pk, "at": AT.isoformat()}
    assert "Nothing is known of these minutes" in text(client, "/admin/around/", **asked)
    assert "deleted 1 row" in text(client, "/admin/around/", **asked, minutes=60)


def test_more_deletes_cost_no_more_queries(cast: Cast, target: Target) -> None:
    client = signed_in(cast.charlie)
    address = f"/admin/around/?target={target.pk}&at={AT:%Y-%m-%dT%H:%M:%SZ}&minutes=15"
    delete(target)
    text(client, address)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            text(client, address)
        counts.append(len(asked))
        for seconds in range(1, 6):
            delete(target, seconds)
    assert counts[0] == counts[1]
