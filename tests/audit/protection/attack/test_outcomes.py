"""What the page says of each attempt is what happens, on each server, under each ready-made policy."""

from __future__ import annotations

import pytest

from audit.protection import policies
from audit.protection.attack import conduct
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import policy_of


@pytest.mark.parametrize("name", policies.READY_MADE)
def test_every_outcome_is_the_one_that_is_declared(shop: Shop, name: str) -> None:
    results = conduct.attack(shop.superuser.to("postgres"), shop.superuser, policies.parts(policy_of(name)))
    assert len(results) >= 50
    untrue = [
        (r.code, f"{r.promised} is declared, {r.outcome} it was", r.detail) for r in results if r.outcome != r.promised
    ]
    assert not untrue, "\n".join(map(str, untrue))
