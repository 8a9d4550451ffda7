"""What is looked at for the control map: a module a subject, each with ``check(scope, held)``.

A check counts a population, says how much of it was looked at, names what was wrong, and what it could not see. None
says that anything is complied with: that is an auditor's word.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.checks import changes, clients, incidents, logs, record, responses, separation
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.registry import Checked

CHECKS = (clients, logs, responses, incidents, record, changes, separation)


def all_of(scope: Scope, held: Held) -> Iterator[Checked]:
    """What every check found; what audit's neighbours have checked comes with ``held``."""
    for module in CHECKS:
        yield from module.check(scope, held)
    yield from held.checked
