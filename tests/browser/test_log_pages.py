"""The pages of connections and server logs, a day and a moment, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.models import ConnectionAuditLog, ConnectionGroup, KnownClient, ServerLogEntry, ServerLogGroup, Target
from audit.templatetags.tovgov import page_of
from tests.browser import scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_the_pages_of_logs(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    target = Target.objects.get(name="TovPlay production")
    models = (ConnectionGroup, ConnectionAuditLog, ServerLogGroup, ServerLogEntry, KnownClient)
    paths = [f"/admin/audit/{model._meta.model_name}/" for model in models]
    paths += [page_of(model._default_manager.first()) for model in models]
    paths += [
        "/admin/reviews/",
        f"/admin/day/?target={target.pk}",
        f"/admin/day/?target={target.pk}&noise=1",
        f"/admin/around/?target={target.pk}&minutes=360",
        "/admin/audit/knownclient/add/",
        "/admin/audit/serverloggroup/?noise=shown",
        "/admin/audit/serverlogentry/?class=deadlock&severity=40%2B&q=deadlock",
    ]
    assert wrong_with(visit("miriam", width=width), paths) == ""
