"""The workers as processes of their own: they work, stop in order, and do not stay frozen."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil
import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule, Success
from django_q.tasks import async_task

from tests.tovgov.processes import is_alive, marked
from tests.waiting import wait_until
from tovgov import workers

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "worker.log").open("w+b") as file:
        yield file
        file.seek(0)
        print(file.read().decode())


@pytest.fixture
def begin(log: IO[bytes]) -> Iterator[Begin]:
    """Start ``manage.py worker`` on the test's own database; nothing of it may live on."""
    mark = f"mark-{secrets.token_hex(8)}"
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" + str(connection.settings_dict["NAME"])

    def start(queue: str = "short", *, code: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code] if code else [sys.executable, "manage.py", "worker", "--queue", queue]
        environment = os.environ | {"MARK": mark, "DATABASE_URL": url}
        return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, stderr=log)

    yield start
    left = marked(mark)
    for process in left:
        process.kill()
    assert left == []


def done(name: str) -> bool:
    return Success.objects.filter(name=name).exists()


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def pool_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The workers of a cluster: the sentinel's children but its monitor and pusher, which come last. None while it
    starts; then other programs may come and go below it."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children():
            members = sorted(child.children(), key=lambda member: (member.create_time(), member.pid))
            if len(members) > 2:
                return members[:-2]
    return []


def test_worker_does_its_work_and_ends_in_order(begin: Begin) -> None:
    async_task("time.sleep", 0, task_name="first")
    process = begin()
    wait_until(lambda: done("first"))
    assert end(process) == 0


def test_running_task_is_finished_before_the_end(begin: Begin) -> None:
    process = begin()
    async_task("time.sleep", 2, task_name="two seconds")
    async_task("time.sleep", 0, task_name="quick")
    wait_until(lambda: done("quick"))
    assert end(process) == 0
    assert done("two seconds")


def test_long_queue_is_left_to_its_own_workers(begin: Begin) -> None:
    async_task("time.sleep", 0, task_name="for long", q_options={"cluster": "long"})
    async_task("time.sleep", 0, task_name="for short")
    process = begin("long")
    wait_until(lambda: done("for long"))
    assert not done("for short")
    assert end(process) == 0


def test_targets_are_confirmed_and_the_clock_ticks_at_the_start(begin: Begin) -> None:
    process = begin()
    wait_until(lambda: set(Success.objects.values_list("func", flat=True)) >= {
        "audit.tasks.confirm_targets",
        "audit.tasks.tick",
    })  # fmt: skip
    assert end(process) == 0


def test_reports_that_it_is_well(begin: Begin) -> None:
    process = begin()
    wait_until(lambda: workers.is_well(process.pid))
    assert not workers.is_well(os.getpid())
    assert end(process) == 0
    wait_until(lambda: not workers.is_well(process.pid))


def test_one_killed_worker_is_replaced(begin: Begin) -> None:
    process = begin()
    wait_until(lambda: len(pool_of(process)) == 2)
    async_task("time.sleep", 30, task_name="holds a worker")
    async_task("os.getpid", task_name="says which is free")
    wait_until(lambda: done("says which is free"))
    free = Success.objects.get(name="says which is free").result
    busy = next(worker for worker in pool_of(process) if worker.pid != free)
    busy.kill()
    wait_until(lambda: not is_alive(busy))
    async_task("time.sleep", 0, task_name="afterwards")
    wait_until(lambda: done("afterwards"))
    assert end(process) == 0


def test_frozen_queue_is_noticed_and_ended(begin: Begin, log: IO[bytes]) -> None:
    """Workers killed while they wait take the queue's lock with them: without the watch this would hang for ever."""
    code = "import sys; sys.argv = ['manage.py', 'worker']\nimport django; django.setup()\n"
    code += "from tovgov import workers; workers.FROZEN_SECONDS = 2\nsys.exit(workers.run('short'))"
    process = begin(code=code)
    wait_until(lambda: workers.is_well(process.pid) and len(pool_of(process)) == 2)
    for _ in range(8):  # a worker that was not waiting yet took no lock with it: then the next ones
        for worker in pool_of(process):
            worker.kill()
        async_task("time.sleep", 0, task_name="stuck")
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
            break
    assert process.returncode == 1
    log.seek(0)
    assert b"is frozen (work waits although a worker is idle)" in log.read()


def test_everything_ends_when_the_first_process_is_killed(begin: Begin) -> None:
    process = begin()
    wait_until(lambda: workers.is_well(process.pid))
    members = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    wait_until(lambda: not any(is_alive(member) for member in members))


def test_there_is_one_tick_however_often_workers_start() -> None:
    Schedule.objects.create(name="tick", func="os.getpid", next_run=timezone.now())
    Schedule.objects.create(name="tick", func="os.getpid", next_run=timezone.now())
    workers.ensure_tick()
    workers.ensure_tick()
    tick = Schedule.objects.get(name="tick")
    assert (tick.func, tick.schedule_type, tick.minutes, tick.repeats) == ("audit.tasks.tick", "I", 1, -1)
    assert tick.cluster is None


def test_signal_before_it_has_begun_ends_it(begin: Begin) -> None:
    code = "import os, signal, sys, django; django.setup()\nfrom tovgov import workers\n"
    code += "workers.Cluster.start = lambda self, start=workers.Cluster.start: "
    code += "(os.kill(os.getpid(), signal.SIGTERM), start(self))\nsys.exit(workers.run('short'))"
    assert begin(code=code).wait(60) == 0
