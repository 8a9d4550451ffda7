"""API tokens in the admin: one's own, shown once, revoked for good."""

from __future__ import annotations

import re

import pytest

from audit import tokens
from audit.admin.base import act_url
from audit.exceptions import TokenRefused
from audit.models import ApiToken
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db

ADD = "/admin/audit/apitoken/add/"


def test_a_token_is_shown_once_and_works(cast: Cast) -> None:
    client = signed_in(cast.alice)
    page = client.post(ADD, {"name": "deploy pipeline", "days": 30})
    text = re.search(r"tovgov_[\w-]+", page.content.decode())
    assert text is not None
    assert "no-store" in page["Cache-Control"]
    assert tokens.authenticate(text[0], source="api").name == "alice"
    token = ApiToken.objects.get()
    assert text[0] not in client.get(f"/admin/audit/apitoken/{token.pk}/change/").content.decode()


def test_a_revoked_token_is_refused(cast: Cast) -> None:
    token, text = tokens.issue("deploy pipeline", actor=cast.actor("alice"))
    signed_in(cast.alice).post(act_url(ApiToken, "revoke", token.pk))
    with pytest.raises(TokenRefused):
        tokens.authenticate(text, source="api")


def test_nobody_sees_the_tokens_of_others(cast: Cast) -> None:
    token, _ = tokens.issue("deploy pipeline", actor=cast.actor("alice"))
    client = signed_in(cast.miriam)
    assert "deploy pipeline" not in client.get("/admin/audit/apitoken/").content.decode()
    assert client.post(act_url(ApiToken, "revoke", token.pk)).status_code == 404


def test_a_name_is_used_once(cast: Cast) -> None:
    tokens.issue("deploy pipeline", actor=cast.actor("alice"))
    answer = signed_in(cast.alice).post(ADD, {"name": "deploy pipeline", "days": 30})
    assert answer.status_code == 409


def test_an_auditor_issues_none(cast: Cast) -> None:
    assert signed_in(cast.charlie).post(ADD, {"name": "mine", "days": 30}).status_code == 403
