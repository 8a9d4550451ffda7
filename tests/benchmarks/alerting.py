"""The anomaly rules over a million new records, with as many old ones behind them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db import connection
from django.utils import timezone

from audit.actors import Actor
from audit.anomalies import configure, run
from audit.anomalies.dry_run import dry_run
from audit.anomalies.rules import ALL
from audit.models import Alert, AnomalyFiring, AnomalySettings, Environment, Target
from tests.benchmarks.measuring import Claim, seconds

GOAL = 30.0
SQL = Path(__file__).with_suffix(".sql").read_text()


def build(rows: int, *, days_ago: int, target: Target) -> None:
    """``rows`` records of one day: half entries of the server's log, a quarter connections, a quarter deletes."""
    until = timezone.now() - timedelta(days=days_ago)
    numbers = {"target": target.pk, "logged": rows // 2, "quarter": rows // 4, "until": until}
    with connection.cursor() as cursor:
        for statement in SQL.split(";\n"):
            if statement.strip():
                cursor.execute(statement, numbers)


def analyze() -> None:
    """As autovacuum would have done."""
    with connection.cursor() as cursor:
        for table in ("serverlogentry", "connectionauditlog", "connectiongroup", "deleteaudittransaction"):
            cursor.execute(f"VACUUM ANALYZE audit_{table}")


def rules(rows: int) -> Iterator[Claim]:
    """One run over ``rows`` new records, and a dry run of each rule over 30 days."""
    target = Target.objects.create(
        name="watched", environment=Environment.SCRATCH, host="db.example.org", database="watched",
        is_active=False,  # no worker of the benchmark's runs its rules meanwhile
    )  # fmt: skip
    configure.ensure(target)
    AnomalySettings.objects.filter(target=target).update(is_active=True)
    build(rows, days_ago=3, target=target)
    run.run(target)
    analyze()
    run.run(target)
    AnomalyFiring.objects.all().delete()
    Alert.objects.all().delete()
    build(rows, days_ago=0, target=target)
    took = seconds(lambda: run.run(target))
    found = AnomalyFiring.objects.count()
    assert found, "nothing was found: nothing was measured"
    how = {"rules": len(ALL), "findings": found, "alerts": Alert.objects.count()}
    yield Claim(f"anomaly rules over {rows:,} new records", value=took, goal=GOAL, unit="s", how=how)
    run.run(target)  # what was the newest is examined a second time, see ``audit.anomalies.fresh``
    yield Claim("anomaly rules when nothing is new", value=seconds(lambda: run.run(target)), goal=1, unit="s")
    yield _dry_runs(target, rows)


def _dry_runs(target: Target, rows: int) -> Claim:
    slowest, worst = 0.0, ""
    for rule in ALL:
        began = time.perf_counter()
        dry_run(configure.of_target(target, rule.code), {}, actor=Actor.system("benchmark"))
        took = time.perf_counter() - began
        print(f"  dry run of {rule.code}: {took:.2f} s", file=sys.stderr)
        slowest, worst = max((slowest, worst), (took, rule.code))
    how = {"rule": worst}
    return Claim(f"slowest dry run over {2 * rows:,} records", value=slowest, goal=20, unit="s", how=how)
