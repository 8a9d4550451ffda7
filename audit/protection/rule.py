"""What a rule is: one file in ``rules/`` that plans, verifies and removes one kind of protection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection.facts import TargetFacts


class Status(StrEnum):
    """What the catalogues say about one object of a rule."""

    INSTALLED = "INSTALLED"
    OUTDATED = "OUTDATED"
    MISSING = "MISSING"
    ALTERED = "ALTERED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of an installation, with the statements exactly as they will be run."""

    rule: str
    title: str
    statements: tuple[str, ...]
    locks: str = ""
    effect: str = ""
    needs: str = ""
    roles: tuple[str, ...] = ()
    """Roles whose rights are enough; none: only a superuser's are."""
    outside: bool = False
    """Outside of a transaction, each statement by itself: ALTER SYSTEM allows no other."""

    def is_possible(self, facts: TargetFacts) -> bool:
        """Whether the role we are there may run it."""
        return facts.is_superuser or bool(self.roles and facts.memberships.issuperset(self.roles))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one object."""

    rule: str
    object: str
    status: Status
    detail: str = ""
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Settings = dict[str, Any]


class Rule(Protocol):
    """A module-level object named ``RULE`` in each file of ``rules/``."""

    code: str
    title: str
    promise: str
    limits: Sequence[str]
    defaults: Settings

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        """The steps that are still to be done; none for what is right already. Raises ``PolicyMisfit`` when the
        settings name what the target does not have."""

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        """What the catalogues say of every object that the rule needs, never a stored flag."""

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        """The steps that take it off again and put back what was there before."""


@runtime_checkable
class Advising(Protocol):
    """A rule that has something to say about one target: what it leaves open there, what only a person can do."""

    def advice(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[str]:
        """Sentences for the plan."""


@dataclass(frozen=True, slots=True)
class Released:
    """A released SQL file: never edited; its hash stands in the COMMENT of what it installs."""

    name: str

    @property
    def text(self) -> str:
        return queries.read(f"protection/{self.name}")

    @property
    def mark(self) -> str:
        """For example ``tovgov delete_audit.v1 sha256:0f3a…``."""
        return f"tovgov {self.name} sha256:{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"


def rendered(composed: sql.Composable, connection: Connection) -> str:
    """The statement as it will be sent, for the plan."""
    return composed.as_string(connection).strip()
