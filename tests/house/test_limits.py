"""The page of honest limits says what the attack suite declares, and the suite speaks of every rule that refuses."""

from __future__ import annotations

from collections import Counter

from audit.protection.attack.attempt import As
from audit.protection.attack.suite import ATTEMPTS
from tests.house import limits_page


def test_the_page_is_up_to_date() -> None:
    assert limits_page.FILE.read_text() == limits_page.page(), "python -m tests.house.limits_page writes it anew"


def test_there_are_enough_attempts_by_each_role() -> None:
    assert len({attempt.code.split(".")[0] for attempt in ATTEMPTS}) >= 50
    roles = Counter(attempt.role for attempt in ATTEMPTS)
    assert min(roles[role] for role in As) >= 8


def test_codes_are_unique() -> None:
    assert [code for code, times in Counter(attempt.code for attempt in ATTEMPTS).items() if times > 1] == []


def test_every_rule_that_refuses_records_or_finds_is_attacked() -> None:
    promising = {promise.rule for attempt in ATTEMPTS for promise in attempt.promises}
    assert {"delete_audit", "truncate_guard", "ddl_guard", "ownership", "drop_database_lock"} <= promising
