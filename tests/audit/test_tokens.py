"""API tokens: a program acts as its person, while the token lives, and never as more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit import tokens
from audit.actors import Actor
from audit.exceptions import NotPermitted, TokenNameTaken, TokenRefused
from audit.models import ApiToken, LedgerEntry


def test_only_a_hash_is_kept(asker: Actor) -> None:
    token, text = tokens.issue("deploy", actor=asker)
    assert text not in str(ApiToken.objects.values_list())
    assert tokens.authenticate(text, source="api 127.0.0.1").name == "alice"
    assert token.expires_at > timezone.now() + timedelta(days=89)


def test_the_ledger_names_person_and_token_but_not_the_text(asker: Actor) -> None:
    _, text = tokens.issue("deploy", actor=asker)
    actor = tokens.authenticate(text, source="api 127.0.0.1")
    assert actor.source == "api 127.0.0.1 token “deploy”"
    assert text not in str(list(LedgerEntry.objects.values_list()))


def test_an_auditor_issues_none(auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        tokens.issue("deploy", actor=auditor)


def test_one_live_token_a_name(asker: Actor) -> None:
    token, _ = tokens.issue("deploy", actor=asker)
    with pytest.raises(TokenNameTaken):
        tokens.issue("deploy", actor=asker)
    tokens.revoke(token, actor=asker)
    tokens.issue("deploy", actor=asker)


def test_expired_revoked_and_orphaned_tokens_are_refused(asker: Actor) -> None:
    token, text = tokens.issue("deploy", actor=asker)
    ApiToken.objects.update(expires_at=timezone.now())
    with pytest.raises(TokenRefused):
        tokens.authenticate(text, source="api")
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert asker.user is not None
    asker.user.is_active = False
    asker.user.save()
    with pytest.raises(TokenRefused):
        tokens.authenticate(text, source="api")
    asker.user.is_active = True
    asker.user.save()
    tokens.revoke(token, actor=asker)
    with pytest.raises(TokenRefused):
        tokens.authenticate(text, source="api")


def test_nobody_revokes_anothers_token(asker: Actor, approver: Actor) -> None:
    token, _ = tokens.issue("deploy", actor=asker)
    with pytest.raises(NotPermitted):
        tokens.revoke(token, actor=approver)


@pytest.mark.django_db
def test_without_a_token_the_api_says_nothing(client: Client) -> None:
    assert client.get("/api/targets").status_code == 401
    answer = client.get("/api/targets", headers={"Authorization": "Bearer tovgov_guess"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "token.refused"
