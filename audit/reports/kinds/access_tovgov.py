"""Access review of tovgov: its users, what they may do, when they were last here, and their API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import Prefetch, Q

from audit.groups import GROUPS
from audit.lists.listing import Filter
from audit.models import ApiToken
from audit.reports.report import Column, Kind, Report, Scope
from audit.reports.rows import Listed

STATES = (("active", "Active"), ("locked out", "Locked out"))


def _rows(scope: Scope) -> Listed:
    tokens = Prefetch("api_tokens", ApiToken.objects.filter(revoked_at=None), to_attr="live_tokens")
    users = User.objects.filter(*scope.clause()).order_by("pk")
    return Listed([_row(user, scope) for user in users.prefetch_related("groups", "user_permissions", tokens)])


def _row(user: Any, scope: Scope) -> dict[str, Any]:
    groups = sorted(group.name for group in user.groups.all())
    tokens = [token for token in user.live_tokens if token.expires_at > scope.now]
    acts = sorted(name for name in user.get_all_permissions() if not name.split(".")[1].startswith("view_"))
    return {
        "id": user.pk,
        "user": user.username,
        "name": user.get_full_name(),
        "email": user.email,
        "state": "active" if user.is_active else "locked out",
        "superuser": "yes" if user.is_superuser else "no",
        "may_enter": "yes" if user.is_staff and user.is_active else "no",
        "groups": ", ".join(groups),
        "single": ", ".join(sorted(one.codename for one in user.user_permissions.all())),
        "acts": len(acts),
        "may": "everything" if user.is_superuser and user.is_active else ", ".join(acts),
        "joined": user.date_joined,
        "last_login": user.last_login,
        "tokens": len(tokens),
        "token_names": ", ".join(sorted(token.name for token in tokens)),
        "token_used": max((token.used_at for token in tokens if token.used_at), default=None),
        "token_until": max((token.expires_at for token in tokens), default=None),
    }


def _gaps(scope: Scope) -> list[str]:
    users = User.objects.filter(*scope.clause())
    never = users.filter(last_login=None, is_active=True).count()
    found = [f"{never:,} active users have never signed in with a password."] if never else []
    single = users.filter(is_active=True).exclude(user_permissions=None).distinct().count()
    if single:
        found.append(f"{single:,} hold single permissions: their groups alone do not say what they may.")
    strange = Permission.objects.filter(group__isnull=False).exclude(group__name__in=GROUPS).values("group__name")
    found += [f"The group {row['group__name']} is none of tovgov's own." for row in strange.distinct()[:20]]
    return found


def _state(answer: str) -> Q:
    if answer not in dict(STATES):
        raise ValueError(f"“{answer[:40]}” is none of them.")
    return Q(is_active=answer == "active")


REPORT = Report(
    name="access-tovgov",
    title="Access review: tovgov",
    about="Who may do what in tovgov: groups, permissions, last sign-in, and tokens that programs use.",
    permissions=("audit.review_access",),
    columns=(
        Column("user", "User"),
        Column("name", "Name"),
        Column("email", "Mail"),
        Column("state", "State", Kind.STATE),
        Column("may_enter", "Admin"),
        Column("superuser", "Superuser"),
        Column("groups", "Groups"),
        Column("single", "Single permissions"),
        Column("acts", "Acts", Kind.NUMBER),
        Column("may", "May"),
        Column("joined", "Since", Kind.MOMENT),
        Column("last_login", "Last sign-in", Kind.MOMENT),
        Column("tokens", "Tokens", Kind.NUMBER),
        Column("token_names", "Their names"),
        Column("token_used", "A token used", Kind.MOMENT),
        Column("token_until", "Good until", Kind.MOMENT),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="user",
    has_targets=False,
    paper=("user", "state", "superuser", "groups", "acts", "last_login", "tokens"),
    filters=(
        Filter("state", "State", _state, "choice", lambda: list(STATES)),
        Filter("group", "Group", lambda text: Q(groups__name=text), "choice", lambda: [(n, n) for n in GROUPS]),
        Filter("user", "User", lambda text: Q(username__icontains=text)),
    ),
)
