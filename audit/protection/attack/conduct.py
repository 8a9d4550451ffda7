"""The whole attack: every attempt that fits, against a clone that is made for it and dropped in every case."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from audit.exceptions import ProtectionBroken
from audit.postgres.connect import ConnInfo, connect
from audit.protection import verify
from audit.protection.attack import clone, suite, trial
from audit.protection.attack.attempt import Attempt, Outcome, Result
from audit.protection.attack.clone import APPLICATION, Ground, Parts
from audit.protection.rule import Status

ABOUT_ROLES = {"grants_lockdown"}
"""What it finds of memberships of the server's roles says nothing about the clone."""


def attack(
    server: ConnInfo,
    target: ConnInfo,
    parts: Parts,
    *,
    named: Callable[[str], None] = lambda name: None,
    begin: Callable[[int], None] = lambda total: None,
    tell: Callable[[Result], None] = lambda result: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Result]:
    """Attack a clone of ``target`` under the rules ``parts``. ``server`` leads to the maintenance database, as a
    superuser; ``named`` gets the clone's name before anything is made under it, ``begin`` the number of attempts,
    ``tell`` each result, and may raise to stop.

    Results that break a promise come first. Raises ``AttackImpossible``, ``ProtectionBroken`` when the rules do not
    stand in the clone, and what copying and installing raise.
    """
    with clone.ground(server, target, parts, named) as ground:
        wanted = suite.fitting({rule.code: settings for rule, settings in ground.parts}, _major(server))
        begin(len(wanted))
        return sorted(_try_all(ground, wanted, tell, cancelled), key=lambda result: not result.is_broken)


def _major(server: ConnInfo) -> int:
    with connect(server, application_name=APPLICATION) as connection:
        return connection.info.server_version // 10_000


def _try_all(
    ground: Ground, wanted: Iterable[Attempt], tell: Callable[[Result], None], cancelled: Callable[[], bool]
) -> Iterable[Result]:
    arena: trial.Arena | None = None
    for attempt in wanted:
        arena = arena or _arena(ground, cancelled)
        result = trial.attempt(arena, attempt)
        tell(result)
        yield result
        if attempt.commits and result.outcome is not Outcome.REFUSED:
            arena = None  # what was done stays done: the next attempt gets a clone of its own


def _arena(ground: Ground, cancelled: Callable[[], bool]) -> trial.Arena:
    clone.make(ground, cancelled=cancelled)
    with connect(ground.clone, application_name=APPLICATION) as connection:
        found = verify.look(connection, ground.parts)
    wrong = [f for f in found if f.status is not Status.INSTALLED and f.rule not in ABOUT_ROLES]
    if wrong:
        raise ProtectionBroken(f"In the clone, {wrong[0].object} is {wrong[0].status}: {wrong[0].detail}")
    return trial.arena(ground)
