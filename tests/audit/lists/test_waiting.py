"""What is in somebody's own hands: in the queue's order, and along an index of that order."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from audit.lists import waiting
from audit.models import ConnectionGroup, DeleteAuditTransaction, ReviewState, ServerLogGroup
from tests import factories
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db
KINDS: dict[Any, tuple[Any, str]] = {
    DeleteAuditTransaction: (factories.DeleteAuditTransactionFactory, "deletes_in_hands"),
    ConnectionGroup: (factories.ConnectionGroupFactory, "connection_groups_in_hands"),
    ServerLogGroup: (factories.ServerLogGroupFactory, "log_groups_in_hands"),
}
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind._meta.model_name)


@EACH
def test_what_waits_longest_in_ones_own_hands_comes_first(cast: Cast, kind: Any) -> None:
    factory, _ = KINDS[kind]
    mine = {"assignee": cast.bob, "assignee_name": "bob", "state": ReviewState.IN_REVIEW}
    rows = [factory(at=ago(hours=hours), **mine) for hours in (1, 3, 2)]
    factory(at=ago(hours=9), **mine | {"assignee": cast.alice})
    factory(at=ago(hours=9), **mine | {"state": ReviewState.ACCEPTED, "decided_by": "bob", "decided_at": ago()})
    assert waiting.oldest(kind, 2, assignee=cast.bob) == [rows[1], rows[2]]


@EACH
def test_it_is_found_along_an_index_of_its_order(cast: Cast, kind: Any) -> None:
    """Without it a page would sort everything that is in somebody's hands."""
    rows = kind._default_manager.filter(state__in=("in review", "suspicious"), assignee=cast.bob)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    plan = rows.order_by(*kind.queue_order)[:10].explain()
    assert KINDS[kind][1] in plan
    assert "Sort" not in plan
