"""Who may do what: the actor, the four groups."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

from audit.actors import Actor
from audit.exceptions import ExitStatus, NotPermitted
from audit.groups import GROUPS, ensure_groups

pytestmark = pytest.mark.django_db

DANGEROUS = {
    "audit.add_target",
    "audit.change_target",
    "audit.identify_target",
    "audit.decide_approval",
    "backups.request_restore",
    "backups.apply_retention",
    "backups.start_backup",
    "backups.cancel_job",
}


def test_a_person_holds_what_the_group_holds(asker: Actor) -> None:
    assert asker.may("backups.start_backup")
    assert not asker.may("audit.decide_approval")
    with pytest.raises(NotPermitted, match=r"alice does not have the permission audit\.decide_approval") as caught:
        asker.require("audit.decide_approval")
    assert caught.value.exit_status == ExitStatus.REFUSED
    assert caught.value.as_dict()["detail"] == {"permission": "audit.decide_approval"}


def test_who_left_may_nothing_any_more(asker: Actor) -> None:
    assert asker.user is not None
    asker.user.is_active = False
    assert not asker.may("backups.start_backup")


def test_tovgov_itself_may_act(tovgov: Actor) -> None:
    tovgov.require("backups.start_backup")


def test_an_auditor_sees_everything_and_may_do_nothing(auditor: Actor) -> None:
    assert auditor.may("audit.view_ledgerentry")
    assert auditor.may("backups.view_backup")
    assert not {permission for permission in DANGEROUS if auditor.may(permission)}


def test_an_approver_decides_and_asks_for_nothing(approver: Actor) -> None:
    assert approver.may("audit.decide_approval")
    assert not approver.may("backups.request_restore")


def test_a_manager_registers_and_does_not_approve(manager: Actor) -> None:
    assert manager.may("audit.add_target")
    assert not manager.may("audit.decide_approval")


def test_nobody_may_change_the_ledger_backups_or_jobs() -> None:
    ensure_groups()
    forbidden = Permission.objects.filter(
        codename__regex="^(add|change|delete)_(ledgerentry|ledgerhead|backup|backupcopy|verification|restore|approval)$"
    )
    assert forbidden.exists()
    assert not Group.objects.filter(permissions__in=forbidden).exists()


def test_every_permission_that_a_group_names_exists() -> None:
    ensure_groups()
    known = set(Permission.objects.values_list("codename", flat=True))
    assert {name for names in GROUPS.values() for name in names} <= known


def test_groups_are_set_back_to_what_they_may() -> None:
    ensure_groups()
    auditor = Group.objects.get(name="auditor")
    auditor.permissions.add(Permission.objects.get(codename="start_backup"))
    ensure_groups()
    assert not auditor.permissions.filter(codename="start_backup").exists()
