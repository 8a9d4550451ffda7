"""What each report says of a month, and what cannot be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from audit.exceptions import NoSuchReport, PeriodInvalid, ReportInvalid
from audit.models import LedgerEntry, Target
from audit.reports import head, known
from audit.reports import scope as scopes
from audit.reports.report import Scope
from tests import factories
from tests.audit.reports.conftest import DAY, MARCH, Month

pytestmark = pytest.mark.django_db

NAMES = sorted([
    "access-targets", "access-tovgov", "activity", "approvals", "backups", "connections", "deletes", "incidents",
    "protection", "protection-runs", "restores",
])  # fmt: skip


def asked(name: str, query: str = MARCH) -> Scope:
    return scopes.read(known.find(name), query)


def rows(name: str, query: str = MARCH) -> list[dict[str, Any]]:
    scope = asked(name, query)
    return list(scope.report.rows(scope).each(scope.sort))


def gaps_of(name: str, query: str = MARCH) -> list[str]:
    return list(head.of(asked(name, query), made_by="tests").gaps)


def test_every_report_is_known() -> None:
    assert sorted(known.every()) == NAMES


# --- what they say ---------------------------------------------------------------------------------------------------


def test_deletes_are_summed_by_actor_and_table(month: Month) -> None:
    found = [(row["target"], row["table"], row["role"], row["user"], row["rows"], row["transactions"])
             for row in rows("deletes")]  # fmt: skip
    assert found == [
        ("Club", "public.User", "clerk", "dan", 200, 2),
        ("Club", "public.Game", "clerk", "dan", 3, 1),
        ("Shop", "public.Order", "admin", "", 1, 1),
    ]


@pytest.mark.parametrize(
    ("more", "tables"),
    [
        ("&table=public.User", ["public.User"]),
        ("&table=Game", ["public.Game"]),
        ("&role=admin", ["public.Order"]),
        ("&user=dan", ["public.User", "public.Game"]),
        ("&address=10.0.0.99", ["public.User"]),
        ("&target=Shop", ["public.Order"]),
        ("&sort=table", ["public.Game", "public.Order", "public.User"]),
    ],
)
def test_deletes_are_filtered_and_sorted(month: Month, more: str, tables: list[str]) -> None:
    assert [row["table"] for row in rows("deletes", MARCH + more)] == tables


def test_the_period_begins_and_ends_on_the_clocks_of_its_zone(month: Month) -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    factories.DeleteAuditTransactionFactory(target=month.target, at=late, last_at=late, tables={"public.Late": 1})
    tables = {row["table"] for row in rows("deletes", MARCH)}
    assert "public.Late" in tables
    there = {row["table"] for row in rows("deletes", MARCH.replace("UTC", "Asia/Jerusalem"))}
    assert "public.Late" not in there, "it was April there by then"


def test_connections_are_summed_by_who_came(month: Month) -> None:
    found = [(row["role"], row["address"], row["outcome"], row["connections"], row["days"])
             for row in rows("connections")]  # fmt: skip
    assert found == [("tovplay_app", "10.0.0.7", "accepted", 42, 2), ("root", "10.0.0.7", "failed password", 7, 1)]
    assert [row["role"] for row in rows("connections", f"{MARCH}&outcome=not let in")] == ["root"]


def test_part_of_a_day_of_connections_is_said_to_be_whole(month: Month) -> None:
    query = "from=2026-03-12 05:00&to=2026-03-12 07:00&zone=UTC"
    assert "from 2026-03-12 00:00:00 to 2026-03-13 00:00:00" in " ".join(gaps_of("connections", query))
    assert [row["connections"] for row in rows("connections", query)] == [40, 7]
    assert "are counted by days" not in " ".join(gaps_of("connections"))


def test_a_backup_and_a_restore_are_listed_with_their_numbers(month: Month) -> None:
    (backup,) = rows("backups")
    assert (backup["target"], backup["state"], backup["level"]) == ("Club", "succeeded", 3)
    assert backup["stored_mb"] > 0
    assert "Shop: no backup of the period fits that has succeeded." in gaps_of("backups")
    (restore,) = rows("restores")
    assert (restore["target"], restore["reason"]) == ("Club", "The night.")


def test_an_attack_is_counted_by_how_its_attempts_ended(month: Month) -> None:
    (run,) = rows("protection-runs")
    assert [run[name] for name in ("attempts", "refused", "recorded", "open", "untried")] == [6, 2, 2, 1, 1]
    state = {row["target"]: row for row in rows("protection", "")}
    assert (state["Club"]["state"], state["Club"]["attempts"], state["Club"]["open"]) == ("whole", 6, 1)
    assert state["Shop"]["state"] == "none"
    assert [row["target"] for row in rows("protection", "state=none")] == ["Shop"]


def test_an_incident_has_its_times(month: Month) -> None:
    (incident,) = rows("incidents")
    assert (incident["to_detect"], incident["to_resolve"], incident["status"]) == (30, None, "open")
    assert any("not resolved yet" in words for words in gaps_of("incidents"))


def test_an_approval_says_who_asked(month: Month) -> None:
    (approval,) = rows("approvals")
    assert approval["asked_by"]
    assert any("wait for a decision" in words for words in gaps_of("approvals"))


def test_activity_is_the_ledger(month: Month) -> None:
    entries = rows("activity", "")
    assert [row["number"] for row in entries] == list(range(LedgerEntry.objects.count(), 0, -1))
    assert [row["reason"] for row in rows("activity", "target=Club&action=target.test")] == ["=1+1"]


def test_access_to_tovgov_says_what_each_may(month: Month) -> None:
    found = {row["user"]: row for row in rows("access-tovgov", "")}
    assert found["charlie"]["groups"] == "auditor"
    assert "audit.export_report" in found["charlie"]["may"]
    assert "backups.start_backup" not in found["charlie"]["may"]
    assert "backups.start_backup" in found["alice"]["may"]
    assert [row["user"] for row in rows("access-tovgov", "group=manager")] == ["miriam"]


def test_rows_are_paged_without_being_counted(month: Month, django_assert_num_queries: Any) -> None:
    scope = asked("activity", "")
    with django_assert_num_queries(1) as done:
        scope.report.rows(scope).page(scope.sort, 1, 2)
    assert "count(" not in done.captured_queries[0]["sql"].lower()


# --- gaps ------------------------------------------------------------------------------------------------------------


def test_a_target_without_a_log_of_deletes_is_a_gap(month: Month) -> None:
    factories.ImportSourceFactory(target=month.target)
    found = gaps_of("deletes")
    assert "Shop: no log of deletes is read from it; whether there were any is not known." in found
    assert not any(words.startswith("Club: no log") for words in found)


def test_a_silent_source_is_a_gap(month: Month) -> None:
    factories.ImportSourceFactory(
        target=month.target, looked_at=DAY, error_code="target.unreachable", error="Nobody answers."
    )
    words = next(words for words in gaps_of("deletes") if "silent since" in words)
    assert "2026-03-12 06:00:04" in words
    assert "Nobody answers." in words


def test_a_source_that_was_read_to_the_end_is_none(month: Month) -> None:
    source = factories.ImportSourceFactory(target=month.target)
    early = DAY - timedelta(days=100)
    factories.AuditImportFactory(source=source, succeeded=True, started_at=early, first_at=early, last_at=early)
    assert not any("deletions of Club" in words for words in gaps_of("deletes"))


def test_a_log_that_begins_within_the_period_is_a_gap(month: Month) -> None:
    source = factories.ImportSourceFactory(target=month.target)
    factories.AuditImportFactory(source=source, succeeded=True, started_at=DAY, first_at=DAY, last_at=DAY)
    assert any("known from 2026-03-12 06:00:04 on" in words for words in gaps_of("deletes"))


def test_failed_readings_are_a_gap(month: Month) -> None:
    source = factories.ImportSourceFactory(target=month.target)
    factories.AuditImportFactory(
        source=source, state="failed", queued_at=DAY, started_at=DAY, finished_at=DAY, error_code="target.unreachable"
    )
    assert any("1 readings failed between" in words for words in gaps_of("deletes"))


def test_deletes_that_nobody_captured_are_a_gap(month: Month) -> None:
    factories.DeleteCountFactory(target=month.target, at=DAY, since=DAY - timedelta(minutes=5), surplus=7,
                                 is_certain=True)  # fmt: skip
    assert any("7 deletes of public.GameRequest were not captured" in words for words in gaps_of("deletes"))


def test_retired_entries_are_a_gap(month: Month) -> None:
    from audit.models import RetiredRange, SealTree

    source = factories.ImportSourceFactory(target=month.target, keep_days=30)
    tree = SealTree.objects.create(source=source, size=500)
    RetiredRange.objects.create(tree=tree, first_leaf=0, last_leaf=182, count=183, by="tests")
    assert any("183 of its entries were retired" in words for words in gaps_of("deletes"))
    future = scopes.read(known.find("deletes"), "from=2026-11-15&to=2026-11-16", now=DAY + timedelta(days=1000))
    assert any("183" in words for words in known.find("deletes").gaps(future))


def test_targets_that_are_not_reached_or_not_active_are_gaps(month: Month) -> None:
    Target.objects.filter(pk=month.target.pk).update(check_error_code="target.unreachable", checked_at=DAY)
    Target.objects.filter(pk=month.other.pk).update(is_active=False)
    found = " ".join(gaps_of("deletes"))
    assert "Club: it was not reached or not confirmed since the look of 2026-03-12 06:00:04" in found
    assert "Shop: it is not active" in found


def test_a_target_registered_within_the_period_is_a_gap(month: Month) -> None:
    Target.objects.filter(pk=month.target.pk).update(created_at=DAY)
    assert any(
        "Club: registered on 2026-03-12 06:00:04" in words for words in gaps_of("approvals") + gaps_of("deletes")
    )


def test_a_period_that_is_not_over_is_a_gap(month: Month) -> None:
    assert any("not over" in words for words in gaps_of("activity", ""))
    assert any("future" in words for words in gaps_of("activity", "from=2400-01-01&to=2400-01-02"))


# --- what cannot be asked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("from=2026-03-31&to=2026-03-01", "ends (2026-03-01) before it starts"),
        ("from=2026-03-01 06:00&to=2026-03-01 06:00", "is empty"),
        ("from=2026-03-01&to=2026-02-28", "is empty"),
        ("from=yesterday", "is no date"),
        ("from=2026-02-30", "is no date"),
        ("from=2026-03-01T25:00", "is no date"),
        ("to=9999-12-31", "too far away"),
        ("from=0001-01-01", "too far away"),
        ("zone=Mars/Olympus", "is no time zone"),
        ("zone=../../etc/passwd", "is no time zone"),
    ],
)
def test_a_period_that_is_none_is_refused_in_words(query: str, says: str) -> None:
    with pytest.raises(PeriodInvalid) as refused:
        asked("deletes", query)
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("target=424242", "There is no target “424242”"),
        ("target=nowhere", "There is no target"),
        (f"target={'9' * 40}", "There is no target"),
        ("sort=password", "cannot be sorted"),
        ('sort=rows"; DROP TABLE audit_target; --', "cannot be sorted"),
        ("address=not-an-address", "Address"),
        (f"role={'x' * 500}", "at most 400"),
    ],
)
def test_a_hostile_answer_is_refused_in_words(query: str, says: str) -> None:
    with pytest.raises(ReportInvalid) as refused:
        asked("deletes", f"{MARCH}&{query}")
    assert says in refused.value.message


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%s", "%(x)s", "{}", "\0", "‮evil", "<script>alert(1)</script>"])
@pytest.mark.parametrize("name", NAMES)
def test_no_answer_breaks_a_report(month: Month, name: str, text: str) -> None:
    report = known.find(name)
    for one in report.filters:
        try:
            scope = scopes.read(report, f"{MARCH}&{one.name}={quote(text)}")
        except ReportInvalid:
            continue
        scope.report.rows(scope).page(scope.sort, 0, 10)
        head.of(scope, made_by="tests")


@pytest.mark.parametrize("name", NAMES)
def test_every_column_sorts_both_ways(month: Month, name: str) -> None:
    report = known.find(name)
    for column in report.columns:
        for way in (column.name, f"-{column.name}"):
            scope = scopes.read(report, f"{MARCH}&sort={way}")
            assert len(scope.report.rows(scope).page(scope.sort, 0, 100)) == len(rows(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_an_admin_page(month: Month, name: str) -> None:
    scope = asked(name)
    for row in rows(name):
        for column in scope.report.columns:
            if column.link:
                assert column.link(row, scope).startswith(("/admin/", "")), column.name


def test_a_permalink_asks_the_same_again(month: Month) -> None:
    first = asked("deletes", f"{MARCH}&target=Club&role=clerk&sort=-first")
    again = scopes.read(first.report, first.query)
    assert (again.span, again.targets, again.answers, again.sort) == (
        first.span, first.targets, first.answers, first.sort,
    )  # fmt: skip
    assert again.query == first.query


def test_the_usual_period_is_thirty_days(month: Month) -> None:
    scope = scopes.read(known.find("deletes"), "zone=Asia/Jerusalem", now=DAY)
    zone = ZoneInfo("Asia/Jerusalem")
    assert scope.span == (datetime(2026, 2, 11, tzinfo=zone), datetime(2026, 3, 13, tzinfo=zone))


def test_an_unknown_report_is_refused_in_words() -> None:
    with pytest.raises(NoSuchReport, match="“salaries” is no report"):
        known.find("salaries")
