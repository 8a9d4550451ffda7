"""The workers: django-q2's cluster with a sentinel that notices when its queue has frozen.

A worker that is killed while it waits takes the queue's lock with it: all others then wait for ever, and the cluster
looks healthy. The sentinel sees it (work waits although somebody is idle), ends the cluster aloud, and whoever
supervises it starts another. Jobs that were in the frozen queue are delivered again by ``audit.jobs.reap``.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django_q.cluster
from django.db import Error, connection, connections, transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.scheduler import scheduler
from django_q.status import Stat
from django_q.tasks import async_task

QUEUES = {"short": Conf.PREFIX, "long": "long"}
TICK = "tick"

SCHEDULER_SECONDS = 2.0  # django-q2 looks every 30 s, too seldom to notice a dead worker within 90 s
FROZEN_SECONDS = 15.0
FROZEN_BUSY_SECONDS = 600.0  # so long a frozen queue waits for its busy workers
LOCK_SECONDS = 5.0
FROZEN_STATUS = 75

logger = logging.getLogger(__name__)


class Sentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """django-q2's guard with an eye on the queues, on the locks and on its own parent."""

    def guard(self) -> None:
        self.start_event.set()
        logger.info("Queue %s: %s workers.", self.queue_name(), len(self.pool))
        self._waiting_since: float | None = None
        last_schedule = 0.0
        while True:
            self._replace_the_dead()
            if time.monotonic() - last_schedule >= SCHEDULER_SECONDS:
                last_schedule = time.monotonic()
                scheduler(broker=self.broker)
            Stat(self).save()
            self._end_if_frozen()
            if os.getppid() != self.parent_pid:
                self.stop_event.set()
            if self.stop_event.wait(Conf.GUARD_CYCLE):
                break
        self.stop()

    def _replace_the_dead(self) -> None:
        for process in list(self.pool):
            with self._timer_of(process) as timer:
                if not process.is_alive() or timer.value == 0:
                    self.reincarnate(process)
                elif timer.value > 0:
                    timer.value = max(0, timer.value - Conf.GUARD_CYCLE)
        for process in (self.monitor, self.pusher):
            if not process.is_alive():
                self.reincarnate(process)

    @contextmanager
    def _timer_of(self, process: Any) -> Iterator[Any]:
        """A worker's timer under its lock, which a killed worker may hold for ever."""
        lock = process.timer.get_lock()
        if not lock.acquire(timeout=LOCK_SECONDS):
            self._give_up("a worker died with a lock")
        try:
            yield process.timer
        finally:
            lock.release()

    def _end_if_frozen(self) -> None:
        idle = any(process.is_alive() and process.timer.value == -1 for process in self.pool)
        stuck = (self.task_queue.qsize() > 0 and idle) or self.result_queue.qsize() > 0
        if not stuck:
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or time.monotonic()
        waited = time.monotonic() - self._waiting_since
        busy = any(process.timer.value > 0 for process in self.pool)
        if waited > (FROZEN_BUSY_SECONDS if busy else FROZEN_SECONDS):
            self._give_up("work waits although a worker is idle")

    def _give_up(self, why: str) -> None:
        logger.critical("Queue %s is frozen (%s): its workers are ended.", self.queue_name(), why)
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(FROZEN_STATUS)


class Cluster(django_q.cluster.Cluster):  # type: ignore[misc]
    """django-q2's first process; a signal only asks, so that it may come at any moment and more than once."""

    asked_to_end = False

    def sig_handler(self, signum: int, frame: object) -> None:
        self.asked_to_end = True
        if self.stop_event:
            self.stop_event.set()


def run(queue: str) -> int:
    """Work on ``queue`` ("short" or "long") until SIGTERM or SIGINT; running tasks are finished first. Returns the
    exit status: not 0 when the cluster ended by itself."""
    autodiscover_modules("tasks")  # a task that cannot be imported stops the worker here, not in the middle
    django_q.cluster.Sentinel = Sentinel
    if queue == "short":
        ensure_tick()
        async_task("audit.tasks.confirm_targets")
    connections.close_all()  # the sentinel is a fork; connections are not shared
    cluster = Cluster()
    cluster.start()
    if cluster.asked_to_end:  # before there was anything to end
        cluster.stop_event.set()
    while cluster.sentinel.is_alive():
        cluster.sentinel.join(1)
    return 0 if cluster.asked_to_end and cluster.sentinel.exitcode == 0 else 1


def ensure_tick() -> None:
    """Exactly one schedule row named ``tick``, every minute, on the short queue, due at once."""
    facts = {"func": "audit.tasks.tick", "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('tovgov tick', 0))")
        rows = Schedule.objects.filter(name=TICK).order_by("pk")
        first = rows.first() or Schedule(name=TICK)
        rows.exclude(pk=first.pk).delete()
        for name, value in (facts | {"cluster": None, "next_run": timezone.now()}).items():
            setattr(first, name, value)
        first.save()


def is_well(pid: int) -> bool:
    """Whether the cluster whose first process is ``pid`` reported within the last seconds. When the database cannot
    be asked nobody knows, and nothing is done about it."""
    try:
        return any(stat.pid == pid for stat in Stat.get_all())
    except Error:
        return True
    finally:
        connections.close_all()
