"""API tokens: issued once in plain text, kept as a hash, revoked at any time."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import NotPermitted, TokenNameTaken, TokenRefused
from audit.models import ApiToken

PREFIX = "tovgov_"


def issue(name: str, *, actor: Actor, days: int = 90) -> tuple[ApiToken, str]:
    """A new token for the acting person, good for ``days``; the text is shown this once and kept nowhere.

    Raises ``NotPermitted`` and ``TokenNameTaken``.
    """
    actor.require("audit.issue_token")
    if actor.user is None:
        raise NotPermitted("A token belongs to a person.")
    text = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=actor.user, name=name, sha256=_hash(text), expires_at=timezone.now() + timedelta(days=days)
            )
            ledger.append("token.issue", actor=actor, obj=token, days=days)
    except IntegrityError:
        raise TokenNameTaken(name=name) from None
    return token, text


def revoke(token: ApiToken, *, actor: Actor) -> None:
    """End a token at once; one's own, or anybody's for who may manage users."""
    if actor.user != token.user:
        actor.require("auth.change_user")
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            ledger.append("token.revoke", actor=actor, obj=token)


def authenticate(text: str, *, source: str) -> Actor:
    """The person behind a token. Raises ``TokenRefused``, with the same words whatever the cause."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(sha256=_hash(text), revoked_at=None, expires_at__gt=now, user__is_active=True)
        .first()
    )
    if token is None:
        raise TokenRefused
    ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return Actor.person(token.user, f"{source} token “{token.name}”")


def _hash(text: str) -> str:
    """Plain SHA-256 is enough: a token has 256 random bits, nothing to guess."""
    return hashlib.sha256(text.encode()).hexdigest()
