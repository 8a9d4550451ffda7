"""Pages for when something is not allowed, not there, or broken: in our look and in words."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backups.models import Destination
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_not_permitted(cast: Cast) -> None:
    answer = signed_in(cast.charlie).get("/admin/audit/target/add/")
    assert answer.status_code == 403
    assert "This is not yours to do" in answer.content.decode()
    assert "skin.css" in answer.content.decode()


def test_not_there(cast: Cast) -> None:
    answer = signed_in(cast.charlie).get("/admin/nothing/like/this/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_broken(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tovgov.dashboard.gather", fault)
    client = signed_in(cast.charlie)
    client.raise_request_exception = False
    answer = client.get("/admin/")
    assert answer.status_code == 500
    assert "Something is broken in tovgov" in answer.content.decode()
    assert "a bug" not in answer.content.decode()


def test_a_forged_form(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    target = factories.TargetFactory()
    answer = client.post(f"/admin/audit/target/act/back-up/?ids={target.pk}")
    assert answer.status_code == 403
    assert "Press the button again" in answer.content.decode()


def test_locked_out_after_too_many_attempts(cast: Cast) -> None:
    client, answer = Client(), None
    for _ in range(9):
        answer = client.post("/admin/login/", {"username": "alice", "password": "wrong"})
    assert answer is not None
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_a_verb_that_refuses_while_saving_says_so(cast: Cast, settings: object) -> None:
    """Without a key no secret can be stored: the form says it, nothing is saved."""
    settings.TOVGOV_SECRET_KEYS = []  # type: ignore[attr-defined]
    form = {"name": "Bucket", "kind": "s3", "is_active": "on", "bucket": "b", "access_key": "a", "secret_key": "s"}
    answer = signed_in(cast.miriam).post("/admin/backups/destination/add/", form, follow=True)
    assert "key.missing" in answer.content.decode()
    assert not Destination.objects.exists()


def test_a_user_is_changed_with_an_entry_in_the_ledger(admin_client: Client, cast: Cast) -> None:
    from audit.models import LedgerEntry

    group = cast.bob.groups.get()
    form = {"username": "alice", "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    assert admin_client.post(f"/admin/auth/user/{cast.alice.pk}/change/", form).status_code == 302
    assert list(User.objects.get(username="alice").groups.values_list("name", flat=True)) == ["approver"]
    assert LedgerEntry.objects.get(action="user.change").detail["groups"] == ["approver"]
