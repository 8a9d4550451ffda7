"""Undelete: ten thousand deleted rows of three tables put back and proved, asked for and run as people do it."""

from __future__ import annotations

from collections.abc import Iterator

from audit.imports import deletions
from audit.models import DeleteAuditTransaction, ProtectionPolicy, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import execute, plan, policies
from audit.undelete import request
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim
from tests.benchmarks.tovgov_under_test import ACTOR, Tovgov, finished, seconds_of

NAME = "bench_undelete"
SCHEMA = """
CREATE TABLE public.customer (
    id bigserial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, joined timestamptz NOT NULL, note jsonb);
CREATE TABLE public.bill (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES public.customer ON DELETE CASCADE,
    total numeric(12, 2) NOT NULL, paid date, words text);
CREATE INDEX ON public.bill (customer);
CREATE TABLE public.line (
    bill bigint NOT NULL REFERENCES public.bill ON DELETE CASCADE, place int NOT NULL, price numeric(12, 2), what text,
    PRIMARY KEY (bill, place));
INSERT INTO public.customer (name, email, joined, note)
    SELECT 'Customer ' || i, i || '@example.org', '2026-01-01'::timestamptz + i * interval '1 minute',
        jsonb_build_object('n', i)
    FROM generate_series(1, 20000) i;
INSERT INTO public.bill (customer, total, paid, words)
    SELECT i, i * 1.25, '2026-02-01', repeat('word ', 20) FROM generate_series(1, 20000) i;
INSERT INTO public.line
    SELECT i, n, n * 0.5, repeat('thing ', 10) FROM generate_series(1, 20000) i, generate_series(1, 3) n;
ANALYZE;
"""
ROWS_OF_A_CUSTOMER = 5
TEXT = "SELECT sum(hashtextextended(x::text, 0)) FROM public.{} AS x"


def ten_thousand(ground: Ground, tovgov: Tovgov, *, rows: int, rounds: int) -> Iterator[Claim]:
    """From the worker's claim of the job to its end; each round deletes, imports, looks and puts back anew."""
    took: dict[str, list[float]] = {"dry run": [], "put back": []}
    with ground.empty_database(NAME) as info:
        _fill(info)
        target = tovgov.register(NAME, NAME)
        before = _content(info)
        for number in range(rounds):
            lost = _delete(info, target, first=number * 3000, customers=rows // ROWS_OF_A_CUSTOMER)
            _, wanted = request.wish([lost.pk])
            took["dry run"].append(seconds_of(finished(request.dry_run(target, wanted, actor=ACTOR))))
            done = finished(request.request(target, wanted, actor=ACTOR, reason="benchmark"))
            took["put back"].append(seconds_of(done))
            assert done.plan["put"] == rows
            assert _content(info) == before
    yield Claim(f"put {rows:,} deleted rows back, proved", max(took["put back"]), "s", 5, took)


def _fill(info: ConnInfo) -> None:
    rules = policies.complete([{"rule": "delete_audit"}])
    with connect(info) as connection:
        connection.execute(SCHEMA.encode())
        execute.run(connection, plan.make(connection, ProtectionPolicy(name="b", version=1, rules=rules)).steps)


def _delete(info: ConnInfo, target: Target, *, first: int, customers: int) -> DeleteAuditTransaction:
    with connect(info) as connection:
        connection.execute("DELETE FROM public.customer WHERE id > %s AND id <= %s", [first, first + customers])
    finished(deletions.request(target, actor=ACTOR, reason="benchmark"))
    return DeleteAuditTransaction.objects.filter(target=target).latest("pk")


def _content(info: ConnInfo) -> list[object]:
    """A hash of each table's rows, in whatever order."""
    with connect(info) as connection:
        return [connection.execute(TEXT.format(name).encode()).fetchone() for name in ("customer", "bill", "line")]
