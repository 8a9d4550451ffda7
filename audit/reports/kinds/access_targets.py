"""Access review of targets: roles, what they are members of, and their rights, as last read from the target."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q

from audit.lists.listing import Filter
from audit.models import TargetAccess
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Scope, target_column
from audit.reports.rows import Listed

OLD = timedelta(hours=36)
"""It is read once a day."""
KINDS = (("role", "Roles"), ("grant", "Rights"))


def _rows(scope: Scope) -> Listed:
    found = TargetAccess.objects.filter(**scope.of_targets(), read_at__isnull=False).select_related("target")
    return Listed([row for access in found.order_by("pk") for row in _of(access) if _fits(row, scope.answers)])


def _of(access: TargetAccess) -> Iterator[dict[str, Any]]:
    head = {"target_id": access.target_id, "target": access.target.name, "read_at": access.read_at}
    for place, role in enumerate(access.roles):
        yield head | {
            "id": f"{access.pk}.r{place}", "kind": "role", "role": role["role"], "object_type": "server", "object": "",
            "rights": ", ".join(role["attributes"]), "superuser": "yes" if role["superuser"] else "no",
            "login": "yes" if role["login"] else "no", "member_of": ", ".join(role["member_of"]),
            "valid_until": role["valid_until"] or "",
        }  # fmt: skip
    by_name = {role["role"]: role for role in access.roles}
    for place, grant in enumerate(access.grants):
        role = by_name.get(grant["role"], {})
        yield head | {
            "id": f"{access.pk}.g{place}", "kind": "grant", "role": grant["role"],
            "object_type": grant["type"], "object": grant["object"], "rights": grant["rights"],
            "superuser": "yes" if role.get("superuser") else "no", "login": "yes" if role.get("login") else "no",
            "member_of": ", ".join(role.get("member_of", [])), "valid_until": role.get("valid_until") or "",
        }  # fmt: skip


def _fits(row: dict[str, Any], answers: dict[str, str]) -> bool:
    right = answers.get("right", "").lower()
    return (
        answers.get("kind", row["kind"]) == row["kind"]
        and answers.get("role", row["role"]) == row["role"]
        and answers.get("login", row["login"]) == row["login"]
        and answers.get("superuser", row["superuser"]) == row["superuser"]
        and right in row["rights"].lower()
        and answers.get("object", "").lower() in row["object"].lower()
    )


def _gaps(scope: Scope) -> list[str]:
    known = {row.target_id: row for row in TargetAccess.objects.filter(**scope.of_targets())}
    found: list[str] = []
    for target in scope.all_targets():
        row = known.get(target.pk)
        if row is None or row.read_at is None:
            why = f" ({row.error_code}: {row.error})" if row else ""
            found.append(f"{target}: its roles and rights were never read{why}.")
            continue
        if row.error_code:
            found.append(f"{target}: the last reading failed ({row.error_code}); shown is that before it.")
        if scope.now - row.read_at > OLD:
            found.append(f"{target}: read on {scope.moment(row.read_at)}; what changed since is not known.")
        found += [f"{target}: {line}" for line in row.left_out]
    return [*gaps.of_targets(scope), *gaps.some(found, "of this kind")]


def _known(answer: str, choices: tuple[tuple[str, str], ...]) -> Q:
    if answer not in dict(choices):
        raise ValueError(f"“{answer[:40]}” is none of them.")
    return Q()


YES_NO = (("yes", "Yes"), ("no", "No"))

REPORT = Report(
    name="access-targets",
    title="Access review: targets",
    about="Who may do what on a target: its roles with their attributes and memberships, and every right on its"
    " objects, as they were last read from its catalogues.",
    permissions=("audit.review_access", "audit.view_target"),
    columns=(
        target_column(),
        Column("role", "Role"),
        Column("kind", "What"),
        Column("object_type", "On"),
        Column("object", "Object"),
        Column("rights", "Attributes or rights"),
        Column("login", "May log in"),
        Column("superuser", "Superuser"),
        Column("member_of", "Member of"),
        Column("valid_until", "Password until"),
        Column("read_at", "Read", Kind.MOMENT),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="target",
    paper=("target", "role", "object_type", "object", "rights", "login", "superuser"),
    filters=(
        Filter("kind", "What", lambda text: _known(text, KINDS), "choice", lambda: list(KINDS)),
        Filter("role", "Role", lambda text: Q()),
        Filter("right", "Attribute or right", lambda text: Q(), hint="DELETE"),
        Filter("object", "Object", lambda text: Q(), hint="public.User"),
        Filter("login", "May log in", lambda text: _known(text, YES_NO), "choice", lambda: list(YES_NO)),
        Filter("superuser", "Superuser", lambda text: _known(text, YES_NO), "choice", lambda: list(YES_NO)),
    ),
)
