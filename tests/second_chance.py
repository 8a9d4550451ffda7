"""Unsteady or broken? After a failed run, ``python -m tests.second_chance`` runs what failed once more, alone.

Its status is 0 when each of them passes now: then it names them loudly, for an unsteady test is a fault as well, and
ends in a line like pytest's own over both runs. It stays 1 when one fails again, and gives no second chance to a run
that broke otherwise (a worker that died, a file that could not be collected, nothing that ran) or failed too often.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.outcome import KEY

AT_MOST = 5  # tests; more than these do not fail by chance
FAILED = 1  # pytest's status for "tests ran, and some failed"
OUTCOME = Path(".pytest_cache/v") / KEY


@dataclass(frozen=True)
class Outcome:
    """What ``tests/outcome.py`` kept of a run."""

    status: int
    passed: list[str]
    failed: list[str]
    broken: list[str]
    seconds: float


def take() -> Outcome | None:
    """The outcome of the last run, once: a later run that ends before it keeps one has none."""
    if not OUTCOME.exists():
        return None
    facts = json.loads(OUTCOME.read_text())
    OUTCOME.unlink()
    return Outcome(**facts)


def objection(outcome: Outcome | None) -> str:
    """Why this run gets no second chance; empty when it does."""
    if outcome is None:
        return "the run left no outcome"
    if outcome.broken:
        return f"not a test that failed, but a worker that died or a file that cannot be read: {outcome.broken[0]}"
    if outcome.status != FAILED or not outcome.failed:
        return f"pytest ended with status {outcome.status} and {len(outcome.failed)} failed tests"
    if len(outcome.failed) > AT_MOST:
        return f"{len(outcome.failed)} tests failed, and more than {AT_MOST} do not fail by chance"
    return ""


def main() -> int:
    """Judge the last run, run what failed in it once more, and tell how that went."""
    first = take()
    if first is None or objection(first):
        print(f"No second chance: {objection(first)}.", flush=True)
        return 1
    print(f"Running what failed once more, alone: {', '.join(first.failed)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:xdist", *first.failed]).returncode
    second = take()
    again = [name for name in first.failed if second is None or name not in second.passed]
    if code or second is None or again:
        print(f"BROKEN: {', '.join(again) or 'the second run'} did not pass alone either.", flush=True)
        return 1
    for name in first.failed:
        print(f"UNSTEADY: {name} failed once and passed alone. Mend it.", flush=True)
    passed, rerun, seconds = first.passed + second.passed, len(first.failed), first.seconds + second.seconds
    print(f"===== {len(passed)} passed, {rerun} rerun in {seconds:.2f}s =====", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
