"""Changing keys: every secret under the newest, the ledger sealed with it, all or nothing."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection

from audit import ledger
from audit.actors import Actor
from audit.exceptions import LedgerBroken, NotPermitted, SecretUnreadable
from audit.models import Credential, LedgerEntry, LedgerHead, NotificationChannel, PlaceKind, PublicationPlace
from audit.secrets import encrypted_fields, rotate_keys
from backups.models import Destination
from tests.factories import CredentialFactory, DestinationFactory, NotificationChannelFactory

pytestmark = pytest.mark.django_db
OLD, NEW = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n"))


@pytest.fixture(autouse=True)
def two_keys(settings: Any) -> None:
    """Secrets and a ledger of the old key; then a new key is put in front."""
    settings.TOVGOV_SECRET_KEYS = [OLD]
    CredentialFactory(password="swordfish")
    CredentialFactory(password="")
    DestinationFactory(secrets={"password": "marlin"})
    NotificationChannelFactory(url="jsons://sailfish@hooks.example.org")
    PublicationPlace.objects.create(name="Checkpoints", kind=PlaceKind.WEBHOOK, secret="wahoo")
    ledger.append("test.act", actor=Actor.system("tests"))
    settings.TOVGOV_SECRET_KEYS = [NEW, OLD]


def test_after_rotation_the_old_key_can_be_dropped(settings: Any, tovgov: Actor) -> None:
    counts = rotate_keys(actor=tovgov)
    settings.TOVGOV_SECRET_KEYS = [NEW]
    assert counts == {
        "audit.Credential.password": 1,
        "audit.NotificationChannel.url": 1,
        "audit.PublicationPlace.secret": 1,
        "backups.Destination.secrets": 1,
    }
    assert {row.password for row in Credential.objects.all()} == {"swordfish", ""}
    assert Destination.objects.get().secrets == {"password": "marlin"}
    assert NotificationChannel.objects.get().url == "jsons://sailfish@hooks.example.org"
    assert PublicationPlace.objects.get().secret == "wahoo"
    assert ledger.verify().is_sound
    ledger.append("test.act", actor=tovgov)
    assert ledger.verify().is_sound


def test_without_rotation_it_cannot(settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = [NEW]
    assert not ledger.verify().is_sound
    with pytest.raises(SecretUnreadable):
        [row.password for row in Credential.objects.all()]


def test_a_second_rotation_does_no_harm(settings: Any, tovgov: Actor) -> None:
    assert rotate_keys(actor=tovgov) == rotate_keys(actor=tovgov)
    settings.TOVGOV_SECRET_KEYS = [NEW]
    assert ledger.verify().is_sound


def test_it_is_recorded_without_secrets_and_keys(tovgov: Actor) -> None:
    rotate_keys(actor=tovgov)
    entry = LedgerEntry.objects.get(action="keys.rotate")
    assert entry.detail["secrets"]["audit.Credential.password"] == 1
    assert not {word for word in ("swordfish", NEW, OLD) if word in str(entry.detail)}


def test_one_secret_that_no_key_opens_is_named_and_nothing_changes(settings: Any, tovgov: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE backups_destination SET secrets = 'written with a lost key'")
    with pytest.raises(SecretUnreadable, match="The secrets of destination “Folder"):
        rotate_keys(actor=tovgov)
    settings.TOVGOV_SECRET_KEYS = [OLD]
    assert ledger.verify().is_sound
    assert {row.password for row in Credential.objects.all()} == {"swordfish", ""}


def test_a_ledger_that_a_stranger_sealed_is_not_made_to_look_right(tovgov: Actor) -> None:
    LedgerHead.objects.update(seal="f" * 64)
    with pytest.raises(LedgerBroken):
        rotate_keys(actor=tovgov)


def test_who_may_not_change_credentials_may_not_rotate(asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        rotate_keys(actor=asker)


def test_every_field_that_holds_secrets_is_known() -> None:
    assert {(model._meta.label, field) for model, field in encrypted_fields()} == {
        ("audit.Credential", "password"),
        ("audit.NotificationChannel", "url"),
        ("audit.PublicationPlace", "secret"),
        ("backups.Destination", "secrets"),
    }
