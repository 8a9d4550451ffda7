"""What a runbook's template is."""

from __future__ import annotations

from dataclasses import dataclass

from audit.models import IncidentKind


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    title: str
    why: str
    door: str = ""
    """The name of a page in ``audit.registry.doors``."""
    command: str = ""
    """The same on the command line; words in capitals are for the reader to fill in."""
    with_whom: str = ""
    """Who else is needed; empty when one person can do it."""


@dataclass(frozen=True, slots=True)
class Book:
    """A checklist. To add one, copy a file of ``audit/runbooks/books``."""

    name: str
    title: str
    intro: str
    """When it is the right one, and what must not be done."""
    begun_for: tuple[IncidentKind, ...]
    """An incident of one of these kinds begins it by itself."""
    offered_for: tuple[IncidentKind, ...]
    """An incident of one of these kinds offers it first."""
    steps: tuple[Step, ...]
