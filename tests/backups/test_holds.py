"""A held backup stays; holding and releasing need a right and a reason."""

from __future__ import annotations

import pytest

from audit.exceptions import NotPermitted, ReasonMissing
from audit.models import LedgerEntry
from backups import holds
from backups.exceptions import BackupNotUsable
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_a_hold_is_kept_with_its_reason(cast: Cast) -> None:
    backup = factories.BackupFactory(proved=True)
    holds.hold(backup, actor=cast.actor("alice"), reason=" The audit of June. ")
    assert (backup.is_held, backup.hold_reason) == (True, "The audit of June.")
    assert LedgerEntry.objects.get(action="backup.hold").actor == "alice"


def test_a_release_gives_it_back(cast: Cast) -> None:
    backup = factories.BackupFactory(held=True)
    holds.release(backup, actor=cast.actor("alice"), reason="The audit is over.")
    assert (backup.is_held, backup.hold_reason) == (False, "")
    assert LedgerEntry.objects.get(action="backup.release").reason == "The audit is over."


def test_no_hold_without_a_reason(cast: Cast) -> None:
    with pytest.raises(ReasonMissing):
        holds.hold(factories.BackupFactory(proved=True), actor=cast.actor("alice"), reason="  ")


def test_no_hold_without_the_right(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        holds.hold(factories.BackupFactory(proved=True), actor=cast.actor("charlie"), reason="I like it.")


@pytest.mark.parametrize("state", ["failed", "removed"])
def test_nothing_to_hold(cast: Cast, state: str) -> None:
    with pytest.raises(BackupNotUsable):
        holds.hold(factories.BackupFactory(**{state: True}), actor=cast.actor("alice"), reason="Too late.")
    assert not LedgerEntry.objects.filter(action="backup.hold").exists()
