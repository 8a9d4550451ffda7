"""tovgov as a benchmark uses it: its workers started, a target registered, jobs asked for by its verbs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
from django.core.management import call_command
from django.db import connections

from audit import targets
from audit.actors import Actor
from audit.groups import ensure_groups
from audit.management.following import error_of
from audit.models import Environment, Job, JobState, Purpose, Target
from backups import copies, create, verify
from backups.models import Backup, Destination, DestinationKind, Level, Restore, RestoreMode, Verification
from backups.restore import request, undo
from tests.benchmarks.ground import OWN, Ground
from tovgov import environment, keys, services
from tovgov.own_database import own_database
from tovgov.supervisor import Supervisor

J = TypeVar("J", bound=Job)
ACTOR = Actor.system("benchmark")


class Tovgov:
    """Asks for work and waits until a worker has done it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def target(self, megabytes: int) -> Target:
        """The database of that size as a target; registered once."""
        known = Target.objects.filter(name=f"shop {megabytes}").first()
        return known or self.register(f"shop {megabytes}", self.ground.shop(megabytes))

    def register(self, name: str, database: str) -> Target:
        info = self.ground.conninfo(database)
        return targets.register(
            name,
            actor=ACTOR,
            credentials={Purpose.OPERATE: (info.user, info.password)},
            environment=Environment.SCRATCH,
            host=info.host,
            port=info.port,
            database=database,
            sslmode="disable",
        )

    def back_up(self, target: Target) -> Backup:
        return finished(create.request(target, actor=ACTOR, reason="benchmark"))

    def prove(self, backup: Backup) -> Verification:
        return finished(verify.request(backup, Level.PROVED, actor=ACTOR))

    def replace(self, backup: Backup) -> Restore:
        words = {"mode": str(RestoreMode.REPLACE), "reason": "benchmark", "typed_name": backup.target.database}
        return finished(request.request(backup, backup.target, actor=ACTOR, **words))

    def undo(self, restore: Restore) -> float:
        """Seconds that the undo took, from the call to its end."""
        began = time.perf_counter()
        undo.undo(restore, actor=ACTOR, reason="benchmark")
        return time.perf_counter() - began

    def drop_kept(self, restore: Restore) -> None:
        undo.drop_kept(restore, actor=ACTOR, reason="benchmark")

    def forget(self, backup: Backup) -> None:
        """Remove the files, so that the disk does not fill up."""
        copies.remove_copies(backup, actor=ACTOR)


def finished(job: J) -> J:
    """Wait for the job; raises the error that it ended with."""
    while job.is_open:
        time.sleep(0.05)
        job.refresh_from_db()
    if job.state != JobState.SUCCEEDED:
        raise error_of(job)
    return job


def seconds_of(job: Job, *phases: str) -> float:
    """Seconds that the job's work took, or only some of its phases."""
    if not phases:
        assert job.duration is not None
        return job.duration.total_seconds()
    return sum(float(phase["seconds"]) for phase in job.phases if phase["name"] in phases)


def peak_of(pid: int) -> float:
    """The largest resident memory that a process has had, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Peak:
    """The largest resident memory of a worker's process since ``reset``, as the kernel keeps it."""

    def __init__(self, job: Job) -> None:
        self.pid = int(job.worker.rsplit(":", 1)[1])

    def reset(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def megabytes(self) -> float:
        return peak_of(self.pid)

    def is_of(self, job: Job) -> bool:
        """Whether the job ran in this very process."""
        return job.worker.endswith(f":{self.pid}") and psutil.pid_exists(self.pid)


@contextmanager
def running(ground: Ground) -> Iterator[Tovgov]:
    """tovgov's own database and both workers, within this block."""
    keys.ensure()
    logs = OWN / "log"
    with own_database(environment.EMBEDDED_DATA):
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        ensure_groups()
        logs.mkdir()
        folder = OWN / "backups"
        folder.mkdir(mode=0o700)
        Destination.objects.create(name="folder", kind=DestinationKind.FOLDER, settings={"folder": str(folder)})
        connections.close_all()
        workers = [services.worker(queue, log=logs / f"{queue}.log") for queue in ("short", "long")]
        try:
            with Supervisor(workers):
                yield Tovgov(ground)
        finally:
            connections.close_all()
