"""Backing up: time and size against pg_dump, memory at two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backups.models import Backup
from backups.tools.finding import find_tool
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim, interleaved, ratio
from tests.benchmarks.tovgov_under_test import Peak, Tovgov, seconds_of


def against_pg_dump(ground: Ground, tovgov: Tovgov, *, megabytes: int, rounds: int) -> Iterator[Claim]:
    """The whole backup, as its job measures it, beside plain pg_dump: compressed to a file, and raw to nowhere."""
    database, target = ground.shop(megabytes), tovgov.target(megabytes)
    pg_dump, file = find_tool("pg_dump", target.server_version).path, ground.scratch / "plain.dump"
    stored: list[int] = []

    def compressed() -> float:
        file.unlink(missing_ok=True)
        return ground.client(pg_dump, "-Fc", "-f", str(file), database=database)

    def raw() -> float:
        return ground.client(pg_dump, "-Fc", "-Z0", "-f", "/dev/null", "--no-sync", database=database)

    def whole() -> float:
        backup = tovgov.back_up(target)
        stored.append(backup.stored_bytes or 0)
        tovgov.forget(backup)
        return seconds_of(backup)

    tovgov.forget(tovgov.back_up(target))  # both sides find the data in memory
    measured = interleaved({"tovgov": whole, "pg_dump -Fc": compressed, "pg_dump -Fc -Z0": raw}, rounds)
    how = {"runs_seconds": measured, "database_megabytes": megabytes}
    yield Claim("whole backup against pg_dump -Fc", ratio(measured, "tovgov", "pg_dump -Fc"), "x", 0.5, how)
    yield Claim(
        "whole backup against pg_dump -Fc -Z0 to nowhere", ratio(measured, "tovgov", "pg_dump -Fc -Z0"), "x", 2, how
    )
    sizes = {"tovgov_bytes": stored[-1], "pg_dump_bytes": _size(file)}
    yield Claim("backup's size against pg_dump -Fc", stored[-1] / _size(file), "x", 1.0, sizes)


def _size(file: Path) -> int:
    return file.stat().st_size


def memory(tovgov: Tovgov, *, small: int, large: int) -> Iterator[Claim]:
    """Peak memory of the worker's process while it backs up and proves a small and a large database."""
    warm = tovgov.back_up(tovgov.target(small))
    tovgov.forget(warm)
    peak = Peak(warm)
    first = _peak_of_both(tovgov, peak, small)
    second = _peak_of_both(tovgov, peak, large)
    how = {f"at_{small}_megabytes": first, f"at_{large}_megabytes": second}
    yield Claim("peak memory of the worker, backing up and proving", max(max(first), max(second)), "MB", 200, how)
    growth = max(b - a for a, b in zip(first, second, strict=True))
    yield Claim(f"growth of that memory from {small} to {large} MB", growth, "MB", 20, how)


def _peak_of_both(tovgov: Tovgov, peak: Peak, megabytes: int) -> list[float]:
    """Megabytes while backing up, and while proving."""
    peak.reset()
    backup: Backup = tovgov.back_up(tovgov.target(megabytes))
    backing_up = peak.megabytes()
    peak.reset()
    proof = tovgov.prove(backup)
    proving = peak.megabytes()
    if not (peak.is_of(backup) and peak.is_of(proof)):
        raise RuntimeError("The jobs ran in different processes; nothing was measured.")
    tovgov.forget(backup)
    return [round(backing_up, 1), round(proving, 1)]
