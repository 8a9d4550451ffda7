"""Connections in the admin: a list and a page that only show."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/connectionauditlog/"


def test_who_was_connected_is_listed_and_shown(cast: Cast) -> None:
    row = factories.ConnectionAuditLogFactory(tls=None)
    client = signed_in(cast.charlie)
    page = client.get(LIST)
    assert page.status_code == 200
    assert "tovplay_app" in page.content.decode()
    shown = client.get(reverse("admin:audit_connectionauditlog_change", args=[row.pk])).content.decode()
    assert "10.0.0.7" in shown
    assert "unknown" in shown
    assert client.get(f"{LIST}?q=nobody").status_code == 200


def test_nothing_is_added_changed_or_removed_here(cast: Cast) -> None:
    row = factories.ConnectionAuditLogFactory()
    client = signed_in(cast.miriam)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
