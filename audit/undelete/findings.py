"""What a dry run has to say of the rows, a line each: what is left out, what differs, what stands in the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

ACCEPTABLE = {
    "column_dropped": "values of a column that the table has no more are given up",
    "reads_differently": "a value that reads differently once it is back is taken as it is",
    "own_rights": "people's triggers, checks and casts run with tovgov's rights",
}
"""Losses that a person may accept by name (``--accept``); everything else that stands in the way is refused."""

SKIPPABLE = frozenset({"key_taken", "unique_taken", "parent_missing", "same_row_there"})
"""With ``on_conflict`` "skip" these rows are left out, and the others come back."""

STANDS_IN_THE_WAY = frozenset(
    {
        "table_gone", "no_columns", "added_required", "masked_required", "row_security", "rules", "cycle",
        "value_refused", "constraint_refused", "trigger_refused", "rows_suppressed", "changed_by_trigger",
        *ACCEPTABLE, *SKIPPABLE,
    }
)  # fmt: skip


@dataclass(slots=True)
class Finding:
    """``examples`` are rows, by column the deleted and the live value."""

    code: str
    table: str
    sentence: str
    rows: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def refuses(self, *, on_conflict: str, accept: list[str]) -> bool:
        """Whether nothing may be put back because of it."""
        if self.code not in STANDS_IN_THE_WAY or self.code in accept:
            return False
        return not (on_conflict == "skip" and self.code in SKIPPABLE)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
