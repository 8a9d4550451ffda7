"""Looks at personal data stand in the ledger, once per person, record and hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit import looks
from audit.actors import Actor
from audit.models import LedgerEntry, Look
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str, str]]:
    rows = LedgerEntry.objects.filter(action=looks.ACTION).order_by("number")
    return list(rows.values_list("actor", "object_type", "object_id"))


def conflict() -> Any:
    example = {"columns": [{"column": "email", "deleted": '"dan@example.org"', "live": '"eve@example.org"'}]}
    finding = {"code": "key_taken", "table": "public.User", "sentence": "…", "rows": 1, "examples": [example]}
    return factories.UndeleteFactory(
        plan={"tables": [{"table": "public.User", "rows": 1, "put": 0, "there": 0, "findings": [finding]}], "put": 0},
        succeeded=True,
    )


PERSONAL: list[Callable[[], Any]] = [
    factories.DeleteAuditLogFactory,
    factories.ConnectionAuditLogFactory,
    factories.GroupedLogEntryFactory,
    conflict,
]
OTHERS: list[Callable[[], Any]] = [
    factories.DeleteAuditTransactionFactory,
    factories.ConnectionGroupFactory,
    factories.IncidentFactory,
]


@pytest.mark.parametrize("make", PERSONAL)
def test_a_look_is_told_once_an_hour(cast: Cast, make: Callable[[], Any]) -> None:
    row = make()
    client = signed_in(cast.charlie)
    for _ in range(3):
        assert client.get(page_of(row)).status_code == 200
    assert told() == [("charlie", row._meta.label, str(row.pk))]
    signed_in(cast.bob).get(page_of(row))
    assert [actor for actor, *_ in told()] == ["charlie", "bob"]


@pytest.mark.parametrize("make", OTHERS)
def test_what_holds_no_row_of_people_is_not_told(cast: Cast, make: Callable[[], Any]) -> None:
    assert signed_in(cast.charlie).get(page_of(make())).status_code == 200
    assert told() == []


def test_the_entry_names_the_target(cast: Cast) -> None:
    row = factories.DeleteAuditLogFactory()
    signed_in(cast.charlie).get(page_of(row))
    entry = LedgerEntry.objects.get(action=looks.ACTION)
    assert (entry.target, entry.source) == (row.target.name, "admin 127.0.0.1")


def test_the_next_hour_is_told_again(asker: Actor) -> None:
    row = factories.DeleteAuditLogFactory()
    assert looks.note(row, actor=asker)
    assert not looks.note(row, actor=asker)
    Look.objects.update(hour=timezone.now() - timedelta(hours=1, minutes=1))
    assert looks.note(row, actor=asker)


def test_who_may_not_look_is_not_told_to_have_looked(cast: Cast) -> None:
    row = factories.DeleteAuditLogFactory()
    cast.charlie.groups.clear()
    assert signed_in(cast.charlie).get(page_of(row)).status_code == 403
    assert told() == []


def test_what_is_not_there_is_no_look(cast: Cast) -> None:
    assert signed_in(cast.charlie).get("/admin/audit/deleteauditlog/999/change/").status_code == 302
    assert told() == []


def test_old_looks_are_forgotten_and_stay_in_the_ledger(asker: Actor) -> None:
    looks.note(factories.DeleteAuditLogFactory(), actor=asker)
    Look.objects.update(hour=timezone.now() - timedelta(days=3))
    assert looks.forget() == 1
    assert len(told()) == 1
