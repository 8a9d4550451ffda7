"""Every list on a narrow desk, with names as long as PostgreSQL takes: no column is out of sight."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from audit.models import Incident
from tests import factories
from tests.browser import scenery
from tests.browser.visitor import Visitor

Visit = Callable[..., Visitor]
NARROW = 1280
ROLE = "tovgov_attack_20261120_140908_718d8d82_application"
DATABASE = "members_of_the_club_attack_20261120_140908_718d8d82_stolen_away"
HIDDEN = """() => [...document.querySelectorAll('.results, .scroll')]
    .map(box => box.scrollWidth - box.clientWidth).filter(beyond => beyond > 0)"""

EMPTY = """() => {
    const cards = [...document.querySelectorAll('.verdict, .card, .target')].map(card => card.getBoundingClientRect());
    const left = Math.min(...cards.map(card => card.left)), right = Math.max(...cards.map(card => card.right));
    const first = Math.min(...[...document.querySelectorAll('.target')].map(card => card.getBoundingClientRect().top));
    const found = [];
    const covers = (card, x, y) => card.left <= x && x <= card.right && card.top <= y && y <= card.bottom;
    for (const x of [0.1, 0.3, 0.7, 0.9].map(part => left + part * (right - left)))
        for (let y = cards[0].bottom, gap = 0; y < first; y += 4) {
            gap = cards.some(card => covers(card, x, y)) ? 0 : gap + 4;
            if (gap === 48) found.push([Math.round(x), Math.round(y)]);
        }
    return found; }"""
"""Places above the targets where nothing is for 48 pixels and more."""


def long_names() -> None:
    """A row of each log that has names without a single place to break them."""
    target = factories.TargetFactory(
        name="The members' database of the club in the north, production", database=DATABASE
    )
    who = {"role": ROLE, "database": DATABASE, "application_name": ROLE}
    group = factories.ConnectionGroupFactory(
        target=target, outcome="unknown database", new=["address", "role", "application"], assignee_name=ROLE, **who
    )
    factories.ConnectionAuditLogFactory(target=target, of_group=group, outcome="no pg_hba entry", **who)
    lines = factories.ServerLogGroupFactory(
        target=target, severity=50, kind="connection-authenticated", role=ROLE, title=f"statement: DROP ROLE {ROLE * 4}"
    )
    factories.GroupedLogEntryFactory(of_group=lines, role=ROLE, database=DATABASE, message=ROLE * 4, sqlstate="42501")
    deleted = factories.DeleteAuditTransactionFactory(
        target=target, session_role=ROLE, application_user=ROLE, application_name=ROLE, tables={f"public.{ROLE}": 2}
    )
    factories.DeleteAuditLogFactory(of_transaction=deleted, table_name=ROLE, key=json.dumps({"name": ROLE}))
    factories.KnownClientFactory(target=target, part="role", value=ROLE)
    factories.IncidentFactory(target=target, title=ROLE)
    factories.AlertFactory(target=target, title=f"{target}: {ROLE} dropped {DATABASE}.")
    factories.BackupFactory(target=target, stored=True)
    factories.ApprovalFactory(target=target, summary=f"Replace {DATABASE}")
    assert Incident.objects.count() > 1


def test_every_list_fits_a_narrow_desk(transactional_db: None, visit: Visit) -> None:
    people = scenery.build()
    long_names()
    User.objects.filter(pk=people.miriam.pk).update(is_superuser=True)
    visitor = visit("miriam", width=NARROW)
    paths = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]
    beyond = {}
    for path in [
        *paths,
        "/admin/",
        "/admin/jobs/",
        "/admin/reviews/",
        "/admin/audit/connectiongroup/?noise=shown",
        "/admin/day/",
    ]:
        assert visitor.go(path) == 200
        if hidden := visitor.page.evaluate(HIDDEN):
            beyond[path] = hidden
        visitor.shot(f"list{path.replace('/', '_').replace('?', '_')}")
    assert beyond == {}, "pixels of lists that are out of sight"


@pytest.mark.parametrize("width", [NARROW, 1920])
def test_the_dashboard_leaves_no_gap_between_its_cards(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    for number in range(4):
        factories.AlertFactory(
            title=f"A long alert of an invented target that needs two lines or three, number {number}"
        )
    visitor = visit("miriam", width=width)
    visitor.go("/admin/")
    visitor.shot(f"dashboard_{width}")
    assert visitor.page.evaluate(EMPTY) == []
