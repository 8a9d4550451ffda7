"""What an attempt is, and what a policy's rules promise about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from audit.protection.rule import Settings

SERVER = "server"
"""Instead of a rule: PostgreSQL's own rights refuse it, whatever the policy."""
GROUND = "ground"
"""Instead of a rule: what every rule stands on finds it, when a policy is verified."""
WATCH = "watch"
"""Instead of a rule: the watch that looks at every target once a minute finds it, whatever the policy."""


class As(StrEnum):
    """Who attempts it."""

    APPLICATION = "application"
    """Reads and writes every table, TRUNCATE included."""
    OWNER = "owner"
    """Owned the database, its schemas and its tables before the policy was installed."""
    CREATEDB = "createdb"
    """May make databases, and owns nothing here."""
    SUPERUSER = "superuser"


class Outcome(StrEnum):
    """How an attempt ended, the best first."""

    REFUSED = "refused"
    RECORDED = "recorded"
    DETECTED = "detected"
    OPEN = "not covered"
    UNTRIED = "not tried"

    @property
    def rank(self) -> int:
        """0 is the best; an attempt that was not tried says nothing."""
        return list(Outcome).index(self)


class Judged(StrEnum):
    """How it is judged whether an attempt came through."""

    STATE = "by what was changed"
    RAN = "by whether it ran"


class Place(StrEnum):
    """Where its statements are run."""

    INSIDE = "in the clone"
    BESIDE = "in another database of the server"


@dataclass(frozen=True, slots=True)
class Promise:
    """``rule`` promises ``outcome``, when its settings hold each value of ``when``."""

    rule: str
    outcome: Outcome
    when: tuple[tuple[str, Any], ...] = ()

    def holds(self, rules: Mapping[str, Settings]) -> bool:
        """Whether a policy of these rules makes this promise."""
        if self.rule in (SERVER, GROUND, WATCH):
            return True
        settings = rules.get(self.rule)
        return settings is not None and all(settings.get(name) == value for name, value in self.when)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One act that must not come through unseen.

    ``prepare`` is run before, as the same role; refused there is refused. ``needs`` leaves the attempt out under a
    policy without such a rule. ``commits``: it cannot run in a transaction that is rolled back. ``each_of``: its
    statement is run for each of the target's own tables that this rule is meant for. ``on_target``: harmless enough
    to be tried on the target itself, in a transaction that is rolled back.
    """

    code: str
    title: str
    role: As
    statements: tuple[str, ...]
    promises: tuple[Promise, ...] = ()
    judged: Judged = Judged.STATE
    place: Place = Place.INSIDE
    prepare: tuple[str, ...] = ()
    commits: bool = False
    since: int = 0
    needs: Promise | None = None
    each_of: str = ""
    on_target: bool = False

    def applies(self, rules: Mapping[str, Settings], major: int) -> bool:
        """Whether it makes sense under these rules on a server of this major version."""
        return major >= self.since and (self.needs is None or self.needs.holds(rules))

    def promised(self, rules: Mapping[str, Settings]) -> Outcome:
        """The best that a policy of these rules promises."""
        made = [promise.outcome for promise in self.promises if promise.holds(rules)]
        return min(made, key=lambda outcome: outcome.rank, default=Outcome.OPEN)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt. ``seconds`` is how long the look took that found it, where one did."""

    code: str
    title: str
    role: As
    statements: tuple[str, ...]
    outcome: Outcome
    promised: Outcome
    detail: str = ""
    seconds: float | None = None
    place: str = "clone"

    @property
    def is_broken(self) -> bool:
        """Whether the policy promised better."""
        return self.outcome is not Outcome.UNTRIED and self.outcome.rank > self.promised.rank

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_broken": self.is_broken}


def act(
    code: str,
    title: str,
    *statements: str,
    application: Sequence[Promise] | None = None,
    owner: Sequence[Promise] | None = None,
    createdb: Sequence[Promise] | None = None,
    superuser: Sequence[Promise] | None = None,
    **more: Any,
) -> tuple[Attempt, ...]:
    """The same act, once for each role that is named with what is promised against it."""
    roles = {As.APPLICATION: application, As.OWNER: owner, As.CREATEDB: createdb, As.SUPERUSER: superuser}
    return tuple(
        Attempt(f"{code}.{role}", title, role, statements, tuple(promises), **more)
        for role, promises in roles.items()
        if promises is not None
    )


def refused(rule: str, **when: Any) -> Promise:
    return Promise(rule, Outcome.REFUSED, tuple(when.items()))


def recorded(rule: str, **when: Any) -> Promise:
    return Promise(rule, Outcome.RECORDED, tuple(when.items()))


def detected(rule: str, **when: Any) -> Promise:
    return Promise(rule, Outcome.DETECTED, tuple(when.items()))


BY_SERVER = (refused(SERVER),)
NOBODY: tuple[Promise, ...] = ()
