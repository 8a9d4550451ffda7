"""Every builder makes a row that the database's constraints accept."""

from __future__ import annotations

import pytest

from backups.models import Backup, Level
from tests import cast, factories

pytestmark = pytest.mark.django_db

TRAITS = ["running", "failed", "cancelled", "made", "stored", "readable", "proved", "held", "damaged", "removed"]


@pytest.mark.parametrize("trait", TRAITS)
def test_a_backup_in_each_state(trait: str) -> None:
    assert factories.BackupFactory(**{trait: True}).pk


@pytest.mark.parametrize(
    "builder",
    [
        factories.TargetFactory,
        factories.CredentialFactory,
        factories.SentinelTableFactory,
        factories.PreflightFactory,
        factories.DestinationFactory,
        factories.ScheduleFactory,
        factories.RetentionPolicyFactory,
        factories.BackupFactory,
        factories.BackupCopyFactory,
        factories.VerificationFactory,
        factories.RestoreFactory,
        factories.ApprovalFactory,
        factories.AlertFactory,
    ],
    ids=lambda builder: builder.__name__,
)
def test_every_builder_makes_a_row(builder: type) -> None:
    assert builder().pk


def test_traits_of_the_rest() -> None:
    assert not factories.TargetFactory(fresh=True).is_identified
    assert factories.TargetFactory(production=True).is_production
    assert factories.BackupCopyFactory(broken=True).read_back_at is None
    assert factories.RestoreFactory(done=True).proved_at
    assert factories.VerificationFactory(proved=True).reached == Level.PROVED
    assert set(Backup.objects.proved()) <= set(Backup.objects.usable())


def test_the_cast_has_its_permissions() -> None:
    people = cast.gather()
    assert people.miriam.has_perm("audit.change_target")
    assert people.alice.has_perm("backups.start_backup")
    assert not people.alice.has_perm("audit.decide_approval")
    assert people.bob.has_perm("audit.decide_approval")
    assert people.charlie.has_perm("backups.view_backup")
    assert not people.charlie.has_perm("backups.start_backup")
