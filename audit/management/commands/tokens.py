"""``manage.py tokens``: keys for programs that act in a person's name through the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from audit import tokens
from audit.exceptions import TokenRefused
from audit.management.base import TovgovCommand
from audit.models import ApiToken


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


class Command(TovgovCommand):
    help = "Issue, list and revoke API tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        issue = self.verb(parser, "issue", self.issue, "make a token for yourself; its text is shown this once")
        issue.add_argument("name", help="what will use it, for example “deploy pipeline”")
        issue.add_argument("--days", type=int, default=90, help="good for so many days (90)")
        self.verb(parser, "list", self.list, "show all tokens, never their text")
        revoke = self.verb(parser, "revoke", self.revoke, "end a token of yours at once")
        revoke.add_argument("name")

    def issue(self, options: dict[str, Any]) -> None:
        token, text = tokens.issue(options["name"], actor=self.actor(options), days=options["days"])
        shown = f"{text}\nGood until {token.expires_at:%Y-%m-%d}. Keep it now: it cannot be shown again."
        self.emit(options, {"token": text, "name": token.name, "expires_at": token.expires_at}, shown)

    def list(self, options: dict[str, Any]) -> None:
        rows = list(ApiToken.objects.select_related("user"))
        facts = [
            {"name": row.name, "user": str(row.user), "expires_at": row.expires_at, "used_at": row.used_at,
             "revoked_at": row.revoked_at} for row in rows
        ]  # fmt: skip
        cells = [(r.name, r.user, _day(r.expires_at), _day(r.used_at), _day(r.revoked_at)) for r in rows]
        self.emit(options, facts, self.table(("name", "user", "expires", "last used", "revoked"), cells))

    def revoke(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        token = ApiToken.objects.filter(user=actor.user, name=options["name"], revoked_at=None).first()
        if token is None:
            raise TokenRefused(f'You have no live token "{options["name"]}".')
        tokens.revoke(token, actor=actor)
        self.emit(options, {"revoked": token.name}, f'"{token.name}" is revoked.')
