"""What a pack came to hold, for the checks and for its readme."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.evidence.chain import Chained
from audit.evidence.sealed import Proved
from audit.registry import Checked


@dataclass(slots=True)
class Held:
    """``proved`` and ``chained`` are None when that part was left out; ``left_out`` names all such parts.
    ``unwritten`` are sentences about what a part should hold and does not."""

    proved: list[Proved] | None = None
    chained: Chained | None = None
    checked: list[Checked] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
