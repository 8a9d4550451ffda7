"""Restoring: the pipeline against plain pg_restore, and how long the name has no database behind it."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from backups.tools.finding import find_tool
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim, interleaved, ratio
from tests.benchmarks.tovgov_under_test import Tovgov, seconds_of

UNPACK_AND_RESTORE = ("Decode", "Restore")


def against_pg_restore(ground: Ground, tovgov: Tovgov, *, megabytes: int, rounds: int) -> Iterator[Claim]:
    """From the stored backup to a filled database, without the comparison that pg_restore does not make."""
    database, target = ground.shop(megabytes), tovgov.target(megabytes)
    pg_dump, pg_restore = (find_tool(name, target.server_version).path for name in ("pg_dump", "pg_restore"))
    file = ground.scratch / "plain.dump"
    ground.client(pg_dump, "-Fc", "-f", str(file), database=database)
    backup = tovgov.back_up(target)
    proofs: list[float] = []

    def plain() -> float:
        with ground.empty_database("plain") as info:
            return ground.client(pg_restore, "-j2", "-d", info.database, str(file), database=info.database)

    def pipeline() -> float:
        proof = tovgov.prove(backup)
        proofs.append(seconds_of(proof))
        return seconds_of(proof, *UNPACK_AND_RESTORE)

    measured = interleaved({"tovgov": pipeline, "pg_restore -j2": plain}, rounds)
    how = {"runs_seconds": measured, "whole_proofs_seconds": proofs, "database_megabytes": megabytes}
    value = ratio(measured, "tovgov", "pg_restore -j2")
    yield Claim("restore through the pipeline against pg_restore -j2", value, "x", 1.15, how)
    tovgov.forget(backup)


def swaps(ground: Ground, tovgov: Tovgov, *, sizes: list[int]) -> Iterator[Claim]:
    """A whole replace of each size: how long the name had no database behind it, and how long undo takes."""
    out_of_service: dict[str, float] = {}
    undone: dict[str, float] = {}
    rto: dict[str, float] = {}
    for megabytes in sizes:
        name = f"live_{megabytes}"
        ground.drop(name)
        template = sql.Identifier(ground.shop(megabytes))
        ground.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
        target = tovgov.register(name, name)
        backup = tovgov.back_up(target)
        restore = tovgov.replace(backup)
        key = f"{megabytes}_megabytes"
        out_of_service[key] = (restore.swap_milliseconds or 0.0) / 1000
        rto[key] = restore.rto_seconds or 0.0
        undone[key] = tovgov.undo(restore)
        restore.refresh_from_db()
        tovgov.drop_kept(restore)
        tovgov.forget(backup)
        ground.drop(name)
    yield Claim("swap, out of service", max(out_of_service.values()), "s", 1.0, out_of_service | {"rto_seconds": rto})
    yield Claim("undo, from the call to its end", max(undone.values()), "s", 1.0, undone)
