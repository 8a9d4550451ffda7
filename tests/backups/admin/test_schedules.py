"""Schedules and retention in the admin: plain words, the next runs, a dry run before anything goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audit.admin.base import act_url
from audit.models import LedgerEntry, Target
from backups.models import Backup, RetentionPolicy, Schedule
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db

ADD = "/admin/backups/schedule/add/"


def page(row: Any) -> str:
    return reverse(f"admin:backups_{row._meta.model_name}_change", args=[row.pk])


def test_a_schedule_from_plain_words(cast: Cast) -> None:
    target, place = factories.TargetFactory(), factories.DestinationFactory()
    client = signed_in(cast.alice)
    form = {"target": target.pk, "when": "0 */4 * * *", "timezone": "Europe/Berlin", "prove": "on", "is_enabled": "on"}
    assert client.post(ADD, form | {"destinations": [place.pk]}).status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.cron, schedule.timezone, schedule.created_by) == ("0 */4 * * *", "Europe/Berlin", "alice")
    assert list(schedule.destinations.all()) == [place]
    assert schedule.next_run_at
    assert LedgerEntry.objects.get(action="schedule.add").actor == "alice"
    text = client.get(page(schedule)).content.decode()
    assert text.count('<time datetime="') >= 5
    assert "The next runs" in text


def test_a_cron_line_of_ones_own(cast: Cast) -> None:
    form = {"target": factories.TargetFactory().pk, "when": "", "cron": "15 3 * * mon", "timezone": "UTC"}
    signed_in(cast.alice).post(ADD, form | {"is_enabled": "on"})
    assert Schedule.objects.get().cron == "15 3 * * mon"


@pytest.mark.parametrize("line", ["", "nonsense", "* * * * *", "0 0 30 2 *", "61 * * * *"])
def test_nonsense_is_refused_beside_its_field(cast: Cast, line: str) -> None:
    form = {"target": factories.TargetFactory().pk, "when": "", "cron": line, "timezone": "UTC", "is_enabled": "on"}
    answer = signed_in(cast.alice).post(ADD, form)
    assert answer.status_code == 200
    assert 'class="errorlist"' in answer.content.decode()
    assert not Schedule.objects.exists()


def test_off_and_on_again(cast: Cast) -> None:
    schedule, client = factories.ScheduleFactory(), signed_in(cast.alice)
    client.post(act_url(Schedule, "off", schedule.pk), {"reason": "The server moves."})
    schedule.refresh_from_db()
    assert (schedule.is_enabled, schedule.next_run_at) == (False, None)
    assert "None: it is off." in client.get(page(schedule)).content.decode()
    client.post(act_url(Schedule, "on", schedule.pk), {"reason": ""})
    schedule.refresh_from_db()
    assert schedule.is_enabled


def test_every_six_hours_in_one_press_for_many(cast: Cast) -> None:
    first, second = factories.TargetFactory(), factories.TargetFactory()
    client, url = signed_in(cast.alice), act_url(Target, "every-6", first.pk, second.pk)
    assert "The next runs:" in client.get(url).content.decode()
    client.post(url)
    assert sorted(Schedule.objects.values_list("target", "cron")) == [
        (first.pk, "0 */6 * * *"),
        (second.pk, "0 */6 * * *"),
    ]


def test_an_auditor_schedules_nothing(cast: Cast) -> None:
    schedule, client = factories.ScheduleFactory(), signed_in(cast.charlie)
    assert client.get(ADD).status_code == 403
    assert client.post(act_url(Schedule, "off", schedule.pk), {"reason": "x"}).status_code == 403
    assert client.post(page(schedule), {"when": "30 2 * * *"}).status_code == 403
    text = client.get(page(schedule)).content.decode()
    assert "The next runs" in text
    assert "_save" not in text


# --- retention -----------------------------------------------------------------------------------------------------


def policy_with(*ages: int, **rules: Any) -> RetentionPolicy:
    policy: RetentionPolicy = factories.RetentionPolicyFactory(
        keep_daily=0, keep_weekly=0, keep_monthly=0, **({"keep_last": 1} | rules)
    )
    for days in ages:
        factories.BackupFactory(target=policy.target, proved=True, queued_at=ago(days=days))
    return policy


def test_a_policy_is_made_and_changed_by_its_verb(cast: Cast) -> None:
    target, client = factories.TargetFactory(), signed_in(cast.miriam)
    form = {"target": target.pk, "keep_last": 5, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 12,
            "keep_yearly": 2, "timezone": "UTC", "is_enabled": "on"}  # fmt: skip
    assert client.post("/admin/backups/retentionpolicy/add/", form).status_code == 302
    policy = RetentionPolicy.objects.get()
    assert policy.keep_yearly == 2
    assert LedgerEntry.objects.filter(action="retention.set").count() == 1
    client.post(page(policy), form | {"keep_last": 9})
    policy.refresh_from_db()
    assert policy.keep_last == 9
    assert LedgerEntry.objects.filter(action="retention.set").count() == 2


def test_the_dry_run_says_what_would_go_and_why(cast: Cast) -> None:
    policy = policy_with(1, 10, 20)
    text = signed_in(cast.charlie).get(page(policy)).content.decode()
    assert "2 of 3 backups would go now" in text
    assert text.count(">goes</span>") == 2
    assert Backup.objects.usable().count() == 3


def test_apply_says_it_first_and_does_it_then(cast: Cast) -> None:
    policy, client = policy_with(1, 10), signed_in(cast.miriam)
    url = act_url(RetentionPolicy, "apply", policy.pk)
    assert "are removed from every destination, for good" in client.get(url).content.decode()
    assert Backup.objects.usable().count() == 2
    text = client.post(url, follow=True).content.decode()
    assert "1 backup removed." in text
    assert Backup.objects.usable().count() == 1


def test_staff_apply_nothing(cast: Cast) -> None:
    policy = policy_with(1, 10)
    assert signed_in(cast.alice).post(act_url(RetentionPolicy, "apply", policy.pk)).status_code == 403
    assert Backup.objects.usable().count() == 2
