"""What an incident lost, table by table and in time, and what proves that it is back.

What is known comes from the last proved backup before the impact, the captured deletes, and counts of afterwards; what
nobody knows stays unknown.
"""

from audit.losses.compute import compute
from audit.losses.count import TASK, perform, request
from audit.losses.goals import Goal, goals
from audit.losses.proof import find, proofs, prove

__all__ = ["TASK", "Goal", "compute", "find", "goals", "perform", "proofs", "prove", "request"]
