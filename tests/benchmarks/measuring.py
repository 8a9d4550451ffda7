"""What every benchmark shares: interleaved runs, medians, claims with their goals, the machine's facts."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Claim:
    """One line of the report. ``value`` and ``goal`` are in ``unit``; smaller is better in all of them."""

    claim: str
    value: float
    unit: str
    goal: float
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        return self.value <= self.goal

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def seconds(act: Callable[[], Any]) -> float:
    """How long ``act`` takes by the wall clock."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def interleaved(acts: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all acts once a round, so that a busy minute of the machine hits each alike; what each run returned."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    names = list(acts)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(acts[name]())
    return found


def median(values: list[float]) -> float:
    return statistics.median(values)


def ratio(measured: dict[str, list[float]], over: str, under: str) -> float:
    """Median of ``over`` divided by the median of ``under``."""
    return median(measured[over]) / median(measured[under])


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(path: Path, claims: list[Claim], facts: dict[str, Any]) -> None:
    """The report: the list of claims and the facts of the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [claim.as_dict() for claim in claims]
    path.write_text(json.dumps({"machine": facts, "claims": rows}, indent=2) + "\n")
