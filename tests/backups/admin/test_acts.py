"""What can be done with a backup, a target and a destination from their pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.admin.base import act_url
from audit.models import LedgerEntry, Target
from backups.models import Backup, Destination, Level, Verification
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db


# --- a target ------------------------------------------------------------------------------------------------------


def test_back_up_now_queues_a_backup_and_leads_to_it(cast: Cast) -> None:
    target, place = factories.TargetFactory(production=True), factories.DestinationFactory()
    client, url = signed_in(cast.alice), act_url(Target, "back-up", target.pk)
    page = client.get(url).content.decode()
    assert "env-production" in page
    assert place.name in page
    answer = client.post(url, {"prove": "on", "destinations": [place.pk], "reason": "Before the release."})
    backup = Backup.objects.get()
    assert answer["Location"] == f"/admin/backups/backup/{backup.pk}/change/"
    assert (backup.asked_name, backup.prove, backup.reason) == ("alice", True, "Before the release.")
    assert list(backup.wanted_destinations.all()) == [place]


def test_a_second_press_makes_no_second_backup(cast: Cast) -> None:
    target = factories.TargetFactory()
    factories.DestinationFactory()
    client, url = signed_in(cast.alice), act_url(Target, "back-up", target.pk)
    client.post(url, {"reason": ""})
    answer = client.post(url, {"reason": ""})
    assert answer.status_code == 409
    assert "backup.already_running" in answer.content.decode()
    assert Backup.objects.count() == 1


def test_back_up_now_without_a_destination_says_so(cast: Cast) -> None:
    url = act_url(Target, "back-up", factories.TargetFactory().pk)
    answer = signed_in(cast.alice).post(url, {"reason": ""})
    assert "backup.no_destination" in answer.content.decode()


def test_many_targets_at_once(cast: Cast) -> None:
    factories.DestinationFactory()
    first, second = factories.TargetFactory(), factories.TargetFactory()
    factories.BackupFactory(target=second, running=True)
    answer = signed_in(cast.alice).post(act_url(Target, "back-up", first.pk, second.pk), {"reason": ""}, follow=True)
    text = answer.content.decode()
    assert f"A backup of {first} is queued." in text
    assert "already running" in text
    assert Backup.objects.filter(target=first).count() == 1


def test_an_auditor_cannot_back_up(cast: Cast) -> None:
    factories.DestinationFactory()
    target = factories.TargetFactory()
    client = signed_in(cast.charlie)
    assert client.post(act_url(Target, "back-up", target.pk), {"reason": ""}).status_code == 403
    assert ">Back up now</a>" not in client.get(f"/admin/audit/target/{target.pk}/change/").content.decode()
    assert not Backup.objects.exists()


def test_a_new_identity_needs_a_manager_a_reason_and_the_typed_name(cast: Cast) -> None:
    target = factories.TargetFactory(check_error_code="target.wrong_server", check_error="Another server.")
    url = act_url(Target, "identify", target.pk)
    assert signed_in(cast.alice).get(url).status_code == 403
    client = signed_in(cast.miriam)
    assert "this guard is there for exactly that moment" in client.get(url).content.decode()
    answer = client.post(url, {"reason": "Moved.", "typed_name": "tovplay"})
    assert "This is not “TovPlay”. Nothing was done." in answer.content.decode()
    target.refresh_from_db()
    assert target.check_error_code == "target.wrong_server"


# --- a backup ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slug", "level"), [("prove", Level.PROVED), ("verify", Level.READABLE)])
def test_verify_and_prove_queue_a_verification(cast: Cast, slug: str, level: Level) -> None:
    backup = factories.BackupFactory(stored=True)
    answer = signed_in(cast.alice).post(act_url(Backup, slug, backup.pk))
    verification = Verification.objects.get()
    assert answer["Location"] == f"/admin/backups/verification/{verification.pk}/change/"
    assert (verification.level, verification.asked_name) == (level, "alice")


def test_a_hold_and_its_release(cast: Cast) -> None:
    backup, client = factories.BackupFactory(proved=True), signed_in(cast.alice)
    client.post(act_url(Backup, "hold", backup.pk), {"reason": "The audit of June."})
    backup.refresh_from_db()
    assert backup.is_held
    page = client.get(f"/admin/backups/backup/{backup.pk}/change/").content.decode()
    assert "Held: The audit of June." in page
    assert ">Release</a>" in page
    assert ">Hold</a>" not in page
    client.post(act_url(Backup, "release", backup.pk), {"reason": "It is over."})
    backup.refresh_from_db()
    assert not backup.is_held


def test_a_failed_backup_offers_nothing(cast: Cast) -> None:
    backup = factories.BackupFactory(failed=True)
    page = signed_in(cast.alice).get(f"/admin/backups/backup/{backup.pk}/change/").content.decode()
    assert 'class="buttons"' not in page


# --- a destination -------------------------------------------------------------------------------------------------


def test_a_destination_is_tested(cast: Cast, tmp_path: Path) -> None:
    place = factories.DestinationFactory(settings={"folder": str(tmp_path)}, tested_at=None)
    answer = signed_in(cast.miriam).post(act_url(Destination, "test", place.pk), follow=True)
    assert "a probe was written, read back and removed" in answer.content.decode()
    place.refresh_from_db()
    assert place.tested_at
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_is_not_there_says_so(cast: Cast, tmp_path: Path) -> None:
    place = factories.DestinationFactory(settings={"folder": str(tmp_path / "gone")})
    answer = signed_in(cast.miriam).post(act_url(Destination, "test", place.pk))
    assert answer.status_code == 409
    page = signed_in(cast.miriam).get(f"/admin/backups/destination/{place.pk}/change/").content.decode()
    assert "The last test failed" in page


def test_a_destination_is_added_by_its_fields(cast: Cast) -> None:
    client = signed_in(cast.miriam)
    form = {"name": "Bucket", "kind": "s3", "is_active": "on", "bucket": "copies", "key_prefix": "tovplay",
            "access_key": "AKIAEXAMPLE", "secret_key": "hush-hush", "folder": "/not/read"}  # fmt: skip
    assert client.post("/admin/backups/destination/add/", form).status_code == 302
    place = Destination.objects.get()
    assert place.settings == {"bucket": "copies", "prefix": "tovplay"}
    assert place.secrets == {"access_key": "AKIAEXAMPLE", "secret_key": "hush-hush"}
    page = client.get(f"/admin/backups/destination/{place.pk}/change/").content.decode()
    assert "hush-hush" not in page
    assert "hush-hush" not in str(LedgerEntry.objects.get(action="destination.add").detail)


def test_stored_secrets_stay_when_the_field_is_left_empty(cast: Cast) -> None:
    place = factories.DestinationFactory(
        kind="s3", settings={"bucket": "copies"}, secrets={"access_key": "A", "secret_key": "hush"}
    )
    form = {"name": place.name, "kind": "s3", "is_active": "on", "bucket": "others"}
    signed_in(cast.miriam).post(f"/admin/backups/destination/{place.pk}/change/", form)
    place.refresh_from_db()
    assert (place.settings, place.secrets["secret_key"]) == ({"bucket": "others"}, "hush")


def test_a_destination_without_what_it_needs_is_refused(cast: Cast) -> None:
    form = {"name": "Bucket", "kind": "s3", "is_active": "on"}
    page = signed_in(cast.miriam).post("/admin/backups/destination/add/", form).content.decode()
    assert "needs bucket" in page
    assert not Destination.objects.exists()


def test_an_auditor_reads_a_destination_without_its_secrets(cast: Cast) -> None:
    place = factories.DestinationFactory(kind="sftp", settings={"host": "cellar.example.org", "user": "t"})
    page = signed_in(cast.charlie).get(f"/admin/backups/destination/{place.pk}/change/").content.decode()
    assert "cellar.example.org" in page
    assert "private_key" not in page
