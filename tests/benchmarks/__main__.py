"""``make bench``: measure every claim and write ``var/bench/report.json``. ``--quick`` is small, for development: its
numbers prove nothing. ``--only demo,backup`` picks; parts are named below."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from tests.benchmarks import ground as grounds
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Claim

PARTS = (
    "demo",
    "backup",
    "memory",
    "restore",
    "swap",
    "protect",
    "undelete",
    "import",
    "logs",
    "review",
    "review-logs",
    "retire",
    "seal",
    "alert",
    "evidence",
)


def main() -> int:
    """Status 0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small databases, one round")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument(
        "--rows", type=int, help="rows in each log that lists are measured over; 10,000,000, or 200,000"
    )
    options = parser.parse_args()
    wanted = options.only.split(",")
    rows = options.rows or (200_000 if options.quick else 10_000_000)
    grounds.prepare_environment()

    facts = measuring.machine() | {"quick": options.quick, "rows": rows}
    claims = []
    for claim in measure(wanted, quick=options.quick, rows=rows):
        claims.append(claim)
        verdict = "met   " if claim.met else "MISSED"
        print(f"{verdict} {claim.claim}: {claim.value:.3g} {claim.unit}, goal {claim.goal:.3g}")
        sys.stdout.flush()
        measuring.write(grounds.BENCH / "report.json", claims, facts)
    return 0 if all(claim.met for claim in claims) else 1


def measure(wanted: list[str], *, quick: bool, rows: int) -> Iterator[Claim]:
    """The claims of the wanted parts, as they are measured."""
    import django

    from tovgov import keys

    keys.ensure()
    django.setup()
    from audit import reviews
    from tests.benchmarks import (
        alerting,
        backing_up,
        demonstrating,
        evidencing,
        filling,
        importing,
        log_importing,
        protecting,
        restoring,
        retiring,
        reviewing,
        reviewing_logs,
        sealing,
        undeleting,
    )
    from tests.benchmarks.tovgov_under_test import running

    size, small, large, rounds = (60, 20, 120, 1) if quick else (1000, 100, 2000, 3)
    if "demo" in wanted:
        yield from demonstrating.demo()
    if wanted == ["demo"]:
        return
    with grounds.ground() as ground, running(ground) as tovgov:
        if "backup" in wanted:
            yield from backing_up.against_pg_dump(ground, tovgov, megabytes=size, rounds=rounds)
        if "memory" in wanted:
            yield from backing_up.memory(tovgov, small=small, large=large)
        if "restore" in wanted:
            yield from restoring.against_pg_restore(ground, tovgov, megabytes=size, rounds=rounds)
        if "swap" in wanted:
            yield from restoring.swaps(ground, tovgov, sizes=[small, size])
        if "protect" in wanted:
            yield from protecting.deletes(ground, rows=size * 200, single=max(3_000, size * 10), rounds=rounds)
            yield from protecting.thousand_tables(ground, tables=1_000)
        if "undelete" in wanted:
            yield from undeleting.ten_thousand(ground, tovgov, rows=10_000, rounds=rounds)
        if "import" in wanted:
            yield from importing.steady_stream(ground, tovgov, seconds=30 if quick else 600)
            yield from importing.million(ground, tovgov, rows=size * 1_000)
            yield from importing.deaths(ground, tovgov, kills=40 if quick else 1_000)
        if "seal" in wanted:
            yield from sealing.sealed(rows=50_000 if quick else 1_000_000)
        if "logs" in wanted:
            yield from log_importing.against_copy_and_pgbadger(ground, tovgov, records=200_000 if quick else 1_000_000)
        if {"review", "review-logs"} & set(wanted):
            names = filling.fill(rows)
            if "review" in wanted:
                yield from reviewing.lists(names, rounds=2 if quick else 5)
                yield from reviewing.bulk(min(reviews.CAP, rows // 100))
                yield from reviewing.exporting(rows=min(rows // 10, 1_000_000))
            if "review-logs" in wanted:
                yield from reviewing_logs.noting()
                yield from reviewing_logs.lists(names, rounds=2 if quick else 5)
        if "retire" in wanted:
            yield from retiring.retired(rows=50_000 if quick else 1_000_000)
        if "alert" in wanted:
            yield from alerting.rules(rows=40_000 if quick else 1_000_000)
        if "evidence" in wanted:
            yield from evidencing.packs(records=1_000 if quick else 10_000)


if __name__ == "__main__":
    sys.exit(main())
