"""Registering targets and changing what is known of them. Every act checks its permission and is in the ledger,
without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import approvals, ledger
from audit.actors import Actor
from audit.exceptions import ReasonMissing, TargetInvalid
from audit.models import Approval, Credential, Environment, Purpose, SentinelTable, Target
from audit.targets.pins import look, pin, refuse_twin
from audit.targets.reach import FALLBACK, address

LOWER = "target.lower_environment"
FACTS = (
    "name", "environment", "host", "port", "database", "service", "sslmode", "maintenance_database", "proving_target",
    "rpo_goal_minutes", "rto_goal_minutes", "notes", "is_active",
)  # fmt: skip

Sentinel = tuple[str, str, int]
"""Schema, table, least rows."""


def register(
    name: str,
    *,
    actor: Actor,
    credentials: Mapping[Purpose, tuple[str, str]] | None = None,
    sentinels: Iterable[Sentinel] = (),
    twin_reason: str = "",
    **facts: Any,
) -> Target:
    """Register a database: validate, connect, check the sentinels, pin the identity. Nothing is kept when it fails.

    ``credentials`` are user and password by purpose; ``facts`` are fields of ``Target`` (environment, host, port,
    database, …). ``twin_reason`` allows a physical copy of a registered server, which has the same identity.

    Raises ``NotPermitted``, ``TargetInvalid``, ``AlreadyRegistered``, ``DatabaseMissing`` that names the databases
    there are, ``SentinelFailed``, and what ``connect`` raises.
    """
    actor.require("audit.add_target")
    target = Target(name=name, **facts)
    _validate(target)
    roles, guards = dict(credentials or {}), list(sentinels)
    _validate_roles(roles)
    purpose = next((p for p in FALLBACK[Purpose.BACKUP] if p in roles), Purpose.WATCH)
    info = address(target, *roles.get(purpose, ("", "")))
    seen = look(info, target.maintenance_database, guards)
    with transaction.atomic():
        if not twin_reason.strip():
            refuse_twin(seen)
        target.save()
        for each, (user, password) in roles.items():
            Credential.objects.create(target=target, purpose=each, user=user, password=password)
        for schema, table, least_rows in guards:
            SentinelTable.objects.create(target=target, schema=schema, table=table, least_rows=least_rows)
        ledger.append("target.register", actor=actor, obj=target, target=target, reason=twin_reason, **_facts(target))
        pin(target, seen, actor=actor)
    return target


def update(target: Target, *, actor: Actor, reason: str = "", **facts: Any) -> Target:
    """Change fields of a target. The pinned identity stays: an address that leads elsewhere is refused at the next
    connection until ``identify`` confirms it with a reason.

    To lower the environment takes a reason and an approval (see ``lower_environment``): a lower one has fewer guards.
    Raises ``NotPermitted``, ``TargetInvalid``, ``ReasonMissing`` and ``ApprovalMissing``.
    """
    actor.require("audit.change_target")
    unknown = set(facts) - set(FACTS)
    if unknown:
        raise TargetInvalid(f"A target has no {', '.join(sorted(unknown))}.")
    with transaction.atomic():
        target = Target.objects.select_for_update(no_key=True).get(pk=target.pk)
        before = _facts(target)
        for field, value in facts.items():
            setattr(target, field, value)
        _validate(target)
        _guard_environment(target, Environment(before["environment"]), actor=actor, reason=reason)
        target.save()
        after = _facts(target)
        changed = {field: [before[field], after[field]] for field in FACTS if before[field] != after[field]}
        if changed:
            ledger.append("target.change", actor=actor, obj=target, target=target, reason=reason, changed=changed)
    return target


def _guard_environment(target: Target, before: Environment, *, actor: Actor, reason: str) -> None:
    if target.rank >= before.rank:
        return
    if not reason.strip():
        raise ReasonMissing("To lower the environment of a target needs a reason: fewer guards stand after it.")
    if before == Environment.PRODUCTION:
        approvals.require(LOWER, actor=actor, what={"target": target.pk, "environment": target.environment})


def lower_environment(target: Target, environment: Environment, *, actor: Actor, reason: str) -> Approval:
    """Ask a second person to agree that a production target becomes ``environment``; then ``update`` does it.

    Raises ``NotPermitted`` and ``ReasonMissing``.
    """
    actor.require("audit.change_target")
    return approvals.request(
        LOWER,
        actor=actor,
        target=target,
        what={"target": target.pk, "environment": str(environment)},
        summary=f"{target} is no longer production but {environment.label.lower()}: the guards of production go.",
        reason=reason,
    )


def set_credential(target: Target, purpose: Purpose, *, user: str, password: str, actor: Actor) -> None:
    """Store the role for ``purpose``, over one whose key is lost too. Raises ``NotPermitted``, ``TargetInvalid``
    and ``KeyMissing``."""
    actor.require("audit.change_credential")
    _validate_roles({purpose: (user, password)})
    with transaction.atomic():
        rows = Credential.objects.filter(target=target, purpose=purpose)
        former = rows.values_list("user", flat=True).first() or ""
        if not rows.update(user=user, password=password):
            Credential.objects.create(target=target, purpose=purpose, user=user, password=password)
        ledger.append("target.set_credential", actor=actor, obj=target, target=target, purpose=str(purpose), user=user,
                      former=former)  # fmt: skip


def set_sentinel(target: Target, sentinel: Sentinel, *, actor: Actor) -> None:
    """Name a table that must hold at least so many rows, from the next check on. Raises ``NotPermitted`` and
    ``TargetInvalid``."""
    actor.require("audit.change_sentineltable")
    schema, table, least_rows = sentinel
    row = SentinelTable(target=target, schema=schema, table=table, least_rows=least_rows)
    _clean(row, row.clean_fields)
    with transaction.atomic():
        SentinelTable.objects.update_or_create(
            target=target, schema=schema, table=table, defaults={"least_rows": least_rows}
        )
        ledger.append("target.set_sentinel", actor=actor, obj=target, target=target, sentinel=list(sentinel))


def remove_sentinel(sentinel: SentinelTable, *, actor: Actor, reason: str) -> None:
    """No longer demand rows of a table. Raises ``NotPermitted`` and ``ReasonMissing``."""
    actor.require("audit.delete_sentineltable")
    if not reason.strip():
        raise ReasonMissing
    target, words = sentinel.target, str(sentinel)
    with transaction.atomic():
        sentinel.delete()
        ledger.append("target.remove_sentinel", actor=actor, obj=target, target=target, reason=reason, sentinel=words)


# --- what is allowed ----------------------------------------------------------------------------------------------


def _facts(target: Target) -> dict[str, Any]:
    return {
        field: getattr(target, field) if field != "proving_target" else str(target.proving_target or "")
        for field in FACTS
    }


def _validate(target: Target) -> None:
    _clean(target, target.full_clean)


def _validate_roles(roles: Mapping[Purpose, tuple[str, str]]) -> None:
    for purpose, (user, password) in roles.items():
        row = Credential(purpose=purpose, user=user, password=password)
        _clean(row, lambda row=row: row.clean_fields(exclude=["target"]))  # type: ignore[misc]


def _clean(row: Target | Credential | SentinelTable, clean: Callable[[], None]) -> None:
    """What the model itself refuses, in one sentence. Raises ``TargetInvalid``."""
    try:
        clean()
    except ValidationError as error:
        of = f" ({row.purpose})" if isinstance(row, Credential) else ""
        faults = [f"{field}{of}: {' '.join(words)}" for field, words in error.message_dict.items()]
        raise TargetInvalid(" ".join(faults).replace("__all__: ", ""), fields=error.message_dict) from None
