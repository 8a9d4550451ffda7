"""Secrets at rest: nothing plain in the table, keys can be changed, a lost key is a clear error."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection

from audit.exceptions import KeyMissing, SecretUnreadable
from audit.models import Credential, Purpose
from backups.models import BackupCopy, Destination
from tests.factories import BackupCopyFactory, DestinationFactory, TargetFactory

pytestmark = pytest.mark.django_db
OLD, NEW = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n"))
SECRET = "swordfish 🔑 ' \\ : ;"


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = [OLD]


def stored(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return str(cursor.fetchone()[0])


def make_credential() -> Credential:
    return Credential.objects.create(
        target=TargetFactory(), purpose=Purpose.BACKUP, user="tovgov_backup", password=SECRET
    )


def test_a_password_is_encrypted_in_the_table_and_plain_in_python() -> None:
    row = make_credential()
    assert "swordfish" not in stored("audit_credential", "password")
    assert Credential.objects.get(pk=row.pk).password == SECRET


def test_the_same_secret_is_never_stored_the_same_way() -> None:
    row = make_credential()
    first = stored("audit_credential", "password")
    row.save()
    assert stored("audit_credential", "password") != first


def test_secrets_of_a_destination_are_encrypted_as_a_whole() -> None:
    row = Destination.objects.create(name="S3", kind="s3", secrets={"access_key": "AKIA", "secret_key": SECRET})
    kept = stored("backups_destination", "secrets")
    assert "access_key" not in kept
    assert Destination.objects.get(pk=row.pk).secrets == {"access_key": "AKIA", "secret_key": SECRET}


def test_nothing_is_stored_as_nothing() -> None:
    row = Destination.objects.create(name="Folder", kind="folder")
    assert stored("backups_destination", "secrets") == ""
    assert Destination.objects.get(pk=row.pk).secrets == {}


def test_with_a_new_key_in_front_old_secrets_open(settings: Any) -> None:
    row = make_credential()
    settings.TOVGOV_SECRET_KEYS = [NEW, OLD]
    assert Credential.objects.get(pk=row.pk).password == SECRET


def test_a_lost_key_is_a_clear_error_without_the_secret(settings: Any) -> None:
    row = make_credential()
    settings.TOVGOV_SECRET_KEYS = [NEW]
    stored_row = Credential.objects.get(pk=row.pk)
    assert str(stored_row) == "tovgov_backup (Back up)", "what is not secret stays readable"
    with pytest.raises(SecretUnreadable, match="cannot be decrypted") as caught:
        stored_row.password  # noqa: B018
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("keys", [[], ["not a key"], [OLD[:-4]]])
def test_without_a_usable_key_no_secret_is_stored(settings: Any, keys: list[str]) -> None:
    settings.TOVGOV_SECRET_KEYS = keys
    with pytest.raises(KeyMissing) as caught:
        make_credential()
    assert "not a key" not in str(caught.value)


def test_a_row_that_is_saved_without_being_read_keeps_its_secret(settings: Any) -> None:
    make_credential()
    kept = stored("audit_credential", "password")
    settings.TOVGOV_SECRET_KEYS = [NEW]
    row = Credential.objects.get()
    row.user = "another"
    row.save()
    assert stored("audit_credential", "password") == kept
    settings.TOVGOV_SECRET_KEYS = [OLD]
    assert Credential.objects.get().password == SECRET


def test_a_lost_key_hides_no_row_that_refers_to_the_secret(settings: Any) -> None:
    place = DestinationFactory(secrets={"password": SECRET})
    BackupCopyFactory(destination=place)
    settings.TOVGOV_SECRET_KEYS = [NEW]
    copy = BackupCopy.objects.select_related("destination").get()
    assert copy.destination.name == place.name
    with pytest.raises(SecretUnreadable):
        copy.destination.secrets  # noqa: B018


def test_a_new_secret_can_be_set_over_one_that_no_key_opens(settings: Any) -> None:
    DestinationFactory(secrets={"password": "lost"})
    settings.TOVGOV_SECRET_KEYS = [NEW]
    row = Destination.objects.get()
    row.secrets = {"password": "again"}
    row.save()
    assert Destination.objects.get().secrets == {"password": "again"}
