"""Rows really deleted from a protected database, counted there, put back by an undelete, and proved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit import incidents, jobs, losses, tasks
from audit.actors import Actor
from audit.exceptions import ProofDry
from audit.models import Incident, IncidentKind, JobState, LossCount
from audit.postgres import rows as counting
from tests.audit.undelete.conftest import MakePlace, Place
from tests.audit.undelete.steps import dry, put_back
from tests.waiting import wait_until
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = """
CREATE TABLE public.club (id int PRIMARY KEY, name text);
CREATE TABLE public.season (year int, game text) PARTITION BY LIST (year);
CREATE TABLE public.season_2026 PARTITION OF public.season FOR VALUES IN (2026);
INSERT INTO public.club SELECT i, 'club ' || i FROM generate_series(1, 90) i;
INSERT INTO public.season SELECT 2026, 'game ' || i FROM generate_series(1, 40) i;
"""


def night(where: Place, asker: Actor) -> Incident:
    """50 clubs and 15 games of a partition are deleted; the incident began with that."""
    lost = where.delete("DELETE FROM public.club WHERE id > 40", "DELETE FROM public.season WHERE game > 'game 30'")
    return incidents.open_incident(
        "Clubs are gone", target=where.target, actor=asker, kind=IncidentKind.DATA_LOSS,
        began_at=lost[0].at - timedelta(seconds=1),
    )  # fmt: skip


def count(row: Incident, asker: Actor) -> LossCount:
    job = losses.request(row, actor=asker)
    tasks.count_loss(job.pk)
    job.refresh_from_db()
    row.refresh_from_db()
    return job


def test_captured_rows_come_back_by_an_undelete_and_prove_it(
    any_cluster: Cluster,
    place: MakePlace,
    asker: Actor,
) -> None:
    where = place(any_cluster, SCHEMA)
    row = night(where, asker)
    transactions = list(where.target.delete_transactions.all())
    deleted = {name: rows for one in transactions for name, rows in one.tables.items()}
    job = count(row, asker)
    assert (job.state, job.counts["public.club"], job.why_not) == ("succeeded", 40, "")
    assert job.roots == {"public.season_2026": "public.season"}
    assert row.lost_rows == sum(deleted.values())
    assert row.lost_seconds == 0.0

    with pytest.raises(ProofDry):
        losses.prove(row, dry(transactions, asker), actor=asker)
    undelete = put_back(transactions, asker)
    assert undelete.state == JobState.SUCCEEDED
    assert [found.row for found in losses.proofs(row)] == [undelete]
    losses.prove(row, undelete, actor=asker)
    assert row.returned_rows == row.lost_rows
    assert (row.rpo_seconds, row.losses.get(table="public.club").returned) == (0.0, 50)
    later = count(row, asker)
    assert (later.counts["public.club"], row.lost_rows) == (90, sum(deleted.values()))
    incidents.resolve(row, actor=asker, note="All rows are back.")


def test_a_count_that_is_cancelled_writes_no_loss(
    cluster: Cluster,
    place: MakePlace,
    asker: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = night(place(cluster, SCHEMA), asker)
    job = losses.request(row, actor=asker)
    really = counting.states_now

    def cancelled(info: Any, *, on_tick: Any, **more: Any) -> Any:
        jobs.cancel(LossCount.objects.get(pk=job.pk), actor=Actor.system("tests"))
        wait_until(on_tick.__self__.must_stop)
        return really(info, on_tick=on_tick, **more)

    monkeypatch.setattr("audit.losses.count.rows.states_now", cancelled)
    tasks.count_loss(job.pk)
    job.refresh_from_db()
    row.refresh_from_db()
    assert (job.state, row.loss_at, row.losses.count()) == ("cancelled", None, 0)


def test_a_worker_that_died_leaves_nothing_and_the_next_run_counts(
    cluster: Cluster,
    place: MakePlace,
    asker: Actor,
) -> None:
    row = night(place(cluster, SCHEMA), asker)
    job = losses.request(row, actor=asker)
    claimed = jobs.claim(LossCount, job.pk)
    assert claimed is not None
    LossCount.objects.filter(pk=job.pk).update(heartbeat_at=row.opened_at - timedelta(hours=1))
    assert jobs.reap() == [job]
    job.refresh_from_db()
    assert (job.state, row.losses.count()) == ("failed", 0)
    assert count(row, asker).state == "succeeded"
    assert row.lost_rows is not None
