"""RTO and RPO as they were, against the target's goals."""

from __future__ import annotations

from dataclasses import dataclass

from audit.models import Incident


@dataclass(frozen=True, slots=True)
class Goal:
    """``name`` is RTO or RPO; ``seconds`` what it was, None while nobody knows; ``wanted`` the goal in seconds."""

    name: str
    means: str
    seconds: float | None
    wanted: float | None

    @property
    def verdict(self) -> str:
        """met, missed, no goal, or not known yet."""
        if self.wanted is None:
            return "no goal"
        if self.seconds is None:
            return "not known yet"
        return "met" if self.seconds <= self.wanted else "missed"


def goals(row: Incident) -> tuple[Goal, Goal]:
    """Both, as far as a proof that stands tells them."""
    is_proved = row.proof_at is not None
    return (
        Goal("RTO", "From the beginning of the impact to proved data in service",
             row.rto_seconds if is_proved else None, _seconds(row.target.rto_goal_minutes if row.target else None)),
        Goal("RPO", "Age of the data that came back, when the impact began",
             row.rpo_seconds if is_proved else None, _seconds(row.target.rpo_goal_minutes if row.target else None)),
    )  # fmt: skip


def _seconds(minutes: int | None) -> float | None:
    return None if minutes is None else minutes * 60.0
