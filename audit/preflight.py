"""*Test connection*: every question that can be asked of a target beforehand, for each of its roles, kept as lines that
say PASS, FAIL or UNKNOWN with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from django.db import transaction

from audit import ledger, registry, targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import Preflight, PreflightLine, Purpose, Target
from audit.postgres import preflight
from audit.postgres.connect import ConnInfo
from audit.postgres.preflight import Line
from audit.postgres.probes import Status
from audit.targets.reach import FALLBACK

KEPT = 20
"""So many results of one target are kept; the ledger has them all in short."""


def test_connection(target: Target, *, actor: Actor) -> Preflight:
    """Ask everything, store the answers, and pin the identity of a target that has none yet.

    Raises ``NotPermitted`` only: what is wrong with the target stands in the lines.
    """
    actor.require("audit.test_target")
    lines = [*_identity(target, actor), *_roles(target), *_from_above(target)]
    with transaction.atomic():
        result = Preflight.objects.create(target=target, by=actor.name, lines=[line.as_dict() for line in lines])
        newest = Preflight.objects.filter(target=target).values_list("pk", flat=True)[:KEPT]
        Preflight.objects.filter(target=target).exclude(pk__in=list(newest)).delete()
        failed = [line.check for line in lines if line.status == Status.FAIL]
        ledger.append("target.test", actor=actor, obj=target, target=target, passed=not failed, failed=failed)
    return result


test_connection.__test__ = False  # type: ignore[attr-defined]  # pytest takes its name for a test


def _identity(target: Target, actor: Actor) -> Iterator[Line]:
    """Whether it is the database that was registered; the first good answer is pinned."""
    try:
        if target.is_identified:
            error = targets.check(target, actor=actor)
            words = "It is the database that was registered"
        else:
            error = None
            targets.identify(target, actor=actor)
            words = "Pinned from now on"
    except TovgovError as refused:
        error = refused
    target.refresh_from_db()
    if error is None:
        where = f'"{target.pinned_database}", number {target.database_oid}, server {target.system_identifier}'
        yield Line("Identity", Status.PASS, f"{words}: {where}.")
    else:
        yield Line("Identity", Status.FAIL, error.message, error.hint)


def _roles(target: Target) -> list[Line]:
    """What each role may do, all asked at once."""
    asked: dict[Purpose, ConnInfo | TovgovError | None] = {purpose: _info(target, purpose) for purpose in Purpose}
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        answers = {
            purpose: pool.submit(
                preflight.preflight, info, preflight.Purpose(purpose), maintenance=target.maintenance_database
            )
            for purpose, info in asked.items()
            if isinstance(info, ConnInfo)
        }
    found = {purpose: answer.result() for purpose, answer in answers.items()}
    return [*_merged(found), *(_not_asked(purpose, why) for purpose, why in asked.items() if purpose not in found)]


def _info(target: Target, purpose: Purpose) -> ConnInfo | TovgovError | None:
    """How to reach it for ``purpose``; None when no role was entered for it, though one was for another."""
    try:
        entered = set(target.credentials.values_list("purpose", flat=True))
        if entered and not entered & set(FALLBACK[purpose]):
            return None
        return targets.conninfo(target, purpose)
    except TovgovError as error:
        return error


def _not_asked(purpose: Purpose, why: ConnInfo | TovgovError | None) -> Line:
    if isinstance(why, TovgovError):
        return Line(purpose.label, Status.FAIL, why.message, why.hint)
    return Line(purpose.label, Status.UNKNOWN, "No role is entered for it.", "Enter one before you need it.")


def _merged(found: dict[Purpose, list[Line]]) -> Iterator[Line]:
    """An answer that is the same for every role asked is one line; one that differs names the role's purpose."""
    checks = dict.fromkeys(line.check for lines in found.values() for line in lines)
    for check in checks:
        answers = {purpose: line for purpose, lines in found.items() for line in lines if line.check == check}
        if len({(line.status, line.detail) for line in answers.values()}) == 1:
            yield next(iter(answers.values()))
        else:
            for purpose, line in answers.items():
                yield Line(f"{check}: {purpose.label.lower()}", line.status, line.detail, line.hint)


def _from_above(target: Target) -> Iterator[Line]:
    """What the apps above ask: whether the client tools fit, for example."""
    for probe in registry.preflight_probes:
        for line in probe(target):
            yield Line(line["check"], Status(line["status"]), line["detail"], line.get("hint", ""))


assert set(Status) == set(PreflightLine.values), "the library and the model name the same three answers"
