"""Every page, on a desk and on a phone, in light and dark: no CSP error, no axe violation, no sideways scroll."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from audit.admin.base import act_url
from audit.exports import request as exports
from audit.lists.action_items import ACTIONS
from audit.models import (
    ActionItem,
    Alert,
    AnomalyFiring,
    AnomalySettings,
    Approval,
    Checkpoint,
    DeleteAuditTransaction,
    Delivery,
    Export,
    ImportSource,
    Incident,
    IncidentReport,
    Lesson,
    NotificationChannel,
    PostMortem,
    PublicationPlace,
    Runbook,
    SealVerification,
    Target,
    Undelete,
)
from audit.reports import schedules
from audit.templatetags.tovgov import page_of
from backups.admin.restore_form import restore_url
from backups.models import Backup, Destination, Restore, RestoreMode, RetentionPolicy
from tests import factories
from tests.browser import scenery
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]


def own_pages() -> list[str]:
    """Lists, one page of each kind, forms and confirmations: what there is to see."""
    paths = ["/admin/", "/admin/jobs/", "/admin/password_change/"]
    for model in admin.site._registry:
        if model in (User, Group):
            continue
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths.append(reverse(f"{stem}_changelist"))
        row = model._default_manager.first()
        if row is not None:
            paths.append(reverse(f"{stem}_change", args=[row.pk]))
    running = Backup.objects.get(state="running")
    failed = Backup.objects.filter(state="failed").latest("queued_at")
    proved = Backup.objects.filter(level=3).latest("queued_at")
    paths += [reverse("admin:backups_backup_change", args=[row.pk]) for row in (running, failed, proved)]
    target = Target.objects.get(name="TovPlay production")
    paths += [
        reverse("admin:audit_target_add"),
        reverse("admin:backups_destination_add"),
        reverse("admin:audit_target_history", args=[target.pk]),
        act_url(target, "back-up", target.pk),
        act_url(target, "identify", target.pk),
        act_url(proved, "hold", proved.pk),
        act_url(running, "cancel", running.pk),
        act_url(Alert, "acknowledge", Alert.objects.latest("pk").pk),
        act_url(target, "test", target.pk),
        act_url(target, "change", target.pk),
        act_url(target, "role", target.pk),
        act_url(target, "remove-sentinel", target.pk),
        act_url(target, "lower", target.pk),
        act_url(Restore, "undo", Restore.objects.latest("pk").pk),
        act_url(RetentionPolicy, "apply", RetentionPolicy.objects.latest("pk").pk),
        reverse("admin:backups_schedule_add"),
        reverse("admin:backups_retentionpolicy_add"),
        reverse("admin:backups_restore_add"),
        *(restore_url(proved, mode) for mode in RestoreMode.values),
        "/admin/backups/backup/?q=nothing-like-this",
        *_review_pages(),
    ]
    return paths


def _review_pages() -> list[str]:
    """The queue, filtered lists, a suspicious delete with its rows and history, and the acts of a review."""
    night = DeleteAuditTransaction.objects.get(state="suspicious")
    fresh = DeleteAuditTransaction.objects.filter(state="unreviewed").latest("at")
    deletes = "/admin/audit/deleteaudittransaction/"
    return [
        "/admin/reviews/",
        f"/admin/day/?target={night.target_id}",
        f"/admin/day/?target={night.target_id}&noise=1",
        f"/admin/around/?target={night.target_id}&minutes=360",
        "/admin/audit/knownclient/add/",
        "/admin/audit/serverloggroup/?noise=shown",
        f"{deletes}?q=script&state=waiting&table=public.GameRequest",
        f"{deletes}?from=yesterday",
        f"{deletes}?older=2026-01-01T00:00:00%2B00:00~1",
        f"{deletes}act/accept/?where=state%3Dunreviewed&upto={fresh.pk}",
        page_of(night),
        page_of(night.deleted_rows.latest("pk")),
        act_url(fresh, "suspect", fresh.pk),
        act_url(fresh, "assign", fresh.pk),
        act_url(night, "close", night.pk),
    ]


def test_nothing_is_wrong_with_putting_back(transactional_db: None, visit: Visit) -> None:
    scenery.build()
    night = DeleteAuditTransaction.objects.get(state="suspicious")
    row = night.deleted_rows.latest("pk")
    clean = Undelete.objects.filter(dry_run=True).latest("pk")
    paths = [page_of(undelete) for undelete in Undelete.objects.all()]
    paths += [page_of(night), page_of(row), "/admin/audit/undelete/"]
    paths += [act_url(night, "put-back-dry-run", night.pk), act_url(row, "put-back", row.pk)]
    paths += [act_url(clean, "put-back", clean.pk), act_url(clean, "put-back-ask", clean.pk)]
    for width in (DESK, PHONE):
        assert wrong_with(visit("alice", width=width), paths) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_papers(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    row = PostMortem.objects.get()
    stem = f"/admin/audit/postmortem/{row.pk}"
    paths = [page_of(row), page_of(row.incident), f"{stem}/edit/", f"{stem}/compare/2/3/", "/admin/audit/postmortem/"]
    paths.append(act_url(PostMortem, "ask-review", row.pk))
    report = IncidentReport.objects.get()
    paths += [
        "/admin/trends/",
        page_of(report),
        "/admin/audit/incidentreport/add/",
        act_url(IncidentReport, "confirm", report.pk),
    ]
    assert wrong_with(visit("alice", width=width), paths) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_answers_among_all_else(transactional_db: None, visit: Visit, width: int) -> None:
    people = scenery.build()
    over = factories.IncidentFactory(severity="critical", status="resolved", resolved_at=timezone.now())
    mailed = schedules.add(
        actor=people.actor("miriam"), name="Deletes of the week", report="deletes", rhythm="weekly", at=time(6),
        recipients=[people.charlie],
    )  # fmt: skip
    asked = exports.start(ACTIONS, "due=overdue", "csv", actor=people.actor("charlie"))
    rows = [*Runbook.objects.all(), *ActionItem.objects.all(), *Lesson.objects.all(), over, mailed]
    paths = [page_of(row) for row in rows]
    paths += [reverse(f"admin:audit_{name}_changelist") for name in ("runbook", "actionitem", "lesson")]
    paths += ["/admin/audit/actionitem/?state=all&q=rack", "/admin/audit/actionitem/?due=yesterday"]
    paths += [reverse("admin:audit_actionitem_edit", args=[ActionItem.objects.owed()[0].pk])]
    paths += [reverse("admin:audit_lesson_edit", args=[Lesson.objects.get(retired_at=None).pk])]
    paths += [reverse(f"admin:audit_{name}_add") for name in ("actionitem", "lesson")]
    paths += [act_url(over, slug, over.pk) for slug in ("review", "ask-waiver")]
    paths.append(act_url(mailed, "send-now", mailed.pk))
    assert wrong_with(visit("miriam", width=width), paths) == ""
    own = [page_of(asked), act_url(asked, "cancel", asked.pk), reverse("admin:audit_actionitem_changelist")]
    assert wrong_with(visit("charlie", width=width), own) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_alerts_and_channels(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    alerts = Alert.objects.filter(target__name="TovPlay production")
    rows = [*alerts, *Incident.objects.all(), *NotificationChannel.objects.all(), *Delivery.objects.all()]
    rows += [*AnomalyFiring.objects.all(), AnomalySettings.objects.get(rule="delete-burst")]
    rows.append(AnomalySettings.objects.get(rule="off-hours"))
    names = ("alert", "notificationchannel", "delivery", "anomalysettings", "anomalyfiring")
    paths = [page_of(row) for row in rows]
    paths += [reverse(f"admin:audit_{name}_changelist") for name in names]
    paths += [
        act_url(Alert, "silence", Alert.objects.filter(silenced_until=None).latest("pk").pk),
        reverse("admin:audit_notificationchannel_add"),
        act_url(NotificationChannel, "test", NotificationChannel.objects.latest("pk").pk),
    ]
    assert wrong_with(visit("miriam", width=width), paths) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_seals(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    place = PublicationPlace.objects.get(kind="webhook")
    source = ImportSource.objects.get(kind="deletions")
    rows = [*PublicationPlace.objects.all(), *Checkpoint.objects.all(), *SealVerification.objects.all(), source]
    paths = [page_of(row) for row in rows] + [page_of(Export.objects.get(format="proof"))]
    paths += [
        reverse(f"admin:audit_{name}_changelist") for name in ("publicationplace", "checkpoint", "sealverification")
    ]
    paths += [act_url(place, slug, place.pk) for slug in ("publish-now", "pause", "remove")]
    paths += [reverse("admin:audit_publicationplace_add"), act_url(source, "export-deletes", source.pk)]
    assert wrong_with(visit("miriam", width=width), paths) == ""


def wrong_with(visitor: Visitor, paths: list[str]) -> str:
    """A line a fault; nothing when all pages are as they should be."""
    lines = []
    for path in paths:
        status = visitor.go(path)
        faults = visitor.faults() + ([] if status == 200 else [f"status {status}"])
        lines += [f"{path}: {fault}" for fault in faults]
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_any_page(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    assert wrong_with(visit("miriam", width=width), own_pages()) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_what_others_see(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    approval = Approval.objects.get()
    page = reverse("admin:audit_approval_change", args=[approval.pk])
    paths = ["/admin/", page, act_url(approval, "approve", approval.pk), act_url(approval, "refuse", approval.pk)]
    assert wrong_with(visit("bob", width=width), paths) == ""
    target = Target.objects.get(name="TovPlay production")
    paths = ["/admin/", page, page_of(target), page_of(Destination.objects.get(kind="sftp"))]
    assert wrong_with(visit("charlie", width=width), paths) == ""


def test_nothing_is_wrong_with_people(transactional_db: None, visit: Visit) -> None:
    people = scenery.build()
    User.objects.filter(pk=people.miriam.pk).update(is_superuser=True)
    paths = ["/admin/auth/user/", "/admin/auth/user/add/", f"/admin/auth/user/{people.alice.pk}/change/"]
    paths += [f"/admin/auth/user/{people.alice.pk}/password/", "/admin/auth/group/", "/admin/auth/group/1/change/"]
    assert wrong_with(visit("miriam"), paths) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_an_empty_tovgov(people: object, visit: Visit, width: int) -> None:
    stems = [f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry]
    lists = [reverse(stem) for stem in stems if "auth" not in stem]
    assert wrong_with(visit("miriam", width=width), ["/admin/", "/admin/jobs/", *lists]) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_at_the_door(people: object, visit: Visit, width: int) -> None:
    stranger = visit(width=width)
    stranger.go("/admin/")
    assert stranger.faults() == []
    stranger.page.fill("#id_username", "nobody")
    stranger.page.fill("#id_password", "nothing")
    stranger.page.click("input[type=submit]")
    assert stranger.sees("Please enter the correct username and password")
    assert stranger.faults() == []
